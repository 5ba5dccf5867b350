"""Which slices to train on: tumour is rare, so it is drawn more often; all patients count alike."""

import numpy as np


def draw_slices(has_tumour, patients, n, rng, share=0.5):
    """Draw n slices, of which about `share` show tumour, however few there are.

    For each draw a coin decides between the two kinds of slice: with tumour
    (probability `share`) or without. Within a kind, patients come in turn, in rounds of
    shuffled order, and so do the slices of each. If there are no slices of one kind, all come
    from the other.

    Drawn evenly, two slices in three of the LGG set would show no tumour, and a network
    that finds none would look good for long. Slices without tumour are needed all the
    same: they teach where there is nothing to find. And a patient whose tumour reaches through
    37 slices would count as much as twelve with small tumours, which are the harder to find.

    Parameters
    ----------
    has_tumour : ndarray (S,), bool
        For each slice of the training set, whether its mask holds any tumour.
    patients : ndarray (S,), int
        Whose slice it is.
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
    has_tumour, patients = np.asarray(has_tumour, dtype=bool), np.asarray(patients)
    if has_tumour.ndim != 1 or has_tumour.size == 0:
        raise ValueError("has_tumour: expected one value for each slice, at least one, "
                         f"got shape {has_tumour.shape}")
    if patients.shape != has_tumour.shape:
        raise ValueError(f"patients: expected one number for each of {has_tumour.size} slices, "
                         f"got shape {patients.shape}")
    if not 0 <= share <= 1:
        raise ValueError(f"share: expected a number from 0 to 1, got {share}")
    if has_tumour.all() or not has_tumour.any():
        share = float(has_tumour.any())
    coin = rng.random(n) < share
    drawn = np.empty(n, dtype=np.intp)
    for kind in (True, False):
        chosen = coin == kind
        drawn[chosen] = _in_turn(np.flatnonzero(has_tumour == kind), patients, chosen.sum(), rng)
    return drawn


def _in_turn(indices, patients, n, rng):
    """The first n of shuffled rounds through the patients that have `indices`."""
    slices = {patient: indices[patients[indices] == patient]
              for patient in np.unique(patients[indices])}
    waiting, drawn = {patient: [] for patient in slices}, []
    while len(drawn) < n:
        for patient in rng.permutation(list(slices)):
            waiting[patient] = waiting[patient] or rng.permutation(slices[patient]).tolist()
            drawn.append(waiting[patient].pop())
    return drawn[:n]
