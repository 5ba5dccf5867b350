"""Each kind of bad volume ends in one line that names it, and leaves nothing behind."""

import shutil

import numpy as np
import pytest
from conftest import SMALL, save_model
from nifti_files import affine, heads, noise, write_brats, write_nifti

from minunet.data.formats.brats import CLASSES, MODALITIES
from minunet.data.scheme import Scheme
from minunet.tool.cli import main

ENDINGS = ("flair", "t1", "t1ce", "t2", "seg")


@pytest.fixture
def data(tmp_path):
    """Two patients, as BraTS's archives have them."""
    for seed, name in enumerate(("BraTS_1", "BraTS_2")):
        write_brats(tmp_path / "data", name, seed=seed)
    return tmp_path / "data"


@pytest.fixture
def file(data):
    """Find a file of the second patient by its ending."""
    return {ending: data / "BraTS_2" / f"BraTS_2_{ending}.nii.gz" for ending in ENDINGS}


@pytest.fixture
def all_refuse(refused, models, data, tmp_path):
    """Train, evaluate and predict on the second patient; give the line, which must be the same."""
    def run(predict=True):
        lines = {refused("train", data, "--out", tmp_path / "run", *SMALL),
                 refused("evaluate", models["brats"], data, "--out", tmp_path / "scores")}
        if predict:
            lines.add(refused("predict", models["brats"], data / "BraTS_1", data / "BraTS_2",
                              "--out", tmp_path / "out"))
        [line] = lines
        return line

    return run


# Modalities that differ

def test_modalities_of_other_shapes_are_both_named_with_their_shapes(file, all_refuse):
    write_nifti(file["t1ce"], noise((32, 35, 6)))
    line = all_refuse()
    assert f"{file['flair']} has 6 × 36 × 32 voxels" in line
    assert "BraTS_2_t1ce.nii.gz 6 × 35 × 32" in line


@pytest.mark.parametrize("moved", [
    {"origin": (12.5, -30.25, 9.125)}, {"spacing": (1, 1, 1.4)}, {"tilt": 0.1},
    {"codes": "RPS", "origin": (12.5, -30.25, 7.125)}])
def test_modalities_at_other_places_are_both_named_with_their_distance(file, all_refuse, moved):
    write_nifti(file["t2"], heads(seed=1)[0][..., 3], affine(**moved))
    line = all_refuse()
    assert f"{file['flair']} and BraTS_2_t2.nii.gz do not align" in line
    assert " mm" in line


def test_affines_that_differ_by_rounding_are_one_grid(file, models, data, tmp_path):
    write_nifti(file["t2"], heads(seed=1)[0][..., 3], affine() + 1e-4 * (np.arange(16) == 3)
                .reshape(4, 4))
    assert main(["predict", str(models["brats"]), str(data / "BraTS_2"), "--out",
                 str(tmp_path / "out")]) == 0


def test_a_segmentation_that_does_not_lie_on_its_images(file, all_refuse):
    write_nifti(file["seg"], heads(seed=1)[1], affine(origin=(0, -30.25, 7.125)))
    line = all_refuse(predict=False)
    assert f"{file['flair']} and BraTS_2_seg.nii.gz do not align" in line
    assert "they lie up to 12.5 mm (12.5 voxels) apart" in line
    write_nifti(file["seg"], heads(seed=1)[1][1:])
    line = all_refuse(predict=False)
    assert "BraTS_2_seg.nii.gz 6 × 36 × 31" in line


def test_a_report_on_a_segmentation_that_does_not_lie_on_the_image(file, refused, tmp_path):
    write_nifti(file["seg"], heads(seed=1)[1], affine(origin=(0, -30.25, 7.125)))
    line = refused("report", file["seg"], file["flair"], "--out", tmp_path / "out")
    assert "BraTS_2_seg.nii.gz and BraTS_2_flair.nii.gz do not align" in line
    assert "12.5 mm (12.5 voxels) apart" in line


# Axes

def test_4d_where_3d_is_expected(file, all_refuse):
    write_nifti(file["t1"], heads(seed=1)[0])
    line = all_refuse()
    assert f"{file['t1']} is 4-D, 32 × 36 × 6 × 4; expected 3-D" in line


def test_a_segmentation_in_4d(file, all_refuse):
    write_nifti(file["seg"], np.stack([heads(seed=1)[1]] * 3, axis=-1))
    assert f"{file['seg']} is 4-D, 32 × 36 × 6 × 3; expected 3-D" in all_refuse(predict=False)


# Values

@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_or_infinity_in_a_volume(file, all_refuse, value):
    image = heads(seed=1)[0][..., 2].astype(np.float32)
    image[3, 4, 5] = value
    write_nifti(file["t1ce"], image)
    assert f"{file['t1ce']} holds NaN or infinity" in all_refuse()


@pytest.mark.parametrize("label", [5, -1, 255, 256])
def test_a_label_that_no_scheme_knows(file, all_refuse, label):
    labels = heads(seed=1)[1].astype(np.int16)
    labels[0, 0, 0] = label
    write_nifti(file["seg"], labels)
    line = all_refuse(predict=False)
    assert f"{file['seg']} holds the label {label}; known are 0, 1, 2, 3, 4" in line


def test_both_labels_of_enhancing_tumour(file, all_refuse):
    labels = heads(seed=1)[1]
    labels[0, 0, 0] = 3
    write_nifti(file["seg"], labels)
    line = all_refuse(predict=False)
    assert f"{file['seg']} holds the labels 3 and 4; BraTS marks enhancing tumour by 4" in line
    assert "until 2022 and by 3 in 2023; from 2024 on 4 is the cavity that surgery left" in line


def test_label_4_under_the_names_of_2023_may_be_the_cavity_of_2024(models, tmp_path, capfd):
    endings = ("-t2f", "-t1n", "-t1c", "-t2w", "-seg")
    for values, warned in (((1, 2, 4), True), ((1, 2, 3), False)):
        write_brats(tmp_path / str(warned), endings=endings, values=values)
        assert main(["evaluate", str(models["brats"]), str(tmp_path / str(warned))]) == 0
        error = capfd.readouterr().err
        assert ("has the label 4, taken for enhancing tumour; BraTS marks" in error) == warned


def test_fractions_are_no_labels(file, all_refuse):
    write_nifti(file["seg"], heads(seed=1)[1] * np.float32(0.5))
    assert f"{file['seg']} holds 0.5, which is no label" in all_refuse(predict=False)


# Files

@pytest.mark.parametrize("ending, kind", [("flair", "FLAIR"), ("t1", "T1"), ("t1ce", "T1ce"),
                                          ("t2", "T2"), ("seg", "segmentation")])
def test_a_missing_file_is_told_with_the_files_that_were_seen(file, all_refuse, ending, kind):
    file[ending].unlink()
    line = all_refuse(predict=ending != "seg")
    assert f"{file[ending].parent} has no {kind}; it holds BraTS_2_" in line
    for other in ENDINGS:
        assert (f"BraTS_2_{other}.nii.gz" in line) == (other != ending)


def test_volumes_that_are_folders_are_named(models, refused, tmp_path):
    """As Kaggle unpacks BraTS: a folder for each file."""
    for path in write_brats(tmp_path / "data").iterdir():
        path.rename(inside := path.with_name("x"))
        path.mkdir()
        inside.rename(path / "0000_x.nii.gz")
    for command in (("evaluate", models["brats"], tmp_path / "data"),
                    ("predict", models["brats"], tmp_path / "data" / "BraTS_1", "--out",
                     tmp_path / "out")):
        line = refused(*command)
        assert "has no FLAIR, no T1, no T1ce, no T2" in line
        assert "BraTS_1_flair.nii.gz is a folder, not a file; move the file in it out" in line


def test_two_files_of_one_modality_are_both_named(file, all_refuse):
    shutil.copy(file["t1ce"], file["t1ce"].with_name("BraTS_2-T1GD.nii.gz"))
    line = all_refuse()
    assert "BraTS_2-T1GD.nii.gz" in line and "BraTS_2_t1ce.nii.gz" in line
    assert "are both T1ce" in line


@pytest.mark.parametrize("kept", [5, 200, 0.5, -9])
def test_a_truncated_file_is_named(file, all_refuse, kept):
    content = file["t1ce"].read_bytes()
    file["t1ce"].write_bytes(content[: int(kept * len(content)) if kept == 0.5 else kept])
    assert f"cannot read {file['t1ce']}: it is truncated; copy or export it again" in all_refuse()


@pytest.mark.parametrize("ending", ["flair", "seg"])  # whose headers are read before the others
def test_a_file_whose_header_is_truncated_is_named(file, all_refuse, ending):
    file[ending].write_bytes(file[ending].read_bytes()[:100])
    line = all_refuse(predict=ending == "flair")
    assert f"cannot read {file[ending]}: it is truncated" in line


# Models

def test_a_model_of_other_modalities(data, refused, tmp_path):
    other = save_model(tmp_path / "ct.npz", 2, Scheme(("CT", "PET"), CLASSES, (0, 1, 2, 4)))
    line = refused("evaluate", other, data)
    assert ("BraTS_1 has the modalities FLAIR, T1, T1ce, T2, the model takes CT, PET" in line)
    line = refused("predict", other, data / "BraTS_1", "--out", tmp_path / "out")
    assert f"{data / 'BraTS_1'} has no CT, no PET; it holds BraTS_1_flair.nii.gz" in line


def test_a_model_of_the_same_modalities_in_another_order_is_another(data, refused, tmp_path):
    turned = save_model(tmp_path / "turned.npz", 4,
                        Scheme(MODALITIES[::-1], CLASSES, (0, 1, 2, 4)))
    assert "the model takes T2, T1ce, T1, FLAIR" in refused("evaluate", turned, data)


def test_a_model_of_other_classes(data, refused, tmp_path):
    binary = save_model(tmp_path / "binary.npz", 4, Scheme(MODALITIES))
    line = refused("evaluate", binary, data)
    assert "the model knows background, tumour" in line


def test_a_model_that_does_not_say_its_modalities(models, data, refused, tmp_path):
    line = refused("predict", models["grey"], data / "BraTS_1", "--out", tmp_path / "out")
    assert "the model does not say which modalities it takes" in line
    line = refused("evaluate", models["grey"], data)
    assert "BraTS_1" in line and "model" in line


def test_volumes_and_pictures_are_not_mixed(models, file, refused, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    line = refused("predict", models["grey"], file["t1"], tmp_path / "a.png", "--out",
                   tmp_path / "out")
    assert f"{file['t1']} is a volume and another input is not" in line


def test_two_volumes_of_one_name(models, refused, data, tmp_path):
    for folder in ("a", "b"):
        write_nifti(tmp_path / folder / "scan.nii.gz", noise())
    line = refused("predict", models["grey"], tmp_path / "a" / "scan.nii.gz",
                   tmp_path / "b" / "scan.nii.gz", "--out", tmp_path / "out")
    assert "two inputs are called scan" in line
