"""Walks through memory: what is done to every number of an activation, block by block.

Elementwise work waits for memory. So all that has to be done to a number is done while its block
is in cache, and the blocks are shared among the cores.
"""

from minunet.engine.backend import array_module
from minunet.engine.threads import parallel, parts


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
    def block(*part):
        values = function(*part)
        # As a product: faster than .sum(axis=0), and it rounds less.
        ones = array_module(values[0]).ones(len(values[0]), dtype=values[0].dtype)
        return [ones @ v for v in values]

    sums = per_block(block, *arrays, channels=channels)
    return tuple(sum(of_blocks).reshape(-1, arrays[0].shape[-1]).sum(axis=0)
                 for of_blocks in zip(*sums, strict=True))


def per_block(function, *arrays, channels=()):
    """List ``function(*part, *channels)`` of each block's part of the arrays.

    A part has the shape (rows, K·C): K pixels stand together as one row, with the values of
    `channels` repeated alike, because NumPy is slow on rows of few channels.
    """
    xp, together = array_module(arrays[0]), _pixels_together(arrays[0])
    rows = [_rows(a, together) for a in arrays]
    channels = [xp.tile(v, together) for v in channels]
    return parallel(xp, lambda part: function(*(a[part] for a in rows), *channels),
                    parts(xp, len(rows[0]), rows[0][:1].nbytes))


def _pixels_together(a):
    """How many pixels to treat as one: NumPy is slow on rows of few channels."""
    pixels = a.size // a.shape[-1]
    return max(k for k in (1, 2, 4, 8, 16, 32) if pixels % k == 0 and k * a.shape[-1] <= 512
               or k == 1)


def _rows(a, together):
    return a.reshape(-1, together * a.shape[-1])
