"""NIfTI volumes: one orientation inside, the file's own outside."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from nifti_files import affine, noise, write_nifti

from minunet.data.formats.nifti import (
    read_geometry,
    read_labels,
    read_scan,
    read_volume,
    write_volume,
)

WAYS = ["".join(axes) for names in permutations(("LR", "AP", "IS")) for axes in product(*names)]
SHAPE, SPACING = (9, 8, 7), (0.5, 1.25, 3.0)  # of the axes as stored


@pytest.fixture(params=WAYS)
def file(request, tmp_path):
    """A volume stored in each of the 48 ways, its axes tilted by 0.2 radians."""
    return write_nifti(tmp_path / "scan.nii.gz", noise(SHAPE), affine(request.param, SPACING, 0.2))


def test_there_are_48_ways_to_store_a_volume():
    assert len(set(WAYS)) == 48


def test_axes_run_to_the_head_to_the_back_and_to_the_left(file):
    volume = read_volume(file)
    for axis, (direction, sign) in enumerate(((2, 1), (1, -1), (0, -1))):  # of x, y, z in RAS+
        step = volume.patient_coordinates(np.eye(3)[axis]) - volume.patient_coordinates([0, 0, 0])
        assert np.abs(step).argmax() == direction
        assert np.sign(step[direction]) == sign
        assert np.linalg.norm(step) == pytest.approx(volume.spacing[axis])


def test_every_voxel_lies_where_the_file_says(file):
    volume, image = read_volume(file), nib.load(file)
    stored = np.asarray(image.dataobj)
    for d, h, w in ((0, 0, 0), (1, 2, 3), tuple(n - 1 for n in volume.data.shape)):
        place = volume.patient_coordinates((d, h, w))
        i, j, k = np.rint(nib.affines.apply_affine(np.linalg.inv(image.affine), place)).astype(int)
        assert stored[i, j, k] == volume.data[d, h, w]


def test_a_mask_marks_the_same_place_in_the_patient_and_has_the_affine_to_the_last_digit(
        file, tmp_path):
    volume = read_volume(file)
    mask = np.zeros(volume.data.shape, np.uint8)
    mask[2, 3, 1] = 1
    write_volume(tmp_path / "mask.nii.gz", mask, volume)
    scan, written = nib.load(file), nib.load(tmp_path / "mask.nii.gz")
    [voxel] = np.argwhere(np.asarray(written.dataobj))
    np.testing.assert_allclose(nib.affines.apply_affine(written.affine, voxel),
                               volume.patient_coordinates((2, 3, 1)))
    assert written.affine.tobytes() == scan.affine.tobytes()
    assert written.shape == scan.shape
    assert written.header.get_zooms() == scan.header.get_zooms()
    assert written.get_data_dtype() == np.uint8


def test_the_header_alone_says_shape_and_spacing(file):
    volume = read_volume(file)
    assert read_geometry(file) == (volume.data.shape, volume.spacing, volume.oriented)


def test_what_is_written_is_read_back_as_it_was(file, tmp_path):
    volume = read_volume(file)
    write_volume(tmp_path / "same.nii", volume.data, volume)
    again = read_volume(tmp_path / "same.nii")
    assert (again.data == volume.data).all() and again.spacing == volume.spacing
    assert (nib.load(tmp_path / "same.nii").get_fdata() == nib.load(file).get_fdata()).all()


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_both_transforms_their_codes_and_units_are_kept(tmp_path, kind):
    image = kind(noise(), np.eye(4))
    image.set_sform(affine("RAS", tilt=0.3), 4)
    image.set_qform(affine("LPS"), 1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["cal_max"] = 900  # a viewer would draw a mask of 0 and 1 black
    image.to_filename(tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii")
    write_volume(tmp_path / "mask.nii", volume.data > 500, volume)
    written = nib.load(tmp_path / "mask.nii")
    assert type(written) is kind
    for name in ("sform_code", "qform_code", "srow_x", "quatern_b", "qoffset_x", "xyzt_units"):
        assert (written.header[name] == image.header[name]).all()
    assert written.header["cal_max"] == 0


def test_stored_integers_are_scaled_as_the_header_says(tmp_path):
    image = nib.Nifti1Image(noise(), affine())
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(tmp_path / "scan.nii.gz")
    volume = read_volume(tmp_path / "scan.nii.gz")
    assert volume.data.dtype == np.float32
    assert sorted(volume.data.ravel()) == sorted(nib.load(tmp_path / "scan.nii.gz").get_fdata()
                                                 .ravel())
    write_volume(tmp_path / "mask.nii.gz", np.ones(volume.data.shape, np.uint8), volume)
    assert (nib.load(tmp_path / "mask.nii.gz").get_fdata() == 1).all()


def test_labels_are_whole_numbers(tmp_path):
    stored = np.zeros((5, 6, 7), np.float32)  # some tools save them as floats
    stored[1, 2, 3] = 4
    labels = read_labels(write_nifti(tmp_path / "seg.nii.gz", stored)).data
    assert labels.dtype == np.int32
    assert sorted(set(labels.ravel())) == [0, 4]


def test_the_modalities_of_a_4d_file_are_the_last_axis(tmp_path):
    stored = noise((5, 6, 7, 2))
    volume = read_scan(write_nifti(tmp_path / "scan.nii.gz", stored, affine("RPS")))
    assert volume.data.shape == (7, 6, 5, 2)
    assert (volume.data == stored[::-1].transpose(2, 1, 0, 3)).all()
    write_volume(tmp_path / "mask.nii.gz", volume.data[..., 0] > 500, volume)
    assert (nib.load(tmp_path / "mask.nii.gz").get_fdata() == (stored[..., 0] > 500)).all()


def test_a_fourth_axis_of_one_is_none(tmp_path):
    stored = noise((5, 6, 7, 1))
    volume = read_volume(write_nifti(tmp_path / "scan.nii.gz", stored))
    assert volume.data.shape == (7, 6, 5)


def test_micrometres_are_told_from_millimetres(tmp_path):
    image = nib.Nifti1Image(noise(), affine(spacing=(500, 500, 2000)))
    image.header.set_xyzt_units("micron")
    image.to_filename(tmp_path / "scan.nii.gz")
    volume = read_volume(tmp_path / "scan.nii.gz")
    assert volume.spacing == pytest.approx((2, 0.5, 0.5))
    step = volume.patient_coordinates((1, 0, 0)) - volume.patient_coordinates((0, 0, 0))
    assert np.linalg.norm(step) == pytest.approx(2)


def test_a_single_axial_slice_is_a_volume(tmp_path):
    assert read_volume(write_nifti(tmp_path / "a.nii", noise((5, 6, 1)))).data.shape == (1, 6, 5)


def test_the_same_mask_gives_the_same_bytes(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "scan.nii.gz", noise()))
    for name in ("a", "b"):
        write_volume(tmp_path / f"{name}.nii.gz", volume.data > 500, volume)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_mask_of_another_shape_or_of_no_bytes_is_refused(tmp_path):
    volume = read_volume(write_nifti(tmp_path / "scan.nii.gz", noise()))
    with pytest.raises(ValueError, match="array has shape"):
        write_volume(tmp_path / "mask.nii.gz", volume.data[1:], volume)
    with pytest.raises(ValueError, match="expected 0 … 255"):
        write_volume(tmp_path / "mask.nii.gz", volume.data.astype(int), volume)
    assert not (tmp_path / "mask.nii.gz").exists()
