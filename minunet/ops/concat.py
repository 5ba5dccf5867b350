"""The skip connection's op: crop what came across to the size of what came up, and join them."""

from minunet.engine.backend import Array, Cache, array_module
from minunet.engine.checks import check_float, check_image, check_shape
from minunet.ops.fast.join import join, split


def concat_forward(skip: Array, up: Array) -> tuple[Array, Cache]:
    """y = [centre of skip, up], joined along the channels.

    The crop matters with unpadded convolutions only, where the way down has lost fewer border
    pixels than the way up (Ronneberger et al. 2015, section 2: "the cropping is necessary due
    to the loss of border pixels in every convolution").

    Parameters
    ----------
    skip : array (N, H, W, C), float
        From the contracting path.
    up : array (N, OH, OW, F), the dtype of `skip`
        From the up-convolution; OH ≤ H and OW ≤ W.

    Returns
    -------
    y : array (N, OH, OW, C + F)
    cache : tuple
        The shape of `skip` and where its crop begins: no array needs to be kept.

    Raises
    ------
    TypeError, ValueError
        If dtypes, batches or the numbers of axes differ, or `skip` is smaller than `up`.

    Examples
    --------
    >>> skip, up = np.array([1., 2, 3, 4]).reshape(1, 2, 2, 1), np.full((1, 2, 2, 1), 9.)
    >>> y, cache = ops.concat_forward(skip, up)
    >>> print(y[0])
    [[[1. 9.]
      [2. 9.]]
    <BLANKLINE>
     [[3. 9.]
      [4. 9.]]]
    """
    check_image("skip", skip)
    check_float("up", up, ndim=skip.ndim, like=skip)
    size = up.shape[1:-1]
    spare = [h - oh for h, oh in zip(skip.shape[1:-1], size, strict=True)]
    if len(skip) != len(up) or min(spare) < 0:
        raise ValueError(f"skip must be as large as up {up.shape} or larger, with as many "
                         f"images; got {skip.shape}")
    crop = (slice(None), *(slice(s // 2, s // 2 + oh) for s, oh in zip(spare, size, strict=True)))
    y = join(skip[crop], up)  # (N, OH, OW, C + F)
    return y, (skip.shape, crop, y.shape, y.dtype)


def concat_backward(dy: Array, cache: Cache) -> tuple[Array, Array]:
    """Split dy again; the border that the crop cut off had no say in the loss and gets zeros.

    Parameters
    ----------
    dy : array (N, OH, OW, C + F)
    cache : from `concat_forward`

    Returns
    -------
    dskip : array (N, H, W, C)
    dup : array (N, OH, OW, F)

    Examples
    --------
    Of a skip of three pixels the middle one was joined, so the gradient goes there.

    >>> y, cache = ops.concat_forward(np.ones((1, 3, 1)), np.ones((1, 1, 1)))
    >>> dskip, dup = ops.concat_backward(np.array([5., 7]).reshape(1, 1, 2), cache)
    >>> print(dskip.ravel(), dup.ravel())
    [0. 5. 0.] [7.]
    """
    skip_shape, crop, y_shape, dtype = cache
    check_float("dy", dy)
    if dy.dtype != dtype:
        raise TypeError(f"dy must be {dtype} as skip and up were, got {dy.dtype}")
    check_shape("dy", dy, y_shape)
    xp, channels = array_module(dy), skip_shape[-1]
    dskip = (xp.empty if skip_shape[:-1] == y_shape[:-1] else xp.zeros)(skip_shape, dtype=dtype)
    dup = xp.empty((*y_shape[:-1], y_shape[-1] - channels), dtype=dtype)
    split(dy, dskip[crop], dup)
    return dskip, dup
