"""Several classes and volumes from training to a mask in a viewer, as a user does it."""

import csv
import json
import os

import nibabel as nib
import numpy as np
import pytest
from conftest import SMALL
from nifti_files import affine, heads, write_brats, write_decathlon, write_nifti

from minunet import UNet
from minunet.data import open_dataset
from minunet.data.formats.nifti import read_labels, read_volume
from minunet.tool.cli import main


@pytest.fixture(scope="module")
def brats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "brats"
    for seed, name in enumerate(("BraTS_1", "BraTS_2", "BraTS_3")):
        write_brats(folder, name, seed=seed)
    return folder


@pytest.fixture(scope="module")
def model(brats, tmp_path_factory):
    """A run of twenty epochs on three BraTS-like patients."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(brats), "--out", str(out), *SMALL, "--epochs", "20",
                 "--learning-rate", "0.02"]) == 0
    return out


@pytest.fixture(scope="module")
def grey_model(tmp_path_factory):
    """A model of one channel and two classes, of which nobody trained anything."""
    path = tmp_path_factory.mktemp("models") / "grey.npz"
    UNet(1, 1, base_channels=2, depth=2).save(path, preprocessing={"size": 16},
                                              scheme={}, patients={})
    return path


def predict(*arguments):
    assert main(["predict", *map(str, arguments)]) == 0


def test_the_model_remembers_modalities_classes_and_labels(model):
    with np.load(model / "model.npz") as file:
        meta = json.loads(str(file["meta.json"]))
    assert meta["scheme"] == {
        "modalities": ["FLAIR", "T1", "T1ce", "T2"], "values": [0, 1, 2, 4],
        "classes": ["background", "necrotic core", "oedema", "enhancing tumour"]}
    assert (meta["config"]["in_channels"], meta["config"]["out_channels"]) == (4, 4)


def test_training_on_several_classes_learns(model):
    with open(model / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[-1]["validation_dice_mean"]) > 0.3


def test_evaluate_scores_the_three_regions(model, brats, tmp_path, capsys):
    assert main(["evaluate", str(model), str(brats), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for region in ("whole tumour", "tumour core", "enhancing tumour"):
        assert f"{region}\npatient" in printed
    assert "HD95 in mm" in printed
    assert "2 of 3 patients: the model was trained on them" in printed
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["patient"], row["region"]) for row in rows[:2]] == [
        ("BraTS_1", "whole tumour"), ("BraTS_1", "tumour core")]
    assert len(rows) == 9
    assert float(rows[0]["dice"]) > 0.3


def test_a_patients_folder_gets_one_mask_with_the_stored_labels(model, brats, tmp_path, capsys):
    predict(model, brats / "BraTS_3", "--out", tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["BraTS_3_mask.nii.gz", "index.html", "pages",
                                            "summary.csv"]
    scan = nib.load(brats / "BraTS_3" / "BraTS_3_flair.nii.gz")
    mask = nib.load(tmp_path / "BraTS_3_mask.nii.gz")
    assert mask.affine.tobytes() == scan.affine.tobytes() and mask.shape == scan.shape
    labels = np.asarray(mask.dataobj)
    assert set(np.unique(labels)) <= {0, 1, 2, 4}
    truth = heads(seed=2)[1]
    assert 2 * ((labels > 0) & (truth > 0)).sum() / ((labels > 0).sum() + (truth > 0).sum()) > 0.3
    voxels = int((labels > 0).sum())
    assert f"BraTS_3: 6 slices, {voxels:,} voxels of tumour, {voxels / 1000:.2f} ml" in (
        capsys.readouterr().out)


def test_probabilities_are_written_if_asked_for_and_add_up(model, brats, tmp_path):
    predict(model, brats / "BraTS_3", "--out", tmp_path, "--probabilities")
    parts = [read_volume(tmp_path / f"BraTS_3_probability_{k}.nii.gz").data for k in (1, 2, 4)]
    labels = read_labels(tmp_path / "BraTS_3_mask.nii.gz").data
    background = 1 - sum(parts)
    assert -1e-5 < background.min() and background.max() <= 1
    likeliest = np.array([0, 1, 2, 4])[np.argmax([background, *parts], axis=0)]
    assert (likeliest == labels).mean() > 0.999  # but for rounding


def test_how_the_files_lie_does_not_change_what_is_found(model, brats, tmp_path):
    """The same patient, stored in another order of axes and directions."""
    for path in (brats / "BraTS_3").iterdir():
        (tmp_path / "turned").mkdir(exist_ok=True)
        image = nib.load(path)
        start, end = (nib.io_orientation(image.affine), nib.orientations.axcodes2ornt("SRA"))
        image.as_reoriented(nib.orientations.ornt_transform(start, end)).to_filename(
            tmp_path / "turned" / path.name)
    predict(model, brats / "BraTS_3", tmp_path / "turned", "--out", tmp_path / "out")
    one, other = (read_labels(tmp_path / "out" / f"{name}_mask.nii.gz")
                  for name in ("BraTS_3", "turned"))
    assert one.affine.tobytes() != other.affine.tobytes()
    assert (one.data == other.data).all() and (one.data > 0).any()


def test_a_4d_file_is_the_models_modalities_in_its_order(model, brats, tmp_path):
    write_nifti(tmp_path / "BraTS_3.nii.gz", heads(seed=2)[0])
    predict(model, tmp_path / "BraTS_3.nii.gz", "--out", tmp_path / "file")
    predict(model, brats / "BraTS_3", "--out", tmp_path / "folder")
    one, other = (read_labels(tmp_path / name / "BraTS_3_mask.nii.gz").data
                  for name in ("file", "folder"))
    assert (one == other).all()


def test_a_model_of_brats_fits_the_decathlons_brain_tumours_and_the_other_way(
        model, brats, tmp_path, capsys):
    decathlon = write_decathlon(tmp_path / "Task01_BrainTumour")
    assert main(["evaluate", str(model), str(decathlon)]) == 0
    assert "enhancing tumour\npatient" in capsys.readouterr().out
    out = tmp_path / "run"
    assert main(["train", str(decathlon), "--out", str(out), *SMALL, "--epochs", "1"]) == 0
    assert main(["evaluate", str(out), str(brats)]) == 0
    predict(out, brats / "BraTS_1", "--out", tmp_path / "masks")
    assert set(np.unique(read_labels(tmp_path / "masks" / "BraTS_1_mask.nii.gz").data)) <= {
        0, 1, 2, 3}


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nii", "SCAN.1.NII.GZ"])
def test_a_file_of_one_modality_gets_a_mask_that_lies_on_it(grey_model, tmp_path, name):
    scan = write_nifti(tmp_path / name, heads()[0][..., 0], affine("IPR", (0.5, 0.5, 3), 0.2))
    predict(grey_model, scan, "--out", tmp_path / "out", "--probabilities")
    stem = name[: name.lower().index(".nii")]
    mask = nib.load(tmp_path / "out" / f"{stem}_mask.nii.gz")
    probability = nib.load(tmp_path / "out" / f"{stem}_probability.nii.gz")
    for image, dtype in ((mask, np.uint8), (probability, np.float32)):
        assert image.affine.tobytes() == nib.load(scan).affine.tobytes()
        assert image.header.get_zooms() == nib.load(scan).header.get_zooms()
        assert image.get_data_dtype() == dtype
    assert ((probability.get_fdata() > 0.5) == (mask.get_fdata() == 1)).all()


def test_a_single_axial_slice_is_segmented(grey_model, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", heads()[0][:, :, 3:4, 0])
    predict(grey_model, scan, "--out", tmp_path / "out")
    assert nib.load(tmp_path / "out" / "scan_mask.nii.gz").shape == (32, 36, 1)


def test_the_real_patient_is_trained_on_predicted_and_evaluated(brats_folder, tmp_path):
    """A few slices of it, and its mirror image as the second patient."""
    [source] = brats_folder.iterdir()
    for name, step in (("real", 1), ("mirrored", -1)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for path in source.iterdir():
            part = nib.load(path).slicer[:, :, 55:75:4]
            turned = nib.Nifti1Image(np.asarray(part.dataobj)[::step], part.affine, part.header)
            turned.to_filename(tmp_path / "data" / name / path.name)
    out = tmp_path / "run"
    assert main(["train", str(tmp_path / "data"), "--out", str(out), *SMALL]) == 0
    assert main(["evaluate", str(out), str(tmp_path / "data")]) == 0
    predict(out, source, "--out", tmp_path / "masks")
    mask = nib.load(tmp_path / "masks" / f"{source.name}_mask.nii.gz")
    scan = nib.load(source / f"{source.name}_flair.nii.gz")
    assert mask.affine.tobytes() == scan.affine.tobytes()
    assert mask.shape == scan.shape == (240, 240, 155)
    assert open_dataset(source)[0].load()[1].shape == (155, 240, 240)
