"""Folders that are not laid out as expected: one line says what was found, and what to do."""

from pathlib import Path

import numpy as np
import pytest
from image_files import load_only, message, noise, square, write, write_lgg, write_pair
from nifti_files import write_nifti

from minunet.data import open_dataset
from minunet.data.formats.folder import read_folder
from minunet.data.formats.lgg import read_lgg


@pytest.mark.parametrize("reader", [open_dataset, read_lgg, read_folder])
def test_a_path_that_does_not_exist_is_named(tmp_path, reader):
    assert f"{tmp_path / 'nowhere'} does not exist" in message(reader, tmp_path / "nowhere")


@pytest.mark.parametrize("reader", [open_dataset, read_lgg, read_folder])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, reader):
    path = write(tmp_path / "a.png", noise())
    assert f"{path} is a file; give the folder" in message(reader, path)


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert f"cannot list {tmp_path}: Permission denied" in message(open_dataset, tmp_path)


def test_a_folder_without_pairs_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    text = message(open_dataset, tmp_path)
    assert all(word in text for word in (str(tmp_path), "NAME_1_mask.tif", "images", "masks"))


def test_empty_images_and_masks_hold_no_pairs(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    assert "found no images" in message(open_dataset, tmp_path)


@pytest.mark.parametrize("missing", ["images", "masks"])
def test_a_missing_half_of_the_two_folders_is_named(tmp_path, missing):
    kept = {"images": "masks", "masks": "images"}[missing]
    write(tmp_path / kept / "1.png", square())
    assert f"{tmp_path / missing} does not exist" in message(open_dataset, tmp_path)


def test_an_image_without_mask_is_named(tmp_path):
    write_pair(tmp_path, "anna/1")
    write(tmp_path / "images" / "anna" / "2.png", noise())
    assert "1 image without a mask (images/anna/2.png)" in message(read_folder, tmp_path)


def test_a_mask_without_image_is_named(tmp_path):
    write_pair(tmp_path)
    write(tmp_path / "masks" / "2.png", square())
    assert "1 mask without an image (masks/2.png)" in message(read_folder, tmp_path)


@pytest.mark.parametrize("name", ["images/anna/notes.txt", "masks/anna/list.csv",
                                  "images/anna/1.nii.gz", "images/scan.dcm"])
def test_a_stray_file_is_named_as_what_it_is(tmp_path, name):
    write_pair(tmp_path, "anna/1")
    (tmp_path / name).write_bytes(b"some text")
    assert f"{tmp_path / name} is no picture by its name (.png, .tif" in message(
        read_folder, tmp_path)


def test_volumes_in_images_and_masks_are_called_so(tmp_path):
    for name in ("images/anna.nii.gz", "masks/anna.nii.gz"):
        write_nifti(tmp_path / name, np.ones((5, 6, 7), np.int16))
    assert "images/anna.nii.gz: it is a NIfTI volume, no picture; docs/volumes.md says" in message(
        load_only, tmp_path)


def test_the_rule_is_said_where_images_and_masks_do_not_pair(tmp_path):
    for k in (1, 2):
        write(tmp_path / "images" / f"anna_{k}.jpg", noise())
        write(tmp_path / "masks" / f"anna_{k}_seg.gif", square())
    text = message(read_folder, tmp_path)
    assert "2 images without a mask (images/anna_1.jpg, images/anna_2.jpg) and 2 masks" in text
    assert "a mask has its image's name, or that with _mask: add what is missing, rename" in text


@pytest.mark.parametrize("names", [
    ["train/1", "val/1"], ["Training/anna/1", "TEST/ben/1"],
    ["train_1", "train_2", "val_1"], ["train/1", "val/1", "anna/1"]])
def test_parts_of_a_split_are_no_patients(tmp_path, names):
    for name in names:
        write_pair(tmp_path, name)
    text = message(read_folder, tmp_path)
    assert f"{tmp_path / 'images'} holds " in text and "no patients but parts of a split" in text


def test_nor_are_they_in_a_tree_of_folders(tmp_path):
    for name in ("train", "val"):
        write_lgg(tmp_path, name)
    text = message(open_dataset, tmp_path)
    assert f"{tmp_path} holds train and val, which are no patients" in text


def test_one_patient_among_others_may_be_called_test(tmp_path):
    for name in ("test/1", "anna/1"):
        write_pair(tmp_path, name)
    assert [patient.name for patient in read_folder(tmp_path)] == ["anna", "test"]
    [patient] = open_dataset(write_lgg(tmp_path / "tree", "test"))
    assert patient.name == "test"


def test_of_many_missing_masks_three_are_named_and_all_counted(tmp_path):
    write_lgg(tmp_path, numbers=(1, 2, 3, 10, 11))
    for k in (2, 3, 10, 11):
        (tmp_path / "TCGA_AA_1" / f"TCGA_AA_1_{k}_mask.tif").unlink()
    text = message(read_lgg, tmp_path)
    assert ("4 images without a mask (TCGA_AA_1_2.tif, TCGA_AA_1_3.tif, TCGA_AA_1_10.tif, …)"
            in text)
    assert "TCGA_AA_1_11" not in text


def test_an_lgg_mask_without_image_is_named(tmp_path):
    write_lgg(tmp_path)
    (tmp_path / "TCGA_AA_1" / "TCGA_AA_1_2.tif").unlink()
    assert "1 mask without an image (TCGA_AA_1_2_mask.tif)" in message(read_lgg, tmp_path)


def test_two_images_of_one_name_are_both_named(tmp_path):
    write_pair(tmp_path)
    write(tmp_path / "images" / "1.tif", noise())
    text = message(read_folder, tmp_path)
    assert "1.png" in text and "1.tif" in text and "same name" in text
