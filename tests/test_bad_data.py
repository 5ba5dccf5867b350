"""Each kind of bad data ends in one line that says what was found, where, and what to do."""

from pathlib import Path

import numpy as np
import pytest
from image_files import noise, square, write, write_lgg, write_pair
from nifti_files import write_nifti
from PIL import Image

from minunet.data import open_dataset
from minunet.data.folder import read_folder
from minunet.data.images import read_image, read_mask
from minunet.data.lgg import read_lgg
from minunet.data.preprocess import Preprocessing, prepare
from minunet.files import InputError


def message(function, *arguments):
    """The message of the InputError that the call raises: one line."""
    with pytest.raises(InputError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def load_only(folder):
    [patient] = open_dataset(folder)
    return patient.load()


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
    assert "images/anna.nii.gz: it is a NIfTI volume, no picture; docs/volumes.rst says" in message(
        load_only, tmp_path)


def test_the_rule_is_said_where_images_and_masks_do_not_pair(tmp_path):
    for k in (1, 2):
        write(tmp_path / "images" / f"anna_{k}.jpg", noise())
        write(tmp_path / "masks" / f"anna_{k}_seg.gif", square())
    text = message(read_folder, tmp_path)
    assert "2 images without a mask (images/anna_1.jpg, images/anna_2.jpg) and 2 masks" in text
    assert "a mask has its image's name, or that with _mask: add what is missing, rename" in text


@pytest.mark.parametrize("names", [
    ["train/1", "val/1"], ["Training/anna/1", "TEST/ben/1"], ["train/1"], ["train_1", "train_2", "val_1"],
    ["train/1", "val/1", "anna/1"]])
def test_parts_of_a_split_are_no_patients(tmp_path, names):
    for name in names:
        write_pair(tmp_path, name)
    text = message(read_folder, tmp_path)
    assert f"{tmp_path / 'images'} holds " in text and "no patients but parts of a split" in text


def test_nor_are_they_in_a_tree_of_folders(tmp_path):
    for name in ("train", "val"):
        write_lgg(tmp_path, name)
    assert f"{tmp_path} holds train and val, which are no patients" in message(read_lgg, tmp_path)


def test_one_patient_among_others_may_be_called_test(tmp_path):
    for name in ("test/1", "anna/1"):
        write_pair(tmp_path, name)
    assert [patient.name for patient in read_folder(tmp_path)] == ["anna", "test"]


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


def test_image_and_mask_of_different_sizes_are_named_with_both_sizes(tmp_path):
    write_pair(tmp_path, mask=square((24, 20)))
    text = message(load_only, tmp_path)
    assert "images/1.png is 20 × 24 and its mask 1.png is 24 × 20" in text


@pytest.mark.parametrize("other, kind", [
    (noise((22, 24)), "22 × 24, 1 channel, uint8"),
    (noise((20, 24, 3)), "20 × 24, 3 channels, uint8"),
    (noise(dtype=np.uint16), "20 × 24, 1 channel, uint16"),
])
def test_slices_of_a_patient_that_differ_are_both_named(tmp_path, other, kind):
    write_pair(tmp_path, "anna/1")
    write_pair(tmp_path, "anna/2", image=other, mask=square(other.shape[:2]))
    text = message(load_only, tmp_path)
    assert "slices of anna differ: 1.png is 20 × 24, 1 channel, uint8" in text
    assert f"images/anna/2.png is {kind}" in text


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.txt", "a"])
def test_a_file_that_is_no_image_is_named(tmp_path, name, capfd):
    path = tmp_path / name
    path.write_text("Dear diary, today I labelled forty slices.\n" * 20)
    assert f"cannot read {path}" in message(read_image, path)
    assert f"cannot read {path}" in message(read_mask, path)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_went_away_is_named(tmp_path):
    assert "No such file" in message(read_image, tmp_path / "gone.png")


def test_what_a_decoder_logs_about_a_damaged_file_is_not_shown(tmp_path, caplog):
    path = tmp_path / "a.tif"
    Image.fromarray(noise()).save(path, compression="tiff_deflate")
    path.write_bytes(path.read_bytes()[:100])  # its directory is at the end: no page is left
    assert "truncated or damaged" in message(read_image, path)
    assert caplog.text == ""


def test_what_a_decoder_warns_of_does_not_stop_a_good_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.png", noise())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # Pillow warns above, refuses at twice
    assert read_image(path).shape == (20, 24, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_with_nan_or_infinity_is_named(tmp_path, value):
    pixels = noise(dtype=np.float32)
    pixels[3, 4] = value
    path = write(tmp_path / "a.tif", pixels)
    assert f"{path} holds NaN or infinity" in message(read_image, path)


def test_a_number_too_large_for_float32_counts_as_infinity(tmp_path):
    path = write(tmp_path / "a.tif", np.full((20, 24), 1e300))
    assert f"{path} holds NaN or infinity" in message(read_image, path)


def test_a_mask_of_several_values_is_named_with_the_values(tmp_path):
    pixels = square()
    pixels[0, :2] = 1, 2
    path = write(tmp_path / "m.png", pixels)
    assert f"the mask {path} holds 4 values (0, 1, 2, 255); expected 0 and one other" in message(
        read_mask, path)


def test_of_many_values_in_a_mask_five_are_listed(tmp_path):
    path = write(tmp_path / "m.png", np.arange(200, dtype=np.uint8).reshape(10, 20))
    assert "holds 200 values (0, 1, 2, 3, 4, …)" in message(read_mask, path)


def test_two_values_without_0_are_no_mask(tmp_path):
    path = write(tmp_path / "m.png", square() // 255 + np.uint8(1))
    assert "holds 2 values (1, 2)" in message(read_mask, path)


def test_a_mask_saved_with_loss_is_not_a_mask(tmp_path):
    path = write(tmp_path / "m.jpg", square())
    assert "JPEG changes values round every edge; save the mask anew as PNG" in message(
        read_mask, path)


def test_nan_in_a_mask_is_no_tumour(tmp_path):
    path = write(tmp_path / "m.tif", square(value=np.nan, dtype=np.float32))
    assert "holds 2 values (0, nan)" in message(read_mask, path)


def test_a_mask_in_colour_is_named(tmp_path):
    path = write(tmp_path / "m.png", np.stack([square(), 0 * square(), square()], axis=-1))
    assert f"the mask {path} is in colour" in message(read_mask, path)


def test_masks_of_a_patient_that_mark_by_different_values_are_both_named(tmp_path):
    write_pair(tmp_path, "anna/1", mask=square(value=1))
    write_pair(tmp_path, "anna/2", mask=square(value=2))
    assert "1.png has 1 and 2.png has 2" in message(load_only, tmp_path)


def test_a_patient_of_one_value_has_nothing_to_standardise():
    images = np.stack([noise((4, 20, 24)), np.full((4, 20, 24), 7, np.uint8)], axis=-1)
    text = message(prepare, images, Preprocessing(), "anna")
    assert "anna, channel 2 of 2 has only the value 7" in text
    assert "nothing to standardise" in text


def test_one_value_and_background_is_nothing_to_standardise_either():
    images = square()[np.newaxis, ..., np.newaxis]
    assert "channel 1 of 1 has only the value 255" in message(prepare, images, Preprocessing())


def test_nan_given_to_prepare_is_named():
    images = noise((4, 20, 24, 1), dtype=np.float32)
    images[0, 0, 0] = np.nan
    assert "anna, channel 1 of 1 holds NaN" in message(prepare, images, Preprocessing(), "anna")
