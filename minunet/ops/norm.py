"""Batch normalisation: give each channel mean 0 and variance 1, then let it choose its own."""

from typing import NamedTuple

from minunet.engine.backend import Array, array_module
from minunet.engine.blockwise import blocksum, blockwise
from minunet.engine.checks import check_float, check_image, check_shape
from minunet.engine.ranks import over_ranks
from minunet.engine.values import real
from minunet.ops.fast.moments import moments


class BatchNormCache(NamedTuple):
    """What `batch_norm_backward` needs, and the batch's statistics for the running ones."""

    x: Array  # (N, H, W, C); x̂ is cheaper to compute again than to keep
    mean: Array  # μ, (C,)
    var: Array  # σ², (C,), divided by the number of pixels, not by one less
    inverse_std: Array  # 1 / √(σ² + ε), (C,)
    gamma: Array  # (C,)
    pixels: int  # M


def batch_norm_forward(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
                       ) -> tuple[Array, BatchNormCache]:
    """Normalise each channel with the statistics of this batch (training).

    ::

        μ = mean of x,  σ² = mean of (x − μ)²       over the M = N·H·W pixels of a channel
        x̂ = (x − μ) / √(σ² + ε)
        y = γ x̂ + β

    Parameters
    ----------
    x : array (N, H, W, C), float
    gamma, beta : array (C,), the dtype of `x`
    eps : float
        ε, against division by zero.

    Returns
    -------
    y : array like `x`
    cache : BatchNormCache, with x and what makes x̂ of it

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization", 2015, algorithm 1.

    Examples
    --------
    Mean 3, variance 4: the values are one standard deviation away from their mean.

    >>> x = np.array([5., 1, 5, 1]).reshape(1, 2, 2, 1)
    >>> y, cache = ops.batch_norm_forward(x, gamma=np.array([2.]), beta=np.array([1.]), eps=0.0)
    >>> print(y.ravel())
    [ 3. -1.  3. -1.]
    """
    check_norm("x", x, gamma=gamma, beta=beta)
    eps, xp = real("eps", eps), array_module(x)
    pixels, mean, var = moments(x)
    inverse_std = 1 / xp.sqrt(var + eps)
    y = blockwise(lambda y, x, mean, scale, beta: xp.add((x - mean) * scale, beta, out=y), x,
                  channels=(mean, gamma * inverse_std, beta))
    return y, BatchNormCache(x, mean, var, inverse_std, gamma, pixels)


def batch_norm_backward(dy: Array, cache: BatchNormCache) -> tuple[Array, Array, Array]:
    """Give the gradients; μ and σ² depend on every pixel, and so does each dx.

    ::

        dβ = Σ dy        dγ = Σ dy x̂
        dx = γ / √(σ² + ε) · (dy − dβ / M − x̂ dγ / M)

    The two subtracted terms are the ways through μ and through σ²: dx has mean 0 and (but for
    ε) no part along x̂, because shifting or stretching x does not change y.

    Parameters
    ----------
    dy : array (N, H, W, C)
    cache : from `batch_norm_forward`

    Returns
    -------
    dx, dgamma, dbeta : arrays of the shapes of x, gamma and beta

    Examples
    --------
    dy = (1, 0, 0, 0) has mean ¼, and ¼ x̂ is its part along x̂ = (1, −1, 1, −1). What is left, times
    γ / σ = 1, is dx: shifting or stretching x changes nothing, so dx has no part in that.

    >>> x = np.array([5., 1, 5, 1]).reshape(1, 2, 2, 1)
    >>> y, cache = ops.batch_norm_forward(x, gamma=np.array([2.]), beta=np.array([1.]), eps=0.0)
    >>> dx, dgamma, dbeta = ops.batch_norm_backward(np.array([1., 0, 0, 0]).reshape(x.shape), cache)
    >>> print(dx.ravel(), dgamma, dbeta)
    [ 0.5  0.  -0.5  0. ] [1.] [1.]
    """
    x, mean, _, inverse_std, gamma, pixels = cache
    check_float("dy", dy, like=x)
    check_shape("dy", dy, x.shape)
    dbeta, dgamma = blocksum(lambda dy, x, mean: (dy, dy * (x - mean)), dy, x, channels=(mean,))
    dgamma = inverse_std * dgamma
    whole_dbeta, whole_dgamma = over_ranks(dbeta, dgamma)  # of a batch that several share
    through_mean, through_std = whole_dbeta / pixels, whole_dgamma * inverse_std / pixels

    def gradient(dx, dy, x, mean, through_mean, through_std, scale):
        array_module(dx).multiply(dy - through_mean - (x - mean) * through_std, scale, out=dx)

    dx = blockwise(gradient, dy, x, channels=(mean, through_mean, through_std,
                                              gamma * inverse_std))
    return dx, dgamma, dbeta


def batch_norm_inference(x: Array, gamma: Array, beta: Array, mean: Array, var: Array, *,
                         eps: float = 1e-5) -> Array:
    """Normalise with stored statistics: y = γ (x − μ) / √(σ² + ε) + β, one scale and one shift.

    Parameters
    ----------
    x : array (N, H, W, C), float
    gamma, beta, mean, var : array (C,), the dtype of `x`
        `mean` and `var` are the running statistics that training has gathered.
    eps : float

    Returns
    -------
    y : array like `x`

    Examples
    --------
    >>> x = np.array([5., 1]).reshape(1, 1, 2, 1)
    >>> gamma, beta, mean, var = (np.array([v]) for v in (2., 1., 3., 4.))
    >>> print(ops.batch_norm_inference(x, gamma, beta, mean, var, eps=0.0).ravel())
    [ 3. -1.]
    """
    check_norm("x", x, gamma=gamma, beta=beta, mean=mean, var=var)
    eps, xp = real("eps", eps), array_module(x)
    scale = gamma / xp.sqrt(var + eps)  # (C,)
    return blockwise(lambda y, x, scale, shift: xp.add(x * scale, shift, out=y), x,
                     channels=(scale, beta - mean * scale))


def fold_batch_norm(w: Array, gamma: Array, beta: Array, mean: Array, var: Array, *,
                    eps: float = 1e-5) -> tuple[Array, Array]:
    """Put a normalisation with stored statistics into the convolution before it.

    Both are linear, so one convolution does both: with s = γ / √(σ² + ε)::

        s (x ∗ w − μ) + β  =  x ∗ (s w) + (β − s μ)

    Parameters
    ----------
    w : array (KH, KW, C, F), float
        Of a convolution without bias.
    gamma, beta, mean, var : array (F,), the dtype of `w`
    eps : float

    Returns
    -------
    w : array (KH, KW, C, F)
    b : array (F,)

    Examples
    --------
    With γ = 2, β = 1, μ = 3, σ² = 4, the scale is 2 / √4 = 1 and the shift 1 − 3.

    >>> w, (gamma, beta, mean, var) = np.full((1, 1, 1, 1), 5.), np.array([[2.], [1.], [3.], [4.]])
    >>> w, b = ops.fold_batch_norm(w, gamma, beta, mean, var, eps=0.0)
    >>> print(w.ravel(), b)
    [5.] [-2.]
    """
    check_norm("w", w, gamma=gamma, beta=beta, mean=mean, var=var)
    eps, xp = real("eps", eps), array_module(w)
    scale = gamma / xp.sqrt(var + eps)  # (F,)
    folded = blockwise(lambda out, w, scale: xp.multiply(w, scale, out=out), w, channels=(scale,))
    return folded, beta - mean * scale


def check_norm(image, x, **per_channel):
    """Check the image and that each value in `per_channel` fits its channels."""
    check_image(image, x)
    for name, value in per_channel.items():
        check_float(name, value, like=x)
        check_shape(name, value, (x.shape[-1],))
