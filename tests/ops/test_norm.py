"""Batch normalisation: values by hand, hard cases, and the errors that name what does not fit."""

import numpy as np
import pytest
from test_conv import signal

from minunet import ops


def normalise(backend, x, gamma=1.0, beta=0.0, **settings):
    gamma, beta = (np.full(x.shape[-1], v, x.dtype) for v in (gamma, beta))
    y, cache = ops.batch_norm_forward(*map(backend.asarray, (x, gamma, beta)), **settings)
    return backend.asnumpy(y), cache


def test_a_signal_by_hand(backend):
    y, cache = normalise(backend, signal(1, 3, 1, 3), gamma=10.0, beta=5.0, eps=3.0)
    np.testing.assert_allclose(y, signal(0, 10, 0, 10))  # mean 2, variance 1, √(1 + 3) = 2
    assert (float(cache.mean[0]), float(cache.var[0])) == (2, 1)


def test_every_channel_gets_mean_0_and_variance_1(backend, rng):
    y, _ = normalise(backend, rng.normal(3, [1, 10, 100], size=(4, 5, 6, 3)))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-13)
    np.testing.assert_allclose(y.var(axis=(0, 1, 2)), 1, rtol=1e-4)


def test_a_large_mean_does_not_drown_a_small_variance(backend, rng):
    x = rng.normal(1e4, 1, size=(2, 16, 16, 1))
    y, _ = normalise(backend, x.astype(np.float32))
    np.testing.assert_allclose(y, (x - x.mean()) / x.std(), atol=2e-2)


def test_a_constant_channel_becomes_beta_and_has_no_gradient(backend):
    y, cache = normalise(backend, np.full((2, 3, 3, 1), 7.0), beta=5.0)
    np.testing.assert_array_equal(y, 5)
    dx, _, _ = ops.batch_norm_backward(backend.asarray(np.ones_like(y)), cache)
    np.testing.assert_allclose(backend.asnumpy(dx), 0, atol=1e-12)


def test_one_pixel_is_its_own_mean_and_has_no_gradient(backend):
    y, cache = normalise(backend, np.full((1, 1, 1, 2), 7.0), beta=5.0)
    np.testing.assert_array_equal(y, 5)
    dx, _, dbeta = ops.batch_norm_backward(backend.asarray(np.ones_like(y)), cache)
    np.testing.assert_array_equal(backend.asnumpy(dx), 0)
    np.testing.assert_array_equal(backend.asnumpy(dbeta), 1)


def test_inference_with_the_batch_statistics_is_training(backend, rng):
    x, gamma, beta = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=2), rng.normal(size=2)
    arrays = [*map(backend.asarray, (x, gamma, beta))]
    y, cache = ops.batch_norm_forward(*arrays)
    same = ops.batch_norm_inference(*arrays, cache.mean, cache.var)
    np.testing.assert_allclose(backend.asnumpy(same), backend.asnumpy(y), atol=1e-13)


def test_inference_by_hand(backend):
    stored = [backend.asarray(np.array([v])) for v in (10.0, 5.0, 2.0, 1.0)]  # γ β μ σ²
    y = ops.batch_norm_inference(backend.asarray(signal(2, 4)), *stored, eps=3.0)
    np.testing.assert_allclose(backend.asnumpy(y), signal(5, 15))


@pytest.mark.parametrize("name", ["gamma", "beta", "mean", "var"])
def test_a_channel_too_many_is_named(name):
    arrays = {n: np.ones(3) for n in ("gamma", "beta", "mean", "var")} | {name: np.ones(4)}
    with pytest.raises(ValueError, match=rf"{name} must have shape \(3,\), got \(4,\)"):
        ops.batch_norm_inference(np.zeros((1, 2, 2, 3)), **arrays)


def test_folded_into_the_convolution_before_it_it_gives_the_same(backend, rng):
    x, w = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(3, 3, 3, 2))
    gamma, beta, mean = rng.normal(size=(3, 2))
    x, w, *stored = map(backend.asarray, (x, w, gamma, beta, mean, rng.uniform(0.1, 2, 2)))
    y = ops.batch_norm_inference(ops.conv_forward(x, w, padding=1)[0], *stored)
    folded, _ = ops.conv_forward(x, *ops.fold_batch_norm(w, *stored), padding=1)
    np.testing.assert_allclose(backend.asnumpy(folded), backend.asnumpy(y), rtol=1e-12, atol=1e-12)


def test_weights_to_fold_that_are_no_array_are_named():
    with pytest.raises(TypeError, match="w must be a NumPy or CuPy array, got list"):
        ops.fold_batch_norm([1.0], *[np.ones(1)] * 4)
