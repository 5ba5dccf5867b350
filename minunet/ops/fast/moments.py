"""Mean and variance of each channel, in one walk through memory."""

from minunet.engine.blockwise import channel_sums, per_block, repeated
from minunet.engine.ranks import of_each_rank


def moments(x):
    """Give the number of pixels, and mean and variance of each channel.

    Not as E[x²] − μ², which cancels catastrophically in float32 where μ is large: each block
    has a mean m and a sum of squares q about m, while it is in cache, and with them::

        μ = Σ n m / M        σ² = Σ (q + n (m − μ)²) / M         blocks of n, in all M pixels

    Training on several machines, what each of them has is such a block again.

    Parameters
    ----------
    x : array (N, H, W, C), float

    Returns
    -------
    pixels : int
    mean, var : arrays (C,)

    References
    ----------
    T. Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances",
    1979, eq. 2.1.
    """
    c = x.shape[-1]

    def block(x):  # (rows, K·C)
        m = channel_sums(x, c) * (c / x.size)
        x = x - repeated(m, x.shape[-1] // c)
        x *= x
        return x.size // c, m, channel_sums(x, c)

    parts = of_each_rank(*_merge(per_block(block, x)))
    pixels, mean, squares = _merge(parts) if len(parts) > 1 else parts[0]
    return pixels, mean, squares / pixels


def _merge(blocks):
    """Give number, mean, and sum of squares about the mean of all blocks together."""
    pixels = sum(n for n, _, _ in blocks)
    mean = sum(n * m for n, m, _ in blocks) / pixels
    return pixels, mean, sum(q + n * (m - mean) ** 2 for n, m, q in blocks)
