"""What a single element of dy paints on the gradient: the kernel, turned or at a wrong place.

In a convolution every dy paints the kernel, scaled by its value, onto the pixels that it was made
of. Or, seen from the other side, every pixel collects dy with the kernel as its weights.
"""

from itertools import combinations

import numpy as np

from minunet.gradcheck.words import axes, spot, turned


def stamped(probe):
    """Each single dy paints the right numbers, but turned, mirrored, or at the wrong place."""
    if not probe.sure.all():
        return None
    for view, start in ((probe, "a single element of dy paints what the differences say"),
                        (probe.turned_over(), "an element of the gradient collects dy with the "
                                              "right weights")):
        pairs = _pairs(view)
        fault = pairs and (_turned(view, pairs) or _misplaced(view, pairs))
        if fault:
            return f"{start}, but {fault}"
    return None


def _pairs(probe):
    """List (column, what backward paints, what differences paint), each a corner and a content.

    Stamps that are cut off at the border are left out: they are smaller than the largest.
    """
    if len(probe.shape) < 3 or len(probe.y_shape) < 3:
        return []
    found = [(j, _stamp(said.reshape(probe.shape), probe.near),
              _stamp(true.reshape(probe.shape), probe.near))
             for j, (said, true) in enumerate(zip(probe.said.T, probe.true.T, strict=True))]
    found = [(j, said, true) for j, said, true in found if said and true]
    if not found:
        return []
    largest = np.max([true[1].shape for _, _, true in found], axis=0)
    if max(largest[1:-1]) < 2 or (largest[1:-1] == probe.shape[1:-1]).all():
        return []
    pairs = [(j, said, true) for j, said, true in found
             if (true[1].shape == largest).all() and (said[1].shape == largest).all()]
    return pairs if len(pairs) > 2 else []


def _stamp(painted, near):
    """The corner and the content of the box that holds all that is not 0."""
    inner = range(1, painted.ndim - 1)
    filled = np.abs(painted) > near
    if not filled.any():
        return None
    corner, box = [], [slice(None)]
    for axis in inner:
        some = np.flatnonzero(filled.any(axis=tuple(i for i in range(painted.ndim) if i != axis)))
        corner.append(int(some[0]))
        box.append(slice(some[0], some[-1] + 1))
    return tuple(corner), painted[tuple(box)]


def _turned(probe, pairs):
    if any(said[0] != true[0] for _, said, true in pairs):
        return None
    content = [(said[1], true[1]) for _, said, true in pairs]
    inner = range(1, len(probe.shape) - 1)
    for count in range(1, len(inner) + 1):
        for some in combinations(inner, count):
            if (all(probe.same(s, np.flip(t, some)) for s, t in content)
                    and not all(probe.same(s, t) for s, t in content)):
                return f"{turned(some, len(probe.shape))}. Is the kernel the wrong way round?"
    for a, b in combinations(inner, 2):
        if (all(t.shape[a] == t.shape[b] and probe.same(s, t.swapaxes(a, b)) for s, t in content)
                and not all(probe.same(s, t) for s, t in content)):
            return f"with {axes((a, b))} exchanged."
    return None


def _misplaced(probe, pairs):
    if not all(probe.same(said[1], true[1]) for _, said, true in pairs):
        return None
    moved = {j: tuple(a - b for a, b in zip(said[0], true[0], strict=True))
             for j, said, true in pairs}
    steps = sorted(set(moved.values()))
    if steps == [(0,) * len(steps[0])]:
        return None
    if len(steps) == 1:
        inner = range(1, len(probe.shape) - 1)
        return f"moved by {', '.join(map(str, steps[0]))} along {axes(inner)}."
    # Another stride leads further, or less far, in the same order; a mirror turns the order round.
    for along in zip(*(zip(true[0], said[0], strict=True) for _, said, true in pairs), strict=True):
        ends = [end for _, end in sorted(along)]
        if ends != sorted(ends):
            return None
    far = max(moved, key=lambda j: sum(map(abs, moved[j])))
    return (f"at a wrong place, not always off by the same: moved by "
            f"{', '.join(map(str, moved[far]))} for the one at {spot(far, probe.y_shape)}. Is the "
            "stride right?")
