"""Max pooling in blocks: what `minunet.ops.pool` asks for, on all cores."""

import math

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.threads import parallel, parts, row_blocks


def largest(padded, size, stride, out):
    """Give the largest value of each window, and which place of the window it had.

    Parameters
    ----------
    padded : array (N, H + 2P, W + 2P, C)
    size, stride : tuples of int
        One for each spatial axis.
    out : tuple of int
        (OH, OW).

    Returns
    -------
    y : array (N, OH, OW, C)
    winner : array (N, OH, OW, C), unsigned
        Places of a window are counted row by row; of equal values the first wins.
    """
    xp, axes = array_module(padded), len(out)
    y = xp.empty((len(padded), *out, padded.shape[-1]), dtype=padded.dtype)
    winner = xp.empty(y.shape, dtype=np.min_scalar_type(math.prod(size)))

    def block(images, rows):
        first, last = rows.start * stride[0], (rows.stop - 1) * stride[0] + size[0]
        best, later = padded[images, first:last], 1
        place = xp.zeros(best.shape, dtype=winner.dtype)
        here = (rows.stop - rows.start, *out[1:])
        for axis in range(axes, 0, -1):  # across, then down: of equal values the first row wins
            best, place = _strongest(best, place, later, axis, size[axis - 1], stride[axis - 1],
                                     here[axis - 1])
            later *= size[axis - 1]
        y[images, rows], winner[images, rows] = best, place

    row_bytes = padded[:1, :1].nbytes * (stride[0] + 1)
    parallel(xp, block, row_blocks(xp, len(padded), out[0], row_bytes))
    return y, winner


def _strongest(values, places, later, axis, size, stride, out):
    """Along one axis, give the largest value of each window, and its place there.

    `places` says where in the windows of the later axes, which have `later` places, a value
    comes from.
    """
    xp, before = array_module(values), (slice(None),) * axis
    picks = [(*before, slice(k, k + (out - 1) * stride + 1, stride)) for k in range(size)]
    best, won = values[picks[0]], places[picks[0]]
    for k, pick in enumerate(picks[1:], start=1):
        better = values[pick] > best
        best = xp.maximum(best, values[pick])
        won = xp.where(better, places[pick] + k * later, won)
    return best, won


def largest_only(x, size, out):
    """Give the largest value of each window, where windows tile the image: for inference.

    Parameters
    ----------
    x : array (N, H, W, C)
    size, out : tuples of int
        (KH, KW) and (OH, OW).

    Returns
    -------
    y : array (N, OH, OW, C)
    """
    xp = array_module(x)
    y = xp.empty((len(x), *out, x.shape[-1]), dtype=x.dtype)

    def block(images, rows):
        best = x[images, rows.start * size[0] : rows.stop * size[0]]
        for axis, (k, h) in enumerate(zip(size, (rows.stop - rows.start, *out[1:]), strict=True)):
            # Down first: whole rows are compared, and what is left is half as much.
            picks = [best[(slice(None),) * (axis + 1) + (slice(i, i + (h - 1) * k + 1, k),)]
                     for i in range(k)]
            best = picks[0]
            for other in picks[1:]:
                best = xp.maximum(best, other)
        y[images, rows] = best

    parallel(xp, block, row_blocks(xp, len(x), out[0], x[:1, :1].nbytes * (size[0] + 1)))
    return y


def to_the_winners(dy, winner, windows, padded_shape):
    """Add every dy to the pixel that won its window.

    Parameters
    ----------
    dy, winner : arrays (N, OH, OW, C)
    windows : list of tuples of slices
        For each place of a window, what picks its pixel out of every window at once.
    padded_shape : tuple of int
        (N, H + 2P, W + 2P, C).

    Returns
    -------
    dpadded : array of that shape
    """
    xp = array_module(dy)
    dpadded = xp.empty(padded_shape, dtype=dy.dtype)

    def some(images):  # whole images, since windows may overlap
        dpadded[images] = 0
        for place, window in enumerate(windows):
            dpadded[images][window] += dy[images] * (winner[images] == place)

    parallel(xp, some, parts(xp, len(dy), dpadded[:1].nbytes))
    return dpadded
