"""The checker is checked: every kind of mistake that people make must be caught."""

import numpy as np
import pytest

from minunet import UNet, gradcheck, ops, proofs
from minunet.ops import conv_loops as loops


def conv_case():
    return proofs.conv_case(np.random.default_rng(0), 2, (7, 6), 3, 3, (3, 3), 2, 1)[:3]


def batch_norm_case():
    return proofs.batch_norm_case(np.random.default_rng(0), 2, (3, 4), 3)[:3]


def scaled(dy, cache):
    dx, dw, db = ops.conv_backward(dy, cache)
    return 1.001 * dx, dw, db


def kernel_axes_swapped(dy, cache):
    dx, dw, db = ops.conv_backward(dy, cache)
    return dx, dw.swapaxes(0, 1), db


def channel_axes_swapped(dy, cache):
    dx, dw, db = ops.conv_backward(dy, cache)
    return dx, dw.swapaxes(2, 3), db


def stride_forgotten(dy, cache):
    x, w, _, _, padding, *_ = cache
    _, dw, db = ops.conv_backward(dy, cache)
    return loops.data_gradient(dy, w, x.shape, (1, 1), padding), dw, db


def sign_wrong(dy, cache):
    dx, dgamma, dbeta = ops.batch_norm_backward(dy, cache)
    through_mean = cache.gamma * cache.inverse_std * dbeta / (dy.size // len(dbeta))
    return dx + 2 * through_mean, dgamma, dbeta


def divisor_missing(dy, cache):
    """Subtract dβ and x̂ dγ instead of their M-th parts."""
    dx, dgamma, dbeta = ops.batch_norm_backward(dy, cache)
    straight, pixels = cache.gamma * cache.inverse_std * dy, dy.size // len(dbeta)
    return straight + pixels * (dx - straight), dgamma, dbeta


def not_a_number(dy, cache):
    dx, dw, db = ops.conv_backward(dy, cache)
    dx[0, 1, 2, 0] = np.nan
    return dx, dw, db


@pytest.mark.parametrize("case, backward, wrong", [
    (conv_case, scaled, "x"),
    (conv_case, kernel_axes_swapped, "w"),
    (conv_case, channel_axes_swapped, "w"),
    (conv_case, stride_forgotten, "x"),
    (conv_case, not_a_number, "x"),
    (batch_norm_case, sign_wrong, "x"),
    (batch_norm_case, divisor_missing, "x"),
])
def test_the_fault_is_caught_where_it_is(case, backward, wrong):
    forward, right_backward, arguments = case()
    assert gradcheck.check(forward, right_backward, arguments).ok
    report = gradcheck.check(forward, backward, arguments)
    assert not report.ok
    assert [row.argument for row in report if not row.ok] == [wrong]


def square_forward(x):
    return x * x, x


def square_backward(dy, cache):
    return 2 * cache * dy


X = {"x": np.random.default_rng(0).normal(size=(2, 3, 4))}


def test_the_worst_element_is_named_with_both_values():
    def backward(dy, cache):
        dx = square_backward(dy, cache)
        dx[1, 0, 2] += 0.5
        return dx

    row, = gradcheck.check(square_forward, backward, X)
    assert not row.ok
    assert (row.argument, row.shape, row.index) == ("x", (2, 3, 4), (1, 0, 2))
    assert row.analytic - row.numeric == pytest.approx(0.5)


def test_a_branch_left_out_is_caught():
    """A value that is used twice has two gradients to add."""
    def forward(x):
        return np.tanh(x) + x, x

    def one_branch(dy, cache):
        return dy * (1 - np.tanh(cache) ** 2)

    assert gradcheck.check(forward, lambda dy, x: one_branch(dy, x) + dy, X).ok
    assert not gradcheck.check(forward, one_branch, X).ok


def test_dy_is_not_what_the_caller_draws_from_the_same_seed():
    seen = []
    gradcheck.check(square_forward, lambda dy, x: seen.append(dy) or 2 * x * dy, X, seed=0)
    assert abs(np.corrcoef(seen[0].ravel(), X["x"].ravel())[0, 1]) < 0.9


def test_a_forward_that_gives_a_view_of_its_argument_is_checked():
    report = gradcheck.check(lambda x: (x.reshape(-1), x.shape),
                             lambda dy, shape: dy.reshape(shape), X, linear=("x",))
    assert report.ok, f"\n{report}"


def test_a_gradient_that_is_0_by_right_is_ok():
    report = gradcheck.check(lambda x: (np.zeros(3), x), lambda dy, x: np.zeros_like(x), X)
    assert report.ok and report[0].error == 0


def test_arguments_and_arrays_are_left_as_they_were():
    before = X["x"].copy()
    gradcheck.check(square_forward, square_backward, X)
    np.testing.assert_array_equal(X["x"], before)


def test_linear_arguments_are_held_to_rounding():
    double = gradcheck.check(lambda x: (2 * x, None), lambda dy, _: 2 * dy, X, linear=("x",))
    assert double.ok and double[0].tolerance == 1e-11
    slightly = gradcheck.check(lambda x: (2 * x, None), lambda dy, _: (2 + 1e-10) * dy, X,
                               linear=("x",))
    assert not slightly.ok


@pytest.mark.parametrize("arguments, error, message", [
    ({"x": np.ones(3, np.float32)}, TypeError, "x must be a float64 array .* got float32"),
    ({"x": [1.0, 2.0]}, TypeError, "x must be a float64 array .* got list"),
    ({"x": 1.0}, TypeError, "x must be a float64 array .* got float"),
    ({"x": np.ma.array([1.0])}, TypeError, "x is a masked array"),
    ({"x": np.ones((0, 3))}, ValueError, r"x is empty, shape \(0, 3\): it has no element"),
    ({}, TypeError, "arguments must be a dict of one array or more, .* got {}"),
    ([np.ones(3)], TypeError, "arguments must be a dict of one array or more"),
])
def test_an_argument_that_cannot_be_checked_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        gradcheck.check(square_forward, square_backward, arguments)


def test_the_report_is_a_table():
    wrong = gradcheck.check(square_forward, lambda dy, x: dy * x, X, name="square")
    lines = str(wrong).splitlines()
    assert lines[0].split() == ["argument", "shape", "error", "allowed", "worst", "at",
                                "backward", "differences"]
    assert lines[1].startswith("square: x  (2, 3, 4)") and "WRONG" in lines[1]
    assert ",".join(map(str, wrong[0].index)) in lines[1]
    right = str(gradcheck.check(square_forward, square_backward, X))
    assert " ok " in right and "WRONG" not in right
    assert str(gradcheck.Report()).split() == lines[0].split()


@pytest.mark.parametrize("factor", [1.001, -1, np.nan])
def test_a_wrong_loss_is_caught(factor):
    loss, logits = proofs.loss_cases(np.random.default_rng(0), 2, (3, 4), 3)["dice_loss"]

    def faulty(z):
        value, dlogits = loss(z)
        return value, factor * dlogits

    assert gradcheck.check_loss(loss, logits).ok
    assert not gradcheck.check_loss(faulty, logits).ok


def network(**changes):
    net = UNet(2, 1, base_channels=2, depth=1, **{"dropout": 0.3, "dtype": "float64"} | changes)
    return net, np.random.default_rng(0).normal(size=(2, 4, 6, 2)).astype(net.config["dtype"])


@pytest.mark.parametrize("fault", [lambda g: 1.001 * g, lambda g: -g, lambda g: g[::-1].copy(),
                                   lambda g: g * np.nan])
def test_a_wrong_gradient_in_a_network_is_caught(fault):
    net, x = network()
    backward = net.backward

    def faulty(dlogits, cache):
        dx, grads = backward(dlogits, cache)
        return dx, grads | {"dec1.conv1.w": fault(grads["dec1.conv1.w"])}

    net.backward = faulty
    report = gradcheck.check_network(net, x)
    assert [row.argument for row in report if not row.ok] == ["network: dec1.conv1.w"]
    assert "a direction" in str(report)


def test_a_network_is_left_as_it_was():
    net, x = network()
    arrays = {**net.params, **net.buffers, "x": x}
    before, state = {k: a.copy() for k, a in arrays.items()}, net.rng.bit_generator.state
    assert gradcheck.check_network(net, x).ok
    for name, array in {**net.params, **net.buffers, "x": x}.items():
        np.testing.assert_array_equal(array, before[name])
    assert net.rng.bit_generator.state == state


def test_a_network_in_single_precision_is_refused():
    with pytest.raises(TypeError, match="net must have dtype float64 to be checked, got float32"):
        gradcheck.check_network(*network(dtype="float32"))
