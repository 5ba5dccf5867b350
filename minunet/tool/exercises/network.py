"""Task 9: a U-Net made of the learner's operations is right, and learns a slice by heart."""

import time
from contextlib import nullcontext
from functools import partial
from itertools import cycle
from unittest import mock

import numpy as np

from minunet import UNet, plain
from minunet.data.phantom import phantom_slice
from minunet.data.preprocess import Preprocessing, prepare
from minunet.metrics import dice
from minunet.tool.exercises.trials import as_array, call, same
from minunet.tool.exercises.verdict import Verdict

SIZE, DEPTH, STEPS, ENOUGH = 96, 2, 150, 0.95
PAGE, HEADING = "docs/unet.md", "The U"  # what comes before its code
TOO_LONG = 4  # seconds for a step, of which some hundred are needed
SLOW = ("loops over all pixels are too slow here: keep the loop over the places of the kernel, and "
        "let NumPy do images, pixels and channels at once")


def _swapped(skip, up):
    return np.concatenate([up, skip], axis=-1), up.shape[-1]


def _nothing(x, *_):
    return x, None


_conv_forward, _batch_norm_forward = plain.conv_forward, plain.batch_norm_forward
_concat_backward, _max_pool_backward = plain.concat_backward, plain.max_pool_backward


def _relu_at(turns):
    """A ReLU that is left out in turn: a block has two."""
    turns = cycle(turns)
    return lambda x: (np.maximum(x, 0) if next(turns) else x, None)


def _after_the_head(change):
    def conv_forward(x, w, *b):
        y, cache = _conv_forward(x, w, *b)
        return (change(y) if len(w) == 1 else y), cache  # the head's kernel alone is 1×1

    return conv_forward


FORWARD = [
    ("the order of the concatenation is [skip, up]", {"concat_forward": _swapped}),
    ("the ReLU is missing in the blocks", {"relu_forward": _nothing}),
    ("the second ReLU of the blocks is missing: a block is twice convolution, normalisation, ReLU",
     {"relu_forward": _relu_at((True, False))}),
    ("the first ReLU of the blocks is missing: a block is twice convolution, normalisation, ReLU",
     {"relu_forward": _relu_at((False, True))}),
    ("the ReLU comes after the normalisation, not before it", {
        "relu_forward": _nothing,
        "batch_norm_forward": lambda x, *p: _batch_norm_forward(np.maximum(x, 0), *p)}),
    ("γ and β are exchanged: batch_norm_forward(x, gamma, beta)",
     {"batch_norm_forward": lambda x, gamma, beta: _batch_norm_forward(x, beta, gamma)}),
    ("these are probabilities: return the logits, what the head gives, without the sigmoid",
     {"conv_forward": _after_the_head(lambda y: 1 / (1 + np.exp(-y)))}),
    ("there is a ReLU after the head: the logits are what the head gives",
     {"conv_forward": _after_the_head(lambda y: np.maximum(y, 0))}),
    ("the normalisation is missing in the blocks", {"batch_norm_forward": _nothing}),
]
BACKWARD = [
    ("the skip's gradient is missing: the output of an encoder block is used twice, and the "
     "gradients of both ways add", {"concat_backward": lambda dy, c: (
         np.zeros_like(dy[..., :c]), _concat_backward(dy, c)[1])}),
    ("the gradient of the way down is missing: the output of an encoder block is used twice, and "
     "the gradients of both ways add",
     {"max_pool_backward": lambda dy, c: 0 * _max_pool_backward(dy, c)}),
    ("the two halves of the concatenation's gradient are exchanged: the skip comes first",
     {"concat_backward": lambda dy, c: _concat_backward(dy, c)[::-1]}),
    ("the ReLU is missing on the way back", {"relu_backward": lambda dy, c: dy}),
]


def examine_network(functions, stage):
    """Grade task 9.

    Parameters
    ----------
    functions : dict
        What the learner's file defines.
    stage : callable
        Told in words what comes next.

    Returns
    -------
    Verdict
    """
    for depth in (1, DEPTH):
        stage(f"a small network of depth {depth}")
        problem, hint = _compare(functions, depth)
        if problem:
            return Verdict(False, problem, hint=hint, page=PAGE, heading=HEADING,
                           case=(f"the smallest case that fails: x (2, 4, 8, 2), depth {depth}",))
    problem = partial(Verdict, False, page=PAGE, heading=HEADING)
    try:
        score = learn(functions["forward"], functions["backward"], stage)
    except TooSlow as error:
        return problem(f"its gradients are right, but {error}", hint=SLOW)
    except Exception as error:  # a learner's code may raise anything
        return problem(f"while learning: {type(error).__name__}: {error}",
                       hint="the small networks were right; here x and the parameters are float32, "
                       f"and a slice has {SIZE}×{SIZE} pixels")
    if score < ENOUGH:
        return problem(f"after {STEPS} steps the Dice is {score:.2f}, not {ENOUGH}",
                       hint="does anything stay behind from call to call?")
    return Verdict(True)


class TooSlow(Exception):
    """A step takes too long to learn anything."""


def learn(forward, backward, stage=lambda text: None):
    """Learn the slice of ``examples/03_overfit_one_image.py`` by heart, up to a Dice of 0.95.

    Parameters
    ----------
    forward, backward : callable
        As those of `minunet.plain`.
    stage : callable
        Told in words what comes next.

    Returns
    -------
    float
        The Dice with the truth.

    Raises
    ------
    TooSlow
        If the first step takes more than `TOO_LONG`.
    """
    image, labels = phantom_slice(SIZE, np.random.default_rng(8))  # (H, W, 4), (H, W)
    x = prepare(image[np.newaxis], Preprocessing(size=SIZE))  # (1, H, W, 4)
    target = (labels > 0)[np.newaxis, ..., np.newaxis]  # (1, H, W, 1)
    p, velocity = UNet(4, 1, base_channels=8, depth=DEPTH).params, {}
    for step in range(STEPS + 1):
        stage(f"step {step} of learning a slice of {SIZE}×{SIZE} pixels by heart")
        begun = time.monotonic()
        logits, cache = forward(x, p, DEPTH)
        score = dice(logits[0, ..., 0] > 0, labels > 0)  # logit > 0: probability > ½
        if score > ENOUGH or step == STEPS:
            return score
        _, dlogits = plain.sigmoid_cross_entropy(logits, target)
        _, grads = backward(dlogits, cache, DEPTH)
        for name in p:  # as `plain.train_step`
            velocity[name] = 0.9 * velocity.get(name, 0) + grads[name]
            p[name] -= 0.3 * velocity[name]
        if step == 0 and (seconds := time.monotonic() - begun) > TOO_LONG:
            raise TooSlow(f"a step of learning takes {seconds:.0f} seconds, and 100 are needed")


def _compare(functions, depth):
    """What is wrong with a small network, and a hint; both empty if nothing is."""
    rng = np.random.default_rng(depth)
    p = UNet(2, 1, base_channels=2, depth=depth, dtype="float64").params
    p = {key: value + rng.normal(0, 0.3, size=value.shape) for key, value in p.items()}
    x, dlogits = rng.normal(size=(2, 4, 8, 2)), rng.normal(size=(2, 4, 8, 1))
    right = partial(_right, x, p, dlogits, depth)
    given, given_x = {key: value.copy() for key, value in p.items()}, x.copy()
    result, fault = call(functions, "forward", given_x, given, depth)
    if not fault and not (isinstance(result, tuple) and len(result) == 2):
        fault = "forward must return logits, cache"
    if fault:
        return fault, "print the shapes on the way, level by level"
    logits, cache = result
    if not same(_array(logits), right()["logits"]):
        return "forward gives other logits", _hint(
            FORWARD, {"logits": logits}, right,
            "go through what the docstring of forward says, one line after the other")
    results = [call(functions, "backward", dlogits.copy(), cache, depth) for _ in (1, 2)]
    for result, fault in results:
        if fault or not (isinstance(result, tuple) and len(result) == 2
                         and isinstance(result[1], dict)):
            return (fault or "backward must return dx, grads, and grads must be a dict",
                    "undo the operations from the last to the first, each with the cache of its "
                    "own forward")
    if foreign := results[0][0][1].keys() - p.keys():
        return (f"grads has {min(foreign, key=str)!r}, which is no parameter",
                "the names of grads are those of p, and no others")
    got = {"dx": results[0][0][0]} | results[0][0][1]
    problem, hint = _gradients(got, right)
    if not problem and not all(same(given[key], p[key]) for key in p):
        return "a parameter is changed", "copy before you write"
    if not problem and not same(given_x, x):
        return "x is changed", "copy before you write"
    if not problem and not all(same(_array(results[1][0][1][key]), expected)
                               for key, expected in right().items() if key in p):
        return "backward gives others when called again", "it must not change what is in the cache"
    return problem, hint


def _array(value):
    """A result as an array; one that equals nothing if it is none."""
    array, _ = as_array("", value)
    return np.empty(0) if array is None else array


def _right(x, p, dlogits, depth, patches=()):
    """What `plain` gives by name, with some of its functions replaced."""
    with mock.patch.multiple(plain, **patches) if patches else nullcontext():
        logits, cache = plain.forward(x, p, depth)
        if any("forward" in name for name in patches):
            return {"logits": logits}
        dx, grads = plain.backward(dlogits, cache, depth)
    return {"logits": logits, "dx": dx} | grads


def _gradients(got, right):
    """What is wrong with the gradients; the way back goes through `plain`'s names in order."""
    expected = right()
    names = list(expected)[2:] + ["dx"]  # as the way back meets them
    if missing := [name for name in names if name not in got]:
        return f"grads has no {missing[0]}", "the names of grads are those of p"
    wrong = [name for name in names if not same(_array(got[name]), expected[name])]
    if not wrong:
        return "", ""
    fine = [name for name in names if name not in wrong]
    hint = _hint(BACKWARD, {name: got[name] for name in names}, right) or (
        f"the first wrong one on the way back is {wrong[0]}: look at what comes just before it"
        + (f"; {fine[-1]} is still right" if fine else ""))
    return f"the gradient of {wrong[0]} is wrong, {len(wrong)} of {len(names)} are", hint


def _hint(mistakes, got, right, otherwise=""):
    """The hint of the mistake that gives what came."""
    for hint, patches in mistakes:
        other = right(patches=patches)
        if all(same(_array(array), other[name]) for name, array in got.items()):
            return hint
    return otherwise
