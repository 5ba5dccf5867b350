"""Convolution: one contract, and the methods that fulfil it.

`minunet.plain` writes it as a product for each place of the kernel, and `conv_loops` by its
definition. Faster ways to the same numbers are in ``ops/fast/``; `choose` picks one. A method is a
module with three functions, one for each array of ``y = conv(x, w)`` that can be unknown::

    forward(x, w, b, out, stride, padding, relu=False)    -> y
    data_gradient(dy, w, x_shape, stride, padding)        -> dx
    weight_gradient(x, dy, kernel, stride, padding)       -> dw

with `out` the size (OH, OW) of y.
"""

from minunet.engine.backend import Array, Cache, Maybe, PerAxis
from minunet.engine.blockwise import blocksum
from minunet.engine.checks import check_float, check_image, check_shape, per_axis
from minunet.ops.fast.choose import choose


def conv_forward(x: Array, w: Array, b: Array | None = None, *, stride: PerAxis = 1,
                 padding: PerAxis = 0, method: str = "auto") -> tuple[Array, Cache]:
    """Convolve: every output pixel is a weighted sum of the input pixels under the kernel.

    y[n, oh, ow, f] = b[f] + Σ_{kh, kw, c} x[n, oh·S + kh − P, ow·S + kw − P, c] w[kh, kw, c, f]

    with zeros outside the image, and OH = ⌊(H + 2P − KH) / S⌋ + 1. As in every framework this
    is, strictly, a cross-correlation: the kernel is not turned.

    Parameters
    ----------
    x : array (N, H, W, C), float
        Images, channels last. One or three spatial axes work alike, here and below.
    w : array (KH, KW, C, F), the dtype of `x`
    b : array (F,), optional
    stride, padding : int or one int for each axis
        S ≥ 1 and P ≥ 0, in pixels.
    method : {"auto", "loops", "im2col", "tiles", "winograd_rows", "winograd"}
        How to compute it; the result is the same to rounding. Winograd's two do 3×3 kernels of
        stride 1 and padding up to 2, on images only; "tiles" does kernels as large as the
        stride, without padding; "auto" takes the fastest that fits, see `choose`.

    Returns
    -------
    y : array (N, OH, OW, F)
    cache : tuple
        For `conv_backward`: the arguments. `x` is kept because dw needs it, `w` because dx does.

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or the kernel is larger than the padded image.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    The first output is 1·1 + 2·2 + 0·0 + 1·(−1) = 4.

    >>> x = np.array([[1., 2, 0], [0, 1, 3], [2, 0, 1]]).reshape(1, 3, 3, 1)
    >>> w = np.array([[1., 2], [0, -1]]).reshape(2, 2, 1, 1)
    >>> y, cache = ops.conv_forward(x, w)
    >>> print(y[0, ..., 0])
    [[ 4. -1.]
     [ 2.  6.]]
    """
    stride, padding, out, module = _plan(x, w, b, stride, padding, method)
    y = module.forward(x, w, b, out, stride, padding)
    return y, (x, w, b is not None, stride, padding, module, x.shape)


def conv_backward(dy: Array, cache: Cache, *, input_gradient: bool = True) -> tuple[Maybe, ...]:
    """Give the gradients of the loss for all that went into `conv_forward`.

    ::

        dw[kh, kw, c, f] = Σ_{n, oh, ow} x[n, oh·S + kh − P, ow·S + kw − P, c] dy[n, oh, ow, f]
        dx[n, h, w, c]   = Σ over all (kh, kw, oh, ow) with oh·S + kh − P = h, ow·S + kw − P = w
                           of Σ_f w[kh, kw, c, f] dy[n, oh, ow, f]
        db[f]            = Σ_{n, oh, ow} dy[n, oh, ow, f]

    Parameters
    ----------
    dy : array (N, OH, OW, F)
        Gradient of the loss with respect to y.
    cache : from `conv_forward`
    input_gradient : bool
        Whether dx is wanted: what the first layer of a network could do without.

    Returns
    -------
    dx, dw, db : arrays of the shapes of x, w and b
        `db` is None if there was no bias, `dx` if it was not wanted.

    Examples
    --------
    One row of three pixels, a kernel of two, and dy = (1, 10): each dy paints the kernel into
    dx, and each weight collects the pixels that it met, times dy.

    >>> x, w = np.array([1., 2, 3]).reshape(1, 3, 1), np.array([5., 7]).reshape(2, 1, 1)
    >>> y, cache = ops.conv_forward(x, w)
    >>> dx, dw, db = ops.conv_backward(np.array([1., 10]).reshape(1, 2, 1), cache)
    >>> print(dx.ravel(), dw.ravel(), db)  # 7 + 50 in the middle; 1·1 + 2·10 and 2·1 + 3·10
    [ 5. 57. 70.] [21. 32.] None
    """
    x, w, has_bias, stride, padding, module, x_shape = cache  # x, or what makes it: see blocks.py
    check_float("dy", dy, ndim=w.ndim, like=w)
    check_shape("dy", dy, (x_shape[0], *_output_size(x_shape, w, stride, padding), w.shape[-1]))
    dw = module.weight_gradient(x() if callable(x) else x, dy, w.shape[:-2], stride, padding)
    del x, cache  # dw was all that needs x: unless somebody else keeps it, its memory is free
    dx = module.data_gradient(dy, w, x_shape, stride, padding) if input_gradient else None
    db = blocksum(lambda dy: (dy,), dy)[0] if has_bias else None
    return dx, dw, db


def conv_relu_inference(x: Array, w: Array, b: Array, *, padding: PerAxis = 0) -> Array:
    """max(conv(x, w) + b, 0), with both steps done while a block of y is still in cache.

    What a block of the network is at inference, with `fold_batch_norm`. No cache: for training
    there are the single ops.

    Parameters
    ----------
    x : array (N, H, W, C), float
    w : array (KH, KW, C, F), the dtype of `x`
    b : array (F,)
    padding : int or one int for each axis

    Returns
    -------
    y : array (N, OH, OW, F)

    Raises
    ------
    TypeError, ValueError, as `conv_forward`

    Examples
    --------
    >>> x, w = np.array([1., 2, 3]).reshape(1, 3, 1), np.array([-1., 1]).reshape(2, 1, 1)
    >>> print(ops.conv_relu_inference(x, w, np.array([-0.5])).ravel())  # 2 − 1 − 0.5, 3 − 2 − 0.5
    [0.5 0.5]
    """
    stride, padding, out, module = _plan(x, w, b, 1, padding, "auto")
    return module.forward(x, w, b, out, stride, padding, relu=True)


def _plan(x, w, b, stride, padding, method):
    """Check the arguments; give stride and padding per axis, the size of y, and the module."""
    axes = check_conv_arguments(x, w, b, channels=-2)
    stride, padding = per_axis("stride", stride, axes, 1), per_axis("padding", padding, axes, 0)
    out = _output_size(x.shape, w, stride, padding)
    if min(out) < 1:
        raise ValueError(f"w with kernel {w.shape[:-2]} does not fit into x {x.shape} "
                         f"with padding {padding}; use a larger image or more padding")
    module = choose(method, w.shape, stride, padding, out, x)
    return stride, padding, out, module


def _output_size(x_shape, w, stride, padding):
    sizes = zip(x_shape[1:-1], w.shape[:-2], stride, padding, strict=True)
    return tuple((h + 2 * p - k) // s + 1 for h, k, s, p in sizes)


def check_conv_arguments(x, w, b, channels):
    """Check what both convolutions ask; `channels` is the axis of `w` that meets those of `x`.

    Returns
    -------
    int
        The number of spatial axes.
    """
    check_image("x", x)
    check_float("w", w, ndim=x.ndim, like=x)
    if 0 in w.shape:
        raise ValueError(f"w must not be empty, got shape {w.shape}")
    if w.shape[channels] != x.shape[-1]:
        raise ValueError(f"w must take {x.shape[-1]} channels on axis {channels} to fit x "
                         f"{x.shape}, got shape {w.shape}")
    if b is not None:
        check_float("b", b, like=x)
        check_shape("b", b, (w.shape[-3 - channels],))
    return x.ndim - 2
