"""BraTS's regions and its rules for empty ones, beside our own."""

import math

import numpy as np
import pytest

from minunet.data.formats.brats import CLASSES
from minunet.metrics import dice, hausdorff95
from minunet.tool.challenge import REGIONS, WORST, score_regions


def volume(*marks):
    """A volume (4, 10, 10) with voxels marked as (class, index)."""
    classes = np.zeros((4, 10, 10), np.uint8)
    for k, index in marks:
        classes[index] = k
    return classes


ALL = volume((2, np.s_[1:3, 2:8, 2:8]), (1, np.s_[1:3, 3:6, 3:6]), (3, np.s_[1, 4, 4]))


def test_regions_contain_each_other():
    whole, core, enhancing = (set(members) for members in REGIONS.values())
    assert whole > core > enhancing


def test_each_region_is_scored_over_all_classes_in_it():
    scores = score_regions(ALL, np.roll(ALL, 1, axis=2), CLASSES, (2, 1, 1))
    for name, members in {"whole tumour": (1, 2, 3), "tumour core": (1, 3),
                          "enhancing tumour": (3,)}.items():
        one, other = (np.isin(m, members) for m in (ALL, np.roll(ALL, 1, axis=2)))
        assert scores[name]["dice"] == dice(one, other)
        assert scores[name]["hausdorff95"] == hausdorff95(one, other, (2, 1, 1))
        assert scores[name]["volume_truth"] == 2 * one.sum()


def test_to_call_core_oedema_costs_the_core_and_not_the_whole():
    confused = np.where(ALL == 1, 2, ALL).astype(np.uint8)
    scores = score_regions(confused, ALL, CLASSES, (1, 1, 1))
    assert scores["whole tumour"]["dice"] == 1
    assert scores["tumour core"]["dice"] < 0.2
    assert scores["enhancing tumour"]["dice"] == 1


NONE = np.where(ALL == 3, 1, ALL).astype(np.uint8)  # no enhancing tumour


@pytest.mark.parametrize("prediction, truth, expected", [
    (NONE, NONE, (1, 0)), (ALL, NONE, (0, WORST)), (NONE, ALL, (0, WORST))],
    ids=["both empty", "truth empty", "prediction empty"])
def test_an_empty_region_scores_by_the_challenges_rule(prediction, truth, expected):
    scores = score_regions(prediction, truth, CLASSES, (1, 1, 1))["enhancing tumour"]
    assert (scores["dice"], scores["hausdorff95"]) == expected


def test_the_worst_distance_is_the_diagonal_of_a_brats_volume():
    assert pytest.approx(373.13, abs=0.005) == WORST


def test_other_classes_are_scored_one_by_one_and_empty_ones_are_undefined():
    scores = score_regions(NONE, NONE, ("background", "a", "b", "c"), None)
    assert list(scores) == ["a", "b", "c"]
    assert scores["a"]["dice"] == 1
    assert math.isnan(scores["c"]["dice"]) and math.isnan(scores["c"]["hausdorff95"])
