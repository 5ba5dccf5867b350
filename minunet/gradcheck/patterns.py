"""Patterns in a wrong gradient: factors, rearranged elements, means, and terms too few or too many.

Each function looks at a `Probe` and gives a sentence or nothing.
"""

from itertools import combinations

import numpy as np

from minunet.gradcheck.words import axes, listed, number, several, turned


def whole(probe):
    """All of it is 0, off by a factor, or off by dy itself."""
    if np.abs(probe.said).max() <= probe.near:
        return "backward gives 0 everywhere, whatever dy is, and differences do not."
    k = factor(probe, slice(None))
    if k == -1:
        return "the sign is wrong, everywhere: minus what backward gives would be right."
    if k is not None:
        return f"all of it is off by the factor {number(k)}."
    if probe.shape == probe.y_shape and len(probe.said) > 3 and probe.sure.all():
        error = probe.said - probe.true
        k = np.diag(error).mean()
        if abs(k) > 100 * probe.near and probe.same(error, k * np.eye(len(error))):
            k = round(k) if abs(k - round(k)) < 1e-6 else k
            if k > 0:
                return f"dy itself{_times(k)} is one term too many."
            return (f"backward would be right with dy itself{_times(-k)} added. Does the argument "
                    "reach y on two ways? Their gradients add.")
    return None


def _times(k):
    return "" if k == 1 else f", times {number(k)},"


def factor(probe, rows):
    """The factor by which these rows are off, if there is one; −1 and whole numbers exactly."""
    said, true = probe.said[rows], probe.true[rows]
    if np.sum(np.abs(true) > 100 * probe.near) < 3 or not np.abs(said).max() > probe.near:
        return None
    k = np.sum(said * true) / np.sum(true * true)
    if abs(k - 1) < 1e-6 or not probe.same(said, k * true):
        return None
    return round(k) if abs(k - round(k)) < 1e-6 and round(k) else k


def rearranged(probe):
    """The right numbers in the wrong places: reversed, two axes exchanged, or moved."""
    if not probe.sure.all():
        return None
    shape, y_shape = probe.shape, probe.y_shape
    if min(len(shape), len(y_shape)) > 1 and shape[-1] == y_shape[-1] > 1:
        exchanged = probe.true.reshape(*shape, *y_shape).swapaxes(len(shape) - 1, -1)
        if probe.same(probe.said, exchanged.reshape(probe.said.shape)):
            return ("it has the last axes of the argument and of y exchanged: the channels in and "
                    "out. Must a weight be transposed there?")
    if found := _places(probe):
        return f"the gradient is right but {found}"
    if found := _places(probe.turned_over()):
        return f"the gradient is that of another dy: of dy {found}"
    return None


def _places(probe):
    if probe.said.shape[0] < 2:
        return None
    said, true = (a.reshape(*probe.shape, -1) for a in (probe.said, probe.true))
    long = [axis for axis, size in enumerate(probe.shape) if size > 1]
    for count in range(1, len(long) + 1):
        for some in combinations(long, count):
            if probe.same(said, np.flip(true, some)):
                return f"{turned(some, len(probe.shape))}."
    for a, b in combinations(long, 2):
        if probe.shape[a] == probe.shape[b] and probe.same(said, true.swapaxes(a, b)):
            return f"with {axes((a, b))} exchanged."
    return _moved(probe, said, true)


def _moved(probe, said, true):
    for axis, size in enumerate(probe.shape):
        said, true = np.moveaxis(said, axis, 0), np.moveaxis(true, axis, 0)
        for step in (1, -1, 2, -2):
            if size < abs(step) + 2:
                continue
            rolled = np.roll(true, step, axis=0)
            new = np.arange(size) < step if step > 0 else np.arange(size) >= size + step
            # Zeros are right by accident, and what is alike everywhere need not have moved.
            plain = np.abs(rolled[~new]).reshape(size - abs(step), -1).max(axis=1)
            if (probe.same(said[~new], rolled[~new]) and not probe.same(said[~new], true[~new])
                    and (probe.same(said[new], 0) or probe.same(said[new], rolled[new]))
                    and (plain > 100 * probe.near).all()):
                return f"moved by {step} along {axes((axis,))}."
        said, true = np.moveaxis(said, 0, axis), np.moveaxis(true, 0, axis)
    return None


def scaled_along(probe):
    """Each index of one axis is off by a factor of its own: a scale per channel, say."""
    index = np.indices(probe.shape).reshape(len(probe.shape), len(probe.said))
    for axis, size in enumerate(probe.shape):
        slices = [index[axis] == i for i in range(size)]
        if not 2 <= size < probe.said.size // 3:
            continue
        factors = [1.0 if probe.same(probe.said[s], probe.true[s]) else factor(probe, s)
                   for s in slices]
        if None not in factors and all(probe.alive[s].sum() > 2 for s in slices):
            some = listed([number(k, 4) for k in factors[:4]]) + (" …" if size > 4 else "")
            return (f"it is off by factors that differ along {axes((axis,))} only: {some}. Is a "
                    "scale missing there, or one too many?")
    return None


def averaged(probe):
    """Shifting a channel changes nothing, so that its gradient must add up to 0, and does not."""
    if len(probe.shape) < 2 or not probe.sure.all():
        return None
    for axis, name in ((len(probe.shape) - 1, "channel"), (0, "index of axis 0")):
        parts = [np.moveaxis(a.reshape(*probe.shape, -1), axis, 0).reshape(
            probe.shape[axis], -1, probe.said.shape[1]) for a in (probe.true, probe.said)]
        true, said = parts
        most = 10 * probe.near * true.shape[1]
        if np.abs(true.sum(axis=1)).max() > most or np.abs(said.sum(axis=1)).max() <= most:
            continue
        if all(_rank(s - t, probe) <= 2 and _rank(t, probe) > 4 and _alike(s - t, probe)
               for t, s in zip(true, said, strict=True)):
            return (f"Σ of the gradient over each {name} is 0 by the differences, and not in "
                    "backward. Is a mean left out, taken as a sum, or of the wrong sign?")
    return None


def _rank(matrix, probe):
    return int(np.sum(np.linalg.svd(matrix, compute_uv=False) > 100 * probe.near))


def _alike(error, probe):
    """Whether a part of the error is the same for all elements, as that of a mean would be."""
    u, sizes, _ = np.linalg.svd(error, full_matrices=False)
    u = u[:, sizes > 100 * probe.near]  # an orthonormal basis of all errors
    return bool(np.sum(u.sum(axis=0) ** 2) > (1 - 1e-6) * len(error))


def dead(probe):
    """Some elements do not change y, and yet have a gradient."""
    rows = probe.wrong.any(axis=1)
    if (np.abs(probe.true[rows]) > probe.near).any() or not (probe.alive & ~probe.wrong).any():
        return None
    verb = "is" if rows.sum() == 1 else "are"
    return (f"only {several(rows.reshape(probe.shape))} {verb} wrong: there the argument does not "
            "change y, and backward does not give 0.")


def terms(probe):
    """Of the terms that add up in an element, some are missing; or there are some too many."""
    if probe.said.shape[1] < 2:
        return None
    wrong, pairs = probe.wrong, np.sum(np.abs(probe.true) > probe.near)
    right = np.sum(probe.alive & ~wrong)
    if right < 3:
        return None
    if np.all(np.abs(probe.said[wrong]) <= probe.near):
        return (f"of the {pairs} ways from one element of the argument to one of y, {wrong.sum()} "
                "are missing in backward, and the others are right. Where ways meet, gradients "
                "add: is it = where it must be +=?")
    if np.all(np.abs(probe.true[wrong]) <= probe.near):
        return (f"there are {pairs} ways from one element of the argument to one of y. Backward "
                f"has them all, and {wrong.sum()} more, where the argument does not change y.")
    return None
