"""Transposed convolution: values by hand, and the errors that name what does not fit."""

import numpy as np
import pytest
from test_conv import kernel, signal

from minunet import ops


@pytest.mark.parametrize("stride, padding, expected", [
    (1, 0, [1, 10 + 2, 100 + 20, 200]),
    (2, 0, [1, 10, 100 + 2, 20, 200]),
    (2, 1, [10, 102, 20]),
    (4, 0, [1, 10, 100, 0, 2, 20, 200]),
    (1, 1, [12, 120]),
])
def test_every_pixel_paints_the_kernel(backend, stride, padding, expected):
    y, _ = ops.conv_transpose_forward(
        *map(backend.asarray, (signal(1, 2), kernel(1, 10, 100))), stride=stride, padding=padding)
    np.testing.assert_array_equal(backend.asnumpy(y), signal(*expected))


def test_the_gradients_by_hand(backend):
    x, w, b = signal(1, 2), kernel(5, 6), np.zeros(1)
    _, cache = ops.conv_transpose_forward(*map(backend.asarray, (x, w, b)), stride=2)
    dy = backend.asarray(signal(1, 10, 100, 1000))
    dx, dw, db = map(backend.asnumpy, ops.conv_transpose_backward(dy, cache))
    np.testing.assert_array_equal(dx, signal(5 + 60, 500 + 6000))
    np.testing.assert_array_equal(dw, kernel(1 + 200, 10 + 2000))
    np.testing.assert_array_equal(db, [1111])


def test_the_bias_is_added_once_even_where_nothing_is_painted(backend):
    y, _ = ops.conv_transpose_forward(
        *map(backend.asarray, (signal(1, 2), kernel(1, 1), np.array([0.5]))), stride=3)
    np.testing.assert_array_equal(backend.asnumpy(y), signal(1.5, 1.5, 0.5, 2.5, 2.5))


def test_w_holds_the_channels_that_come_out_before_those_that_go_in(backend, rng):
    x, w = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 2, 3, 5))
    y, cache = ops.conv_transpose_forward(backend.asarray(x), backend.asarray(w), stride=2)
    np.testing.assert_allclose(backend.asnumpy(y)[:, 1::2, ::2], x @ w[1, 0].T)
    dx, dw, db = ops.conv_transpose_backward(y, cache)
    assert (dx.shape, dw.shape, db) == (x.shape, w.shape, None)


@pytest.mark.parametrize("changes, error, message", [
    ({"w": (2, 2, 3, 4)}, ValueError, r"w must take 3 channels on axis -1 .* \(2, 2, 3, 4\)"),
    ({"b": (3,)}, ValueError, r"b must have shape \(4,\), got \(3,\)"),
    ({"stride": 0}, ValueError, "stride must be 1 or more, got 0"),
    ({"padding": 4}, ValueError, r"padding \(4, 4\) leaves nothing of the output for x"),
])
def test_what_does_not_fit_is_named(changes, error, message):
    arguments = {"x": (1, 5, 5, 3), "w": (2, 2, 4, 3), "b": (4,)} | changes
    arguments |= {name: np.zeros(arguments[name]) for name in "xwb"}
    with pytest.raises(error, match=message):
        ops.conv_transpose_forward(**arguments)
