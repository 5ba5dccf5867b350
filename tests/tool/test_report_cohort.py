"""Reports on folders of masks, scans below a change, and the surface as a file."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from image_files import imread, square, write
from nifti_files import write_brats
from report_shapes import LARGE, SHAPE, SMALL, canonical_mask, ellipsoid, labels, stored

from minunet.tool.cli import main
from minunet.tool.report.border import area_and_volume
from minunet.tool.report.cohort import find_masks
from minunet.tool.report.mesh import HEADER, TRIANGLE, build_mesh, write_stl
from minunet.tool.report.tumours import split_tumours


def run(*arguments):
    assert main(["report", *map(str, arguments)]) == 0


def rows(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (60, 64, 3)).astype(np.uint8)


@pytest.fixture
def masks(tmp_path):
    """A folder with the masks of two patients, as predict writes them, and one with their scans."""
    for name, boxes in (("anna", (LARGE, SMALL)), ("ben", ())):
        stored(tmp_path / "out" / f"{name}_mask.nii.gz", labels(*boxes))
        stored(tmp_path / "out" / f"{name}_probability.nii.gz", np.ones(SHAPE, np.float32))
        stored(tmp_path / "scans" / f"{name}.nii.gz",
               np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32))
    return tmp_path / "out"


# Many patients

def names(folder, path):
    return [found.relative_to(folder).as_posix() for found in find_masks(path)]


def test_which_files_of_a_folder_are_masks(masks, tmp_path, tree):
    assert names(masks, masks) == ["anna_mask.nii.gz", "ben_mask.nii.gz"]
    assert names(tmp_path, tmp_path / "scans") == ["scans/anna.nii.gz", "scans/ben.nii.gz"]
    assert find_masks(masks / "anna_mask.nii.gz") == [masks / "anna_mask.nii.gz"]
    assert names(tree, tree) == sorted(path.name for path in tree.iterdir() if path.is_dir())
    for seed, name in enumerate(("BraTS_1", "BraTS_2")):
        write_brats(tmp_path / "brats", name, seed=seed)
    assert names(tmp_path / "brats", tmp_path / "brats") == [
        "BraTS_1/BraTS_1_seg.nii.gz", "BraTS_2/BraTS_2_seg.nii.gz"]


def test_pages_of_predict_are_not_taken_for_a_patient(models, tmp_path):
    for k in (1, 2):
        write(tmp_path / "scans" / "anna" / f"{k}.png", picture(k)[..., 0])
        write(tmp_path / "scans" / "ben" / f"{k}.png", picture(k)[..., 0])
    assert main(["predict", str(models["grey"]), str(tmp_path / "scans"), "--out",
                 str(tmp_path / "out")]) == 0
    assert names(tmp_path / "out", tmp_path / "out") == ["anna", "ben"]


def test_a_folder_of_masks_gets_a_table_a_report_each_and_a_page_that_leads_there(
        masks, tmp_path, capsys):
    out = tmp_path / "cohort"
    run(masks, tmp_path / "scans", "--out", out)
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()[1:3]] == [["anna", "2"], ["ben", "0"]]
    anna, ben = rows(out / "cohort.csv")
    report = json.loads((out / "anna" / "report.json").read_text("utf-8"))
    assert float(anna["volume_ml"]) == report["total"]["volume_ml"] > 0
    assert float(anna["largest.volume_ml"]) == report["tumours"][0]["size"]["volume_ml"]
    assert (ben["tumours"], float(ben["volume_ml"]), ben["largest.volume_ml"]) == ("0", 0, "")
    assert report["image"] == "anna.nii.gz"
    index = (out / "index.html").read_text("utf-8")
    assert 'href="anna/report.html"' in index and 'href="ben/report.html"' in index
    assert "Marked: nothing." in (out / "ben" / "report.html").read_text("utf-8")


def test_a_tree_of_slices_is_reported_with_its_own_images(tree, tmp_path):
    run(tree, tree, "--out", tmp_path / "out")
    table = rows(tmp_path / "out" / "cohort.csv")
    assert [row["patient"] for row in table] == [path.name for path in find_masks(tree)]
    assert all("volume_ml" not in row and int(row["voxels"]) > 0 for row in table)


def test_a_patient_without_an_image_is_named_before_anything_is_written(masks, tmp_path, refused):
    (tmp_path / "scans" / "ben.nii.gz").unlink()
    line = refused("report", masks, tmp_path / "scans", "--out", tmp_path / "cohort")
    assert "holds no image of ben" in line


def test_a_damaged_mask_among_others_leaves_nothing(masks, tmp_path, refused):
    (masks / "ben_mask.nii.gz").write_bytes(b"damaged")
    assert "ben_mask.nii.gz" in refused("report", masks, "--out", tmp_path / "cohort")


def test_a_folder_with_one_patients_volumes_is_one_report_on_flair(tmp_path):
    write_brats(tmp_path, "anna", seed=0)
    run(tmp_path / "anna", tmp_path / "anna", "--out", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == [
        "report.csv", "report.html", "report.json", "report.png"]
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert all(f'"name": "{kind}"' in text for kind in ("FLAIR", "T1", "T1ce", "T2"))
    whole = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    shutil.copy(tmp_path / "anna" / "anna_flair.nii.gz", tmp_path / "flair.nii.gz")
    run(tmp_path / "anna" / "anna_seg.nii.gz", tmp_path / "flair.nii.gz", "--out", tmp_path / "b")
    alone = json.loads((tmp_path / "b" / "report.json").read_text("utf-8"))
    assert whole["tumours"][0]["appearance"] == alone["tumours"][0]["appearance"]


# Regions

def test_regions_are_rows_of_the_table(tmp_path):
    marked = labels(LARGE) + labels(((3, 6, 6), (5, 9, 9)), value=3)  # labels 1 and 4
    path = stored(tmp_path / "mask.nii.gz", marked)
    run(path, "--out", tmp_path / "out")
    table = rows(tmp_path / "out" / "report.csv")
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    for number, regions in (("1", report["tumours"][0]["regions"]),
                            ("total", report["total"]["regions"])):
        found = {row["region"]: float(row["size.volume_ml"]) for row in table
                 if row["number"] == number and row["region"]}
        assert found == {name: sizes["volume_ml"] for name, sizes in regions.items()}
        assert "tumour core" in found
    run("--before", path, "--after", stored(tmp_path / "b.nii.gz", labels(LARGE)), "--out",
        tmp_path / "change")
    [core] = [row for row in rows(tmp_path / "change" / "report.csv")
              if row["region"] == "enhancing tumour"]
    assert (core["fate"], float(core["volume_ml_after"])) == ("region", 0)
    assert float(core["volume_ml_before"]) > 0


# A change with its scans

def test_the_scans_are_drawn_below_a_change(tmp_path):
    before, after = (stored(tmp_path / f"{name}.nii.gz", labels(*boxes))
                     for name, boxes in (("a", (LARGE, SMALL)), ("b", (LARGE,))))
    scan = stored(tmp_path / "scan.nii.gz",
                  np.random.default_rng(0).normal(100, 9, SHAPE).astype(np.float32))
    change = ["--before", before, "--after", after]
    run(*change, "--out", tmp_path / "bare")
    run(*change, "--image-before", scan, "--image-after", scan, "--out", tmp_path / "scans")
    bare, full = ((tmp_path / name / "report.html").read_text("utf-8")
                  for name in ("bare", "scans"))
    assert '"channels": []' in bare
    assert '"name": "before"' in full and '"name": "after"' in full
    greys = [imread(tmp_path / name / "report.png") for name in ("bare", "scans")]
    assert len(np.unique(greys[1])) > len(np.unique(greys[0])) / 2 and (greys[0] != greys[1]).any()
    for text in (bare, full):
        assert '"missed": "gone"' in text and "vanished" in text


@pytest.mark.parametrize("arguments, message", [
    (["{mask}", "--image-before", "{mask}"], "belong to --before and --after"),
    (["--before", "{mask}", "--after", "{mask}", "--mesh"], "--mesh is of one mask")])
def test_options_that_do_not_go_together_are_refused(tmp_path, refused, arguments, message):
    mask = stored(tmp_path / "m.nii.gz", labels(LARGE))
    assert message in refused("report", *(word.format(mask=mask) for word in arguments), "--out",
                              tmp_path / "out")


# The surface as a file

def read_stl(path):
    content = path.read_bytes()
    assert content[:80] == HEADER
    count = int.from_bytes(content[80:84], "little")
    triangles = np.frombuffer(content[84:], TRIANGLE)
    assert len(triangles) == count and len(content) == 84 + 50 * count
    return triangles


def edges(corners):
    """Each side of each triangle (3 T, 2, 3), from one corner to the next."""
    return np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2, 3)


def test_the_mesh_is_closed_turned_outwards_and_holds_the_volume(tmp_path):
    ball = np.pad(ellipsoid((9, 12, 10), (2.0, 1.0, 1.0)), ((2, 2), (8, 8), (8, 8)))
    path = stored(tmp_path / "mask.nii.gz", ball.astype(np.int16))
    run(path, "--mesh", "--out", tmp_path / "out")
    triangles = read_stl(tmp_path / "out" / "report.stl")
    corners = triangles["corners"].astype(float)
    ahead = edges(corners)
    sides = sorted(map(tuple, ahead.reshape(-1, 6).tolist()))
    back = sorted(map(tuple, ahead[:, ::-1].reshape(-1, 6).tolist()))
    assert sides == back  # every side is there once in each direction: closed, and turned alike
    a, b, c = corners.swapaxes(0, 1)
    volume = (a * np.cross(b, c)).sum() / 6  # positive: outwards
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert volume == pytest.approx(report["total"]["volume_mm3"], rel=0.01)
    out = (corners.mean(axis=1) - corners.mean(axis=(0, 1)))
    assert ((triangles["normal"] * out).sum(axis=1) > 0).mean() > 0.95


def test_the_mesh_has_every_tumour_where_it_lies_in_the_patient(tmp_path):
    mask = canonical_mask(labels(LARGE, SMALL))
    parts, count = split_tumours(mask)
    mesh = build_mesh(mask, parts, count)
    places = mask.to_patient(np.argwhere(parts > 0))
    for axis in range(3):
        assert mesh[..., axis].min() == pytest.approx(places[:, axis].min(), abs=1.5)
        assert mesh[..., axis].max() == pytest.approx(places[:, axis].max(), abs=1.5)
    volume = area_and_volume(mesh.reshape(-1, 3), np.arange(3 * len(mesh)).reshape(-1, 3))[1]
    assert volume == pytest.approx(np.count_nonzero(parts) * 2.0, rel=0.02)


def test_a_mask_without_tumour_has_an_empty_mesh(tmp_path):
    mask = canonical_mask(labels())
    write_stl(tmp_path / "a.stl", build_mesh(mask, np.zeros(SHAPE, int), 0))
    assert len(read_stl(tmp_path / "a.stl")) == 0


def test_a_picture_has_no_surface_in_space(tmp_path, refused):
    mask = write(tmp_path / "mask.png", square((60, 64)))
    assert "--mesh needs NIfTI" in refused("report", mask, "--mesh", "--out", tmp_path / "out")
