"""Max pooling: keep the strongest response of each window, and remember where it was."""

import math

import numpy as np

from minunet.backend import array_module
from minunet.cores import parallel, parts, row_blocks
from minunet.ops.checks import check_float, check_image, check_shape, per_axis


def max_pool_forward(x, *, size=2, stride=None, padding=0):
    """y[n, oh, ow, c] = max over kh < KH, kw < KW of x[n, oh·S + kh − P, ow·S + kw − P, c].

    Outside the image x counts as −∞. OH = ⌊(H + 2P − KH) / S⌋ + 1.

    Parameters
    ----------
    x : array (N, H, W, C), float
    size : int or one int an axis
        The window, KH × KW.
    stride : int or one int an axis, optional
        S; by default the window's size, so that windows tile the image.
    padding : int or one int an axis
        P, at most half the window, so that every window holds a pixel of the image.

    Returns
    -------
    y : array (N, OH, OW, C)
    cache : tuple
        For `max_pool_backward`: which place of its window, counted row by row, won each
        maximum. Of equal values the first wins.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, or the window is larger than the padded image.
    """
    size, stride, padding, padded, out = _plan(x, size, stride, padding)
    xp, axes = array_module(x), x.ndim - 2
    y = xp.empty((len(x), *out, x.shape[-1]), dtype=x.dtype)  # (N, OH, OW, C)
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
    parallel(xp, block, row_blocks(xp, len(x), out[0], row_bytes))
    return y, (winner, _windows(size, stride, out), padding, x.shape, x.dtype)


def max_pool_inference(x, *, size=2):
    """y as of `max_pool_forward`, with windows that tile the image, and no word of the winners.

    Parameters
    ----------
    x : array (N, H, W, C), float
    size : int or one int an axis

    Returns
    -------
    y : array (N, OH, OW, C)
    """
    size, stride, _, x, out = _plan(x, size, None, 0)
    xp = array_module(x)
    y = xp.empty((len(x), *out, x.shape[-1]), dtype=x.dtype)  # (N, OH, OW, C)

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


def _plan(x, size, stride, padding):
    """Check the arguments; give them an axis each, x padded, and the size of y."""
    check_image("x", x)
    axes = x.ndim - 2
    size = per_axis("size", size, axes, 1)
    stride = size if stride is None else per_axis("stride", stride, axes, 1)
    padding = per_axis("padding", padding, axes, 0)
    if any(2 * p > k for p, k in zip(padding, size, strict=True)):
        raise ValueError(f"padding must be at most half of size {size}, got {padding}")
    padded = _pad(x, padding, -array_module(x).inf)  # (N, H + 2P, W + 2P, C)
    out = tuple((h - k) // s + 1 for h, k, s in
                zip(padded.shape[1:-1], size, stride, strict=True))
    if min(out) < 1:
        raise ValueError(f"size {size} is larger than x {x.shape} with padding {padding}")
    return size, stride, padding, padded, out


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


def max_pool_backward(dy, cache):
    """dx: every dy goes to the pixel that won its window; a pixel that won several adds them up.

    Parameters
    ----------
    dy : array (N, OH, OW, C)
    cache : tuple
        From `max_pool_forward`.

    Returns
    -------
    dx : array (N, H, W, C)
    """
    winner, windows, padding, x_shape, dtype = cache
    check_float("dy", dy)
    if dy.dtype != dtype:
        raise TypeError(f"dy must be {dtype} as x was, got {dy.dtype}")
    check_shape("dy", dy, winner.shape)
    size = (h + 2 * p for h, p in zip(x_shape[1:-1], padding, strict=True))
    xp = array_module(dy)
    dx = xp.empty((len(dy), *size, x_shape[-1]), dtype=dtype)

    def some(images):  # whole images, since windows may overlap
        dx[images] = 0
        for place, window in enumerate(windows):
            dx[images][window] += dy[images] * (winner[images] == place)

    parallel(xp, some, parts(xp, len(dy), dx[:1].nbytes))
    return dx[_inside(x_shape, padding)]


def _windows(size, stride, out):
    """For each place in the window, the slices that pick it out of every window at once."""
    return [(slice(None), *(slice(k, k + (o - 1) * s + 1, s)
                            for k, s, o in zip(place, stride, out, strict=True)))
            for place in np.ndindex(*size)]


def _inside(shape, padding):
    """The slices of a padded array that hold the array itself."""
    return (slice(None), *(slice(p, p + h) for p, h in zip(padding, shape[1:-1], strict=True)))


def _pad(x, padding, value):
    if max(padding) == 0:
        return x
    size = (h + 2 * p for h, p in zip(x.shape[1:-1], padding, strict=True))
    padded = array_module(x).full((len(x), *size, x.shape[-1]), value, dtype=x.dtype)
    padded[_inside(x.shape, padding)] = x
    return padded
