"""Transposed convolution, the U-Net's up-convolution: convolution's data gradient, forwards."""

from minunet.engine.backend import Array, Cache, Maybe, PerAxis
from minunet.engine.blockwise import blocksum
from minunet.engine.checks import check_float, check_shape, per_axis
from minunet.ops.conv import check_conv_arguments
from minunet.ops.fast import im2col, tiles


def conv_transpose_forward(x: Array, w: Array, b: Array | None = None, *,
                           stride: PerAxis = 1, padding: PerAxis = 0) -> tuple[Array, Cache]:
    """Let every input pixel paint the kernel, scaled by its value, on a grid S times as fine.

    y[n, h·S + kh − P, w·S + kw − P, f] += Σ_c x[n, h, w, c] w[kh, kw, f, c]      (+ b[f], once)

    and OH = (H − 1)·S + KH − 2P. With ``w`` the weight of a convolution from F to C channels it
    is that convolution's transpose: ⟨conv(u, w), x⟩ = ⟨u, conv_transpose(x, w)⟩ for all u and x.

    Parameters
    ----------
    x : array (N, H, W, C), float
    w : array (KH, KW, F, C), the dtype of `x`
        Mind the order: F, the channels that come out, stands before C.
    b : array (F,), optional
    stride, padding : int or one int for each axis
        S ≥ 1: how much finer the output is. P ≥ 0 pixels are cut off at every border.

    Returns
    -------
    y : array (N, OH, OW, F)
    cache : tuple
        For `conv_transpose_backward`.

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit, or nothing is left of the output.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
    chapter 4. The U-Net's "up-convolution" is the case KH = KW = S = 2, P = 0.

    Examples
    --------
    Each pixel paints the kernel, two pixels on: nothing overlaps.

    >>> x, w = np.array([1., 10]).reshape(1, 2, 1), np.array([3., 4]).reshape(2, 1, 1)
    >>> y, cache = ops.conv_transpose_forward(x, w, stride=2)
    >>> print(y.ravel())
    [ 3.  4. 30. 40.]
    """
    axes = check_conv_arguments(x, w, b, channels=-1)
    stride, padding = per_axis("stride", stride, axes, 1), per_axis("padding", padding, axes, 0)
    sizes = zip(x.shape[1:-1], w.shape[:-2], stride, padding, strict=True)
    out = tuple((h - 1) * s + k - 2 * p for h, k, s, p in sizes)
    if min(out) < 1:
        raise ValueError(f"padding {padding} leaves nothing of the output for x {x.shape} "
                         f"and kernel {w.shape[:-2]}")
    module = tiles if tiles.fits(w.shape[:-2], stride, padding) else im2col
    y = module.data_gradient(x, w, (len(x), *out, w.shape[-2]), stride, padding, b)
    return y, (x, w, b is not None, stride, padding, y.shape, module)


def conv_transpose_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Maybe]:
    """Give the gradients: the transpose of the transpose is the convolution itself.

    ::

        dx = conv(dy, w)         dw = conv's weight gradient, `dy` its input, `x` its gradient
        db[f] = Σ dy[…, f]

    Parameters
    ----------
    dy : array (N, OH, OW, F)
    cache : from `conv_transpose_forward`

    Returns
    -------
    dx, dw, db : arrays of the shapes of x, w and b
        `db` is None if there was no bias.

    Examples
    --------
    >>> x, w = np.array([1., 10]).reshape(1, 2, 1), np.array([3., 4]).reshape(2, 1, 1)
    >>> y, cache = ops.conv_transpose_forward(x, w, stride=2)
    >>> dx, dw, db = ops.conv_transpose_backward(np.array([1., 0, 0, 1]).reshape(1, 4, 1), cache)
    >>> print(dx.ravel(), dw.ravel())  # 3·1 + 4·0, 3·0 + 4·1; 1·1 + 10·0, 1·0 + 10·1
    [3. 4.] [ 1. 10.]
    """
    x, w, has_bias, stride, padding, y_shape, module = cache
    check_float("dy", dy, like=x)
    check_shape("dy", dy, y_shape)
    dx = module.forward(dy, w, None, x.shape[1:-1], stride, padding)
    dw = module.weight_gradient(dy, x, w.shape[:-2], stride, padding)
    db = blocksum(lambda dy: (dy,), dy)[0] if has_bias else None
    return dx, dw, db
