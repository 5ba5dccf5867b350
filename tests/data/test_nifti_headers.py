"""Headers that are a little wrong are read, and what they contradict themselves in is told."""

import nibabel as nib
import numpy as np
import pytest
from nifti_files import affine, noise, patched, reason, write_nifti

from minunet.data.formats.nifti import read_geometry, read_labels, read_volume, write_volume
from minunet.engine.files import warn
from minunet.tool.cli import main


@pytest.fixture(autouse=True)
def unwarned():
    """Each test may warn of what an earlier one has warned of."""
    warn.cache_clear()


# Units

@pytest.mark.parametrize("code, millimetres", [
    (0, 1), (1, 1000), (2, 1), (3, 1e-3), (4, 1), (7, 1), (10, 1), (18, 1), (66, 1), (67, 1e-3),
    (121, 1000), (255, 1)])
def test_every_code_of_units_is_read_and_unknown_ones_mean_millimetres(
        tmp_path, code, millimetres):
    path = patched(tmp_path / "a.nii", matrix=affine("RAS", (2, 3, 4)), units=("u1", code))
    volume = read_volume(path)
    assert volume.spacing == pytest.approx(np.array([4, 3, 2]) * millimetres)
    assert read_geometry(path)[1] == volume.spacing
    write_volume(tmp_path / "mask.nii", volume.data > 500, volume)
    assert nib.load(tmp_path / "mask.nii").header["xyzt_units"] == code


# Transforms

LONG = (0.6, 0.6, 0.5300001)  # a rotation by 180°, longer than 1 by half a thousandth


def test_a_quaternion_a_little_too_long_is_the_rotation_it_would_be_at_length_1(tmp_path):
    path = patched(tmp_path / "a.nii", sform_code=("<i2", 0), quatern=("<f4", *LONG))
    unit = np.array(LONG) / np.linalg.norm(LONG)
    turned = 2 * np.outer(unit, unit) - np.eye(3)
    np.testing.assert_allclose(read_volume(path).affine[:3, :3], turned, atol=1e-6)


def test_a_quaternion_that_is_no_rotation_is_refused_if_it_is_needed(tmp_path):
    path = patched(tmp_path / "a.nii", sform_code=("<i2", 0), quatern=("<f4", 0.9, 0.9, 0))
    assert "is no rotation: its quaternion has the length 1.273" in reason(path)
    path = patched(tmp_path / "b.nii", quatern=("<f4", 0.9, 0.9, 0))
    assert (read_volume(path).affine == affine()).all()


def test_a_transform_whose_code_is_none_of_the_standards_is_used_all_the_same(tmp_path, capfd):
    path = patched(tmp_path / "a.nii", qform_code=("<i2", 77), sform_code=("<i2", 99))
    volume = read_volume(path)
    assert (volume.affine == affine()).all()
    write_volume(tmp_path / "mask.nii", volume.data > 500, volume)
    assert (nib.load(tmp_path / "mask.nii").affine == affine()).all()
    assert capfd.readouterr() == ("", "")


def two_forms(path, sform, qform, sform_code=1, qform_code=1):
    image = nib.Nifti1Image(noise((9, 8, 7)), None)
    image.set_qform(qform, qform_code)
    image.set_sform(sform, sform_code)
    image.to_filename(path)
    return path


@pytest.mark.parametrize("qform, text", [
    (np.diag([-1.5, -1.5, 10, 1]), "the sform is used, with voxels of 1 × 1 × 1 mm (by the qform "
                                   "10 × 1.5 × 1.5 mm)"),
    (affine("RAS", origin=(12.5, -30.25, 7.25)), "lie up to "),
    (affine("LPS", origin=(12.5, -30.25, 7.25)), "lie up to 0.125 mm (0.125 voxels) apart")])
def test_forms_that_contradict_each_other_are_one_line_that_says_which_is_used(
        tmp_path, capfd, qform, text):
    path = two_forms(tmp_path / "a.nii.gz", affine(), qform)
    assert read_volume(path).spacing == (1, 1, 1)
    read_volume(path)
    read_geometry(path)
    out, error = capfd.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith(f"minunet: warning: {path}: its sform and its qform lie up to ")
    assert text.replace("10 × 1.5 × 1.5", "1.5 × 1.5 × 10") in error


@pytest.mark.parametrize("qform, codes", [
    (affine(origin=(12.5, -30.25, 7.2)), (1, 1)),  # 0.075 mm
    (affine("RPS"), (1, 0)), (affine("RPS"), (0, 1))])  # there is but one
def test_forms_that_agree_or_of_which_there_is_one_are_no_contradiction(
        tmp_path, capfd, qform, codes):
    read_volume(two_forms(tmp_path / "a.nii.gz", affine(), qform, *codes))
    assert capfd.readouterr() == ("", "")


def test_voxel_sizes_that_contradict_the_only_form_are_a_line(tmp_path, capfd):
    path = patched(tmp_path / "a.nii", qform_code=("<i2", 0), pixdim=("<f4", 1, 1.3, 1.3, 10))
    assert read_volume(path).spacing == (1, 1, 1)
    assert "1 × 1 × 1 mm and its pixdim says 1.3 × 1.3 × 10 mm" in capfd.readouterr().err


def test_a_voxel_of_no_length_is_taken_for_a_millimetre_with_a_line(tmp_path, capfd):
    path = patched(tmp_path / "a.nii", qform_code=("<i2", 0), sform_code=("<i2", 0),
                   pixdim=("<f4", 1, 1, 1, 0))
    assert read_volume(path).spacing == (1, 1, 1)
    out, error = capfd.readouterr()
    assert "says that a voxel is 0 mm long; taken as 1 mm" in error and error.count("\n") == 1


# Values

def test_labels_that_a_scale_factor_or_a_float_has_moved_are_whole(tmp_path):
    stored = np.zeros((5, 6, 7), np.float32)
    stored[0, 0, :4] = 0.99998, 1.00002, -2.3e-10, 4.0009
    labels = read_labels(write_nifti(tmp_path / "a.nii.gz", stored)).data
    assert labels.dtype == np.int32
    assert labels[:4, 0, 0].tolist() == [1, 1, 0, 4]
    image = nib.Nifti1Image(np.where(stored > 2, 4.0, np.rint(stored)), affine())
    image.set_data_dtype(np.int16)  # nibabel then stores 6.1e-05 · 16384, and so on
    image.to_filename(tmp_path / "b.nii.gz")
    assert nib.load(tmp_path / "b.nii.gz").dataobj.slope != 1
    assert (read_labels(tmp_path / "b.nii.gz").data == labels).all()


@pytest.mark.parametrize("value, shown", [(1.002, "1.002"), (0.998, "0.998"), (254.99, "254.99"),
                                          (-0.0011, "-0.0011"), (1e12, "1e+12")])
def test_other_fractions_are_refused_with_the_digits_that_show_it(tmp_path, value, shown):
    stored = np.zeros((5, 6, 7), np.float32)
    stored[1, 2, 3] = value
    path = write_nifti(tmp_path / "a.nii.gz", stored)
    assert f"holds {shown}, which is no label" in reason(path, read_labels)


@pytest.mark.parametrize("array, what", [
    (noise().astype(np.complex64), "complex numbers; export their magnitude"),
    (np.zeros((5, 6, 7), [(c, "u1") for c in "RGB"]), "colours (RGB), no intensities")])
def test_what_is_no_plain_number_is_named(tmp_path, array, what):
    nib.Nifti1Image(array, affine()).to_filename(tmp_path / "a.nii.gz")
    assert f"holds {what}" in reason(tmp_path / "a.nii.gz")


def test_a_scale_factor_beside_an_offset_that_is_no_number(tmp_path):
    path = patched(tmp_path / "a.nii", scl=("<f4", 1, np.nan))
    assert "moves them by scl_inter, nan, which is no number" in reason(path)


def test_nothing_is_shown_of_what_a_mask_is_written_with(models, tmp_path, capfd):
    path = patched(tmp_path / "a.nii", noise((32, 36, 6)), units=("u1", 255),
                   sform_code=("<i2", 99), quatern=("<f4", *LONG), pixdim=("<f4", 1, 1, 1, 2))
    assert main(["predict", str(models["grey"]), str(path), "--out", str(tmp_path / "out")]) == 0
    error = capfd.readouterr().err
    assert "minunet: warning:" in error and error.count("\n") == 1  # of the two forms
