"""Max pooling: values by hand, ties, padding, and the errors that name what does not fit."""

import numpy as np
import pytest
from test_conv import signal

from minunet import ops


def pool(backend, x, dy, **settings):
    """Give y and dx."""
    y, cache = ops.max_pool_forward(backend.asarray(x), **settings)
    dx = ops.max_pool_backward(backend.asarray(dy), cache)
    return backend.asnumpy(y), backend.asnumpy(dx)


@pytest.mark.parametrize("settings, expected, dx", [
    ({}, [3, 4], [0, 1, 10, 0, 0]),  # the fifth value is in no window
    ({"stride": 1}, [3, 4, 4, 2], [0, 1, 110, 0, 1000]),
    ({"size": 3, "stride": 2}, [4, 4], [0, 0, 11, 0, 0]),
    ({"size": 1, "stride": 3}, [1, -1], [1, 0, 0, 10, 0]),
    ({"padding": 1}, [1, 4, 2], [1, 0, 10, 0, 100]),
])
def test_a_signal_by_hand(backend, settings, expected, dx):
    x, dy = signal(1, 3, 4, -1, 2), signal(*(10.0**i for i in range(len(expected))))
    y, gradient = pool(backend, x, dy, **settings)
    np.testing.assert_array_equal(y, signal(*expected))
    np.testing.assert_array_equal(gradient, signal(*dx))


def test_of_equal_values_the_first_wins(backend):
    x = np.zeros((1, 4, 4, 2))  # all equal: the upper left of each window
    dy = np.arange(1.0, 9).reshape(1, 2, 2, 2)
    _, dx = pool(backend, x, dy)
    np.testing.assert_array_equal(dx[:, ::2, ::2], dy)
    assert dx.sum() == dy.sum()


def test_padding_never_wins_even_over_negative_values(backend):
    y, dx = pool(backend, signal(-5, -6), signal(1, 10), padding=1)
    np.testing.assert_array_equal(y, signal(-5, -6))
    np.testing.assert_array_equal(dx, signal(1, 10))


def test_channels_and_images_are_pooled_each_for_itself(backend, rng):
    x = rng.normal(size=(2, 4, 6, 3))
    y, _ = ops.max_pool_forward(backend.asarray(x), size=(2, 3))
    expected = x.reshape(2, 2, 2, 2, 3, 3).max(axis=(2, 4))
    np.testing.assert_array_equal(backend.asnumpy(y), expected)


@pytest.mark.parametrize("settings, message", [
    ({"size": 0}, "size must be 1 or more, got 0"),
    ({"size": 6}, r"size \(6, 6\) is larger than x \(1, 5, 5, 1\) with padding \(0, 0\)"),
    ({"stride": 0}, "stride must be 1 or more, got 0"),
    ({"padding": 2}, r"padding must be at most half of size \(2, 2\), got \(2, 2\)"),
])
def test_what_does_not_fit_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ops.max_pool_forward(np.zeros((1, 5, 5, 1)), **settings)


@pytest.mark.parametrize("shape, size", [((2, 6, 9, 3), (2, 3)), ((1, 7, 5, 2), 2), ((3, 8, 1), 3),
                                         ((1, 4, 5, 6, 2), 2)], ids=str)
def test_inference_gives_the_same_values(backend, rng, shape, size):
    x = backend.asarray(rng.normal(size=shape))
    expected, _ = ops.max_pool_forward(x, size=size)
    y = ops.max_pool_inference(x, size=size)
    np.testing.assert_array_equal(backend.asnumpy(y), backend.asnumpy(expected))
