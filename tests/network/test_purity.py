"""What an operation may return; one that changes what it is given, or does not repeat, is told."""

import numpy as np
import pytest

from minunet import gradcheck

X = {"x": np.random.default_rng(0).normal(size=(2, 3, 4))}


def square_forward(x):
    return x * x, x


def square_backward(dy, cache):
    return 2 * cache * dy


@pytest.mark.parametrize("backward, message", [
    (lambda dy, x: (dy, dy), "backward must return 1 gradients, one for each of x; got 2"),
    (lambda dy, x: dy[0], r"gradient of x must have its shape \(2, 3, 4\), got \(3, 4\)"),
    (lambda dy, x: 1.0, r"gradient of x must have its shape \(2, 3, 4\), got \(\)"),
    (lambda dy, x: [1.0, 2.0], "backward must return 1 gradients, one for each of x; got 2"),
    (lambda dy, x: None, "gradient of x must be an array of real numbers, .* got NoneType"),
    (lambda dy, x: [[[1.0, 2.0], [3.0]]], "gradient of x must be an array of .* got list"),
    (lambda dy, x: 1j * dy, "gradient of x must be an array of real numbers, .* got complex128"),
])
def test_gradients_that_do_not_fit_are_refused(backward, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gradcheck.check(square_forward, backward, X)


def test_gradients_may_be_lists_and_whole_numbers():
    x = np.array([1.0, 2.0])
    assert gradcheck.check(lambda x: (x.sum(), None), lambda dy, _: [[float(dy), dy]], {"x": x},
                           linear=("x",)).ok
    assert gradcheck.check(lambda x: (np.zeros(3), None), lambda dy, _: [[0, 0]], {"x": x}).ok


@pytest.mark.parametrize("forward, error, message", [
    (lambda x: ((x, x), None), ValueError, "y, .*, must be one array, got a tuple of 2; check one"),
    (lambda x: ([x, x, x], None), ValueError, "y, .*, must be one array, got a list of 3"),
    (lambda x: (None, None), TypeError, "y must be an array of real numbers, .* got NoneType"),
    (lambda x: (x > 0, None), TypeError, "y must be an array of real numbers, .* got bool"),
    (lambda x: (x[:0], None), ValueError, r"y is empty, shape \(0, 3, 4\)"),
    (lambda x: x, ValueError, r"forward must return \(y, cache\), got ndarray"),
])
def test_a_result_that_cannot_be_checked_is_refused(forward, error, message):
    with pytest.raises(error, match=message):
        gradcheck.check(forward, square_backward, X)


@pytest.mark.parametrize("number", [float, np.float64, np.asarray,
                                    lambda value: np.asarray(value).item()])
@pytest.mark.parametrize("factor", [1, 1.001])
def test_a_loss_may_give_a_number_of_any_kind(number, factor):
    report = gradcheck.check_loss(lambda z: (number((z**2).sum()), factor * 2 * z), X["x"])
    assert report.ok == (factor == 1)


def test_a_single_number_is_checked_as_well():
    report = gradcheck.check(square_forward, square_backward, {"x": np.float64(3)})
    assert report.ok and str(report).splitlines()[1].startswith("x         ()")


def remarks(forward, backward, arguments=X):
    """Check; give whether the numbers are right, and the remarks."""
    report = gradcheck.check(forward, backward, arguments)
    said = {row.argument: row.remark for row in report if row.remark}
    assert report.ok == (not said and all(row.ok for row in report))
    return all(row.ok for row in report if not row.remark), said


def test_a_backward_that_changes_dy_is_told():
    def backward(dy, x):
        dy *= 2 * x
        return dy

    assert remarks(square_forward, backward) == (
        True, {"dy": "backward changes it; an operation must not"})


def test_a_forward_that_changes_its_argument_is_told_and_measured_rightly():
    def forward(x):
        x += 1
        return x * 2, None

    assert remarks(forward, lambda dy, _: 2 * dy) == (
        True, {"x": "forward changes it; an operation must not"})


def test_a_backward_that_changes_an_argument_in_the_cache_is_told():
    def backward(dy, x):
        gradient = 2 * x * dy
        x[...] = 0
        return gradient

    right, said = remarks(square_forward, backward)
    assert right and said["x"] == "backward changes it; an operation must not"
    assert "backward gives other gradients when called again" in said["cache"]


def test_a_backward_that_changes_its_cache_is_told():
    def backward(dy, cache):
        cache["x"] = 0 * (x := cache["x"])
        return 2 * x * dy

    right, said = remarks(lambda x: (x * x, {"x": x}), backward)
    assert right and list(said) == ["cache"]
    assert said["cache"].startswith("backward gives other gradients when called again")


def test_a_cache_that_is_used_up_is_told():
    right, said = remarks(lambda x: (x * x, {"x": x}),
                          lambda dy, cache: 2 * cache.pop("x") * dy)
    assert right and said == {"cache": "backward fails when called again with the same one: "
                                       "KeyError: 'x'"}


def test_a_forward_that_draws_anew_each_time_is_told():
    rng = np.random.default_rng(0)

    def forward(x):
        mask = rng.random(x.shape) < 0.5
        return x * mask, mask

    _, said = remarks(forward, lambda dy, mask: dy * mask)
    assert said["y"].startswith("another one when forward is called again")


def test_a_remark_stands_in_the_table():
    def backward(dy, x):
        dy += 0.5
        return 2 * x * (dy - 0.5)

    lines = str(gradcheck.check(square_forward, backward, X, name="square")).splitlines()
    assert lines[2].split() == ["square:", "dy", "(2,", "3,", "4)", "WRONG", "backward", "changes",
                                "it;", "an", "operation", "must", "not"]
    assert lines[2].index("WRONG") == lines[0].index("worst at") - 7
