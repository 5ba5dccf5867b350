"""Mean and variance of each channel, in one walk through memory."""

from minunet.engine.backend import array_module
from minunet.engine.blockwise import per_block


def moments(x):
    """Give mean and variance of each channel.

    Not as E[x²] − μ², which cancels catastrophically in float32 where μ is large: each block
    has a mean m and a sum of squares q about m, while it is in cache, and with them::

        μ = Σ n m / M        σ² = Σ (q + n (m − μ)²) / M         blocks of n, in all M pixels

    Parameters
    ----------
    x : array (N, H, W, C), float

    Returns
    -------
    mean, var : arrays (C,)

    References
    ----------
    T. Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances",
    1979, eq. 2.1.
    """
    def block(x):
        ones = array_module(x).ones(len(x), dtype=x.dtype)
        m = ones @ x / len(x)
        return len(x), m, ones @ (x - m) ** 2

    blocks, c = per_block(block, x), x.shape[-1]
    rows = sum(n for n, _, _ in blocks)
    # The blocks hold several pixels side by side (`per_block`), with a mean of their own each.
    mean = (sum(n * m for n, m, _ in blocks) / rows).reshape(-1, c).mean(axis=0)
    squares = sum(q.reshape(-1, c) + n * (m.reshape(-1, c) - mean) ** 2 for n, m, q in blocks)
    return mean, squares.sum(axis=0) * (c / x.size)
