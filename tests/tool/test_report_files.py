"""``minunet report``: what it writes, and what it refuses, in a line and leaving nothing behind."""

import csv
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from commands import refusal
from image_files import imread, square, write
from image_files import noise as picture
from nifti_files import affine
from report_shapes import LARGE, SHAPE, SMALL, labels, stored

from minunet.tool.cli import main

FILES = ["report.csv", "report.html", "report.json", "report.png"]


def run(*arguments):
    assert main(["report", *map(str, arguments)]) == 0


@pytest.fixture
def two(tmp_path):
    """A mask of two tumours and a speck, and an image on which they are bright."""
    mask = labels(LARGE, SMALL)
    mask[9, 39, 49] = 1
    image = 100 + np.random.default_rng(0).normal(0, 5, SHAPE) + 80 * mask
    image[:, :, :3] = 0  # air
    return (stored(tmp_path / "mask.nii.gz", mask),
            stored(tmp_path / "scan.nii.gz", image.astype(np.float32)))


# The files

def test_a_report_is_four_files_that_agree(two, tmp_path, capsys):
    run(*two, "--out", tmp_path / "out")
    assert "2 tumours, 1 speck" in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path / "out")) == FILES
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    rows = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text("utf-8").splitlines()))
    assert [row["number"] for row in rows] == ["1", "2", "total"]
    for row, tumour in zip(rows, report["tumours"], strict=False):
        assert float(row["size.volume_mm3"]) == tumour["size"]["volume_mm3"]
        assert float(row["appearance.contrast"]) == tumour["appearance"]["contrast"]
    assert (report["mask"], report["image"]) == ("mask.nii.gz", "scan.nii.gz")
    assert imread(tmp_path / "out" / "report.png").shape[1] == 1430


def test_a_mask_without_tumour_is_a_report_and_no_error(tmp_path, capsys):
    empty = stored(tmp_path / "mask.nii.gz", labels())
    image = stored(tmp_path / "scan.nii.gz", np.ones(SHAPE, np.float32))
    run(empty, image, "--out", tmp_path / "out")
    assert "no tumours" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert (report["tumours"], report["total"]["volume_ml"]) == ([], 0)


def test_a_picture_is_measured_in_pixels_and_of_the_picture(tmp_path, capsys):
    mask = write(tmp_path / "mask.png", square((60, 64)))
    image = write(tmp_path / "scan.tif", picture((60, 64, 3)))
    run(mask, image, "--out", tmp_path / "out")
    assert "30 pixels" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["spacing_mm_dhw"] is None
    [tumour] = report["tumours"]
    assert tumour["location"]["side_of"] == "picture"
    assert tumour["location"]["centroid_voxel"] == [7, 10.5]
    assert not [name for name in tumour["size"] if "mm" in name]


def test_a_folder_of_slices_is_a_patient(tree, tmp_path, capsys):
    folder = next(path for path in sorted(tree.iterdir()) if path.is_dir())
    run(folder, folder, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    masks = [imread(path) for path in folder.glob("*_mask.tif")]
    assert report["shape_dhw"] == [6, 48, 48]
    assert report["total"]["voxels"] == np.count_nonzero(masks)
    assert "largest_diameter_px" in report["tumours"][0]["size"]


def test_a_change_is_four_files(two, tmp_path, capsys):
    after = stored(tmp_path / "later.nii.gz", labels(LARGE))
    run("--before", two[0], "--after", after, "--out", tmp_path / "out")
    printed = capsys.readouterr().out
    assert "tumour 2 → –" in printed
    assert "vanished" in printed
    assert sorted(os.listdir(tmp_path / "out")) == FILES
    rows = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text("utf-8").splitlines()))
    assert [row["fate"] for row in rows] == ["steady", "vanished", "total"]


@pytest.mark.parametrize("before, after", [((), ()), ((LARGE,), ()), ((), (LARGE,))])
def test_nothing_before_or_after_is_a_change_too(tmp_path, before, after):
    paths = [stored(tmp_path / f"{name}.nii.gz", labels(*boxes))
             for name, boxes in (("a", before), ("b", after))]
    run("--before", paths[0], "--after", paths[1], "--out", tmp_path / "out")
    change = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert change["total"]["change_percent"] == (-100 if before else None)


def test_more_tumours_than_the_page_has_room_for_are_in_the_files(tmp_path):
    many = np.zeros((12, 60, 60), np.int16)
    for k in range(8):
        many[4:9, 3 + 7 * k: 8 + 7 * k, 10:15] = 1
    run(stored(tmp_path / "m.nii", many), "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert len(report["tumours"]) == 8


def test_an_image_that_is_nothing_but_tumour_or_air_has_a_report(tmp_path):
    mask = stored(tmp_path / "m.nii", np.ones((4, 9, 9), np.int16))
    image = stored(tmp_path / "i.nii", np.zeros((4, 9, 9), np.float32))
    run(mask, image, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["tumours"][0]["appearance"]["around"] is None


# Bad input

def refused(capsys, tmp_path, *arguments):
    line = refusal(capsys, "report", *arguments, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return line


def test_a_mask_and_an_image_of_other_shape_or_place(two, tmp_path, capsys):
    shape = stored(tmp_path / "shape.nii.gz", np.ones((10, 40, 49), np.float32))
    place = stored(tmp_path / "place.nii.gz", np.ones(SHAPE, np.float32),
                   affine("LPS", origin=(0, 0, 0)))
    line = refused(capsys, tmp_path, two[0], shape)
    assert "mask.nii.gz is 10 × 40 × 50 and shape.nii.gz is 10 × 40 × 49" in line
    line = refused(capsys, tmp_path, two[0], place)
    assert "do not align: they lie up to 33.5 mm (33.5 voxels) apart" in line
    plain = write(tmp_path / "slice.png", square((40, 50)))
    thin = stored(tmp_path / "thin.nii.gz", labels(LARGE)[4:5])
    assert "slice.png does not" in refused(capsys, tmp_path, thin, plain)


def test_two_scans_on_different_grids(two, tmp_path, capsys):
    place = stored(tmp_path / "place.nii.gz", labels(LARGE), affine("LPS", (1, 1, 2)))
    assert "do not align: they lie up to" in refused(capsys, tmp_path, "--before", two[0],
                                                "--after", place)
    other = write(tmp_path / "slice.png", square((40, 50)))
    assert "slice.png is 1 × 40 × 50" in refused(capsys, tmp_path, "--before", two[0],
                                                "--after", other)


def test_what_is_no_mask(two, tmp_path, capsys):
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    many = stored(tmp_path / "many.nii.gz", (values % 300).astype(np.int16))
    assert "holds 300 values (0, 1, 2, 3, 4, …)" in refused(capsys, tmp_path, many)
    negative = stored(tmp_path / "negative.nii.gz", labels(LARGE, value=-1))
    assert "holds 2 values (-1, 0)" in refused(capsys, tmp_path, negative)
    nan = stored(tmp_path / "nan.nii.gz", np.where(labels(LARGE), np.nan, 0).astype(np.float32))
    assert "NaN" in refused(capsys, tmp_path, nan)
    assert "no label" in refused(capsys, tmp_path, two[1])
    grey = write(tmp_path / "grey.png", picture())
    assert "expected 0 and one other" in refused(capsys, tmp_path, grey)


def test_files_that_are_missing_or_truncated(two, tmp_path, capsys):
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(two[0].read_bytes()[:300])
    assert "cut.nii.gz: it is truncated" in refused(capsys, tmp_path, cut)
    assert "cut.nii.gz" in refused(capsys, tmp_path, two[0], cut)
    for name in ("nothing.nii.gz", "nothing.png", "nothing"):
        assert f"{name}: No such file" in refused(capsys, tmp_path, tmp_path / name)
    (tmp_path / "hollow").mkdir()
    assert "holds no images" in refused(capsys, tmp_path, tmp_path / "hollow")


def test_slices_of_different_sizes(tmp_path, capsys):
    write(tmp_path / "p" / "1_mask.png", square())
    write(tmp_path / "p" / "2_mask.png", square((20, 25)))
    assert "slices of" in refused(capsys, tmp_path, tmp_path / "p")


def test_before_and_after_go_together_and_alone(two, capsys, tmp_path):
    mask = two[0]
    assert "both --before A and --after B" in refused(capsys, tmp_path, "--before", mask)
    assert "both --before A and --after B" in refused(capsys, tmp_path, "--after", mask)
    assert "no MASK" in refused(capsys, tmp_path, mask, "--before", mask, "--after", mask)
    assert "give a MASK" in refused(capsys, tmp_path)


# A real patient

@pytest.mark.skipif("MINUNET_BRATS" not in os.environ, reason="MINUNET_BRATS is not set")
def test_the_volumes_of_a_brats_patient_are_its_voxels(tmp_path):
    seg = next(Path(os.environ["MINUNET_BRATS"]).rglob("*_seg.nii.gz"))
    run(seg, str(seg).replace("_seg", "_flair"), "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    image = nib.load(seg)
    values, voxel = np.asarray(image.dataobj), abs(np.linalg.det(image.affine[:3, :3]))
    for name, members in (("whole tumour", (1, 2, 4)), ("tumour core", (1, 4)),
                          ("enhancing tumour", (4,)), ("label 1, necrotic core", (1,))):
        count = np.count_nonzero(np.isin(values, members))
        assert report["total"]["regions"][name]["volume_mm3"] == pytest.approx(count * voxel)
    inside = np.argwhere(values > 0)
    x = nib.affines.apply_affine(image.affine, inside)[:, 0]
    [tumour] = report["tumours"]
    assert tumour["location"]["centroid_mm"][0] == pytest.approx(x.mean())
