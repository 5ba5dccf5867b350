"""Losses: values by hand, logits at the ends of the scale, weights, and targets that are none."""

import numpy as np
import pytest

from minunet import ops

ONE_CLASS = [ops.sigmoid_cross_entropy, ops.dice_loss]
SEVERAL = [ops.softmax_cross_entropy, ops.softmax_dice_loss]
LOSSES = [*ONE_CLASS, *SEVERAL]


def image(*values, dtype=float):
    """Give the values as (N = 1, H = 1, W, C = 1)."""
    return np.array(values, dtype).reshape(1, 1, -1, 1)


def compute(backend, loss, *arrays, **settings):
    value, dlogits = loss(*map(backend.asarray, arrays), **settings)
    assert value.shape == () and dlogits.shape == arrays[0].shape
    assert value.dtype == dlogits.dtype == arrays[0].dtype
    return float(value), backend.asnumpy(dlogits)


def test_sigmoid_cross_entropy_by_hand(backend):
    z = np.log(3)  # σ(z) = 3/4
    value, dlogits = compute(backend, ops.sigmoid_cross_entropy, image(0, z, z), image(1, 1, 0))
    assert value == pytest.approx((np.log(2) + np.log(4 / 3) + np.log(4)) / 3)
    np.testing.assert_allclose(dlogits, image(-1 / 2, -1 / 4, 3 / 4) / 3)


def test_softmax_cross_entropy_by_hand(backend):
    logits = np.log([[1.0, 2, 5], [1, 1, 2]]).reshape(1, 1, 2, 3)
    labels = np.array([[[2, 0]]])
    value, dlogits = compute(backend, ops.softmax_cross_entropy, logits, labels)
    assert value == pytest.approx((np.log(8 / 5) + np.log(4)) / 2)
    expected = np.array([[1 / 8, 2 / 8, -3 / 8], [-3 / 4, 1 / 4, 2 / 4]]) / 2
    np.testing.assert_allclose(dlogits[0, 0], expected)


def test_dice_loss_by_hand(backend):
    value, dlogits = compute(backend, ops.dice_loss, image(0, 0, 0, 0), image(1, 1, 1, 0))
    assert value == pytest.approx(1 - (2 * 1.5 + 1) / (2 + 3 + 1))
    np.testing.assert_allclose(dlogits, (4 / 6 - 2 * image(1, 1, 1, 0)) / 6 / 4)


def test_softmax_dice_loss_by_hand(backend):
    logits = np.log([[1.0, 2, 5], [1, 1, 2]]).reshape(1, 1, 2, 3)
    value, dlogits = compute(backend, ops.softmax_dice_loss, logits, np.array([[[2, 0]]]))
    one, two = 1 / (1 / 2 + 1), (5 / 4 + 1) / (9 / 8 + 1 + 1)  # class 1 is nowhere
    assert value == pytest.approx(1 - (one + two) / 2)
    p, dp = np.array([1, 2, 5]) / 8, np.array([0, one / 1.5, (two - 2) / 3.125]) / 2
    np.testing.assert_allclose(dlogits[0, 0, 0], p * (dp - dp @ p))


@pytest.mark.parametrize("softmax, sigmoid", [
    (ops.softmax_cross_entropy, ops.sigmoid_cross_entropy),
    (ops.softmax_dice_loss, ops.dice_loss)])
def test_two_classes_are_one_logit_the_difference(backend, rng, softmax, sigmoid):
    logits, labels = rng.normal(size=(2, 3, 4, 2)), rng.integers(0, 2, size=(2, 3, 4))
    both, dboth = compute(backend, softmax, logits, labels)
    one, done = compute(backend, sigmoid, np.diff(logits), labels[..., None].astype(float))
    assert both == pytest.approx(one)
    np.testing.assert_allclose(dboth, np.concatenate([-done, done], axis=-1), atol=1e-15)


ENDS = image(-1e4, -1e4, 1e4, 1e4, dtype=np.float32)
MIXED = image(0, 1, 0, 1, dtype=np.float32)  # half of them are right


@pytest.mark.parametrize("loss, target, value, dlogits", [
    (ops.sigmoid_cross_entropy, MIXED, 2e4 / 4, image(0, -1, 1, 0) / 4),
    (ops.dice_loss, MIXED, 1 - 3 / 5, image(0, 0, 0, 0)),
    (ops.dice_loss, image(0, 0, 1, 1, dtype=np.float32), 0, image(0, 0, 0, 0)),
])
def test_one_class_at_the_ends_of_the_scale(backend, loss, target, value, dlogits):
    got, gradient = compute(backend, loss, ENDS, target)
    assert got == pytest.approx(value, abs=1e-6)
    np.testing.assert_array_equal(gradient, dlogits)


def test_softmax_cross_entropy_at_the_ends_of_the_scale(backend):
    logits = np.concatenate([ENDS, -ENDS], axis=-1)
    value, dlogits = compute(backend, ops.softmax_cross_entropy, logits, np.array([[[1, 0, 0, 1]]]))
    assert value == pytest.approx(4e4 / 4)
    np.testing.assert_array_equal(dlogits[..., 0], image(0, -1, 0, 1)[..., 0] / 4)


@pytest.mark.parametrize("logit", [-20, 20])
def test_a_perfect_prediction_has_a_dice_loss_near_0(backend, logit):
    """Also of an image without tumour, where smooth stands in for the overlap."""
    target = np.full((2, 4, 4, 1), float(logit > 0))
    value, dlogits = compute(backend, ops.dice_loss, np.full_like(target, logit), target)
    assert 0 <= value < 1e-6 and np.abs(dlogits).max() < 1e-6


def test_dice_is_taken_over_the_batch_and_averaged_over_channels(backend, rng):
    logits, target = rng.normal(size=(3, 4, 5, 2)), rng.integers(0, 2, size=(3, 4, 5, 2)) * 1.0
    value, dlogits = compute(backend, ops.dice_loss, logits, target, smooth=2.0)
    rows = [compute(backend, ops.dice_loss, logits[..., [k]].reshape(1, 1, -1, 1),
                    target[..., [k]].reshape(1, 1, -1, 1), smooth=2.0) for k in (0, 1)]
    assert value == pytest.approx((rows[0][0] + rows[1][0]) / 2)
    for k, (_, gradient) in enumerate(rows):
        np.testing.assert_allclose(dlogits[..., k].ravel(), gradient.ravel() / 2, rtol=1e-12)


@pytest.mark.parametrize("loss, target, weight", [
    (ops.sigmoid_cross_entropy, image(1, 0, 1), image(0, 1, 3)),
    (ops.softmax_cross_entropy, np.array([[[1, 0, 1]]]), image(0, 1, 3)[..., 0]),
])
def test_a_weight_multiplies_its_pixel_and_is_not_normalised(backend, rng, loss, target, weight):
    logits = rng.normal(size=(*target.shape[:3], 1 if target.ndim == 4 else 2))
    value, dlogits = compute(backend, loss, logits, target, weight)
    each = [compute(backend, loss, logits[:, :, [i]], target[:, :, [i]]) for i in range(3)]
    assert value == pytest.approx((0 * each[0][0] + 1 * each[1][0] + 3 * each[2][0]) / 3)
    for i, w in enumerate((0, 1, 3)):
        np.testing.assert_allclose(dlogits[:, :, [i]], w * each[i][1] / 3)


@pytest.mark.parametrize("loss", ONE_CLASS)
@pytest.mark.parametrize("value, found", [(255, "255"), (-1, "-1"), (0.5, "0.5"),
                                          (np.nan, "nan"), (np.inf, "inf")])
def test_a_target_that_is_neither_0_nor_1_is_named(loss, value, found):
    with pytest.raises(ValueError, match=f"target must hold only 0 … 1, found {found}"):
        loss(image(0, 0, 0), image(1, value, 0))


@pytest.mark.parametrize("loss", SEVERAL)
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_named(loss, label):
    with pytest.raises(ValueError, match=f"labels must hold only 0 … 2, found {label}"):
        loss(np.zeros((1, 1, 2, 3)), np.array([[[0, label]]]))


@pytest.mark.parametrize("loss", ONE_CLASS)
def test_targets_on_a_device_are_not_looked_at(backend, loss):
    """The look would make the host wait at every step."""
    if backend.name == "numpy":
        pytest.skip("needs a device to wait for")
    loss(backend.asarray(image(0, 0)), backend.asarray(image(255, 0)))


@pytest.mark.parametrize("loss, changes, error, message", [
    (ops.sigmoid_cross_entropy, {"target": (1, 2, 3)}, ValueError,
     r"target must have shape \(1, 2, 3, 1\), got \(1, 2, 3\)"),
    (ops.sigmoid_cross_entropy, {"weight": (1, 2, 3)}, ValueError, "weight must have 4 axes"),
    (ops.sigmoid_cross_entropy, {"weight": (2, 2, 3, 1)}, ValueError,
     r"weight must have shape \(1, 2, 3, 1\), got \(2, 2, 3, 1\)"),
    (ops.softmax_cross_entropy, {"labels": (1, 2, 4)}, ValueError,
     r"labels must have shape \(1, 2, 3\), got \(1, 2, 4\)"),
    (ops.softmax_cross_entropy, {"weight": (1, 2, 3, 1)}, ValueError,
     r"weight must have shape \(1, 2, 3\), got \(1, 2, 3, 1\)"),
    (ops.dice_loss, {"target": (1, 2, 3, 2)}, ValueError,
     r"target must have shape \(1, 2, 3, 1\), got \(1, 2, 3, 2\)"),
])
def test_what_does_not_fit_is_named(loss, changes, error, message):
    second = {"labels": (1, 2, 3)} if loss is ops.softmax_cross_entropy else {
        "target": (1, 2, 3, 1)}
    arrays = {name: np.zeros(shape, int if name == "labels" else float)
              for name, shape in ({"logits": (1, 2, 3, 1)} | second | changes).items()}
    with pytest.raises(error, match=message):
        loss(**arrays)


@pytest.mark.parametrize("loss", SEVERAL)
def test_labels_on_another_device_are_named(backend, loss):
    if backend.name == "numpy":
        pytest.skip("needs a second device")
    with pytest.raises(TypeError, match="labels lies on another device"):
        loss(backend.asarray(np.zeros((1, 1, 1, 2))), np.zeros((1, 1, 1), int))


def test_smooth_is_not_negative():
    for loss, logits, target in ((ops.dice_loss, image(0), image(0)),
                                 (ops.softmax_dice_loss, np.zeros((1, 1, 1, 2)),
                                  np.array([[[0]]]))):
        with pytest.raises(ValueError, match="smooth must be a finite number from 0, got -1"):
            loss(logits, target, smooth=-1)


def test_one_channel_is_no_softmax_dice():
    with pytest.raises(ValueError, match="logits must have at least 2 channels, got 1"):
        ops.softmax_dice_loss(image(0), np.array([[[0]]]))


@pytest.mark.parametrize("loss", SEVERAL)
def test_labels_that_are_no_integers_are_refused(loss):
    with pytest.raises(TypeError, match="labels must be integers, got float64"):
        loss(np.zeros((1, 1, 2, 3)), np.zeros((1, 1, 2)))


@pytest.mark.parametrize("loss", LOSSES)
def test_logits_must_be_an_array_of_floats(loss):
    with pytest.raises(TypeError, match="logits must be a NumPy or CuPy array, got list"):
        loss([0.0], image(0))
    with pytest.raises(TypeError, match="logits must be floating-point, got int64"):
        loss(image(0).astype(int), image(0))
