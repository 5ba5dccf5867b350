"""Reports: which tumours there are, where, how bright; and what has changed."""

import nibabel as nib
import numpy as np
import pytest
from nifti_files import affine, write_nifti
from report_shapes import LARGE, SHAPE, SMALL, canonical_mask, labels

from minunet.tool.report.change import compare, fate, match
from minunet.tool.report.mask import read_report_mask
from minunet.tool.report.tumours import (
    describe,
    find_midline,
    measure_location,
    regions,
    split_tumours,
)

# Which tumours there are, and how large

def test_tumours_are_numbered_by_size_and_specks_are_listed_apart():
    mask = canonical_mask(labels(SMALL, LARGE))
    mask.labels[9, 39, 49] = mask.labels[0, 0, 0] = 1
    report, parts = describe(mask)
    assert [t["size"]["voxels"] for t in report["tumours"]] == [6 * 10 * 15, 3 * 5 * 8]
    assert parts[4, 10, 10] == 1
    assert parts[4, 27, 33] == 2
    assert [speck["volume_mm3"] for speck in report["specks"]] == [2, 2]
    assert [9, 39, 49] in [speck["centroid_voxel"] for speck in report["specks"]]


def test_the_total_counts_every_voxel_specks_too():
    mask = canonical_mask(labels(SMALL, LARGE))
    mask.labels[9, 39, 49] = 1
    total = describe(mask)[0]["total"]
    assert (total["tumours"], total["specks"]) == (2, 1)
    assert total["voxels"] == np.count_nonzero(mask.labels)
    assert total["volume_mm3"] == 2 * total["voxels"]
    assert total["volume_ml"] == total["volume_mm3"] / 1000


def test_voxels_that_touch_at_a_corner_are_one_tumour():
    mask = canonical_mask(labels(((0, 0, 0), (5, 10, 10)), ((5, 10, 10), (9, 20, 20))))
    assert split_tumours(mask)[1] == 1


def test_brats_labels_give_their_regions_and_others_do_not():
    mask = canonical_mask(labels(LARGE, value=2))
    mask.labels[3:7, 7:12, 8:16], mask.labels[4:6, 8:10, 9:12] = 4, 1
    counts = {n: np.count_nonzero(mask.labels == n) for n in (1, 2, 4)}
    found = regions(mask, mask.labels > 0, [1, 2, 4])
    assert found["whole tumour"]["voxels"] == sum(counts.values())
    assert found["tumour core"]["voxels"] == counts[1] + counts[4]
    assert found["enhancing tumour"]["volume_mm3"] == 2 * counts[4]
    assert found["label 2, oedema"]["voxels"] == counts[2]
    assert list(regions(mask, mask.labels > 0, [1, 2])) == ["label 1", "label 2"]
    assert regions(mask, mask.labels > 0, [1]) == {}


# Where they are

@pytest.mark.parametrize("codes", ["LPS", "RAS", "RPS", "LAS", "PSL", "SRA"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_hemisphere_is_the_patients_however_the_file_is_stored(tmp_path, codes, side):
    matrix = affine(codes)
    size = np.array([30, 32, 34])
    centre = nib.affines.apply_affine(matrix, (size - 1) / 2)
    aim = centre + [9 if side == "right" else -9, 0, 0]
    grid = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1)
    near = np.linalg.norm(nib.affines.apply_affine(matrix, grid) - aim, axis=-1) < 4
    mask = read_report_mask(write_nifti(tmp_path / "m.nii.gz", near.astype(np.uint8), matrix))
    [tumour] = describe(mask)[0]["tumours"]
    assert (tumour["location"]["side"], tumour["location"]["side_of"]) == (side, "patient")
    assert tumour["location"]["right_share"] == (side == "right")
    assert tumour["location"]["centroid_mm"] == pytest.approx(aim, abs=0.3)


def test_the_midline_is_that_of_the_head_if_there_is_an_image():
    mask = canonical_mask(labels(((3, 10, 22), (6, 20, 24))), (1, 1, 1))
    report, _ = describe(mask)
    assert report["midline"] == {"x": -24.5, "unit": "mm", "from": "the middle of the volume"}
    assert report["tumours"][0]["location"]["side"] == "right"  # x = -22.5, right of the middle
    image = np.where(np.arange(50) < 40, 100.0, 0.0) * np.ones(SHAPE)
    report, _ = describe(mask, image)
    assert report["midline"]["x"] == pytest.approx(-19.5, abs=0.3)
    assert "head" in report["midline"]["from"]
    assert report["tumours"][0]["location"]["side"] == "left"


def test_a_tumour_across_the_midline_says_how_much_of_it_lies_where():
    mask = canonical_mask(labels(((3, 10, 22), (6, 20, 32))), (1, 1, 1))
    place = measure_location(mask, mask.labels > 0, find_midline(mask))
    assert place["right_share"] == pytest.approx(0.3)
    assert (place["first_slice"], place["last_slice"]) == (4, 6)
    assert place["centroid_voxel"] == [4, 14.5, 26.5]


# How bright they are

def test_intensities_inside_and_around_leave_the_air_and_other_tumours_out():
    mask = canonical_mask(labels(LARGE, SMALL))
    image = np.full(SHAPE, 100.0)
    image[:, :, 40:] = 0
    image[mask.labels > 0] = 180
    image[2, 5, 5] = 170
    seen = describe(mask, image)[0]["tumours"][0]["appearance"]
    assert (seen["around"]["mean"], seen["around"]["spread"]) == (100, 0)
    assert seen["inside"]["mean"] == pytest.approx(180 - 10 / 900)
    assert seen["contrast"] is None  # no spread to compare with
    for name in ("inside", "around"):
        assert sum(seen["histogram"][name]) == pytest.approx(1)


def test_the_contrast_is_in_spreads_of_what_is_around():
    mask = canonical_mask(labels(LARGE))
    image = np.random.default_rng(0).normal(100, 4, SHAPE) + 20 * mask.labels
    assert describe(mask, image)[0]["tumours"][0]["appearance"]["contrast"] == pytest.approx(
        5, abs=0.2)


# What has changed

def test_each_fate():
    assert fate([], [1], 0, 10) == "new"
    assert fate([1], [], 10, 0) == "vanished"
    assert fate([1], [1], 100, 106) == "grown"
    assert fate([1], [1], 100, 94) == "shrunk"
    assert fate([1], [1], 100, 104) == "steady"
    assert fate([1, 2], [1], 100, 104) == "steady, merged"
    assert fate([1], [1, 2], 100, 50) == "shrunk, split"
    assert fate([1, 2], [1, 2], 100, 200) == "grown, merged and split"


def test_tumours_are_matched_through_others_that_overlap_both():
    before, after = np.zeros((1, 1, 20), int), np.zeros((1, 1, 20), int)
    before[..., 0:3], before[..., 5:8], before[..., 18:] = 1, 2, 3
    after[..., 2:6], after[..., 7:10], after[..., 12:14] = 1, 2, 3
    groups = match(before, after)
    assert sorted(map(str, groups)) == ["([1, 2], [1, 2])", "([3], [])", "([], [3])"]


def test_a_change_adds_up_and_names_each_tumour():
    before = canonical_mask(labels(LARGE, SMALL))
    after = canonical_mask(labels(((2, 5, 5), (9, 16, 21)), ((2, 30, 5), (8, 36, 12))))
    report, _ = compare(before, after)
    old, new = (np.count_nonzero(m.labels) for m in (before, after))
    assert report["total"]["voxels_change"] == new - old
    assert report["total"]["change_percent"] == pytest.approx(100 * (new - old) / old)
    assert report["total"]["volume_mm3_after"] == 2 * new
    assert [(row["fate"], row["before"], row["after"]) for row in report["lesions"]] == [
        ("grown", [1], [1]), ("new", [], [2]), ("vanished", [2], [])]
    assert report["lesions"][1]["change_percent"] is None


def test_a_tumour_that_shrinks_to_a_speck_has_shrunk_and_not_vanished():
    before = canonical_mask(labels(SMALL))
    after = canonical_mask(labels(((4, 27, 33), (5, 28, 35))))
    after.labels[0, 0, 0] = 1  # a new speck is no new tumour
    report, _ = compare(before, after)
    assert [row["fate"] for row in report["lesions"]] == ["shrunk"]
    assert report["specks_left_out"] == 1


def test_a_tumour_that_swallows_a_speck_has_grown_and_not_merged():
    before = canonical_mask(labels(SMALL))
    after = canonical_mask(labels(((3, 25, 30), (6, 30, 45))))
    before.labels[4, 27, 42] = 1
    [row] = compare(before, after)[0]["lesions"]
    assert (row["fate"], row["before"], row["after"]) == ("grown", [1], [1])
    assert row["voxels_before"] == 3 * 5 * 8 + 1


def test_the_regions_of_both_scans_are_compared_even_if_one_lacks_a_label():
    before, after = (canonical_mask(labels(LARGE, value=2)) for _ in range(2))
    after.labels[3:7, 7:12, 8:16] = 4
    change = compare(before, after)[0]["regions"]
    assert change["enhancing tumour"]["voxels_before"] == 0
    assert change["enhancing tumour"]["voxels_after"] == 4 * 5 * 8
    assert change["whole tumour"]["change_percent"] == 0
