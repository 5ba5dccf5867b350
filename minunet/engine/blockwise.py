"""Walks through memory: what is done to every number of an activation, block by block.

Elementwise work waits for memory. So all that has to be done to a number is done while its block
is in cache, and the blocks are shared among the cores.
"""

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, parts

ROW = 8192  # numbers: NumPy copies an operand that repeats in shorter rows than its buffer's


def for_each(function, items, like):
    """Call ``function(item)`` for each of `items`, which are shared among the cores.

    Parameters
    ----------
    function : callable
        It must write to memory that no other item touches.
    items : iterable
    like : array
        One that `function` computes with: on a GPU, items come one after the other.
    """
    parallel(array_module(like), function, [(item,) for item in items])


def blockwise(function, *arrays, channels=()):
    """Compute an array element by element, block by block on all cores.

    A block is small enough that what `function` computes on the way stays in cache, however
    many steps it has. On a GPU the block is the whole.

    Parameters
    ----------
    function : callable
        ``function(result, *arrays, *channels)`` gets a part of each array, of one shape, and
        `channels` in a shape that fits; it writes its part of the result into `result`. (To
        give it back instead would cost a copy.)
    arrays : arrays (..., C), of one shape
    channels : arrays (C,)
        One value for each channel.

    Returns
    -------
    array
        Of the shape of the arrays and the dtype of the first.
    """
    result = array_module(arrays[0]).empty(arrays[0].shape, dtype=arrays[0].dtype)
    per_block(function, result, *arrays, channels=channels)
    return result


def blocksum(function, *arrays, channels=()):
    """Sum what ``function(*arrays, *channels)`` gives over all axes but the last, block by block.

    Parameters
    ----------
    function : callable
        As for `blockwise`, but it gives a tuple of arrays.
    arrays, channels
        As for `blockwise`.

    Returns
    -------
    tuple of arrays (C,)
        A sum for each array of the tuple.
    """
    c = arrays[0].shape[-1]
    sums = per_block(lambda *part: [channel_sums(v, c) for v in function(*part)], *arrays,
                     channels=channels)
    return tuple(add_up(of_blocks) for of_blocks in zip(*sums, strict=True))


def channel_sums(rows, c):
    """Sum each of `c` channels in a block's `rows` (rows, K·C); give an array (C,)."""
    xp = array_module(rows)
    # As products: faster than .sum(axis=0), and they round less.
    row = xp.ones(len(rows), dtype=rows.dtype) @ rows
    return xp.ones(row.size // c, dtype=row.dtype) @ row.reshape(-1, c)


def per_block(function, *arrays, channels=()):
    """List ``function(*part, *channels)`` of each block's part of the arrays.

    A part has the shape (rows, K·C): K pixels stand together as one row, with the values of
    `channels` repeated alike, because NumPy is slow on short rows. What is left over, less than
    a row, is a part of its own.
    """
    xp, c = array_module(arrays[0]), arrays[0].shape[-1]
    pixels = arrays[0].size // c
    together = max(1, min(ROW // c, pixels))
    flat = [a.reshape(pixels, c) for a in arrays]
    whole = pixels - pixels % together
    rows = [a[:whole].reshape(-1, together * c) for a in flat]
    channels = [repeated(v, together) for v in channels]
    tasks = [[a[part] for a in rows] + channels
             for (part,) in parts(xp, len(rows[0]), rows[0][:1].nbytes)]
    if whole < pixels:
        left = (pixels - whole) * c
        tasks.append([a[whole:].reshape(1, left) for a in flat] + [v[:left] for v in channels])
    return parallel(xp, function, tasks)


def repeated(v, times):
    """Give `v` (C,) repeated, (times · C,): as `tile`, which takes longer."""
    many = array_module(v).empty((times, len(v)), dtype=v.dtype)
    many[:] = v
    return many.reshape(-1)
