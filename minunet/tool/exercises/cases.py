"""The cases that each operation is tried on: small whole numbers, the smallest case first.

Whole numbers, so that a learner can follow a case that fails with pencil and paper; and, at last,
some that are not whole, which an array of integers would round.
"""

import numpy as np

from minunet.tool.exercises.operations import OPERATIONS, Case

DRAWN = 30  # cases of an operation
FRACTIONS = 3  # of them, the last, have numbers that are not whole


def cases_of(name):
    """Draw the cases of an operation, the same at every call.

    Parameters
    ----------
    name : str
        Of `OPERATIONS`.

    Returns
    -------
    list of Case
        In ascending order of how many numbers there are in each.
    """
    rng = np.random.default_rng(len(name))
    drawn = [_case(OPERATIONS[name], rng, number) for number in range(DRAWN)]
    return sorted(drawn, key=lambda case: case.size)


def whole_numbers(rng, *shape):
    """Draw from −9 … 9, without 0, as float64."""
    return rng.integers(1, 10, size=shape) * rng.choice([-1.0, 1.0], size=shape)


def _case(operation, rng, number):
    arguments, options, traits = DRAW[operation.name](rng, number)
    fractions = number >= DRAWN - FRACTIONS
    if fractions:
        arguments = {key: None if a is None else 0.37 * a for key, a in arguments.items()}
    y, _ = operation.forward(*arguments.values(), **options)
    first = next(iter(arguments.values()))
    traits = traits | {"more than one image": len(first) > 1,
                       "more than one channel": first.shape[-1] > 1,
                       "numbers that are not whole": fractions}
    return Case(arguments, options, whole_numbers(rng, *y.shape) * (0.37 if fractions else 1),
                frozenset(trait for trait, there in traits.items() if there))


def _sizes(rng, number, least=1, most=6):
    """N, H, W, C: at first one image of few pixels, with one channel."""
    most = min(most, least + (number + 2) // 4)
    return (1 + number % 2, *rng.integers(least, most + 1, size=2).tolist(),
            1 + int(rng.integers(0, 3)) * (number > 5))


def _relu(rng, number):
    x = whole_numbers(rng, *_sizes(rng, number))
    if number % 3 == 2:
        x.flat[0] = 0  # the kink
    return {"x": x}, {}, {"a 0 in x": not x.all()}


def _max_pool(rng, number):
    shape = _sizes(rng, number, least=2)
    ties = number % 3 == 0
    x = np.sign(whole_numbers(rng, *shape)) if ties else _apart(rng, shape)
    if number == 1:
        x = np.array([-3.0, -1, -4, -2]).reshape(1, 2, 2, 1)  # its maximum is below 0
        shape = x.shape
    return {"x": x}, {}, {"an odd H or W": shape[1] % 2 or shape[2] % 2,
                          "equal pixels in a window": ties}


def _apart(rng, shape):
    """Whole numbers, no two of them equal."""
    return rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) // 2 + 0.0


def _conv(rng, number):
    n, h, w, c = _sizes(rng, number)
    f = 1 + int(rng.integers(0, 3)) * (number > 5)
    stride = 1 + number // 2 % 2
    kernel = rng.integers(1, 4, size=2) if number > 3 else np.array([1, 1 + number % 2])
    padding = 0
    if number % 3 == 2:  # at most one less than the kernel: more would only add a frame of b
        kernel += 1 - min(kernel) + number % 2 + 1
        kernel = np.minimum(kernel, 3)
        padding = int(rng.integers(1, min(kernel)))
    h, w = (max(size, k - 2 * padding) for size, k in zip((h, w), kernel.tolist(), strict=True))
    arguments = {"x": whole_numbers(rng, n, h, w, c), "w": whole_numbers(rng, *kernel, c, f),
                 "b": whole_numbers(rng, f) if number % 5 != 4 else None}
    return arguments, {"stride": stride, "padding": padding}, _traits(arguments, stride, padding)


def _conv_transpose(rng, number):
    arguments, options, _ = _conv(rng, number)
    x, w = arguments["x"], arguments["w"]
    kernel = w.shape[:2]
    if any((h - 1) * options["stride"] + k - 2 * options["padding"] < 1
           for h, k in zip(x.shape[1:3], kernel, strict=True)):
        options["padding"] = 0
    arguments["w"] = np.ascontiguousarray(w.swapaxes(-1, -2))  # (KH, KW, F, C)
    return arguments, options, _traits(arguments, **options)


def _traits(arguments, stride, padding):
    x, w, b = arguments.values()
    return {"stride 2": stride > 1, "padding": padding > 0, "padding 0": padding == 0,
            "no b": b is None, "b": b is not None, "C and F not the same": w.shape[2] != w.shape[3],
            "H and W not the same": x.shape[1] != x.shape[2],
            "a kernel that is not square": w.shape[0] != w.shape[1],
            "a kernel of more than one pixel": max(w.shape[:2]) > 1,
            "windows that overlap": max(w.shape[:2]) > stride}


def _batch_norm(rng, number):
    n, h, w, c = _sizes(rng, number)
    arguments = {"x": whole_numbers(rng, n, h, w, c), "gamma": whole_numbers(rng, c),
                 "beta": whole_numbers(rng, c)}
    options = {"eps": 1.0} if number % 2 else {}
    return arguments, options, {"eps given by keyword": bool(options)}


def _concat(rng, number):
    n, h, w, f = _sizes(rng, number)
    border = [0, 0] if number % 4 < 2 else [number // 4 % 4, int(rng.integers(0, 4))]
    skip = whole_numbers(rng, n, h + border[0], w + border[1], 1 + int(rng.integers(0, 3)))
    return ({"skip": skip, "up": whole_numbers(rng, n, h, w, f)}, {},
            {"a skip larger than up": any(border), "an odd border": any(b % 2 for b in border),
             "C and F not the same": skip.shape[-1] != f})


def _level(rng, number):
    n, h, w, c = _sizes(rng, number, least=2)
    f = 1 + number % 3
    arguments = {"x": _apart(rng, (n, h, w, c)), "w": whole_numbers(rng, 2, 2, f, c),
                 "b": whole_numbers(rng, f)}
    return arguments, {}, {"an odd H or W": h % 2 or w % 2, "C and F not the same": c != f}


DRAW = {"relu": _relu, "max_pool": _max_pool, "conv": _conv, "conv_transpose": _conv_transpose,
        "batch_norm": _batch_norm, "concat": _concat, "level": _level}
