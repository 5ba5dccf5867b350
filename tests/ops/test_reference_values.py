"""Values and gradients that PyTorch computed once, for where it is not installed.

`make_reference_values.py` wrote them to `reference_values.json`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from minunet import UNet, ops

FILE = Path(__file__).parents[1] / "helpers" / "reference_values.json"


def wave(shape, phase=0):
    """Numbers from −1 to 1 by a formula: random generators may change between versions."""
    k = np.arange(np.prod(shape))
    return np.sin(0.37 * k * k + phase).reshape(shape)


# forward, backward, arguments, settings
OPS = {
    "conv": (ops.conv_forward, ops.conv_backward,
             {"x": wave((2, 5, 4, 3), 1), "w": wave((3, 2, 3, 2), 2), "b": wave((2,), 3)},
             {"stride": (2, 1), "padding": (1, 0)}),
    "conv_transpose": (ops.conv_transpose_forward, ops.conv_transpose_backward,
                       {"x": wave((2, 3, 2, 3), 4), "w": wave((3, 2, 2, 3), 5), "b": wave((2,), 6)},
                       {"stride": (2, 1), "padding": (1, 0)}),
    "max_pool": (ops.max_pool_forward, ops.max_pool_backward, {"x": wave((2, 5, 4, 2), 7)},
                 {"size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    "batch_norm": (ops.batch_norm_forward, ops.batch_norm_backward,
                   {"x": wave((2, 4, 3, 2), 8), "gamma": wave((2,), 9), "beta": wave((2,), 10)},
                   {}),
}
NETWORKS = {"same": ({"padding": "same", "norm": None}, (8, 12)),
            "valid": ({"padding": "valid", "norm": "batch"}, (44, 44))}


def build(name):
    """Give a network whose parameters come from the formula, and an image for it."""
    settings, size = NETWORKS[name]
    net = UNet(2, 2, base_channels=2, depth=2, dtype="float64", **settings)
    for i, (key, value) in enumerate(net.params.items()):
        value[...] = key.endswith("gamma") + 0.6 * wave(value.shape, i)
    return net, wave((2, *size, 2), -1)


def checksum(gradient):
    """One number in which every element counts."""
    return np.sum(gradient * wave(gradient.shape))


def assert_close(ours, stored):
    stored = np.array(stored).reshape(ours.shape)
    np.testing.assert_allclose(ours, stored, rtol=0, atol=1e-10 * np.abs(stored).max())


@pytest.fixture(scope="module")
def stored():
    return json.loads(FILE.read_text())


@pytest.mark.parametrize("name", OPS)
def test_an_op_gives_the_stored_values(stored, name):
    forward, backward, arguments, settings = OPS[name]
    y, cache = forward(*arguments.values(), **settings)
    gradients = backward(wave(y.shape), cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    assert_close(y, stored[f"{name}: y"])
    for argument, gradient in zip(arguments, gradients, strict=True):
        assert_close(gradient, stored[f"{name}: d{argument}"])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_the_stored_values(stored, name):
    net, x = build(name)
    logits, cache = net.forward(x, training=True)
    dx, grads = net.backward(wave(logits.shape), cache)
    assert_close(logits, stored[f"{name}: logits"])
    sums = np.array([checksum(g) for g in (dx, *grads.values())])
    assert_close(sums, stored[f"{name}: gradients"])
    for key, value in net.buffers.items():
        assert_close(value, stored[f"{name}: {key}"])
