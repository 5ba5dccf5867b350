"""Dropout: the mean stays, seeds repeat, and what was off gets no gradient."""

import numpy as np
import pytest

from minunet import ops

RATES = [0.1, 0.5, 0.9]


def drop(backend, x, rate, seed=0):
    y, cache = ops.dropout_forward(backend.asarray(x), rate, np.random.default_rng(seed))
    return backend.asnumpy(y), cache


@pytest.mark.parametrize("rate", RATES)
def test_the_mean_stays_and_a_share_is_off(backend, rate):
    y, _ = drop(backend, np.ones((100, 100)), rate)
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - rate))
    assert 1 - kept.mean() == pytest.approx(rate, abs=0.02)
    assert y.mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_what_was_off_gets_no_gradient(backend, rate):
    y, cache = drop(backend, np.full((10, 10), 2.0), rate)
    dx = backend.asnumpy(ops.dropout_backward(backend.asarray(np.full((10, 10), 2.0)), cache))
    np.testing.assert_array_equal(dx, y)


def test_a_seed_gives_the_same_mask_in_either_precision(backend):
    mask, other = (drop(backend, np.ones((9, 9)), 0.5, seed)[0] for seed in (1, 2))
    assert (mask != other).any()
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(drop(backend, np.ones((9, 9), dtype), 0.5, 1)[0], mask)


def test_a_rate_of_0_changes_nothing(backend, rng):
    x = rng.normal(size=(5, 5))
    np.testing.assert_array_equal(drop(backend, x, 0)[0], x)


@pytest.mark.parametrize("rate", [-0.1, 1, np.nan])
def test_a_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(ValueError, match=f"rate must be at least 0 and below 1, got {rate}"):
        ops.dropout_forward(np.ones(3), rate, np.random.default_rng(0))
