"""Headers that are a little wrong are read; each other fault has a line that says what it is."""

import gzip
import io
import subprocess
import sys
import zipfile
from functools import partial

import nibabel as nib
import numpy as np
import pytest
from nifti_files import affine, noise, write_nifti

from minunet.cli import main
from minunet.data import nifti_file
from minunet.data.nifti import read_geometry, read_labels, read_volume, write_volume
from minunet.files import InputError, warn

CODES = {"qform_code": 252, "sform_code": 254, "quatern": 256, "pixdim": 76, "scl": 112,
         "units": 123, "dim": 40, "magic": 344, "datatype": 70}  # where they are, in bytes


@pytest.fixture(autouse=True)
def unwarned():
    """Each test may warn of what an earlier one has warned of."""
    warn.cache_clear()


def patched(path, array=None, matrix=None, **fields):
    """Write a file, and over its header's fields what is given: numbers, or (kind, numbers)."""
    image = nib.Nifti1Image(noise() if array is None else array,
                            affine() if matrix is None else matrix)
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    content = bytearray(image.to_bytes())
    for name, (kind, *values) in fields.items():
        put = values[0] if kind == "bytes" else np.array(values, kind).tobytes()
        content[CODES[name]: CODES[name] + len(put)] = put
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def reason(path, read=read_volume):
    """The one line by which a file is refused; nothing else is printed."""
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


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


# Size

@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_more_voxels_than_the_file_can_hold_are_told_before_memory_is_asked_for(tmp_path, name):
    path = patched(tmp_path / name, dim=("<i2", 3, 30000, 30000, 30000))
    for read in (read_volume, read_geometry):
        assert "it is truncated: 30000 × 30000 × 30000 voxels are" in reason(path, read)


def test_a_volume_that_unpacks_to_more_than_memory_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti_file, "memory", lambda: 20_000)
    path = write_nifti(tmp_path / "a.nii.gz", np.zeros((20, 20, 20), np.uint8))
    for read in (read_volume, read_geometry):
        assert "unpacks to 20 × 20 × 20 voxels, which need" in (text := reason(path, read))
        assert "truncated" not in text


def test_a_volume_beyond_the_limit_of_the_process_says_so(tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    path = patched(tmp_path / "a.nii.gz", noise((100, 100, 50)), dim=("<i2", 3, 1000, 1000, 350))
    limit = 3 * 2**30
    done = subprocess.run([sys.executable, "-m", "minunet", "report", path, "--out",
                           tmp_path / "out"], capture_output=True, text=True,
                          preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS,
                                             (limit, limit)))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "unpacks to 1000 × 1000 × 350 voxels, which need 3.5 GB of memory" in done.stderr


def test_what_cannot_be_allocated_after_all_says_so(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr("minunet.data.nifti.read_voxels", refuse)
    path = write_nifti(tmp_path / "a.nii.gz", noise())
    assert "needs more memory than there is" in reason(path)


# Files

def in_zip(content):
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        archive.writestr("a.nii", content)
    return packed.getvalue()


@pytest.mark.parametrize("change, what", [
    (lambda raw: b"", "it is empty, 0 bytes"),
    (lambda raw: raw[:100], "it is truncated, or no NIfTI file: 100 bytes"),
    (lambda raw: raw[:-1], "it is truncated: 9 × 8 × 7 voxels are 1,008 bytes, the file has 1,359"),
    (lambda raw: gzip.compress(raw)[:-9], "it is truncated; copy or export it again"),
    (lambda raw: gzip.compress(raw[:-1]), "it is truncated; copy or export it again"),
    (lambda raw: gzip.compress(gzip.compress(raw)), "it is compressed twice"),
    (lambda raw: gzip.compress(raw) + b"junk" * 9, "its gzip data is damaged"),
    (lambda raw: gzip.compress(raw)[:60] + b"\0" * 40 + gzip.compress(raw)[100:],
     "its gzip data is damaged"),
    (in_zip, "it is a zip archive"),
    (lambda raw: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
     "it is a pointer to a file in Git LFS"),
    (lambda raw: b"<!DOCTYPE html><html>sign in</html>", "it is a web page or XML"),
    (lambda raw: b"\0" * 128 + b"DICM" + b"\0" * 300, "it is a DICOM file"),
    (lambda raw: b"NRRD0004\n", "it is an NRRD file"),
    (lambda raw: b"a letter\n" * 100, "it is no NIfTI file (the mark n+1 is missing"),
    (lambda raw: raw[:344] + b"ni1\0" + raw[348:352], "one of a pair, .hdr and .img"),
    (lambda raw: raw[:70] + b"\1\0" + raw[72:], "its header is damaged (data code 1"),
    (lambda raw: raw[:42] + b"\xfd\xff" + raw[44:], "it says -3 × 8 × 7 voxels")])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_each_way_to_be_no_volume_has_its_own_line(tmp_path, capfd, change, what, name):
    path = tmp_path / name
    raw = patched(tmp_path / "raw.nii").read_bytes()
    path.write_bytes(change(raw))
    assert what in reason(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nii"])
def test_a_folder_that_is_named_like_a_volume(models, refused, tmp_path, name):
    write_nifti(tmp_path / name / "inside.nii", noise())
    line = refused("report", tmp_path / name, "--out", tmp_path / "out")
    assert f"{tmp_path / name} is a folder that is named like a volume" in line


@pytest.mark.parametrize("fields", [
    {"pixdim": ("<f4", 1, -1, 1, 1), "qform_code": ("<i2", 77)}, {"datatype": ("<i2", 999)}])
def test_nothing_that_nibabel_logs_reaches_the_terminal(tmp_path, fields):
    """In a process of its own: pytest's handlers would hide what is logged."""
    labels = np.zeros((12, 11, 10), np.uint8)
    labels[4:8, 4:8, 3:7] = 1
    path = patched(tmp_path / "a.nii", labels, **fields)
    done = subprocess.run([sys.executable, "-m", "minunet", "report", path, "--out",
                           tmp_path / "out"], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert len(lines) == (done.returncode == 2)
    assert all(line.startswith("minunet: error: ") for line in lines)


def test_nothing_is_shown_of_what_a_mask_is_written_with(models, tmp_path, capfd):
    path = patched(tmp_path / "a.nii", noise((32, 36, 6)), units=("u1", 255),
                   sform_code=("<i2", 99), quatern=("<f4", *LONG), pixdim=("<f4", 1, 1, 1, 2))
    assert main(["predict", str(models["grey"]), str(path), "--out", str(tmp_path / "out")]) == 0
    error = capfd.readouterr().err
    assert "minunet: warning:" in error and error.count("\n") == 1  # of the two forms
