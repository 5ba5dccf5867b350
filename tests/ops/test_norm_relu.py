"""Batch normalisation with ReLU is the two ops one after the other, forward and backward."""

import numpy as np
import pytest
from test_conv import signal

from minunet import ops
from minunet.engine import threads as cores


def draw(backend, rng, dtype=float):
    arrays = rng.normal(3, 2, size=(2, 9, 7, 5)), rng.normal(size=5), rng.normal(size=5)
    return [backend.asarray(a.astype(dtype)) for a in arrays]


@pytest.mark.parametrize("block_bytes", [1, 700, 1 << 20])
def test_it_is_the_two_ops(backend, rng, monkeypatch, block_bytes):
    monkeypatch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
    x, gamma, beta = draw(backend, rng)
    normal, norm_cache = ops.batch_norm_forward(x, gamma, beta)
    expected, relu_cache = ops.relu_forward(normal)
    y, cache = ops.batch_norm_relu_forward(x, gamma, beta)
    np.testing.assert_allclose(backend.asnumpy(y), backend.asnumpy(expected), rtol=0, atol=1e-12)
    dy = backend.asarray(rng.normal(size=(2, 9, 7, 5)))
    both = ops.batch_norm_backward(ops.relu_backward(dy, relu_cache), norm_cache)
    for got, wanted in zip(ops.batch_norm_relu_backward(dy, cache), both, strict=True):
        np.testing.assert_allclose(backend.asnumpy(got), backend.asnumpy(wanted), rtol=0,
                                   atol=1e-12)


def test_made_again_y_is_the_same_to_the_last_bit(backend, rng):
    y, cache = ops.batch_norm_relu_forward(*draw(backend, rng, np.float32))
    np.testing.assert_array_equal(backend.asnumpy(cache.output()), backend.asnumpy(y))


def test_in_single_precision_backward_knows_exactly_where_forward_cut_off(rng):
    """It computes again what it compares with 0, and must round alike: no dβ is lost or gained."""
    x = rng.normal(1000, 1e-3, size=(4, 64, 64, 3)).astype(np.float32)
    y, cache = ops.batch_norm_relu_forward(x, np.ones(3, np.float32), np.zeros(3, np.float32))
    _, _, dbeta = ops.batch_norm_relu_backward(np.ones_like(x), cache)
    np.testing.assert_array_equal(dbeta, np.count_nonzero(y, axis=(0, 1, 2)))


def test_what_is_cut_off_has_no_gradient(backend):
    one, beta = backend.asarray(np.ones(1)), backend.asarray(np.full(1, -9.0))
    y, cache = ops.batch_norm_relu_forward(backend.asarray(signal(1, 2, 3, 4)), one, beta)
    np.testing.assert_array_equal(backend.asnumpy(y), signal(0, 0, 0, 0))
    dx, dgamma, dbeta = ops.batch_norm_relu_backward(backend.asarray(signal(1, 2, 3, 4)), cache)
    for gradient in (dx, dgamma, dbeta):
        np.testing.assert_array_equal(backend.asnumpy(gradient), 0)


@pytest.mark.parametrize("name, value, message", [
    ("gamma", np.ones(2), r"gamma must have shape \(1,\), got \(2,\)"),
    ("beta", np.ones(1, np.float32), "beta is float32")])
def test_what_does_not_fit_is_named(name, value, message):
    arguments = {"x": signal(1, 2), "gamma": np.ones(1), "beta": np.ones(1)} | {name: value}
    with pytest.raises((TypeError, ValueError), match=message):
        ops.batch_norm_relu_forward(**arguments)
