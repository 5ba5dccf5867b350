"""Batch normalisation and ReLU as one op: the same values, fewer walks through memory.

A block of the U-Net normalises and cuts off at zero after every convolution. Both are a few
additions a number, far less work than to fetch the number from memory; so what counts is how
often the activations are walked through, reading or writing. One op after the other, it is 5
times forward and 8 times backward; as one, 3 and 5: backward does not read the ReLU's output,
since x says as well where it was cut off.
"""

from typing import NamedTuple

from minunet.engine.backend import Array, array_module
from minunet.engine.blockwise import blocksum, blockwise
from minunet.engine.checks import check_float, check_shape
from minunet.engine.ranks import over_ranks
from minunet.engine.values import real
from minunet.ops.fast.moments import moments
from minunet.ops.norm import check_norm


class BatchNormReluCache(NamedTuple):
    """As `BatchNormCache`, and β, without which it can't be said where the ReLU cut off."""

    x: Array  # (N, H, W, C)
    mean: Array  # μ, (C,)
    var: Array  # σ², (C,)
    inverse_std: Array  # 1 / √(σ² + ε), (C,)
    gamma: Array  # (C,)
    beta: Array  # (C,)
    pixels: int  # M

    def output(self):
        """Compute y: forward does, and again whoever needs y later and has not kept it.

        That is one walk, and to the last bit the same y.
        """
        xp = array_module(self.x)

        def normalise_and_cut(y, x, scale, shift, zero):
            xp.multiply(x, scale, out=y)
            y += shift
            xp.maximum(y, zero, out=y)

        scale, shift = _affine(self)
        # A row of zeros, and not the number 0, because NumPy's maximum is slow with that.
        return blockwise(normalise_and_cut, self.x, channels=(scale, shift, xp.zeros_like(shift)))


def batch_norm_relu_forward(x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5
                            ) -> tuple[Array, BatchNormReluCache]:
    """y = max(γ x̂ + β, 0) with the statistics of this batch: see `batch_norm_forward`.

    Parameters
    ----------
    x : array (N, H, W, C), float
    gamma, beta : array (C,), the dtype of `x`
    eps : float

    Returns
    -------
    y : array like `x`
    cache : BatchNormReluCache
        x, and what makes y of it: `cache.output()`. y itself is not kept.

    Raises
    ------
    TypeError, ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> x = np.array([5., 1, 5, 1]).reshape(1, 2, 2, 1)
    >>> y, cache = ops.batch_norm_relu_forward(x, np.array([2.]), np.array([1.]), eps=0.0)
    >>> print(y.ravel())
    [3. 0. 3. 0.]
    """
    check_norm("x", x, gamma=gamma, beta=beta)
    eps, xp = real("eps", eps), array_module(x)
    pixels, mean, var = moments(x)
    inverse_std = 1 / xp.sqrt(var + eps)
    cache = BatchNormReluCache(x, mean, var, inverse_std, gamma, beta, pixels)
    return cache.output(), cache


def batch_norm_relu_backward(dy: Array, cache: BatchNormReluCache) -> tuple[Array, Array, Array]:
    """Give the gradients: those of `batch_norm_backward` for d = dy where y > 0, else 0.

    ::

        dβ = Σ d        dγ = Σ d x̂        dx = γ / √(σ² + ε) · (d − dβ / M − x̂ dγ / M)

    Parameters
    ----------
    dy : array (N, H, W, C)
    cache : BatchNormReluCache
        From `batch_norm_relu_forward`.

    Returns
    -------
    dx, dgamma, dbeta : arrays of the shapes of x, gamma and beta

    Examples
    --------
    Where the ReLU cut off, nothing comes back; the rest as of `batch_norm_backward`.

    >>> x = np.array([5., 1, 5, 1]).reshape(1, 2, 2, 1)
    >>> y, cache = ops.batch_norm_relu_forward(x, np.array([2.]), np.array([1.]), eps=0.0)
    >>> dy = np.array([1., 7, 0, 7]).reshape(x.shape)
    >>> dx, dgamma, dbeta = ops.batch_norm_relu_backward(dy, cache)
    >>> print(dx.ravel(), dgamma, dbeta)
    [ 0.5  0.  -0.5  0. ] [1.] [1.]
    """
    x, mean, _, inverse_std, _, _, pixels = cache
    check_float("dy", dy, like=x)
    check_shape("dy", dy, x.shape)
    xp = array_module(x)
    scale, shift = _affine(cache)

    def passed(dy, x, scale, minus_shift, out):  # where y = x · scale + shift was above 0
        out = xp.multiply(x, scale, out=out)
        return xp.multiply(dy, out > minus_shift, out=out)

    def sums(dy, x, mean, *affine):
        d = passed(dy, x, *affine, out=None)
        x = x - mean
        x *= d
        return d, x

    dbeta, dgamma = blocksum(sums, dy, x, channels=(mean, scale, -shift))
    dgamma = inverse_std * dgamma
    whole_dbeta, whole_dgamma = over_ranks(dbeta, dgamma)  # of a batch that several share
    slope = whole_dgamma * inverse_std / pixels  # x̂ dγ / M = (x − μ) · slope

    def gradient(dx, dy, x, minus_slope, offset, scale, minus_shift):
        passed(dy, x, scale, minus_shift, out=dx)
        dx += x * minus_slope
        dx += offset
        dx *= scale

    dx = blockwise(gradient, dy, x, channels=(-slope, mean * slope - whole_dbeta / pixels,
                                              scale, -shift))
    return dx, dgamma, dbeta


def _affine(cache):
    """γ x̂ + β as x · scale + shift: the same numbers forward and backward.

    So both cut off at the same places, to the last bit: a sum rounds to 0 only if it is 0, and
    x · scale + shift > 0 is x · scale > −shift.
    """
    scale = cache.gamma * cache.inverse_std
    return scale, cache.beta - cache.mean * scale
