"""Each way to be no volume has a line of its own, and nothing else is printed."""

import gzip
import io
import subprocess
import sys
import zipfile
from functools import partial

import numpy as np
import pytest
from nifti_files import noise, patched, reason, write_nifti

from minunet.data.formats import nifti_file
from minunet.data.formats.nifti import read_geometry, read_volume

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

    monkeypatch.setattr("minunet.data.formats.nifti.read_voxels", refuse)
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
    (lambda raw: raw[:42] + b"\xfd\xff" + raw[44:], "it says -3 × 8 × 7 voxels"),
    (lambda raw: raw[:40] + b"\0\0" + raw[42:], "is empty, 0; replace or remove it")])
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
