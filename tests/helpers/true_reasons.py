"""Whether a reason is true of a mutant, decided without `minunet.gradcheck`.

How the mutant was made says which kinds of reasons may be given. What a sentence says of numbers
and places is compared with the matrices of the right and the wrong backward.
"""

import re
from fractions import Fraction

import numpy as np

# The reasons by the words that only they have; the first that fits.
KINDS = {
    "nan": "NaN or infinity", "constant": "for a dy of zeros", "nonlinear": "not linear in dy",
    "zero": "gives 0 everywhere", "sign": "sign is wrong", "factor": "all of it is off by",
    "plus": "dy itself", "stamp turned": "(paints|collects dy).*the wrong way round",
    "stamp exchanged": "(paints|collects dy).*exchanged", "stride": "Is the stride right",
    "stamp moved": "(paints|collects dy).*moved by", "dy reversed": "of dy (turned|reversed)",
    "dy exchanged": "of dy with", "dy moved": "of dy moved",
    "reversed": "is right but (turned|reversed)",
    "exchanged": "right but with axes", "channels": "channels in and out",
    "moved": "right but moved", "images": "right for a dy in image", "mixed": "over images",
    "mean": "Is a mean left out", "from": "^only what comes from", "dead": "does not give 0",
    "along": "differ along ax", "missing": "are missing in backward", "surplus": "more, where",
    "where": "^only ", "kink": "has a kink", "argument": "forward is not linear",
}


def kind_of(reason):
    """Which of KINDS a sentence is."""
    return next(kind for kind, words in KINDS.items() if re.search(words, reason))


def is_true(reason, mutant):
    """Whether a sentence is true, by how the mutant was made and by both backwards' matrices."""
    kind = kind_of(reason)
    if kind not in mutant.allowed:
        return False
    right, wrong = mutant.matrices
    shape, near = mutant.arguments[mutant.key].shape, 1e-9 * np.abs(right).max()
    y_shape = np.shape(mutant.forward(*mutant.arguments.values())[0])
    differ = np.abs(right - wrong) > near
    if kind == "factor":
        k = float(Fraction(re.search(r"factor (-?[\d./e+-]+?)\.?$", reason)[1]))
        return np.allclose(wrong, k * right, rtol=1e-5, atol=near)
    if kind == "where":
        count = int(re.search(r"^only (\d+) of", reason)[1])
        return bool(count == differ.any(axis=1).sum() and _inside(
            reason, differ.any(axis=1).reshape(shape)))
    if kind == "missing":
        count = int(re.search(r"y, (\d+) are missing", reason)[1])
        return bool(count == differ.sum() and not wrong[differ].any())
    if kind == "from" and f"from {differ.any(axis=0).sum()} of" not in reason:
        return False
    if kind in ("from", "images"):
        return _inside(reason, differ.any(axis=0).reshape(y_shape))
    if kind == "dead":
        return not right[differ.any(axis=1)].any()
    if kind.endswith(("reversed", "exchanged")):
        if kind.startswith("dy"):
            right, wrong, shape = right.T, wrong.T, y_shape
        axes = [int(a) for a in re.findall(r"\d+", reason.split("ax")[1])]
        whole = right.reshape(*shape, -1)
        turned = np.flip(whole, axes) if "reversed" in kind else whole.swapaxes(*axes)
        return np.allclose(turned.reshape(right.shape), wrong, rtol=0, atol=near)
    return True


def _inside(reason, wrong):
    """Whether the places that a reason names are those that are wrong."""
    index = np.argwhere(wrong)
    if found := re.search(r"wrong for one in image ([\d, and]+)\.", reason):
        return {int(i) for i in re.findall(r"\d+", found[1])} == set(index[:, 0].tolist())
    if found := re.search(r"all in channel ([\d, and]+) \(", reason):
        return {int(i) for i in re.findall(r"\d+", found[1])} == set(index[:, -1].tolist())
    if found := re.search(r"all at index ([\d, and]+) of axis (\d+)", reason):
        return ({int(i) for i in re.findall(r"\d+", found[1])}
                == set(index[:, int(found[2])].tolist()))
    if "border" in reason:
        ends = np.array(wrong.shape)[1:-1] - 1
        return bool(((index[:, 1:-1] == 0) | (index[:, 1:-1] == ends)).any(axis=1).all())
    listed = re.search(r"\((.*?)\)", reason)[1].split("; ")
    return sorted(listed) == sorted(",".join(map(str, i)) for i in index.tolist())
