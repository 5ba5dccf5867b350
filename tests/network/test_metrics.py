"""Scores: by hand, by analysis, against the definition in loops, and where nothing is defined."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minunet import metrics
from minunet.engine.files import InputError

EMPTY = np.zeros((4, 5), bool)
FULL = np.ones((4, 5), bool)
OVERLAPS = (metrics.dice, metrics.iou, metrics.sensitivity, metrics.precision)


@st.composite
def mask_pairs(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=3, max_side=6))
    return draw(arrays(bool, shape)), draw(arrays(bool, shape))


def proofs(examples=100):
    return settings(derandomize=True, deadline=None, max_examples=examples, database=None)


def square(top, left, size=10, canvas=40):
    mask = np.zeros((canvas, canvas), bool)
    mask[top:top + size, left:left + size] = True
    return mask


def same(a, b):
    return a == pytest.approx(b, nan_ok=True)


# Overlap

def test_overlap_by_hand():
    truth = np.array([[1, 1, 1, 1],
                      [0, 0, 0, 0]])
    prediction = np.array([[0, 1, 1, 0],
                           [1, 0, 0, 0]])  # 2 hits, 1 false alarm, 2 missed
    assert metrics.dice(prediction, truth) == pytest.approx(4 / 7)
    assert metrics.iou(prediction, truth) == pytest.approx(2 / 5)
    assert metrics.sensitivity(prediction, truth) == pytest.approx(2 / 4)
    assert metrics.precision(prediction, truth) == pytest.approx(2 / 3)


def test_two_squares_shifted_by_a_third_share_two_thirds():
    a, b = square(5, 5, size=9), square(5, 8, size=9)
    assert metrics.dice(a, b) == pytest.approx(2 / 3)
    assert metrics.iou(a, b) == pytest.approx(1 / 2)


@pytest.mark.parametrize("score", OVERLAPS)
def test_a_mask_agrees_wholly_with_itself(score):
    assert score(FULL, FULL) == 1
    assert score(square(3, 3), square(3, 3)) == 1


@proofs()
@given(mask_pairs())
def test_the_scores_agree_with_each_other(pair):
    p, t = pair
    dice, iou = metrics.dice(p, t), metrics.iou(p, t)
    sensitivity, precision = metrics.sensitivity(p, t), metrics.precision(p, t)
    assert same(iou, dice / (2 - dice))
    assert same(precision, metrics.sensitivity(t, p))
    if sensitivity + precision > 0:
        assert same(dice, 2 * sensitivity * precision / (sensitivity + precision))


@proofs()
@given(mask_pairs())
def test_dice_and_distance_do_not_ask_which_mask_is_the_truth(pair):
    p, t = pair
    assert same(metrics.dice(p, t), metrics.dice(t, p))
    assert same(metrics.hausdorff95(p, t), metrics.hausdorff95(t, p))


def test_masks_of_0_and_1_in_any_dtype_score_as_booleans():
    a, b = square(5, 5), square(7, 5)
    for dtype in (np.uint8, np.int64, np.float32):
        assert metrics.score_patient(a.astype(dtype), b.astype(dtype)) == \
            metrics.score_patient(a, b)


# Empty masks: the table at the head of the module

@pytest.mark.parametrize("prediction, truth, expected", [
    pytest.param(EMPTY, EMPTY, (math.nan,) * 5, id="nothing-to-find-nothing-found"),
    pytest.param(EMPTY, FULL, (0, 0, 0, math.nan, math.inf), id="missed"),
    pytest.param(FULL, EMPTY, (0, 0, math.nan, 0, math.inf), id="found-where-nothing-is"),
])
def test_empty_masks(prediction, truth, expected):
    row = metrics.score_patient(prediction, truth)
    assert same([row[score] for score in metrics.SCORES], list(expected))


# Distance

def brute_force(prediction, truth, spacing):
    """HD95 as defined, voxel by voxel and pair by pair."""
    def surface(mask):
        inside = {tuple(index) for index in np.argwhere(mask)}
        steps = [tuple(sign * axis) for axis in np.eye(mask.ndim, dtype=int) for sign in (1, -1)]
        return [v for v in inside
                if any(tuple(np.add(v, step)) not in inside for step in steps)]

    def directed(a, b):
        return np.percentile([min(math.dist(np.multiply(v, spacing), np.multiply(u, spacing))
                                  for u in b) for v in a], 95)

    a, b = surface(prediction), surface(truth)
    return max(directed(a, b), directed(b, a))


@proofs(60)
@given(mask_pairs(), st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3))
def test_distance_is_the_definition_in_loops(pair, spacing):
    prediction, truth = pair
    if truth.ndim == 3 and len(truth) == 1:
        prediction, truth = prediction[0], truth[0]
    spacing = spacing[:truth.ndim]
    if prediction.any() and truth.any():
        assert metrics.hausdorff95(prediction, truth, spacing) == \
            pytest.approx(brute_force(prediction, truth, spacing), abs=1e-12)


def test_two_single_voxels_are_as_far_apart_as_their_centres():
    a, b = np.zeros((2, 9, 9), bool)
    a[1, 1], b[4, 5] = True, True
    assert metrics.hausdorff95(a, b) == 5
    assert metrics.hausdorff95(a, b, spacing=(2, 2)) == 10


def test_a_shifted_square_is_as_far_as_it_was_shifted():
    # 10 of the 36 surface pixels lie on the trailing side, 3 from the other square: more than 5 %.
    assert metrics.hausdorff95(square(5, 5), square(5, 8)) == 3


@pytest.mark.parametrize("axis, expected", [(0, 10.0), (1, 1.8), (2, 1.8)])
def test_a_shifted_cube_is_measured_in_millimetres_along_each_axis(axis, expected):
    cube = np.zeros((16, 16, 16), bool)
    cube[3:9, 3:9, 3:9] = True
    shifted = np.roll(cube, 2, axis)
    assert metrics.hausdorff95(shifted, cube, spacing=(5, 0.9, 0.9)) == pytest.approx(expected)


def test_one_stray_pixel_in_a_long_outline_does_not_decide():
    truth = square(5, 5, size=20)
    prediction = truth.copy()
    prediction[38, 38] = True
    assert metrics.hausdorff95(prediction, truth) == 0


def test_a_hole_has_a_surface():
    solid = square(5, 5, size=21)
    hollow = solid & ~square(10, 10, size=11)
    assert metrics.hausdorff95(solid, hollow) == 4  # from around the hole to the outline


def test_where_the_masks_lie_does_not_matter():
    a, b = square(0, 0), square(2, 3)
    moved = [np.roll(mask, (20, 24), (0, 1)) for mask in (a, b)]
    assert metrics.hausdorff95(a, b) == metrics.hausdorff95(*moved)


def test_a_stack_of_one_slice_is_measured_as_the_slice():
    a, b = square(5, 5, size=21), square(8, 5, size=9)
    assert metrics.hausdorff95(a[None], b[None], (7, 2, 2)) == metrics.hausdorff95(a, b, (2, 2))


# A patient, and the table's last line

def test_a_patient_with_spacing_is_scored_in_millimetres():
    truth = np.zeros((4, 6, 6), bool)
    truth[1:3, 2:4, 2:4] = True
    prediction = truth.copy()
    prediction[2] = False
    row = metrics.score_patient(prediction, truth, spacing=(5, 0.5, 0.5))
    assert row == {"dice": pytest.approx(2 / 3), "iou": 0.5, "sensitivity": 0.5, "precision": 1,
                   "hausdorff95": 5, "volume_truth": 10, "volume_prediction": 5, "unit": "mm"}


def test_a_score_is_a_plain_float_as_csv_and_json_want_it():
    row = metrics.score_patient(square(5, 5), square(5, 8), spacing=np.array([2, 2]))
    assert {type(value) for key, value in row.items() if key != "unit"} == {float}


def test_a_patient_without_spacing_is_scored_in_voxels():
    row = metrics.score_patient(square(5, 5), square(5, 8))
    assert (row["unit"], row["volume_truth"], row["hausdorff95"]) == ("voxel", 100, 3)


def patient(value, unit="mm"):
    return {**dict.fromkeys(metrics.SCORES, value), "unit": unit}


def test_a_summary_leaves_out_undefined_scores_and_counts():
    summary = metrics.summarise([patient(0.2), patient(0.9), patient(math.nan), patient(0.7)])
    for score in metrics.SCORES:
        assert summary[score] == {"mean": pytest.approx(0.6), "median": 0.7,
                                  "defined": 3, "infinite": 0, "total": 4}


def test_an_infinite_distance_counts_in_the_median_only():
    summary = metrics.summarise([patient(2.0), patient(math.inf), patient(4.0)])["hausdorff95"]
    assert summary == {"mean": 3, "median": 4, "defined": 3, "infinite": 1, "total": 3}


@pytest.mark.parametrize("rows, infinite", [([], 0), ([patient(math.nan)], 0),
                                            ([patient(math.inf)] * 3, 3)])
def test_a_summary_over_no_patient_has_no_mean(rows, infinite):
    summary = metrics.summarise(rows)["hausdorff95"]
    assert math.isnan(summary["mean"])
    assert same(summary["median"], math.inf if infinite else math.nan)
    assert (summary["infinite"], summary["total"]) == (infinite, len(rows))


def test_millimetres_and_voxels_have_no_common_mean():
    with pytest.raises(InputError, match="mm and some in voxels"):
        metrics.summarise([patient(1.0), patient(1.0, unit="voxel")])


# What doesn't fit

@pytest.mark.parametrize("function", [*OVERLAPS, metrics.hausdorff95, metrics.score_patient])
@pytest.mark.parametrize("prediction, truth, message", [
    (EMPTY[:, :4], EMPTY, r"prediction has shape \(4, 4\); expected truth's \(4, 5\)"),
    (np.zeros(4), np.zeros(4), r"prediction has shape \(4,\); expected \(H, W\) or"),
    (EMPTY, np.full((4, 5), 255), "truth holds 255; expected only 0 and 1"),
    (np.full((4, 5), 0.5), EMPTY, "prediction holds 0.5; expected only 0 and 1"),
    (np.full((4, 5), np.nan), EMPTY, "prediction holds nan"),
])
def test_masks_that_do_not_fit_are_named(function, prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        function(prediction, truth)


@pytest.mark.parametrize("spacing", [2, (1,), (1, 0), (1, -1), (1, math.nan), (1, math.inf)])
def test_spacing_is_one_positive_length_for_each_axis(spacing):
    for function in (metrics.hausdorff95, metrics.score_patient):
        with pytest.raises(ValueError, match="expected 2 positive lengths in mm"):
            function(FULL, FULL, spacing)
