"""Why a gradient is wrong, as far as that can be seen without knowing the operation.

Each reason says what was found, and is found only if it holds for every element that was probed.
What might lie behind it is put as a question. Where nothing of the kind holds, nothing is said.
"""

import numpy as np

from minunet.engine.purity import call_backward, call_forward
from minunet.gradcheck.patterns import averaged, dead, rearranged, scaled_along, terms, whole
from minunet.gradcheck.places import from_where, where
from minunet.gradcheck.probes import CLOSE, STEP, Probe, by_backward, by_differences
from minunet.gradcheck.stamps import stamped
from minunet.gradcheck.words import number, several, spot

# Beyond so many numbers in a matrix, or columns, Σ dy · y takes the place of y: a single column.
LARGEST, WIDEST = 2**21, 2**11
# The first that finds something is believed. What holds for all comes before what holds for a part.
PATTERNS = [whole, rearranged, stamped, dead, where, averaged, from_where, scaled_along, terms]


def explain(forward, backward, arguments, dy, keys, linear=()):
    """Look for what is wrong with the gradients of some arguments.

    Parameters
    ----------
    forward, backward, arguments, linear
        As for `gradcheck.check`. They must repeat themselves.
    dy : array
        That of the check.
    keys : list of str
        Names of the arguments whose gradients are wrong.
    linear : collection of str

    Returns
    -------
    dict of tuple of str
        Sentences, by the argument's name.
    """
    y, cache, _ = call_forward(forward, arguments)
    size = max(arguments[key].size for key in keys)
    if size * y.size > LARGEST or y.size > WIDEST:
        forward, backward, dy = _weighed(forward, dy), _weighing(backward, dy), np.array(1.0)
        y, cache, _ = call_forward(forward, arguments)
    with np.errstate(all="ignore"):  # a dy of zeros may be more than they expect
        try:
            at_once, nothing, opposite = (call_backward(backward, k * dy, cache, arguments)
                                          for k in (1, 0, -1))
            said = by_backward(backward, cache, y, arguments)
        except Exception:  # theirs, of a kind that nobody knows; the table stands without reasons
            return {}
        return {key: _of_dy(*gradients, dy) or _of_argument(forward, arguments, key,
                                                            gradients[-1], y, key in linear)
                for key, *gradients in zip(arguments, at_once, nothing, opposite, said, strict=True)
                if key in keys}


def _weighed(forward, dy):
    def number_forward(*arguments):
        y, cache = forward(*arguments)
        return np.sum(dy * y), cache
    return number_forward


def _weighing(backward, dy):
    return lambda one, cache: backward(one * dy, cache)


def _of_dy(at_once, nothing, opposite, said, dy):
    """What is wrong whatever forward computes: no numbers, or no sum over dy."""
    bad = ~np.isfinite(at_once)
    if bad.any():
        return (f"backward gives NaN or infinity at {several(bad)}. Is something divided by 0?",)
    if not np.isfinite(said).all():
        return ("backward gives NaN or infinity if dy is 0 but for one element. Does it divide by "
                "dy?",)
    near = CLOSE * max(np.abs(at_once).max(), np.abs(nothing).max())
    if np.abs(nothing).max() > near:
        return ("backward gives something else than 0 for a dy of zeros. Every term of a gradient "
                "has dy as a factor.",)
    sums = (said @ dy.ravel()).reshape(at_once.shape)
    if max(np.abs(at_once - sums).max(), np.abs(at_once + opposite).max()) > near:
        return ("backward is not linear in dy: the gradient for all of dy is not the sum of the "
                "gradients for its elements. Is dy squared, or compared with 0?",)
    return ()


def _of_argument(forward, arguments, key, said, y, linear):
    """What differences have to say, where they can be believed."""
    step, shape = 1.0 if linear else STEP, arguments[key].shape
    (true, jump), (finer, finer_jump) = (by_differences(forward, arguments, key, h)
                                         for h in (step, step / 4))
    if not np.isfinite([true, finer]).all():
        return (f"forward gives NaN or infinity, with {key} as it is or a step away.",)
    largest = max(np.abs(true).max(), np.abs(said).max())
    if 4 * np.finfo(float).eps * np.abs(y).max() / step > CLOSE * largest:
        return (f"y is so large beside its slope, {np.abs(y).max():.1g} to {largest:.1g}, that "
                "differences are made of rounding errors. Choose arguments where it is not.",)
    moves = np.abs(true - finer)
    if linear and moves.max() > 1e-3 * largest:
        return (f"forward is not linear in {key}: differences with a step of 1 are not those with "
                "1/4. Do not name it in `linear`.",
                *_of_argument(forward, arguments, key, said, y, False))
    kinks = _bent(true, jump, finer, finer_jump, largest)
    unsure = (kinks | (moves > CLOSE * largest)).any(axis=1)
    probe = Probe(np.where(unsure[:, None], 0, said), np.where(unsure[:, None], 0, true),
                  shape, y.shape, ~unsure)
    reasons = _kinks(kinks & (np.abs(said - true) > CLOSE * largest), true, jump, said, shape)
    faults = (pattern(probe) for pattern in PATTERNS) if probe.wrong.any() else ()
    if found := next(filter(None, faults), None):
        reasons.append(f"{'where differences can judge: ' if unsure.any() else ''}{found}")
    return tuple(reasons)


def _bent(slope, jump, finer_slope, finer_jump, largest):
    """Where forward has a kink within the step.

    Of a smooth function the slope changes by a quarter over a quarter of the step. At a kink it
    does not, while on one side at least it stays the same.
    """
    still = [np.abs((slope + side * jump / 2) - (finer_slope + side * finer_jump / 2))
             < 1e-3 * np.abs(jump) for side in (1, -1)]
    return ((np.abs(jump) > 1e-4 * largest) & (still[0] | still[1])
            & (np.abs(finer_jump - jump / 4) > 0.05 * np.abs(jump)))


def _kinks(wrong, true, jump, said, shape):
    """At how many elements that are wrong forward has a kink."""
    rows = wrong.any(axis=1)
    if not rows.any():
        return []
    i, j = np.unravel_index(np.argmax(np.abs(jump) * wrong), jump.shape)
    left, right = true - jump / 2, true + jump / 2
    low, high = np.minimum(left, right), np.maximum(left, right)
    slack = 0.01 * np.abs(jump).max()
    between = ((said >= low - slack) & (said <= high + slack))[rows].all()
    return [f"at {several(rows.reshape(shape))} forward has a kink. At {spot(i, shape)} the slope "
            f"of an element of y is {number(left[i, j], 3)} to the left and "
            f"{number(right[i, j], 3)} to the right: there is no derivative to compare with. Draw "
            "the values away from there."
            + (" What backward gives lies between the two, and is no fault." if between else "")]
