"""ReLU, sigmoid and log-softmax: values, and what happens at the ends of the scale."""

import numpy as np
import pytest

from minunet import ops

ENDS = np.array([-1e4, -100, 0, 100, 1e4], np.float32)


def test_relu_passes_positive_values_and_their_gradients(backend):
    y, cache = ops.relu_forward(backend.asarray(np.array([-2.0, -0.0, 0, 3])))
    np.testing.assert_array_equal(backend.asnumpy(y), [0, 0, 0, 3])
    dx = ops.relu_backward(backend.asarray(np.array([1.0, 10, 100, 1000])), cache)
    np.testing.assert_array_equal(backend.asnumpy(dx), [0, 0, 0, 1000])  # ReLU′(0) = 0


def test_sigmoid_is_finite_at_both_ends(backend):
    p = backend.asnumpy(ops.sigmoid(backend.asarray(ENDS)))
    assert p.dtype == np.float32
    np.testing.assert_array_equal(p, [0, 0, 0.5, 1, 1])


def test_sigmoid_is_one_over_one_plus_e_to_minus_x(backend):
    x = np.linspace(-5, 5, 11)
    p = backend.asnumpy(ops.sigmoid(backend.asarray(x)))
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-x)), rtol=1e-13)


def test_log_softmax_is_finite_at_both_ends(backend):
    log_p = backend.asnumpy(ops.log_softmax(backend.asarray(ENDS)))
    assert log_p.dtype == np.float32
    np.testing.assert_array_equal(log_p, ENDS - 1e4)


def test_log_softmax_is_the_logarithm_of_shares_that_a_shift_leaves(backend, rng):
    x = rng.normal(size=(2, 3, 4))
    expected = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    for shift in (0, 1000):
        p = np.exp(backend.asnumpy(ops.log_softmax(backend.asarray(x + shift))))
        np.testing.assert_allclose(p, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0)])
def test_relu_refuses_what_holds_no_row(shape):
    with pytest.raises(ValueError, match=r"x must have an axis and not be empty, got shape \("):
        ops.relu_forward(np.zeros(shape))


@pytest.mark.parametrize("function", [ops.relu_forward, ops.sigmoid, ops.log_softmax])
def test_integers_are_refused(function):
    with pytest.raises(TypeError, match="x must be floating-point, got int64"):
        function(np.arange(3))
