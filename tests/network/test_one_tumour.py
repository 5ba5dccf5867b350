"""Where a patient has one tumour: the surest of the pieces found are kept."""

import json

import numpy as np
import pytest
from conftest import SMALL
from scipy.ndimage import label

from minunet import UNet, predict
from minunet.data.preprocess import Preprocessing
from minunet.engine import checkpoint
from minunet.predict import keep_surest, segment
from minunet.tool.cli import main


@pytest.fixture
def pieces():
    """A large piece, a small one, and a place that is below the threshold: (4, 8, 8, 1)."""
    probabilities = np.zeros((4, 8, 8, 1), np.float32)
    probabilities[:3, 1:4, 1:4] = 0.6
    probabilities[3, 6:, 6:] = 0.95
    probabilities[1, 6, 6] = 0.4
    return probabilities


def test_the_piece_least_likely_to_be_a_false_alarm_is_kept_and_the_others_vanish(pieces):
    kept = keep_surest(pieces)
    assert kept.dtype == np.float32
    assert (kept[3] == 0).all()
    np.testing.assert_array_equal(kept[:3], pieces[:3])


def test_a_piece_that_is_sure_is_kept_before_a_larger_one_in_doubt():
    probabilities = np.zeros((1, 8, 8, 1))
    probabilities[0, 0, :6] = 0.6  # six voxels: 0.4⁶ = 4 · 10⁻³ that none is tumour
    probabilities[0, 6:, 6:] = 0.95  # four: 0.05⁴ = 6 · 10⁻⁶
    kept = keep_surest(probabilities)[0, ..., 0] > 0
    assert kept[6:, 6:].all() and not kept[:2].any()


@pytest.mark.parametrize("voxels, stays", [(4, False), (6, True), (9, True)])
def test_a_piece_half_as_sure_as_the_surest_is_kept_too(voxels, stays):
    probabilities = np.zeros((1, 4, 10, 1))
    probabilities[0, 0, :10] = 0.9
    probabilities[0, 3, :voxels] = 0.9
    kept = keep_surest(probabilities)
    assert (kept[0, 0] > 0).all()
    assert (kept[0, 3] > 0).any() == stays


def test_probabilities_that_are_rounded_to_1_are_as_sure_as_float32_can_say():
    probabilities = np.zeros((1, 8, 8, 1), np.float32)
    probabilities[0, 0, 0] = 1
    probabilities[0, 4:, 4:] = 0.9  # 16 voxels: 10⁻¹⁶
    kept = keep_surest(probabilities)[0, ..., 0] > 0
    assert kept[4:, 4:].all() and not kept[0, 0]


def test_pieces_that_touch_at_a_corner_or_from_slice_to_slice_are_one(pieces):
    pieces[3, 4, 4] = 0.9  # touches the large piece's corner, one slice on
    pieces[3, 5, 5] = 0.9  # and this one the small piece's
    np.testing.assert_array_equal(keep_surest(pieces), pieces)


def test_nothing_found_and_one_piece_found_stay_as_they_are(pieces):
    for probabilities in (np.zeros((2, 4, 4, 1)), pieces[:3]):
        np.testing.assert_array_equal(keep_surest(probabilities), probabilities)


def test_of_several_classes_a_piece_that_goes_becomes_background(pieces):
    classes = np.concatenate([1 - pieces, 0.3 * pieces, 0.7 * pieces], axis=-1)
    kept = keep_surest(classes)
    np.testing.assert_array_equal(kept[3, 6:, 6:], np.broadcast_to([1, 0, 0], (2, 2, 3)))
    np.testing.assert_array_equal(kept[:3], classes[:3])


def test_a_patient_is_segmented_to_the_surest_piece_only_if_the_model_says_so(monkeypatch):
    # A network that takes all that is bright for tumour.
    monkeypatch.setattr(predict, "predict_slices", lambda net, x, **_: (x > 1).astype(np.float32))
    images = np.full((2, 32, 32, 1), 50, np.uint8)
    images[0, 0, 0] = 0
    images[:, 4:14, 4:14], images[1, 20:26, 20:26] = 99, 98
    net = UNet(1, 1, base_channels=1, depth=1)
    for one, count in ((False, 2), (True, 1)):
        found = segment(net, images, Preprocessing(None, low=0, high=100, one_tumour=one))
        assert label(found[..., 0] > 0.5, np.ones((3, 3, 3)))[1] == count


def test_a_run_for_one_tumour_makes_a_model_for_one_tumour(tree, tmp_path):
    command = ["train", str(tree), "--out", str(tmp_path), *SMALL, "--one-tumour"]
    assert main(command) == 0
    assert checkpoint.load_model(tmp_path, UNet)[1]["preprocessing"]["one_tumour"] is True
    assert json.loads((tmp_path / "config.json").read_text())["settings"]["one_tumour"] is True
