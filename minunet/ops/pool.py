"""Max pooling: keep the strongest response of each window, and remember where it was.

For 2 × 2 windows, as the U-Net has them, `minunet.plain` writes both functions in four lines each.
"""

import numpy as np

from minunet.engine.backend import Array, Cache, PerAxis, array_module
from minunet.engine.checks import check_float, check_image, check_shape, per_axis
from minunet.ops.fast.pool import largest, largest_only, to_the_winners


def max_pool_forward(x: Array, *, size: PerAxis = 2, stride: PerAxis | None = None,
                     padding: PerAxis = 0) -> tuple[Array, Cache]:
    """y[n, oh, ow, c] = max over kh < KH, kw < KW of x[n, oh·S + kh − P, ow·S + kw − P, c].

    Outside the image x counts as −∞. OH = ⌊(H + 2P − KH) / S⌋ + 1.

    Parameters
    ----------
    x : array (N, H, W, C), float
    size : int or one int for each axis
        The window, KH × KW.
    stride : int or one int for each axis, optional
        S; by default the window's size, so that windows tile the image.
    padding : int or one int for each axis
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

    Examples
    --------
    >>> x = np.array([[1., 2, 0, 7], [4, 3, 7, 5]]).reshape(1, 2, 4, 1)
    >>> y, cache = ops.max_pool_forward(x)
    >>> print(y[0, ..., 0])
    [[4. 7.]]
    """
    size, stride, padding, out = _plan(x, size, stride, padding)
    windows = _windows(size, stride, out)
    y, winner = largest(_pad(x, padding), windows)  # (N, OH, OW, C) both
    return y, (winner, windows, padding, x.shape, x.dtype)


def max_pool_backward(dy: Array, cache: Cache) -> Array:
    """dx: every dy goes to the pixel that won its window; a pixel that won several adds them up.

    Parameters
    ----------
    dy : array (N, OH, OW, C)
    cache : from `max_pool_forward`

    Returns
    -------
    dx : array (N, H, W, C)

    Examples
    --------
    The 7 stands twice in the second window; the first one, read row by row, gets the gradient.

    >>> x = np.array([[1., 2, 0, 7], [4, 3, 7, 5]]).reshape(1, 2, 4, 1)
    >>> y, cache = ops.max_pool_forward(x)
    >>> print(ops.max_pool_backward(np.array([10., 20]).reshape(1, 1, 2, 1), cache)[0, ..., 0])
    [[ 0.  0.  0. 20.]
     [10.  0.  0.  0.]]
    """
    winner, windows, padding, x_shape, dtype = cache
    check_float("dy", dy)
    if dy.dtype != dtype:
        raise TypeError(f"dy must be {dtype} as x was, got {dy.dtype}")
    check_shape("dy", dy, winner.shape)
    dpadded = to_the_winners(dy, winner, windows, _padded_shape(x_shape, padding))
    return dpadded[_inside(x_shape, padding)]  # (N, H, W, C)


def max_pool_inference(x: Array, *, size: PerAxis = 2) -> Array:
    """y as of `max_pool_forward`, with windows that tile the image, and without a cache.

    Parameters
    ----------
    x : array (N, H, W, C), float
    size : int or one int for each axis

    Returns
    -------
    y : array (N, OH, OW, C)

    Examples
    --------
    >>> x = np.array([[1., 2, 0, 7], [4, 3, 7, 5]]).reshape(1, 2, 4, 1)
    >>> print(ops.max_pool_inference(x)[0, ..., 0])
    [[4. 7.]]
    """
    size, _, _, out = _plan(x, size, None, 0)
    return largest_only(x, size, out)


def _plan(x, size, stride, padding):
    """Check the arguments; give size, stride and padding for each axis, and the size of y."""
    check_image("x", x)
    axes = x.ndim - 2
    size = per_axis("size", size, axes, 1)
    stride = size if stride is None else per_axis("stride", stride, axes, 1)
    padding = per_axis("padding", padding, axes, 0)
    if any(2 * p > k for p, k in zip(padding, size, strict=True)):
        raise ValueError(f"padding must be at most half of size {size}, got {padding}")
    padded = _padded_shape(x.shape, padding)[1:-1]
    out = tuple((h - k) // s + 1 for h, k, s in zip(padded, size, stride, strict=True))
    if min(out) < 1:
        raise ValueError(f"size {size} is larger than x {x.shape} with padding {padding}")
    return size, stride, padding, out


def _windows(size, stride, out):
    """For each place in the window, the slices that pick it out of every window at once."""
    return [(slice(None), *(slice(k, k + (o - 1) * s + 1, s)
                            for k, s, o in zip(place, stride, out, strict=True)))
            for place in np.ndindex(*size)]


def _pad(x, padding):
    if max(padding) == 0:
        return x
    xp = array_module(x)
    padded = xp.full(_padded_shape(x.shape, padding), -xp.inf, dtype=x.dtype)
    padded[_inside(x.shape, padding)] = x
    return padded


def _padded_shape(shape, padding):
    return (shape[0], *(h + 2 * p for h, p in zip(shape[1:-1], padding, strict=True)), shape[-1])


def _inside(shape, padding):
    """The slices of a padded array that hold the array itself."""
    return (slice(None), *(slice(p, p + h) for p, h in zip(padding, shape[1:-1], strict=True)))
