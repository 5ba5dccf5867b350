"""What ``minunet look`` reads, writes and refuses; the page in a browser: test_look_page.py."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from image_files import write
from nifti_files import affine, heads, write_brats, write_nifti

import minunet.tool.look_page
from minunet import UNet
from minunet.tool.cli import main
from minunet.tool.look_page.pack import Pack


def look(*arguments):
    """The payload of the page that the command writes into the folder it is last given."""
    *_, out = arguments = list(map(str, arguments))
    assert main(["look", *arguments[:-1], "--out", out]) == 0
    with open(f"{out}/look.html", encoding="utf-8") as file:
        text = file.read()
    return json.loads(re.search(r'<script id="payload" [^>]*>(.*?)</script>', text, re.S)[1])


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A model of four unnamed channels, as minunet demo trains one."""
    path = tmp_path_factory.mktemp("models") / "demo.npz"
    UNet(4, 1, base_channels=2, depth=1).save(path, preprocessing={"size": 16})
    return path


def test_a_patients_folder_has_its_truth_beside_it(trained, tree, tmp_path, capsys):
    patient = tree / "phantom_001"
    payload = look(trained, patient, tmp_path / "out")
    assert payload["truth"] and len(payload["slices"]) > 1
    assert all(slice_["name"].startswith("phantom_001_") for slice_ in payload["slices"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"open {tmp_path / 'out' / 'look.html'} in a browser: ")
    assert f"{len(payload['slices'])} slices, " in printed


def test_a_single_picture_without_a_mask_has_no_truth(trained, tree, tmp_path):
    picture = tmp_path / "scan.tif"
    picture.write_bytes((tree / "phantom_001" / "phantom_001_3.tif").read_bytes())
    payload = look(trained, picture, tmp_path / "out")
    assert not payload["truth"]
    assert [slice_["name"] for slice_ in payload["slices"]] == ["scan"]


def test_without_a_scan_a_synthetic_head_is_drawn(synthetic, tmp_path):
    payload = look(synthetic, tmp_path / "out")
    assert payload["truth"]
    assert "a synthetic head" in payload["about"]


def test_of_a_brats_patient_the_segmentation_is_the_truth(models, tmp_path):
    payload = look(models["brats"], write_brats(tmp_path / "data"), tmp_path / "out")
    assert payload["truth"]
    assert payload["channels"] == ["FLAIR", "T1", "T1ce", "T2"]
    assert payload["channels"][payload["shown"]] == "FLAIR"


def test_of_a_volume_the_truth_is_named(synthetic, tmp_path, refused):
    images, labels = heads()
    scan = write_nifti(tmp_path / "scan.nii.gz", images, affine())
    truth = write_nifti(tmp_path / "seg.nii.gz", labels, affine())
    away = write_nifti(tmp_path / "away.nii.gz", labels, affine(origin=(90.0, 0.0, 0.0)))
    assert not look(synthetic, scan, tmp_path / "a")["truth"]
    assert look(synthetic, scan, "--truth", truth, tmp_path / "b")["truth"]
    line = refused("look", synthetic, scan, "--truth", away, "--out", tmp_path / "c")
    assert "scan.nii.gz and away.nii.gz do not align" in line


def test_a_size_that_is_no_multiple_is_continued_by_its_edge(tmp_path):
    model = tmp_path / "any.npz"
    UNet(1, 1, base_channels=2, depth=2).save(model, preprocessing={"size": None})
    picture = write(tmp_path / "scan.png",
                    np.random.default_rng(0).integers(0, 255, (21, 30)).astype(np.uint8))
    assert look(model, picture, tmp_path / "out")["size"] == [24, 32]


def test_what_cannot_be_shown_is_refused_in_a_line(trained, tree, synthetic, tmp_path, refused):
    out = tmp_path / "out"
    assert "holds 5 patients, a page shows one" in refused("look", trained, tree, "--out", out)
    assert "synthetic head" in refused("look", trained, "--out", out)
    assert "does not exist" in refused("look", trained, tmp_path / "no.png", "--out", out)
    patient = tree / "phantom_001"
    assert "the model takes 4" in refused("look", synthetic, patient, "--out", out)
    assert "--truth is for NIfTI" in refused("look", trained, patient, "--truth", "x.png",
                                             "--out", out)
    valid = tmp_path / "valid.npz"
    UNet(3, 1, base_channels=2, depth=1, padding="valid").save(valid, preprocessing={"size": 16})
    assert "without padding" in refused("look", valid, patient, "--out", out)
    out.mkdir()
    (out / "look.html").write_text("mine")
    assert "is there already" in refused("look", trained, patient, "--out", out)


def test_a_mask_of_another_size_is_refused(trained, tree, tmp_path, refused):
    for name in ("phantom_001_3.tif", "phantom_001_3_mask.tif"):
        (tmp_path / name).write_bytes((tree / "phantom_001" / name).read_bytes())
    write(tmp_path / "phantom_001_3_mask.tif", np.zeros((9, 9), np.uint8))
    line = refused("look", trained, tmp_path / "phantom_001_3.tif", "--out", tmp_path / "out")
    assert "phantom_001_3_mask.tif has another size than its image" in line


def test_the_page_in_the_docs_is_of_todays_code_and_small():
    """If not: minunet demo; minunet look minunet-demo --out page; copy page/look.html there."""
    page = Path(__file__).parents[2] / "docs" / "_static" / "look.html"
    text = page.read_text(encoding="utf-8")
    parts = Path(minunet.tool.look_page.__file__).parent
    for part in [*parts.iterdir(), parts.parent / "web" / "base.css"]:
        if part.suffix in (".js", ".css"):
            assert part.read_text(encoding="utf-8").rstrip() in text, part.name
    assert page.stat().st_size < 1.5e6


def test_a_pack_has_the_low_bytes_of_each_array_first():
    pack = Pack()
    assert pack.add(np.array([1, 2], np.uint8)) == {"type": "uint8", "at": 0, "length": 2}
    assert pack.add(np.array([[0x102, 0x304]], np.uint16)) == {"type": "uint16", "at": 2,
                                                              "length": 2}
    assert bytes(pack._bytes) == bytes([1, 2, 2, 4, 1, 3])
