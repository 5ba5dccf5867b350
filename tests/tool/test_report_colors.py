"""Colours of the reports: told apart by every eye, and the same in the legend and the picture."""

import numpy as np
import pytest
from color_vision import GREYS, SIGHTS, contrast, differences, least_difference, seen
from matplotlib.colors import to_rgb
from PIL import Image
from report_shapes import canonical_mask
from skimage.color import deltaE_ciede2000

from minunet.tool.drawing import (
    HIT,
    INK,
    LABEL_COLORS,
    MUTED,
    PREDICTION,
    SHADE,
    TINT,
    TRUTH,
    label_colors,
)
from minunet.tool.report import report

ERRORS = (TRUTH, PREDICTION, HIT)


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_tints_of_four_labels_are_told_apart_over_any_grey_by_every_eye(sight):
    assert least_difference(LABEL_COLORS[:4], TINT, sight) > 27


@pytest.mark.parametrize("sight", SIGHTS)
def test_ten_labels_are_told_apart_without_an_image_by_every_eye(sight):
    assert least_difference((*LABEL_COLORS, SHADE), 1, sight, [0]) > 15


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_tints_of_ten_labels_are_numbered_since_they_are_12_apart_and_not_15(sight):
    assert least_difference(LABEL_COLORS, TINT, sight) > 12


@pytest.mark.parametrize("sight", SIGHTS)
def test_hit_missed_and_false_are_told_apart_by_every_eye(sight):
    assert least_difference(ERRORS, 0.85, sight) > 20  # as laid over a scan
    assert least_difference((*ERRORS, SHADE), 1, sight, [0]) > 20  # as a change page draws them


@pytest.mark.parametrize("sight", SIGHTS)
def test_a_tint_is_nearest_to_its_own_colour_in_the_legend(sight):
    colors = np.array([to_rgb(color) for color in LABEL_COLORS[:4]])
    for grey in GREYS[(GREYS > 0.05) & (GREYS < 0.95)]:
        apart = differences(TINT * colors + (1 - TINT) * grey, colors, sight)
        assert apart.argmin(axis=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("ground", ["white", SHADE])
def test_all_text_can_be_read(ground):
    assert min(contrast(INK, ground), contrast(MUTED, ground)) > 4.5


def test_a_label_keeps_its_colour_whatever_others_there_are():
    assert label_colors([2, 4]) == {2: LABEL_COLORS[1], 4: LABEL_COLORS[3]}
    assert label_colors([1, 4, 500]) == dict(zip((1, 4, 500), LABEL_COLORS, strict=False))
    assert list(label_colors(list(range(1, 11))).values()) == list(LABEL_COLORS)


def test_without_an_image_the_picture_has_the_colours_of_the_legend(tmp_path, monkeypatch):
    labels = np.zeros((6, 40, 50), np.int32)
    for label in range(1, 11):
        labels[1:5, 5:30, 4 * label:4 * label + 4] = label
    monkeypatch.setattr("minunet.tool.report.read_report_mask", lambda _: canonical_mask(labels))
    report("mask.nii.gz", None, tmp_path)
    page = np.asarray(Image.open(tmp_path / "report.png"))[300:, :, :3]  # below the legend
    for color in LABEL_COLORS:
        exact = (np.abs(page - 255 * np.array(to_rgb(color))) <= 0.5).all(axis=-1)
        assert exact.sum() > 1000


# The instruments themselves

def test_ciede2000_is_that_of_its_test_data():
    # Pairs 1 and 25 of Sharma, Wu and Dalal 2005.
    assert deltaE_ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485]) == pytest.approx(
        2.0425, abs=1e-4)
    assert deltaE_ciede2000([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387]) == (
        pytest.approx(1.2644, abs=1e-4))


@pytest.mark.parametrize("sight", SIGHTS)
def test_every_eye_sees_greys_as_they_are(sight):
    greys = np.linspace(0, 1, 5)[:, np.newaxis] * np.ones(3)
    np.testing.assert_allclose(seen(greys, sight), greys, atol=1e-3)


def test_red_and_green_are_alike_to_two_kinds_of_eyes_only():
    red, green = [to_rgb("#B05028")], [to_rgb("#6E7D28")]
    apart = {sight: differences(red, green, sight)[0, 0] for sight in SIGHTS}
    assert max(apart["protan"], apart["deutan"]) < 0.5 * min(apart["normal"], apart["tritan"])


def test_the_contrast_of_black_on_white_is_21():
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)
