"""What the benchmark counts: arithmetic and bytes of each op of a step, against the machine's."""

import math

import pytest

import minunet.tool.bench.roofline
from minunet import UNet, ops
from minunet.layers import list_layers, parameter_shapes, trace
from minunet.tool.bench import minunet_work
from minunet.tool.bench.clock import host_clock
from minunet.tool.bench.minunet_work import Case
from minunet.tool.bench.report import by_op
from minunet.tool.bench.roofline import PER_ELEMENT, watched_step
from minunet.train import train_step

SMALL = Case(2, 32, 1)


def copied(net):
    """Give a network's parameters, as they are now."""
    return {name: p.copy() for name, p in net.params.items()}


def test_a_step_counts_the_multiplications_of_the_layers():
    case = Case(4, 32, 3)
    calls = watched_step(*minunet_work.learner(case, "cpu"), host_clock)
    config = UNet(3, 1, 4).config
    expected = 0
    for layer, (h, w) in zip(list_layers(config), trace(config, (32, 32)), strict=True):
        weight = parameter_shapes(layer, "batch").get("w")
        if weight:
            expected += 2 * 3 * h * w * math.prod(weight) // (4 if layer.kind == "up" else 1)
    flop = {direction: sum(call.flop for call in calls if call.direction == direction
                           and call.op in ("conv", "conv_transpose"))
            for direction in ("forward", "backward")}
    image = 2 * 3 * 32 * 32 * 9 * 3 * config["base_channels"]  # its gradient is left out
    assert flop == {"forward": expected, "backward": 2 * expected - image}


def test_every_array_of_an_op_is_moved_once():
    case, itemsize = Case(4, 32, 2), 4
    calls = watched_step(*minunet_work.learner(case, "cpu"), host_clock)
    largest = {(call.op, call.direction): call for call in reversed(calls) if call.side == 32}
    map_bytes = 2 * 32 * 32 * 4 * itemsize  # an activation of the first level
    weights = 4 * itemsize  # γ, β and others: one number a channel each
    forward = largest["batch_norm_relu", "forward"].bytes  # reads x, writes y
    assert 0 <= forward - 2 * map_bytes <= 6 * weights
    backward = largest["batch_norm_relu", "backward"].bytes  # reads dy and x, writes dx
    assert 0 <= backward - 3 * map_bytes <= 8 * weights
    assert largest["add", "backward"].bytes == 3 * map_bytes
    assert largest["concat", "forward"].bytes == 4 * map_bytes
    assert largest["concat", "backward"].bytes == 4 * map_bytes
    images = map_bytes * 3 // 4
    assert largest["conv", "forward"].bytes == images + 9 * 3 * 4 * itemsize + map_bytes


def test_a_watched_step_is_a_step():
    watched, plain = (minunet_work.learner(SMALL, "cpu") for _ in range(2))
    before = {name: getattr(ops, name) for name in ops.__all__}
    calls = watched_step(*watched, host_clock)
    train_step(*plain)
    assert {name: getattr(ops, name) for name in ops.__all__} == before
    after = copied(plain[0])
    assert all((p == after[name]).all() for name, p in watched[0].params.items())
    assert calls[-1].op == "adam"


def test_the_ops_are_put_back_after_an_error(monkeypatch):
    arguments = minunet_work.learner(SMALL, "cpu")
    before = ops.relu_forward
    monkeypatch.setattr(minunet.tool.bench.roofline, "train_step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watched_step(*arguments, host_clock)
    assert ops.relu_forward is before


def test_every_op_whose_arithmetic_is_counted_exists():
    assert set(PER_ELEMENT) - {"adam_update"} <= set(ops.__all__)


def test_the_bound_is_the_larger_of_arithmetic_and_memory():
    rows = [{"op": "conv", "direction": "forward", "side": side, "seconds": 1.0, "flop": flop,
             "bytes": 10} for side, flop in ((64, 200), (32, 20))]
    [row] = by_op({"rows": rows, "flop_rate": 10, "byte_rate": 2}).values()
    assert (row["arithmetic"], row["memory"], row["bound"]) == (22, 10, 20 + 5)
