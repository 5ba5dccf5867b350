"""Where a gradient is wrong: which of its elements, and for which elements of dy."""

import numpy as np

from minunet.gradcheck.patterns import factor
from minunet.gradcheck.words import FEW, axes, listed, number, several


def where(probe):
    """Only some elements of the gradient are wrong: in one channel, at the border, …"""
    wrong, alive = probe.wrong.any(axis=1), probe.alive.any(axis=1)
    right = alive & ~wrong
    if not right.any():
        return None
    place = _place(wrong.reshape(probe.shape), alive.reshape(probe.shape))
    if place is None:
        return None
    inside = ""
    if not (np.abs(probe.said[wrong]) > probe.near).any():
        inside = " Backward gives 0 there."
    elif not (np.abs(probe.said[probe.wrong]) > probe.near).any():
        inside = " Of the terms that add up there, some are missing: is it = where it must be +=?"
    elif (k := factor(probe, wrong)) is not None:
        inside = f" It is off by the factor {number(k)} there."
    count, place, verb = place
    return f"only {count} {verb} wrong{place}.{inside}"


def from_where(probe):
    """The gradient is wrong only for some elements of dy: those of one image, at the border, …"""
    wrong, alive = (a.any(axis=0).reshape(probe.y_shape) for a in (probe.wrong, probe.alive))
    images = _images(wrong, alive) or _mixed(probe)
    if images or not (alive & ~wrong).any():
        return images
    place = _place(wrong, alive)
    if place is None:
        return None
    ignored = not (np.abs(probe.said[:, wrong.ravel()]) > probe.near).any()
    count, place, _ = place
    return (f"only what comes from {count} of dy{place and place + ','} is wrong"
            f"{': it is left out' if ignored else ''}.")


def _images(wrong, alive):
    """For a dy that is 0 but in one image, the gradient is right or wrong with the image."""
    if wrong.ndim < 3 or len(wrong) < 2:
        return None
    rest = tuple(range(1, wrong.ndim))
    bad = wrong.any(axis=rest)
    if bad.all() or not bad.any() or (alive & ~wrong)[bad].any() or not alive[~bad].any():
        return None
    good, bad = listed(np.flatnonzero(~bad)), listed(np.flatnonzero(bad))
    return (f"right for a dy in image {good} alone (axis 0), and wrong for one in image {bad}. Is "
            "something summed, or not, over images?")


def _mixed(probe):
    """The gradient of one image depends on dy of another, or does not and should."""
    n = probe.shape[0] if len(probe.shape) > 2 < len(probe.y_shape) else 0
    if n < 2 or probe.y_shape[0] != n or not probe.sure.all():
        return None
    blocks = np.stack([probe.said, probe.true]).reshape(2, n, -1, n, probe.said.shape[1] // n)
    said, true = np.abs(blocks).max(axis=(2, 4)) > probe.near  # (N, N): image of x, image of y
    error = np.abs(blocks[0] - blocks[1]).max(axis=(1, 3)) > probe.near
    between = ~np.eye(n, dtype=bool)
    if not true[between].any() and said[between].any() and not error[~between].any():
        return ("right for one image alone, and wrong for two: dy of one image has a part in the "
                "gradient of another. Is something summed, or not, over images?")
    if true[between].all() and not said[between].any():
        return ("by the differences y of one image depends on the other images; backward takes "
                "each image by itself. Is something summed, or not, over images?")
    return None


def _place(wrong, alive):
    """Say how many are wrong, where, and "is" or "are"; or None.

    A place fits if nothing is right in it, and something is outside of it.
    """
    right = alive & ~wrong
    regions = [(int(region.sum()), text) for region, text in _regions(wrong)
               if not wrong[~region].any() and right[~region].any() and not right[region].any()]
    size, text = min(regions, default=(wrong.size, ""), key=lambda pair: pair[0])
    if wrong.sum() <= FEW and size > wrong.sum():
        text = ""
    elif not text:
        return None
    return several(wrong), text and f", all {text}", "is" if wrong.sum() == 1 else "are"


def _regions(wrong):
    """Candidates: some indices of one axis; the border along the axes between first and last."""
    index = np.indices(wrong.shape)
    for axis, size in enumerate(wrong.shape):
        some = np.unique(index[axis][wrong])
        if len(some) < size and len(some) <= 3:
            last = axis == wrong.ndim - 1 > 0
            yield (np.isin(index[axis], some),
                   f"in channel {listed(some)} (the last axis)" if last
                   else f"at index {listed(some)} of {axes((axis,))}")
    inner = tuple(range(1, wrong.ndim - 1))
    if inner and min(wrong.shape[axis] for axis in inner) > 2:
        border = np.zeros(wrong.shape, dtype=bool)
        for axis in inner:
            border |= (index[axis] == 0) | (index[axis] == wrong.shape[axis] - 1)
        yield border, f"at the border along {axes(inner)}"
