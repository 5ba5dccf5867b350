"""The skip is where a value is used twice: it goes down and across, and its gradients add."""

import numpy as np
import pytest

from minunet import UNet, gradcheck, ops


def without(monkeypatch, way):
    """Let no gradient come back "down" (through the pooling) or "across" (through the skip)."""
    pool_backward, concat_backward = ops.max_pool_backward, ops.concat_backward
    if way == "down":
        monkeypatch.setattr(ops, "max_pool_backward", lambda *args: 0 * pool_backward(*args))
    else:
        def no_skip(dy, cache):
            dskip, dup = concat_backward(dy, cache)
            return 0 * dskip, dup
        monkeypatch.setattr(ops, "concat_backward", no_skip)


def network(padding):
    net = UNet(2, 1, base_channels=2, depth=1, padding=padding, dtype="float64")
    return net, np.random.default_rng(0).normal(size=(2, 20, 18, 2))


def encoder_gradient(padding):
    net, x = network(padding)
    logits, cache = net.forward(x, training=True)
    _, grads = net.backward(np.random.default_rng(1).normal(size=logits.shape), cache)
    return grads["enc1.conv1.w"]


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_gradients_of_both_ways_add(monkeypatch, padding):
    both = encoder_gradient(padding)
    with monkeypatch.context() as patch:
        without(patch, "down")
        across = encoder_gradient(padding)
    without(monkeypatch, "across")
    down = encoder_gradient(padding)
    assert np.abs(down).max() > 0.1 and np.abs(across).max() > 0.1
    np.testing.assert_allclose(both, down + across, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", ["down", "across"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_checker_sees_either_way_missing(monkeypatch, padding, way):
    without(monkeypatch, way)
    report = gradcheck.check_network(*network(padding))
    wrong = {row.argument.split(": ")[1] for row in report if not row.ok}
    assert {"x", "enc1.conv1.w", "enc1.conv2.w"} <= wrong  # all that lies above the skip
    assert not any(name.startswith(("dec1", "head")) for name in wrong)  # and nothing below
