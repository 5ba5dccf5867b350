"""The weight map of the paper's eq. 2, against its definition and against numbers by hand."""

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from skimage.measure import label

from minunet import ops
from minunet.data.border_weights import balance, border_weights, separate


def by_definition(labels, class_weights, w0, sigma):
    """Eq. 2 with a distance map for each object, sorted: what the short loop stands for."""
    maps = np.sort([distance_transform_edt(labels != n) for n in np.unique(labels[labels > 0])],
                   axis=0)
    border = w0 * np.exp(-((maps[0] + maps[1]) ** 2) / (2 * sigma**2))
    return np.where(labels > 0, class_weights[1], class_weights[0] + border)


def two_squares(gap, side=9):
    """Two squares with `gap` columns of background between them."""
    labels = np.zeros((side + 4, 2 * side + gap + 4), int)
    labels[2:-2, 2 : 2 + side] = 1
    labels[2:-2, 2 + side + gap : -2] = 2
    return labels


@pytest.mark.parametrize("w0, sigma", [(10.0, 5.0), (3.0, 1.5)])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_equation_2(seed, w0, sigma):
    rng = np.random.default_rng(seed)
    labels = label(rng.random((90, 120)) > 0.75, connectivity=1)  # hundreds, some of one pixel
    labels[:, 50:95] = 0  # and a gap that no object's neighbourhood spans
    expected = by_definition(labels, (2.0, 0.5), w0, sigma)
    w = border_weights(labels, (2.0, 0.5), w0=w0, sigma=sigma)
    np.testing.assert_allclose(w, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("gap", [1, 2, 3, 5, 9])
def test_in_a_gap_the_two_distances_add_up_to_the_gap_and_one(gap):
    """From centre to centre: in a gap of one pixel, 1 to the left and 1 to the right."""
    w = border_weights(two_squares(gap), (1.0, 1.0))
    row, columns = 6, slice(11, 11 + gap)
    expected = 1 + 10 * np.exp(-((gap + 1) ** 2) / (2 * 5.0**2))
    np.testing.assert_allclose(w[row, columns], expected, rtol=1e-6)


def test_the_narrower_the_gap_the_more_it_weighs():
    heights = [border_weights(two_squares(gap)).max() for gap in (1, 3, 6, 12, 40)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 9 and heights[-1] == pytest.approx(1, abs=1e-4)


def test_inside_objects_only_the_class_counts():
    labels = two_squares(1)
    assert (border_weights(labels, (2.0, 0.75))[labels > 0] == 0.75).all()


def test_with_no_object_and_with_one_there_is_no_border_to_learn():
    labels = np.zeros((20, 30), int)
    assert (border_weights(labels, (1.5, 0.5)) == 1.5).all()
    labels[5:9, 5:9] = 4  # numbers need not be consecutive
    assert (border_weights(labels, (1.5, 0.5)) == np.where(labels, 0.5, 1.5)).all()


def test_objects_that_touch_have_no_pixel_between_them_until_they_are_separated():
    touching = two_squares(0)
    assert (touching[6, 2:20] > 0).all()
    before = border_weights(touching)
    apart = separate(touching)
    after = border_weights(apart)
    assert before[6, 2:20].max() == 1
    assert (after[6, 10:12] > 8).all()  # one pixel from each side became background
    assert (apart[6, 10:12] == 0).all() and label(apart > 0).max() == 2


def test_separating_changes_nothing_else():
    labels = two_squares(1)
    assert (separate(labels) == labels).all()
    corners = np.kron([[1, 0], [0, 2]], np.ones((4, 4), int))
    assert np.argwhere(separate(corners) != corners).tolist() == [[3, 3], [4, 4]]
    assert separate(labels.astype(np.int32)).dtype == np.int32


def test_a_pixel_is_separated_exactly_if_one_of_its_eight_neighbours_is_of_another_object(rng):
    labels = rng.choice([0, 0, 0, 1, 2, 5], (20, 30))
    expected = labels.copy()
    for y, x in np.argwhere(labels):
        around = labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        if set(around.ravel()) - {0, labels[y, x]}:
            expected[y, x] = 0
    assert (separate(labels) == expected).all() and expected.any()


def test_it_fits_both_cross_entropies(rng):
    labels = two_squares(3)
    w = border_weights(labels)
    logits = rng.normal(size=(1, *labels.shape, 2)).astype(np.float32)
    mask = (labels > 0).astype(np.int64)[np.newaxis]
    loss, dlogits = ops.softmax_cross_entropy(logits, mask, w[np.newaxis])
    plain, _ = ops.softmax_cross_entropy(logits, mask)
    assert loss > plain and dlogits.dtype == np.float32
    target = mask[..., np.newaxis].astype(np.float32)
    loss, _ = ops.sigmoid_cross_entropy(logits[..., :1], target, w[np.newaxis, ..., np.newaxis])
    assert loss > ops.sigmoid_cross_entropy(logits[..., :1], target)[0]


def test_memory_does_not_grow_with_the_number_of_objects():
    """A distance map an object would be 500 maps; a few images are enough."""
    rows, columns = np.indices((256, 256))
    labels = np.where((rows % 11 < 9) & (columns % 11 < 9), rows // 11 * 24 + columns // 11 + 1, 0)
    assert len(np.unique(labels)) > 500
    border_weights(labels[:20, :20])  # what is imported once
    tracemalloc.start()
    try:
        border_weights(labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * labels.size * 8  # bytes: ten images of float64


def test_balanced_classes_have_the_same_part_and_the_mean_weight_is_1():
    mask = np.zeros((4, 10, 10), np.uint8)
    mask[0, :5, :8] = 7  # labels count as objects too: a tenth of the pixels
    background, objects = balance(mask)
    assert (background, objects) == pytest.approx((400 / 720, 400 / 80))
    assert background * 360 == pytest.approx(objects * 40)


def test_a_class_that_does_not_occur_gets_no_weight():
    assert balance(np.zeros((3, 3), int)) == (1.0, 0.0)
    assert balance(np.ones((3, 3), int)) == (0.0, 1.0)


@pytest.mark.parametrize("labels, changes, message", [
    (np.zeros((4, 4)), {}, "labels must be"), (np.zeros((1, 4, 4), int), {}, "labels must be"),
    (np.full((4, 4), -1), {}, "labels must be"), (np.zeros((4, 4), bool), {}, "labels must be"),
    (np.zeros((4, 4), int), {"sigma": 0.0}, "sigma must be positive"),
])
def test_arguments_that_do_not_fit_are_named(labels, changes, message):
    with pytest.raises(ValueError, match=message):
        border_weights(labels, **changes)
