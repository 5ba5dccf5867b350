"""DICOM in the place of images: every command says how to convert it."""

import pytest

from minunet.data.formats.dicom import check_no_dicom

HEAD = bytes(128) + b"DICM" + bytes(40)


@pytest.fixture(params=["series/IM0001", "series/1.dcm", "all/anna/series/IM0001"])
def dicom(request, tmp_path):
    """A folder with DICOM files in it, or below."""
    path = tmp_path / request.param
    path.parent.mkdir(parents=True)
    path.write_bytes(HEAD if path.suffix == "" else b"\x08\0\x05\0" + bytes(60))
    return tmp_path / path.relative_to(tmp_path).parts[0]


def test_a_folder_is_refused_and_the_line_says_how_to_convert_it(dicom, models, tmp_path, refused):
    out = ["--out", tmp_path / "out"]
    for command in (["train", dicom], ["evaluate", models["grey"], dicom],
                    ["predict", models["grey"], dicom], ["look", models["grey"], dicom],
                    ["report", dicom], ["report", "--before", dicom, "--after", dicom]):
        line = refused(*command, *out)
        assert "is a DICOM file" in line and "dcm2niix -z y -o nifti " in line, command


@pytest.mark.parametrize("name", ["IM0001", "1.dcm"])
def test_a_file_is_refused_too(name, models, tmp_path, refused):
    path = tmp_path / name
    path.write_bytes(HEAD)
    out = ["--out", tmp_path / "out"]
    for command in (["train", path], ["evaluate", models["grey"], path],
                    ["predict", models["grey"], path], ["look", models["grey"], path],
                    ["report", path]):
        line = refused(*command, *out)
        assert "a DICOM file" in line and "dcm2niix -z y -o nifti " in line, command


def test_images_and_masks_that_are_dicom_are_named(tmp_path, refused):
    for path in (tmp_path / "data" / kind / name for kind in ("images", "masks")
                 for name in ("anna", "ben")):
        path.mkdir(parents=True)
        (path / "1.dcm").write_bytes(HEAD)
    assert "dcm2niix" in refused("train", tmp_path / "data", "--out", tmp_path / "out")


def test_other_files_are_not_taken_for_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("DICM")
    (tmp_path / "empty").touch()
    check_no_dicom(tmp_path)
    check_no_dicom(tmp_path / "notes.txt")
    check_no_dicom(tmp_path / "nowhere")
