"""Why a result is wrong: the first rule that explains it in every case that was tried."""

import numpy as np

from minunet.tool.exercises.mistakes import KNOWN
from minunet.tool.exercises.operations import expected
from minunet.tool.exercises.trials import same
from minunet.tool.exercises.verdict import has_few_numbers

OF_IMAGES = {"y", "dx", "dskip", "dup"}  # results that have an axis of images
REMARKS = {
    "padding 0": "`[p:-p]` is empty where P is 0, and `[p : p + H]` is not",
    "numbers that are not whole": "is there an array of integers, such as dtype=int?",
    "no b": "where b is None, nothing is added, and db is None",
    "C and F not the same": "are the two exchanged somewhere?",
    "H and W not the same": "are the two exchanged somewhere?",
    "a kernel that is not square": "are KH and KW exchanged somewhere?",
    "an odd H or W": "the last row or column of an odd size is in no window; its dx is 0",
}
SHAPES = {("conv", "y"): "OH = ⌊(H + 2P − KH) / S⌋ + 1, and OW = ⌊(W + 2P − KW) / S⌋ + 1",
          ("conv_transpose", "y"): "OH = (H − 1)·S + KH − 2P, and OW = (W − 1)·S + KW − 2P",
          ("max_pool", "y"): "(N, ⌊H/2⌋, ⌊W/2⌋, C)"}
FLOAT32 = 1e-5  # what sums of float32 are off by, at most, in numbers as large as 1
ENOUGH = 3  # cases in which a hint must hold, so that it is no accident


def find_hint(operation, name, trials):
    """Give a hint for what is wrong with one of an operation's results.

    Parameters
    ----------
    operation : Operation
    name : str
        Of the result: "y", "dx", …
    trials : list of Trial
        All, right and wrong.

    Returns
    -------
    str
    """
    arrays = [t for t in trials if t.got.get(name) is not None and t.expected[name] is not None]
    rules = (KNOWN[operation.name].get(name, []) + _in_its_place(operation, name)
             + _common(operation, name))
    for hint, mistake in rules:
        if _explains(mistake, name, arrays):
            return hint
    faults = [trial.fault for trial in trials if trial.fault]
    found = ("" if faults else _digits(name, arrays) or _factor(name, arrays)) or (
        _pattern(name, trials) or _shapes(operation, name, trials))
    if found:
        return found
    if faults:
        return ("call the function with arrays of these shapes, and print the shapes on the way"
                if "raises" in faults[0] else "")
    smallest = next(trial for trial in trials if wrong(trial, name))
    return f"compare with the formula of {name}" + (
        ", and do the smallest case with pencil and paper"
        if has_few_numbers(smallest.case, name) else "")


def wrong(trial, name):
    """Whether the result of this name is not right, or could not be reached."""
    return name not in trial.got or not same(trial.got[name], trial.expected[name])


def _explains(mistake, name, trials):
    """Whether what the mistake gives is what came, in every case where something came."""
    if sum(wrong(trial, name) for trial in trials) < ENOUGH:
        return False
    for trial in trials:
        try:
            with np.errstate(all="ignore"):
                array = mistake(trial.case)
        except (ValueError, IndexError):  # it gives nothing in this case
            if trial.got[name].size:
                return False
            continue
        if not same(trial.got[name], np.asarray(array, float)):
            return False
    return True


def _in_its_place(operation, name):
    """The rules for another gradient where this one should be."""
    def rule(other):
        return (f"these are exchanged: the order is {order}, and this is {other}",
                lambda case: expected(operation, case)[other])

    order = ", ".join(operation.gradients)
    return [rule(other) for other in operation.gradients if name not in ("y", other)]


def _common(operation, name):
    """The rules for all operations."""
    def right(case):
        return expected(operation, case)[name]

    def images(keep):
        def compute(case):
            if name not in OF_IMAGES:
                dy = np.zeros_like(case.dy)
                dy[keep] = case.dy[keep]
                return expected(operation, case, dy=dy)[name]
            only = np.zeros_like(right(case))
            only[keep] = right(case)[keep]
            return only

        return compute

    first, axes = (1, "H and W") if name in OF_IMAGES else (0, "KH and KW")

    def exchanged(case):
        return right(case).swapaxes(first, first + 1) if right(case).ndim == 4 else right(case)

    return [(f"{name} is 0 everywhere: is the result written into the array that is returned?",
             lambda case: np.zeros_like(right(case))),
            (f"{name} has the wrong sign", lambda case: -right(case)),
            (f"{name} is right for the first image alone: something is not done, or not summed, "
             "for the others", images(slice(0, 1))),
            (f"{name} is that of the last image alone: collect over the images with `+=`",
             images(slice(-1, None))),
            (f"{name} is divided by the number of images: a sum was asked for, not a mean",
             lambda case: right(case) / len(case.dy)),
            (f"{name} is divided by the number of pixels of all images: a sum was asked for, not a "
             "mean", lambda case: right(case) / (case.dy.size / case.dy.shape[-1])),
            (f"{name} is divided by the number of pixels of an image: a sum was asked for, not a "
             "mean", lambda case: right(case) / (case.dy[0].size / case.dy.shape[-1])),
            (f"{name} has {axes} exchanged", exchanged)]


def _digits(name, trials):
    """All results right to the digits of float32, and no further."""
    if not all(t.got[name].shape == t.expected[name].shape
               and np.abs(t.got[name] - t.expected[name]).max(initial=0)
               <= FLOAT32 * np.abs(t.expected[name]).max(initial=1) for t in trials):
        return ""
    return (f"too few digits: something on the way to {name} is float32; keep the dtype of x, for "
            "example `np.zeros(shape, dtype=x.dtype)`")


def _factor(name, trials):
    """All results off by one factor."""
    if (sum(wrong(t, name) for t in trials) < ENOUGH
            or any(t.got[name].shape != t.expected[name].shape for t in trials)):
        return ""
    got = np.concatenate([t.got[name].ravel() for t in trials])
    right = np.concatenate([t.expected[name].ravel() for t in trials])
    factor = float(got @ right / (right @ right))
    if not np.isfinite(factor) or not same(got, factor * right):
        return ""
    return f"{name} is {factor:.6g} times what it should be, everywhere"


def _pattern(name, trials):
    """What all wrong cases have, and no right one."""
    faulty = [t.case.traits for t in trials if wrong(t, name)]
    fine = [t.case.traits for t in trials if not wrong(t, name)]
    if len(fine) < ENOUGH:
        return ""
    special = frozenset.intersection(*faulty) - frozenset().union(*fine)
    if not special:
        return ""
    trait = min(special, key=len)
    return (f"it is wrong in every case with {trait}, and right in all others: "
            f"{REMARKS.get(trait, 'look at what the code does there')}")


def _shapes(operation, name, trials):
    """A result of a wrong shape."""
    smallest = next(t for t in trials if wrong(t, name))  # this one is shown
    right, got = smallest.expected[name], smallest.got.get(name)
    if right is None or got is None or got.shape == right.shape:
        return ""
    rule = SHAPES.get((operation.name, name)) or (
        "a gradient has the shape of what it is the gradient of" if name != "y" else
        "print the shapes on the way, and follow the formula")
    return f"{name} has the wrong shape: {rule}"
