"""The reasons that the checker gives for a wrong gradient are true, or it gives none."""

import numpy as np
import pytest
from true_reasons import is_true, kind_of
from wrong_gradients import draw

from minunet import gradcheck, ops, proofs
from minunet.gradcheck import why

X = {"x": np.random.default_rng(0).normal(size=(2, 3, 4))}


def reasons(forward, backward, arguments=X, **options):
    """The sentences of all rows, each after the name of its argument."""
    report = gradcheck.check(forward, backward, arguments, **options)
    return [f"{row.argument}: {reason}" for row in report for reason in row.reasons]


def test_of_200_random_wrong_gradients_no_reason_is_false_and_most_have_one():
    rng, judged = np.random.default_rng(0), []
    while len(judged) < 200:
        mutant = draw(rng)
        report = gradcheck.check(mutant.forward, mutant.backward, mutant.arguments)
        row = next(row for row in report if row.argument == mutant.key)
        if not row.ok:
            judged.append((mutant.name, row.reasons,
                           all(is_true(reason, mutant) for reason in row.reasons)))
        assert all(other.ok and not other.reasons for other in report if other is not row)
    false = [(name, said) for name, said, true in judged if not true]
    assert not false
    assert sum(bool(said) for _, said, _ in judged) >= 170  # 180; the rest are noise


def test_a_gradient_that_is_right_is_not_probed(monkeypatch):
    monkeypatch.setattr(gradcheck, "explain", lambda *_: pytest.fail("probed"))
    assert gradcheck.check(lambda x: (x * x, x), lambda dy, x: 2 * x * dy, X).ok


def test_the_reason_stands_below_the_table_after_the_name_of_its_row():
    report = gradcheck.check(lambda x: (x * x, x), lambda dy, x: 4 * x * dy, X, name="square")
    lines = str(report).splitlines()
    assert len(lines) == 3 and lines[2] == "square: x: all of it is off by the factor 2."
    assert report[0].reasons == ("all of it is off by the factor 2.",)


def test_a_kink_is_no_fault_of_backward():
    x = np.array([[-1.0, 0, 3], [2, -2, 0]])
    said, = reasons(ops.relu_forward, ops.relu_backward, {"x": x})
    assert said.startswith("x: at 2 of 6 elements (0,1; 1,2) forward has a kink. At 0,1 the slope "
                           "of an element of y is 0 to the left and 1 to the right")
    assert said.endswith("lies between the two, and is no fault.")


@pytest.mark.parametrize("near", [3e-6, -3e-6, 1e-7])
def test_a_kink_within_the_step_is_seen_as_well(near):
    said, = reasons(ops.relu_forward, ops.relu_backward, {"x": np.array([[-1.0, near, 3]])})
    assert "(0,1) forward has a kink" in said and said.endswith("is no fault.")


def test_a_tie_of_max_pooling_is_a_kink_whoever_gets_dy():
    x = np.array([[1.0, 2], [2, 0]]).reshape(1, 2, 2, 1)
    said, = reasons(ops.max_pool_forward, ops.max_pool_backward, {"x": x})
    assert "(0,0,1,0; 0,1,0,0) forward has a kink" in said


def test_a_fault_beside_a_kink_is_found_as_well():
    x = np.array([[-1.0, 0, 3], [2, -2, 5]])
    kink, fault = reasons(ops.relu_forward, lambda dy, y: 2 * dy * (y > 0), {"x": x})
    assert "(0,1) forward has a kink" in kink
    assert fault == "x: where differences can judge: all of it is off by the factor 2."


def test_a_value_at_a_kink_that_is_neither_slope_is_not_excused():
    x = np.array([[-1.0, 0, 3]])
    said = reasons(ops.relu_forward, lambda dy, y: dy * (y > 0) + 5 * dy * (y == 0) * (x == 0),
                   {"x": x})
    assert len(said) == 1 and "forward has a kink" in said[0] and "no fault" not in said[0]


@pytest.mark.parametrize("wave", [1e4, 1e5, 3e5, 1e6])
def test_what_bends_within_the_step_is_no_kink_and_is_not_judged(wave):
    assert not reasons(lambda x: (np.sin(wave * x), x),
                       lambda dy, x: 2 * wave * np.cos(wave * x) * dy)


def test_what_is_lost_in_rounding_is_not_judged():
    said, = reasons(lambda x: (1e8 + x**2, x), lambda dy, x: 2 * x * dy)
    assert said.startswith("x: y is so large beside its slope, 1e+08 to")
    assert reasons(lambda x: (1e8 + 2 * x, x), lambda dy, x: 6 * dy, linear=("x",)) == [
        "x: all of it is off by the factor 3."]


def test_an_argument_that_is_wrongly_called_linear_is_named():
    said, = reasons(lambda x: (x**3, x), lambda dy, x: 3 * x**2 * dy, linear=("x",))
    assert said.startswith("x: forward is not linear in x")


def test_a_number_for_y_a_number_for_x_and_a_function_of_no_axes_are_probed():
    assert reasons(lambda x: (float((x**2).sum()), x), lambda dy, x: 6 * dy * x) == [
        "x: all of it is off by the factor 3."]
    assert reasons(lambda x: (x * x, x), lambda dy, x: 3 * x * dy, {"x": np.float64(3)}) == []
    assert reasons(lambda x: (x * x, x), lambda dy, x: 0 * dy, {"x": np.float64(3)}) == [
        "x: backward gives 0 everywhere, whatever dy is, and differences do not."]


def test_where_the_matrix_would_be_too_large_the_sum_of_dy_and_y_is_probed(monkeypatch):
    monkeypatch.setattr(why, "LARGEST", 100)
    assert reasons(lambda x: (x * x, x), lambda dy, x: 4 * x * dy) == [
        "x: all of it is off by the factor 2."]
    said, = reasons(lambda x: (x * x, x), lambda dy, x: 2 * x * dy * (np.arange(4) != 1))
    assert "all in channel 1 (the last axis)" in said


def test_a_backward_that_fails_when_it_is_probed_leaves_the_table_without_reasons():
    def backward(dy, x):
        if (dy == 0).sum() > 1:
            raise ZeroDivisionError
        return 4 * x * dy

    assert not gradcheck.check(lambda x: (x * x, x), backward, X).ok
    assert reasons(lambda x: (x * x, x), backward) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # theirs, in the check itself
def test_numbers_that_are_none_are_said_to_be_backwards_or_forwards():
    x = {"x": np.array([[1.0, 0, -1]])}
    said, = reasons(lambda x: (x**2, x), lambda dy, x: dy / x, x)
    assert said == ("x: backward gives NaN or infinity at 1 of 3 elements (0,1). Is something "
                    "divided by 0?")
    said, = reasons(lambda x: (np.log(x), x), lambda dy, x: dy * (1 + x), x)
    assert said == "x: forward gives NaN or infinity, with x as it is or a step away."


def test_an_operation_that_does_not_repeat_itself_gets_a_remark_and_no_reason():
    def backward(dy, x):
        x *= 2
        return 2 * x * dy

    report = gradcheck.check(lambda x: (x * x, x), backward, X)
    assert [row.reasons for row in report if row.reasons] == []
    assert any("must not" in row.remark for row in report)


def convolution(stride=1, padding=1):
    case = proofs.conv_case(np.random.default_rng(0), 2, (5, 4), 2, 3, (3, 3), stride, padding)
    return case[0], case[1], case[2]


def normalisation():
    return proofs.batch_norm_case(np.random.default_rng(0), 2, (3, 4), 3)[:3]


def without_divisor(dy, cache, dx, dgamma, dbeta):
    straight, pixels = cache.gamma * cache.inverse_std * dy, dy.size // len(dbeta)
    return straight + pixels * (dx - straight), dgamma, dbeta


@pytest.mark.parametrize("case, change, kind, words", [
    (convolution, lambda dy, cache, dx, dw, db: (dx, dw, dy[0].sum(axis=(0, 1))), "images",
     "b: right for a dy in image 0 alone (axis 0), and wrong for one in image 1. Is something "
     "summed, or not, over images?"),
    (convolution, lambda dy, cache, dx, dw, db: (dx, dw[::-1, ::-1], db), "reversed",
     "w: the gradient is right but turned by half a turn (axes 0 and 1 reversed)."),
    (convolution, lambda dy, cache, dx, dw, db: (
        ops.conv_forward(dy, cache[1].swapaxes(-1, -2).copy(), padding=1)[0], dw, db),
     "stamp turned", "x: a single element of dy paints what the differences say, but turned by "
     "half a turn (axes 1 and 2 reversed). Is the kernel the wrong way round?"),
    (convolution, lambda dy, cache, dx, dw, db: (dx * (np.arange(2) == 0), dw, db), "where",
     "x: only 40 of 80 elements are wrong, all in channel 1 (the last axis). Backward gives 0 "
     "there."),
    (normalisation, without_divisor, "mean", "x: Σ of the gradient over each channel is 0 by the "
     "differences, and not in backward. Is a mean left out, taken as a sum, or of the wrong "
     "sign?"),
    (normalisation, lambda dy, cache, dx, dgamma, dbeta: (dx, dgamma, -dbeta), "sign",
     "beta: the sign is wrong, everywhere: minus what backward gives would be right."),
])
def test_the_mistakes_that_people_make_are_named(case, change, kind, words):
    forward, right, arguments = case()
    said, = reasons(forward, lambda dy, cache: change(dy, cache, *right(dy, cache)), arguments)
    assert said == words and kind_of(said.split(": ", 1)[1]) == kind


def test_wrong_elements_that_happen_to_lie_at_the_border_are_not_said_to():
    x, factor = np.random.default_rng(0).normal(size=(2, 4, 4, 1)), np.ones((2, 4, 4, 1))
    factor[:, 0, :3], factor[:, -1, 1:] = 2, 3
    assert reasons(lambda x: (x * x, x), lambda dy, x: 2 * x * factor * dy, {"x": x}) == []


def test_statistics_of_each_image_by_itself_are_no_missing_mean():
    def backward(dy, cache):
        _, dgamma, dbeta = ops.batch_norm_backward(dy, cache)
        x_hat = (cache.x - cache.mean) * cache.inverse_std
        mean, along = (a.mean(axis=(1, 2), keepdims=True) for a in (dy, dy * x_hat))
        return cache.gamma * cache.inverse_std * (dy - mean - x_hat * along), dgamma, dbeta

    said, = reasons(ops.batch_norm_forward, backward, normalisation()[2])
    assert said.startswith("x: by the differences y of one image depends on the other images")


def test_a_sum_that_leaves_out_an_edge_has_not_moved():
    def backward(dy, cache):
        dx, dgamma, _ = ops.batch_norm_backward(dy, cache)
        return dx, dgamma, dy[:, 1:].sum(axis=(0, 1, 2))

    assert reasons(ops.batch_norm_forward, backward, normalisation()[2]) == [
        "beta: only what comes from 24 of 72 elements of dy, all at index 0 of axis 1, is wrong: "
        "it is left out."]
