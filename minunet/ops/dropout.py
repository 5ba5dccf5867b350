"""Dropout: switch units off at random while training, so that none relies on another."""

import numpy as np

from minunet.engine.backend import Array, Cache, array_module
from minunet.engine.checks import check_float, check_shape
from minunet.engine.ranks import drawn
from minunet.engine.values import real


def dropout_forward(x: Array, rate: float, rng: np.random.Generator) -> tuple[Array, Cache]:
    """y = x · m / (1 − rate), with m = 0 for a random share `rate` of the elements and 1 elsewhere.

    The division keeps the mean, so that nothing needs to change at inference: there, dropout
    is simply left out.

    Parameters
    ----------
    x : array, float
        Any shape.
    rate : float
        0 ≤ rate < 1.
    rng : numpy.random.Generator
        Draws on the host, so that a seed gives the same mask on every device.

    Returns
    -------
    y : array like `x`
    cache : array
        m / (1 − rate).

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    2014 (there nothing is divided, and at test time all is multiplied by 1 − rate).

    Examples
    --------
    At a rate of ½ a value is dropped or doubled, by chance.

    >>> y, cache = ops.dropout_forward(np.ones((1, 8)), 0.5, np.random.default_rng(0))
    >>> print(y)
    [[2. 2. 2. 0. 0. 0. 0. 0.]]
    """
    check_float("x", x)
    rate = real("rate", rate, below=1)
    uniform = drawn(lambda shape: rng.random(shape, dtype=np.float32), x.shape)  # like x
    kept = uniform >= rate
    scale = array_module(x).asarray((kept / (1 - rate)).astype(x.dtype))
    return x * scale, scale


def dropout_backward(dy: Array, cache: Cache) -> Array:
    """dx = dy · m / (1 − rate): a unit that was off gets no gradient.

    Parameters
    ----------
    dy : array like x
    cache : from `dropout_forward`

    Returns
    -------
    dx : array

    Examples
    --------
    >>> y, cache = ops.dropout_forward(np.ones((1, 8)), 0.5, np.random.default_rng(0))
    >>> print(ops.dropout_backward(np.arange(8.).reshape(1, 8), cache))
    [[0. 2. 4. 0. 0. 0. 0. 0.]]
    """
    scale = cache
    check_float("dy", dy, like=scale)
    check_shape("dy", dy, scale.shape)
    return dy * scale
