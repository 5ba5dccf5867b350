"""Bad scans without a patient's folder: single files, and tasks of the Decathlon."""

import json

import nibabel as nib
import numpy as np
import pytest
from conftest import SMALL
from nifti_files import heads, noise, write_decathlon, write_nifti

from minunet.data import open_dataset


def test_3d_where_4d_is_expected(models, refused, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", heads()[0][..., 0])
    line = refused("predict", models["brats"], scan, "--out", tmp_path / "out")
    assert "scan has 1 channel, the model takes 4 (FLAIR, T1, T1ce, T2)" in line


def test_4d_where_3d_is_expected(models, refused, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", heads()[0])
    line = refused("predict", models["grey"], scan, "--out", tmp_path / "out")
    assert "scan has 4 channels, the model takes 1" in line


@pytest.mark.parametrize("shape, advice", [
    ((36, 32), "a single picture as PNG or TIFF, or give it a third axis of length 1"),
    ((36,), "a single picture as PNG"),
    ((5, 6, 7, 1, 2), "remove axes of length 1, so that the channels are the fourth and last")])
def test_other_numbers_of_axes_get_advice_of_their_own(models, refused, tmp_path, shape, advice):
    scan = write_nifti(tmp_path / "scan.nii.gz", noise(shape))
    line = refused("predict", models["grey"], scan, "--out", tmp_path / "out")
    assert f"{scan} is {len(shape)}-D, {' × '.join(map(str, shape))}; expected 3-D or 4-D" in line
    assert advice in line


def test_a_volume_that_is_not_there(models, refused, tmp_path):
    line = refused("predict", models["grey"], tmp_path / "no.nii.gz", "--out", tmp_path / "out")
    assert f"cannot read {tmp_path / 'no.nii.gz'}: No such file" in line


@pytest.mark.parametrize("shape", [(0, 36, 6), (32, 36, 0)])
def test_a_volume_of_no_voxels(models, refused, tmp_path, shape):
    scan = write_nifti(tmp_path / "scan.nii.gz", np.zeros(shape, np.int16))
    line = refused("predict", models["grey"], scan, "--out", tmp_path / "out")
    assert f"{scan} is empty, {' × '.join(map(str, shape))}" in line


def test_a_single_sagittal_slice_has_no_axial_ones(models, refused, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", noise((1, 36, 6)))
    line = refused("predict", models["grey"], scan, "--out", tmp_path / "out")
    assert f"axial slices of {scan} are 36 × 1 voxels" in line


def test_a_volume_of_one_value(models, refused, tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", np.full((32, 36, 6), 7, np.int16))
    line = refused("predict", models["grey"], scan, "--out", tmp_path / "out")
    assert "scan, channel 1 of 1 has only the value 7" in line


def test_an_affine_that_says_nothing(models, refused, tmp_path):
    image = nib.Nifti1Image(noise(), None)
    image.header.set_sform(np.diag([1, 1, 0, 1]), 1)
    image.header["qform_code"] = 0
    (tmp_path / "scan.nii").write_bytes(image.to_bytes())
    line = refused("predict", models["grey"], tmp_path / "scan.nii", "--out", tmp_path / "out")
    assert "the affine of" in line and "is singular" in line


# The Decathlon

def test_3d_where_the_decathlons_description_says_4d_and_the_reverse(models, refused, tmp_path):
    task = write_decathlon(tmp_path / "task")
    image = task / "imagesTr" / "BRATS_1.nii.gz"
    write_nifti(image, heads(seed=1)[0][..., 0])
    for command in (("evaluate", models["brats"], task),
                    ("train", task, "--out", tmp_path / "run", *SMALL)):
        line = refused(*command)
        assert f"{image} is 3-D, but dataset.json names 4 modalities (FLAIR, T1, T1ce, T2)" in line
        assert "expected 4-D with 4" in line
    text = (task / "dataset.json").read_text()
    (task / "dataset.json").write_text(text.replace(', "1": "T1w", "2": "t1gd", "3": "T2w"', ""))
    write_nifti(image, heads(seed=1)[0])
    line = refused("train", task, "--out", tmp_path / "run", *SMALL)
    assert ".nii.gz is 4-D with 4 channels, but dataset.json names 1 modality (FLAIR)" in line


def test_a_label_that_the_decathlons_description_does_not_have(models, refused, tmp_path):
    task = write_decathlon(tmp_path / "task")
    path = task / "labelsTr" / "BRATS_2.nii.gz"
    write_nifti(path, heads(values=(2, 1, 4))[1])
    line = refused("evaluate", models["brats"], task)
    assert f"{path} holds the label 4; known are 0, 1, 2, 3" in line


def test_a_file_that_the_decathlons_description_lists_and_is_not_there(models, refused, tmp_path):
    task = write_decathlon(tmp_path / "task")
    (task / "imagesTr" / "BRATS_2.nii.gz").unlink()
    line = refused("evaluate", models["brats"], task)
    assert f"cannot read {task / 'imagesTr' / 'BRATS_2.nii.gz'}: No such file" in line


@pytest.mark.parametrize("content, found", [
    ("", "Expecting value"), ("[]", "list indices"), ("{", "Expecting property name"),
    ('{"modality": {}}', "it has no 'labels'"), ('{"channel_names": {}}', "it has no 'modality'")])
def test_a_description_that_is_none_is_told_what_it_lacks(
        models, refused, tmp_path, content, found):
    task = write_decathlon(tmp_path / "task")
    (task / "dataset.json").write_text(content)
    line = refused("evaluate", models["brats"], task)
    assert f"{task / 'dataset.json'} is no description of a Decathlon task ({found}" in line
    (task / "dataset.json").unlink()
    assert f"cannot read {task / 'dataset.json'}: No such file" in refused(
        "evaluate", models["brats"], task)


@pytest.mark.parametrize("name, found", [
    ("imagesTr/BRATS_1", "did you mean imagesTr/BRATS_1.nii.gz?"),
    ("imagesTr/BRATS_1.mha", "convert it, or give its whole name"), (1, "1 is no file's name")])
@pytest.mark.parametrize("kind", ["image", "label"])
def test_a_file_that_is_no_nifti_by_its_name(models, refused, tmp_path, kind, name, found):
    task = write_decathlon(tmp_path / "task")
    content = json.loads((task / "dataset.json").read_text())
    content["training"][0][kind] = name
    (task / "dataset.json").write_text(json.dumps(content))
    line = refused("evaluate", models["brats"], task)
    assert str(task / "dataset.json") in line and found in line


@pytest.mark.parametrize("labels", [{"1": "tumour"}, {"1": "tumour", "2": "oedema"}])
def test_a_description_without_background(models, refused, tmp_path, labels):
    task = write_decathlon(tmp_path / "task", labels=labels)
    line = refused("evaluate", models["brats"], task)
    assert f"{task / 'dataset.json'} names no label 0, the background (only 1" in line
    assert 'add "0": "background"' in line


def test_a_description_that_a_windows_editor_saved_is_read(tmp_path):
    task = write_decathlon(tmp_path / "task")
    text = (task / "dataset.json").read_text()
    (task / "dataset.json").write_text("\ufeff" + text, encoding="utf-8")
    assert len(open_dataset(task)) == 2
