"""Convolution: values by hand, and the errors that name what does not fit."""

import numpy as np
import pytest

from minunet import ops
from minunet.ops.fast.choose import METHODS

every_method = pytest.mark.parametrize("method", ["auto", "loops", "im2col"])


def signal(*values):
    """Give the values as (N = 1, W, C = 1)."""
    return np.array(values, float).reshape(1, -1, 1)


def kernel(*values):
    """Give the values as (KW, C = 1, F = 1)."""
    return np.array(values, float).reshape(-1, 1, 1)


@every_method
@pytest.mark.parametrize("stride, padding, expected", [
    (1, 0, [1 - 30, 2 - 40]),
    (1, 1, [0 - 20, 1 - 30, 2 - 40, 3 - 0]),
    (2, 1, [0 - 20, 2 - 40]),
    (3, 2, [0 - 10, 2 - 40]),
    (1, 3, [0, -10, -20, 1 - 30, 2 - 40, 3, 4, 0]),
])
def test_a_signal_by_hand(backend, method, stride, padding, expected):
    x, w = signal(1, 2, 3, 4), kernel(1, 0, -10)  # not symmetric: the kernel is not turned
    y, _ = ops.conv_forward(backend.asarray(x), backend.asarray(w), stride=stride,
                            padding=padding, method=method)
    np.testing.assert_array_equal(backend.asnumpy(y), signal(*expected))


@every_method
def test_the_gradients_of_a_signal_by_hand(backend, method):
    x, w, b = signal(1, 2, 3, 4), kernel(5, 6), np.zeros(1)
    y, cache = ops.conv_forward(*map(backend.asarray, (x, w, b)), stride=2, method=method)
    assert y.shape == (1, 2, 1)
    dx, dw, db = map(backend.asnumpy, ops.conv_backward(backend.asarray(signal(1, 10)), cache))
    np.testing.assert_array_equal(dx, signal(5, 6, 50, 60))
    np.testing.assert_array_equal(dw, kernel(1 * 1 + 10 * 3, 1 * 2 + 10 * 4))
    np.testing.assert_array_equal(db, [11])


@every_method
def test_pixels_that_no_window_sees_get_no_gradient(backend, method):
    _, cache = ops.conv_forward(*map(backend.asarray, (signal(1, 2, 3, 4, 5), kernel(1))),
                                stride=3, method=method)
    dx, _, db = ops.conv_backward(backend.asarray(signal(1, 1)), cache)
    np.testing.assert_array_equal(backend.asnumpy(dx), signal(1, 0, 0, 1, 0))
    assert db is None


@every_method
def test_a_kernel_of_one_pixel_mixes_channels_and_adds_the_bias(backend, rng, method):
    x, w, b = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(1, 1, 5, 3)), rng.normal(size=3)
    y, _ = ops.conv_forward(*map(backend.asarray, (x, w, b)), method=method)
    np.testing.assert_allclose(backend.asnumpy(y), x @ w[0, 0] + b)


@every_method
def test_stride_and_padding_may_differ_by_axis(backend, rng, method):
    x, w = backend.asarray(rng.normal(size=(2, 5, 4, 3))), rng.normal(size=(1, 1, 3, 2))
    y, _ = ops.conv_forward(x, backend.asarray(w), stride=(2, 3), padding=(0, 1), method=method)
    expected = np.pad(backend.asnumpy(x), ((0, 0), (0, 0), (1, 1), (0, 0)))[:, ::2, ::3] @ w[0, 0]
    np.testing.assert_allclose(backend.asnumpy(y), expected)


@pytest.mark.parametrize("padding, c, f", [(1, 3, 2), (1, 16, 16), (2, 80, 80), (0, 2, 40)])
def test_with_relu_at_inference_it_is_the_two_ops(backend, rng, padding, c, f):
    """Whatever method is chosen."""
    x, w, b = rng.normal(size=(2, 5, 7, c)), rng.normal(size=(3, 3, c, f)), rng.normal(size=f)
    x, w, b = map(backend.asarray, (x, w, b))
    expected, _ = ops.relu_forward(ops.conv_forward(x, w, b, padding=padding)[0])
    y = ops.conv_relu_inference(x, w, b, padding=padding)
    np.testing.assert_array_equal(backend.asnumpy(y), backend.asnumpy(expected))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_cut_off_at_zero(rng, method):
    x, w, b = rng.normal(size=(2, 6, 6, 2)), rng.normal(size=(3, 3, 2, 3)), rng.normal(size=3)
    stride = (3, 3) if method == "tiles" else (1, 1)
    size = (2, 2) if method == "tiles" else (4, 4)
    plain, cut = (METHODS[method].forward(x, w, b, size, stride, (0, 0), relu)
                  for relu in (False, True))
    np.testing.assert_array_equal(cut, np.maximum(plain, 0))


@pytest.mark.parametrize("changes, error, message", [
    ({"x": (4, 3)}, ValueError, r"x must be \(N, H, W, C\), .* got shape \(4, 3\)"),
    ({"x": (0, 5, 5, 3)}, ValueError, r"x must not be empty, got shape \(0, 5, 5, 3\)"),
    ({"w": (3, 3, 3)}, ValueError, r"w must have 4 axes, got shape \(3, 3, 3\)"),
    ({"w": (3, 3, 3, 0)}, ValueError, r"w must not be empty, got shape \(3, 3, 3, 0\)"),
    ({"w": (3, 3, 4, 2)}, ValueError, r"w must take 3 channels .* got shape \(3, 3, 4, 2\)"),
    ({"w": (6, 3, 3, 2)}, ValueError, r"kernel \(6, 3\) does not fit into x \(2, 5, 5, 3\)"),
    ({"b": (3,)}, ValueError, r"b must have shape \(2,\), got \(3,\)"),
    ({"stride": 0}, ValueError, "stride must be 1 or more, got 0"),
    ({"stride": 1.5}, TypeError, "stride must be an int or one int for each axis, got 1.5"),
    ({"stride": (1, 2, 3)}, ValueError, r"stride must be an int or 2 ints, got \(1, 2, 3\)"),
    ({"padding": (0, -1)}, ValueError, r"padding must be 0 or more, got \(0, -1\)"),
    ({"method": "fft"}, ValueError, "method must be 'auto' or one of .*, got 'fft'"),
    ({"method": "tiles", "stride": (3, 2)}, ValueError,
     r"method 'tiles' does kernels as large as the stride, .* stride \(3, 2\)"),
    ({"method": "tiles", "stride": 3, "padding": 1}, ValueError, r"padding \(1, 1\)"),
    ({"method": "winograd", "stride": 2}, ValueError,
     r"method 'winograd' does 3×3 kernels with stride 1 .* stride \(2, 2\)"),
])
def test_what_does_not_fit_is_named(changes, error, message):
    arguments = {"x": (2, 5, 5, 3), "w": (3, 3, 3, 2), "b": (2,)} | changes
    arguments |= {name: np.zeros(arguments[name]) for name in "xwb"}
    with pytest.raises(error, match=message):
        ops.conv_forward(**arguments)


@pytest.mark.parametrize("name", ["w", "b", "dy"])
def test_a_dtype_that_differs_is_named(name):
    arrays = {"x": np.zeros((1, 3, 1)), "w": np.zeros((1, 1, 2)), "b": np.zeros(2),
              "dy": np.zeros((1, 3, 2))}
    arrays[name] = arrays[name].astype(np.float32)
    dy = arrays.pop("dy")
    with pytest.raises(TypeError, match=f"{name} is float32, the other arguments are float64"):
        ops.conv_backward(dy, ops.conv_forward(**arrays)[1])


def test_arrays_of_two_devices_are_told_apart(backend):
    if backend.name == "numpy":
        pytest.skip("needs a second device")
    with pytest.raises(TypeError, match="w lies on another device than the other arguments"):
        ops.conv_forward(backend.asarray(signal(1, 2)), kernel(1))
