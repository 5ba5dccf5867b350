"""Tumours of odd kinds: flat, tiny, full of holes, at the border. Each has a right report."""

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from image_files import square, write
from nifti_files import write_nifti
from report_shapes import box, canonical_mask, ellipsoid, stored

from minunet.tool.report import report
from minunet.tool.report.border import area_and_volume, outlines, perimeter_and_area, surface
from minunet.tool.report.mask import read_report_mask
from minunet.tool.report.size import slice_diameters
from minunet.tool.report.tumours import describe

SHAPE, THICK = (12, 24, 26), (30.0, 10.0, 10.0)  # mm: a single voxel is no speck
FLAT = {"in one slice": box(SHAPE, (5, 4, 4), (6, 15, 14)),
        "in one row": box(SHAPE, (3, 5, 4), (9, 6, 14)),
        "in one column": box(SHAPE, (3, 4, 7), (9, 15, 8)),
        "one voxel": box(SHAPE, (5, 6, 7), (6, 7, 8)),
        "two voxels": box(SHAPE, (5, 6, 7), (6, 7, 9)),
        "two slices' corner": box(SHAPE, (5, 6, 7), (6, 7, 8)) | box(SHAPE, (6, 7, 8), (7, 8, 9)),
        "a line": box(SHAPE, (5, 6, 2), (6, 7, 20))}


def noise(shape, density):
    return np.random.default_rng(0).random(shape) < density


def checkerboard(shape):
    return np.indices(shape).sum(axis=0) % 2 == 0


def inside(shape, part):
    """A volume with `part` in its middle."""
    whole = np.zeros(shape, bool)
    whole[tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(shape, part.shape, strict=True))
          ] = part
    return whole


HOLED = ({f"noise of {density}": inside(SHAPE, noise((8, 16, 16), density))
          for density in (0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)}
         | {f"noise of {density} that fills the volume": noise(SHAPE, density)
            for density in (0.3, 0.5, 0.8)}
         | {"checkerboard": inside(SHAPE, checkerboard((8, 16, 16))),
            "checkerboard that fills the volume": checkerboard(SHAPE),
            "stripes": np.indices(SHAPE)[2] % 2 == 0,
            "planes": np.indices(SHAPE)[0] % 2 == 0,
            "lattice": (np.indices(SHAPE) % 2 == 0).all(axis=0)})


def at_face(axis, last, depth):
    """A box of this depth at the first or the last face of the volume."""
    low, high = [3, 3, 3], [length - 3 for length in SHAPE]
    low[axis], high[axis] = (SHAPE[axis] - depth, SHAPE[axis]) if last else (0, depth)
    return box(SHAPE, low, high)


BORDERS = {f"{'last' if last else 'first'} {depth} of axis {axis}": at_face(axis, last, depth)
           for axis in range(3) for last in (False, True) for depth in (1, 4)}
BORDERS["all"] = np.ones(SHAPE, bool)
# Lone voxels and thin planes: their border encloses less than was counted.
LONELY = ("noise of 0.05", "noise of 0.1", "noise of 0.2", "lattice", "planes",
          *(name for name in BORDERS if " 1 of axis" in name))


def check_measures(tumours, names):
    """Finite numbers under the names of a tumour in a volume, and shares that are shares."""
    for tumour in tumours:
        for kind in ("size", "shape"):
            assert tumour[kind].keys() == names[kind]
        values = tumour["size"] | tumour["shape"]
        values.pop("diameters")
        assert all(np.isfinite(value) and value >= 0 for value in values.values())
        for name in ("sphericity", "solidity", "bounding_ellipsoid_ratio", "circularity"):
            assert 0 < values[name] <= 1.01
        assert 0 < values["perpendicular_diameter_mm"] <= values["largest_diameter_mm"] * 1.001


@pytest.fixture(scope="module")
def names():
    """The names of a solid tumour's measures in a volume."""
    [tumour] = describe(canonical_mask(ellipsoid((5, 6, 7), (1, 1, 1))))[0]["tumours"]
    assert "largest_diameter_3d_mm" in tumour["size"]
    assert "sphericity" in tumour["shape"]
    return {kind: tumour[kind].keys() for kind in ("size", "shape")}


@pytest.mark.parametrize("spacing", [THICK, (10.0, 10.0, 10.0), (5.0, 30.0, 15.0)])
@pytest.mark.parametrize("kind", FLAT)
def test_a_flat_tumour_is_measured_as_one_in_a_volume(kind, spacing, names):
    mask = FLAT[kind]
    [tumour] = describe(canonical_mask(mask, spacing))[0]["tumours"]
    assert tumour["size"]["voxels"] == mask.sum()
    assert tumour["size"]["volume_mm3"] == pytest.approx(mask.sum() * np.prod(spacing))
    check_measures([tumour], names)


@pytest.mark.parametrize("kind", HOLED | BORDERS)
def test_a_mask_full_of_holes_or_at_the_border_is_measured(kind, names):
    mask = (HOLED | BORDERS)[kind]
    found, _ = describe(canonical_mask(mask, (3.0, 1.0, 1.0)))
    assert found["total"]["volume_mm3"] == pytest.approx(3 * mask.sum())
    assert sum(t["size"]["voxels"] for t in found["tumours"]) + sum(
        speck["voxels"] for speck in found["specks"]) == mask.sum()
    check_measures(found["tumours"], names)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0)])
@pytest.mark.parametrize("kind", HOLED | BORDERS)
def test_the_border_encloses_what_was_counted_within_a_tenth(kind, spacing):
    mask = (HOLED | BORDERS)[kind]
    area, volume = area_and_volume(*surface(mask, spacing))
    assert area > 0
    if kind not in LONELY:
        assert volume == pytest.approx(mask.sum() * np.prod(spacing), rel=0.1)
    else:  # half a voxel around each lone one
        assert 0.2 < volume / (mask.sum() * np.prod(spacing)) < 1.1


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (6.0, 0.9)])
def test_every_pattern_of_pixels_has_an_outline(spacing):
    rng = np.random.default_rng(0)
    patterns = [rng.random(rng.integers(1, 12, 2)) < rng.uniform(0.05, 0.95) for _ in range(150)]
    for pattern in [*patterns, *map(checkerboard, [(9, 9), (30, 30), (2, 7)])]:
        if pattern.any():
            lines = outlines(pattern, spacing)
            length, area = perimeter_and_area(lines)
            assert length > 0
            assert area > 0
            diameter, across = slice_diameters(pattern, spacing)
            assert np.linalg.norm(diameter[1] - diameter[0]) > 0
            assert np.isfinite(across).all()


def test_a_volume_of_one_slice_is_a_volume_and_a_picture_is_a_picture(tmp_path, names):
    mask = read_report_mask(stored(tmp_path / "m.nii.gz", box((1, 40, 50), (0, 5, 6), (1, 20, 30)
                                                              ).astype(np.uint8)))
    [tumour] = describe(mask)[0]["tumours"]
    check_measures([tumour], names)
    assert tumour["size"]["volume_mm3"] == 15 * 24 * np.prod(mask.spacing)
    picture = read_report_mask(write(tmp_path / "m.png", square((60, 64))))
    [tumour] = describe(picture)[0]["tumours"]
    assert (tumour["size"]["pixels"], tumour["size"]["area_px2"]) == (30, 30)


def test_a_tumour_in_one_file_of_a_folder_has_the_names_of_the_total(tmp_path):
    for number in range(9, 12):
        marked = box((60, 64), (5, 6), (15, 16)) & (number == 10)
        write(tmp_path / "p" / f"{number}_mask.png", 255 * marked.astype(np.uint8))
    [tumour] = report(tmp_path / "p", None, tmp_path / "out")["tumours"]
    assert (tumour["size"]["voxels"], tumour["size"]["largest_slice_area_px2"]) == (100, 100)
    assert tumour["shape"].keys().isdisjoint({"solidity", "bounding_ellipse_ratio"})
    place = tumour["location"]
    assert (place["first_slice"], place["last_slice"]) == (2, 2)
    assert place["first_file"] == place["last_file"] == "10_mask.png"


def test_slices_are_counted_from_1_in_every_number(tmp_path):
    marked = box((8, 40, 50), (2, 5, 6), (5, 20, 30)) | box((8, 40, 50), (4, 5, 6), (5, 30, 40))
    found = report(stored(tmp_path / "m.nii.gz", marked.astype(np.uint8)), None, tmp_path / "out")
    [tumour] = found["tumours"]
    assert (tumour["location"]["first_slice"], tumour["location"]["last_slice"]) == (3, 5)
    assert tumour["size"]["diameters"]["slice"] == tumour["shape"]["outline_slice"] == 5
    assert found["slices_counted_from"] == 1
    assert "first_file" not in tumour["location"]


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 2.0), (2.0, 2.0, 1.0), (0.5, 1.0, 1.0)])
def test_oblong_voxels_are_measured_in_millimetres(spacing):
    ball = ellipsoid((9, 9, 9), spacing)
    [tumour] = describe(canonical_mask(ball, spacing))[0]["tumours"]
    assert tumour["size"]["volume_mm3"] == pytest.approx(ball.sum() * np.prod(spacing))
    for name in ("largest_diameter_mm", "perpendicular_diameter_mm", "largest_diameter_3d_mm"):
        assert tumour["size"][name] == pytest.approx(18, rel=0.05)


@pytest.mark.skipif("MINUNET_BRATS" not in os.environ, reason="MINUNET_BRATS is not set")
def test_a_brats_patient_cut_to_one_slice_has_a_report(tmp_path, names):
    file = nib.load(next(Path(os.environ["MINUNET_BRATS"]).rglob("*_seg.nii.gz")))
    values = np.asarray(file.dataobj)
    level = int((values > 0).sum(axis=(0, 1)).argmax())
    cut = np.where(np.arange(values.shape[2]) == level, values, 0)
    found = report(write_nifti(tmp_path / "cut.nii.gz", cut.astype(np.uint8), file.affine), None,
                   tmp_path / "out")
    assert found["total"]["voxels"] == np.count_nonzero(cut)
    check_measures(found["tumours"], names)
