"""Which slices to train on: tumour is rare, so it is drawn more often."""

import numpy as np


def draw_slices(has_tumour, n, rng, share=0.5):
    """Draw n slices, of which about `share` show tumour, however few there are.

    For each of the n draws a coin decides between the two kinds of slice: with tumour
    (probability `share`) or without. Within a kind, slices come in shuffled order, and none
    comes again before all have come. If there are no slices of one kind, all come from the
    other.

    Drawn evenly, two slices in three of the LGG set would show no tumour, and a network
    that finds none would look good for long. Slices without tumour are needed all the
    same: they teach where there is nothing to find.

    Parameters
    ----------
    has_tumour : ndarray (S,), bool
        For each slice of the training set, whether its mask holds any tumour.
    n : int
        How many to draw.
    rng : numpy.random.Generator
    share : float
        In [0, 1].

    Returns
    -------
    ndarray (n,), int
        Indices into `has_tumour`, in random order.
    """
    has_tumour = np.asarray(has_tumour, dtype=bool)
    if has_tumour.ndim != 1 or has_tumour.size == 0:
        raise ValueError("has_tumour: expected one value a slice, at least one, "
                         f"got shape {has_tumour.shape}")
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected a number from 0 to 1, got {share}")
    with_tumour, without = np.flatnonzero(has_tumour), np.flatnonzero(~has_tumour)
    if not with_tumour.size or not without.size:
        share = 1.0 if with_tumour.size else 0.0
    coin = rng.random(n) < share
    drawn = np.empty(n, dtype=np.intp)
    drawn[coin] = _rounds(with_tumour, coin.sum(), rng)
    drawn[~coin] = _rounds(without, n - coin.sum(), rng)
    return drawn


def _rounds(indices, n, rng):
    """The first n of shuffled rounds through `indices`."""
    rounds = -(-n // max(indices.size, 1))  # rounded up
    shuffled = [rng.permutation(indices) for _ in range(rounds)]
    return np.concatenate([*shuffled, indices[:0]])[:n]  # the empty part stands alone if n is 0
