"""Where a training step's time goes, op by op, against what the machine could do at best.

An op that makes A operations of arithmetic and has to move B bytes cannot take less than
max(A / P, B / M) seconds on a machine that multiplies matrices at P operations and copies at M
bytes per second. P and M are measured beside the step. A / B, the op's arithmetic intensity,
decides which of the two bounds it.

S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", 2009.
"""

import math
from collections import defaultdict
from contextlib import contextmanager
from statistics import median
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from minunet import ops
from minunet.engine.backend import array_module
from minunet.engine.threads import parallel, threads
from minunet.tool.bench.clock import Contender, device_clock, digits, interleave
from minunet.tool.bench.minunet_work import learner
from minunet.train import train_step

# Arithmetic of the other ops, counted in their code, for an element of the first argument.
PER_ELEMENT = {"batch_norm_relu_forward": 7, "batch_norm_relu_backward": 16, "add": 1,
               "max_pool_forward": 3, "max_pool_backward": 12,
               "sigmoid_cross_entropy": 12, "dice_loss": 12, "adam_update": 14}


class Call(NamedTuple):
    """What one call of an op did."""

    op: str  # "conv", "batch_norm_relu", …, "loss", "adam"
    direction: str  # "forward", "backward" or "update"
    side: int  # of the larger of the images that it reads or writes, in pixels
    seconds: float
    flop: int  # of arithmetic; a convolution's as if computed by its definition
    bytes: int  # of memory, if every array in and out were moved just once


def measure_roofline(case, product_side, copy_bytes, runs, device):
    """Measure a training step op by op, and the machine's two rates beside it.

    Parameters
    ----------
    case : Case
    product_side : int
        Side of the square matrices to multiply.
    copy_bytes : int
        Size of the array to copy: large, so that no cache holds it.
    runs : int
    device : {"cpu", "cuda"}

    Returns
    -------
    dict
        ``"name"``; ``"flop_rate"`` and ``"byte_rate"``, the best of the rounds (a byte read and
        a byte written are two); ``"seconds"`` of the step, median; ``"rows"``: for each op,
        direction and side the fields of `Call`, summed over a step, medians over the rounds.
    """
    net, optimiser, images, target = learner(case, device)
    xp, steps = array_module(images), []
    clock = device_clock(xp)

    def step():
        steps.append(watched_step(net, optimiser, images, target, clock))

    work = {"product": product(xp, product_side), "copy": copy(xp, copy_bytes), "step": step}
    seconds = interleave([Contender(name, run, clock) for name, run in work.items()], runs)
    return {"name": str(case), "seconds": digits(median(seconds["step"])),
            "flop_rate": digits(2 * product_side**3 / min(seconds["product"])),
            "byte_rate": digits(2 * copy_bytes / min(seconds["copy"])),
            "rows": _median_rows(steps[1:])}  # the first step warmed up


def product(xp, side):
    """Multiply two square matrices, with as many threads as minunet has."""
    a, blas = xp.ones((side, side), dtype=np.float32), ThreadpoolController()

    def run():
        with blas.limit(limits=threads(), user_api="blas"):
            return a @ a

    return run if xp is np else lambda: a @ a


def copy(xp, nbytes):
    """Copy an array, a part a thread."""
    source = xp.ones(nbytes // 4, dtype=np.float32)
    target = xp.empty_like(source)
    step = -(-len(source) // threads())

    def part(start):
        target[start : start + step] = source[start : start + step]

    return lambda: parallel(xp, part, [(i,) for i in range(0, len(source), step)])


def watched_step(net, optimiser, images, target, clock):
    """Make a training step and give the list of its `Call`."""
    calls = []
    update = _watched("adam_update", optimiser.step, calls, clock)
    with _watching(calls, clock):
        train_step(net, SimpleNamespace(step=update), images, target)
    return calls


@contextmanager
def _watching(calls, clock):
    """Let every op of `minunet.ops` note its calls, without a line of theirs changed."""
    originals = {name: getattr(ops, name) for name in ops.__all__}
    try:
        for name, op in originals.items():
            setattr(ops, name, _watched(name, op, calls, clock))
        yield
    finally:
        for name, op in originals.items():
            setattr(ops, name, op)


def _watched(name, op, calls, clock):
    def call(*args, **options):
        results = []
        seconds = clock(lambda: results.append(op(*args, **options)))
        arrays = list(arrays_in((args, results)))
        side = max((a.shape[1] for a in arrays if a.ndim == 4), default=0)
        kind, _, direction = name.rpartition("_")
        if name == "add":  # of the gradients that come down and across
            kind, direction = name, "backward"
        elif direction not in ("forward", "backward", "update"):
            kind, direction = "loss", "forward"
        moved = 7 if kind == "adam" else 1  # reads p, g, m and v; writes p, m and v
        calls.append(Call(kind, direction, 0 if kind == "adam" else side, seconds,
                          _flop(name, args, **options), moved * distinct_bytes(arrays)))
        return results[0]

    return call


def _flop(name, args, input_gradient=True, **_):
    """Operations of arithmetic, an addition and a multiplication being two."""
    if name == "conv_forward":
        x, w = args[:2]  # padding keeps the size: as many pixels out as in
        return 2 * x.size // x.shape[-1] * math.prod(w.shape)
    if name == "conv_transpose_forward":
        x, w = args[:2]  # every pixel in meets the whole kernel
        return 2 * x.size // x.shape[-1] * math.prod(w.shape)
    if name in ("conv_backward", "conv_transpose_backward"):
        gradients, (dy, (x, w, *_)) = 1 + input_gradient, args  # dw, dx
        # A convolution's dy has as many pixels as its x, which its cache may hold as a function.
        return gradients * _flop(name.replace("backward", "forward"), (dy if callable(x) else x, w))
    elements = sum(a.size for a in arrays_in(args[:1]))
    return PER_ELEMENT.get(name, 0) * elements


def arrays_in(tree):
    """Yield the arrays in nested tuples, lists and dicts, such as a cache."""
    if hasattr(tree, "nbytes") and getattr(tree, "ndim", 0):
        yield tree
    elif isinstance(tree, tuple | list | dict):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_in(branch)
    elif hasattr(tree, "__self__"):  # `output` of a cache: what makes an array again
        yield from arrays_in(tree.__self__)


def distinct_bytes(arrays):
    """Sum the sizes; of an array and views of it, such as a cached argument, take the largest."""
    owners = defaultdict(int)
    for a in arrays:
        owner = id(a if a.base is None else a.base)
        owners[owner] = max(owners[owner], a.nbytes)
    return sum(owners.values())


def _median_rows(steps):
    """Sum each step's calls by op, direction and side; give the medians of the seconds."""
    groups = defaultdict(list)
    for calls in steps:
        sums = defaultdict(lambda: np.zeros(4))
        for call in calls:
            sums[call[:3]] += (call.seconds, call.flop, call.bytes, 1)
        for key, row in sums.items():
            groups[key].append(row)
    return [{"op": op, "direction": direction, "side": side, "calls": int(rows[0][3]),
             "seconds": digits(median(row[0] for row in rows)),
             "flop": int(rows[0][1]), "bytes": int(rows[0][2])}
            for (op, direction, side), rows in groups.items()]
