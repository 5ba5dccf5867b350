"""Max pooling in blocks: what `minunet.ops.pool` asks for, on all cores."""

import math

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.threads import parallel, parts, row_blocks


def largest(padded, windows):
    """Give the largest value of each window, and which place of the window it had.

    Parameters
    ----------
    padded : array (N, H + 2P, W + 2P, C)
    windows : list of tuples of slices
        For each place of a window, what picks its pixel out of every window at once.

    Returns
    -------
    y : array (N, OH, OW, C)
    winner : array (N, OH, OW, C), unsigned
        The place, in the order of `windows`; of equal values the first wins.
    """
    xp, places = array_module(padded), [padded[window] for window in windows]
    y = xp.empty(places[0].shape, dtype=padded.dtype)
    winner = xp.zeros(y.shape, dtype=np.min_scalar_type(len(windows)))

    def block(images, rows):
        best, won = y[images, rows], winner[images, rows]
        best[...] = places[0][images, rows]
        for place, values in enumerate(places[1:], start=1):
            # Copied, because NumPy compares slowly what lies in short pieces; and the winner is
            # found by arithmetic, in a fraction of the time that `where` takes.
            value = xp.ascontiguousarray(values[images, rows])
            better = (value > best).astype(won.dtype)
            better *= place
            xp.maximum(won, better, out=won)
            xp.maximum(best, value, out=best)

    parallel(xp, block, row_blocks(xp, *y.shape[:2], 2 * y[:1, :1].nbytes))
    return y, winner


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
    tiles = all(s.start + 1 == s.step for s in windows[-1][1:])  # else windows may overlap
    full = tiles and dy.size * len(windows) == math.prod(padded_shape)
    dpadded = (xp.empty if full else xp.zeros)(padded_shape, dtype=dy.dtype)
    targets = [dpadded[window] for window in windows]

    def block(images, rows):
        for place, target in enumerate(targets):
            share = dy[images, rows] * (winner[images, rows] == place)
            if tiles:
                target[images, rows] = share
            else:
                target[images, rows] += share

    blocks = (row_blocks(xp, *dy.shape[:2], 2 * dy[:1, :1].nbytes) if tiles else
              [(*images, slice(None)) for images in parts(xp, len(dy), dpadded[:1].nbytes)])
    parallel(xp, block, blocks)
    return dpadded
