"""Each kind of bad data ends in one line that says what was found, where, and what to do."""

import numpy as np
import pytest
import tifffile
from image_files import load_only, message, noise, square, write, write_pair
from PIL import Image

from minunet.data.formats.images import read_image, read_mask
from minunet.data.preprocess import Preprocessing, prepare


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


@pytest.mark.parametrize("grey", [0, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_mask_that_only_its_alpha_holds_is_refused(tmp_path, grey, channels):
    pixels = np.dstack([np.full_like(square(), grey)] * channels + [square()])
    Image.fromarray(pixels).save(tmp_path / "m.png")
    assert "is transparent elsewhere than where it is black" in message(
        read_mask, tmp_path / "m.png")


@pytest.mark.parametrize("black_is_transparent", [0, 255])
def test_a_colour_that_is_transparent_counts_as_alpha(tmp_path, black_is_transparent):
    Image.fromarray(square()).save(tmp_path / "m.png", transparency=black_is_transparent)
    if black_is_transparent == 0:
        np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], square(value=1))
    else:
        assert "is transparent elsewhere" in message(read_mask, tmp_path / "m.png")


def test_a_mask_in_which_white_is_zero_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", square(), photometric="miniswhite")
    assert "is a TIFF in which white is 0, and programs differ" in message(
        read_mask, tmp_path / "m.tif")


@pytest.mark.parametrize("pixels, advice", [
    (noise() % 3, "a mask of several classes is read from NIfTI only"),
    (noise(), "and soft edges must be made hard"),
    (square() // 255 + np.uint8(1), "give the background 0"),
])
def test_a_mask_of_several_values_gets_the_advice_that_fits(tmp_path, pixels, advice):
    text = message(read_mask, write(tmp_path / "m.png", pixels))
    assert "expected 0 and one other: " in text and advice in text


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
