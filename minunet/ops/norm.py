"""Batch normalisation: give each channel mean 0 and variance 1, then let it choose its own."""

from typing import NamedTuple

from minunet.backend import array_module
from minunet.ops.checks import check_float, check_image, check_shape
from minunet.ops.conv import sum_pixels


class BatchNormCache(NamedTuple):
    """What `batch_norm_backward` needs, and the batch's statistics for the running ones."""

    normalised: object  # x̂, (N, H, W, C)
    inverse_std: object  # 1 / √(variance + ε), (C,)
    gamma: object  # (C,)
    mean: object  # (C,)
    var: object  # (C,), divided by the number of pixels, not by one less


def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
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
    cache : BatchNormCache
        x̂ and 1/√(σ² + ε), from which backward is shortest; also μ and σ².

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization", 2015, algorithm 1.
    """
    _check(x, gamma=gamma, beta=beta)
    pixels = x.size // x.shape[-1]
    mean = sum_pixels(x) / pixels
    normalised = x - mean
    # Not E[x²] − μ², which cancels catastrophically in float32 where μ is large.
    var = sum_pixels(normalised * normalised) / pixels
    inverse_std = 1 / array_module(x).sqrt(var + eps)
    normalised *= inverse_std
    y = normalised * gamma
    y += beta
    return y, BatchNormCache(normalised, inverse_std, gamma, mean, var)


def batch_norm_backward(dy, cache):
    """Give the gradients; μ and σ² depend on every pixel, and so does each dx.

    ::

        dβ = Σ dy        dγ = Σ dy x̂
        dx = γ / √(σ² + ε) · (dy − dβ / M − x̂ dγ / M)

    The two subtracted terms are the ways through μ and through σ²: dx has mean 0, and no part
    along x̂, because shifting or stretching x does not change y.

    Parameters
    ----------
    dy : array (N, H, W, C)
    cache : BatchNormCache
        From `batch_norm_forward`.

    Returns
    -------
    dx, dgamma, dbeta : arrays of the shapes of x, gamma and beta
    """
    normalised, inverse_std, gamma = cache[:3]
    check_float("dy", dy, like=normalised)
    check_shape("dy", dy, normalised.shape)
    pixels = dy.size // dy.shape[-1]
    dbeta = sum_pixels(dy)
    dgamma = sum_pixels(dy * normalised)
    dx = normalised * (-dgamma / pixels)
    dx += dy
    dx -= dbeta / pixels
    dx *= gamma * inverse_std
    return dx, dgamma, dbeta


def batch_norm_inference(x, gamma, beta, mean, var, *, eps=1e-5):
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
    """
    _check(x, gamma=gamma, beta=beta, mean=mean, var=var)
    scale = gamma / array_module(x).sqrt(var + eps)  # (C,)
    y = x * scale
    y += beta - mean * scale
    return y


def _check(x, **per_channel):
    check_image("x", x)
    for name, value in per_channel.items():
        check_float(name, value, like=x)
        check_shape(name, value, (x.shape[-1],))
