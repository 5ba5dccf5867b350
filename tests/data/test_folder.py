import numpy as np
import pytest
from image_files import noise, square, write, write_pair
from PIL import Image

from minunet.data import open_dataset
from minunet.data.formats.folder import read_folder
from minunet.data.formats.images import read_image, read_mask


def test_files_directly_in_images_are_a_patient_each(tmp_path):
    for stem in ("b", "a10", "a9"):
        write_pair(tmp_path, stem)
    patients = read_folder(tmp_path)
    assert [p.name for p in patients] == ["a9", "a10", "b"]
    assert [p.slices for p in patients] == [("a9",), ("a10",), ("b",)]
    images, masks = patients[0].load()
    assert images.shape == (1, 20, 24, 1) and masks.shape == (1, 20, 24)


def test_each_folder_is_a_patient_with_its_slices_in_natural_order(tmp_path):
    for k in (10, 9, 1):
        write_pair(tmp_path, f"anna/scan {k}", image=np.full((20, 24), k, np.uint8))
    write_pair(tmp_path, "ben/1")
    anna, ben = read_folder(tmp_path)
    assert (anna.name, ben.name) == ("anna", "ben")
    assert anna.slices == ("scan 1", "scan 9", "scan 10")
    assert anna.load()[0][:, 0, 0, 0].tolist() == [1, 9, 10]


def test_folders_within_a_patient_belong_to_that_patient(tmp_path):
    write_pair(tmp_path, "anna/monday/1")
    write_pair(tmp_path, "anna/tuesday/1")
    [anna] = read_folder(tmp_path)
    assert anna.slices == ("monday/1", "tuesday/1")


@pytest.mark.parametrize("names, patients", [
    (["anna_1", "anna_2", "anna_10", "ben_1"], {"anna": 3, "ben": 1}),
    (["TCGA_A_1-7", "TCGA_A_1-8", "TCGA_B_1-7"], {"TCGA_A_1": 2, "TCGA_B_1": 1}),
    (["anna 1", "anna 2", "other"], {"anna": 2, "other": 1}),
    (["a_1", "b_1", "c_1"], {"a_1": 1, "b_1": 1, "c_1": 1}),
    (["1", "2", "10"], {"1": 1, "2": 1, "10": 1}),
    (["scan_1", "scan_2"], {"scan_1": 1, "scan_2": 1}),  # one patient could not be split
    (["anna_1", "anna_2", "ben/1", "ben/2"], {"anna": 2, "ben": 2}),
    (["anna_1", "anna_2", "anna/3", "ben/1"], {"anna": 3, "ben": 1}),
])
def test_files_called_name_1_and_name_2_are_slices_of_one_patient(tmp_path, names, patients):
    for name in names:
        write_pair(tmp_path, name)
    found = {patient.name: len(patient.slices) for patient in read_folder(tmp_path)}
    assert found == patients


def test_what_was_made_of_files_of_equal_names_is_said_in_one_line(tmp_path, capsys):
    for name in ("anna_1", "anna_2", "ben_1"):
        write_pair(tmp_path, name)
    read_folder(tmp_path)
    assert capsys.readouterr().err == (
        f"minunet: warning: 3 files directly in {tmp_path / 'images'} are taken for slices of 2 "
        "patients by their names: anna, ben; if that is wrong, give each patient a folder there\n")
    for folder in (tmp_path / "images", tmp_path / "masks"):
        (folder / "ben_1.png").rename(folder / "anna_3.png")
    read_folder(tmp_path)
    assert (f"3 files directly in {tmp_path / 'images'} are taken for a patient each; if they are "
            "slices of fewer heads, give each patient a folder there") in capsys.readouterr().err


@pytest.mark.parametrize("names", [["anna/1", "ben/1"], ["a", "b"], ["a_1", "b_1"]])
def test_nothing_is_said_about_plain_layouts(tmp_path, names, capfd):
    for name in names:
        write_pair(tmp_path, name)
    read_folder(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_mask_may_be_called_as_its_image_with_mask_at_the_end(tmp_path):
    for name in ("anna/1", "anna/2", "3"):
        write(tmp_path / "images" / f"{name}.jpg", noise())
        write(tmp_path / "masks" / f"{name}_mask.gif", square())
    write_pair(tmp_path, "anna/4_mask")  # an image so called
    assert [p.slices for p in read_folder(tmp_path)] == [("3",), ("1", "2", "4_mask")]


def test_image_and_mask_may_differ_in_format(tmp_path):
    write(tmp_path / "images" / "1.jpg", noise())
    write(tmp_path / "masks" / "1.tif", square())
    [patient] = read_folder(tmp_path)
    assert patient.load()[1].sum() == square(value=1).sum()


def test_hidden_files_and_litter_are_passed_over(tmp_path):
    write_pair(tmp_path, "anna/1")
    for name in ("images/.DS_Store", "images/anna/._1.png", "masks/.DS_Store",
                 "images/anna/Thumbs.db", "images/desktop.ini", "masks/anna/ehthumbs.db",
                 "images/__MACOSX/1.png", "masks/anna/@eaDir/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0")
    assert len(read_folder(tmp_path)[0].slices) == 1


def test_open_dataset_knows_the_layout(tmp_path):
    assert [p.name for p in open_dataset(write_pair(tmp_path))] == ["1"]


@pytest.mark.parametrize("suffix, channels", [
    (".png", None), (".png", 3), (".png", 4), (".tif", None), (".tif", 3), (".tif", 4),
    (".bmp", None), (".bmp", 3),
])
def test_grey_and_rgb_images_are_read_exactly_and_alpha_is_dropped(tmp_path, suffix, channels):
    pixels = noise((20, 24) if channels is None else (20, 24, channels))
    pixels[..., 3:] = 200
    image = read_image(write(tmp_path / f"a{suffix}", pixels))
    expected = pixels[..., np.newaxis] if channels is None else pixels[..., :3]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("stored, given", [
    ("uint8", "uint8"), ("uint16", "uint16"), ("int16", "float32"), ("int32", "float32"),
    ("float32", "float32"), ("float64", "float32"),
])
def test_8_and_16_bits_stay_and_other_types_become_float32(tmp_path, stored, given):
    pixels = noise(dtype=stored)
    image = read_image(write(tmp_path / "a.tif", pixels))
    assert image.dtype == given
    np.testing.assert_array_equal(image[..., 0], pixels)


def test_a_jpeg_is_read_to_within_its_loss(tmp_path):
    pixels = np.tile(np.arange(24, dtype=np.uint8) * 8, (20, 1))
    image = read_image(write(tmp_path / "a.jpg", pixels))
    assert np.abs(image[..., 0].astype(int) - pixels).max() < 10


@pytest.mark.parametrize("value", [1, 255, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_mask_of_0_and_one_other_value_is_understood(tmp_path, value, dtype):
    mask, mark = read_mask(write(tmp_path / "m.tif", square(value=value, dtype=dtype)))
    assert mask.dtype == np.uint8 and mark == value
    np.testing.assert_array_equal(mask, square(value=1))


def test_boolean_masks_are_understood(tmp_path):
    Image.fromarray(square() > 0).save(tmp_path / "m.png")  # one bit a pixel
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], square(value=1))


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_masks_saved_in_colour_are_understood(tmp_path, channels):
    pixels = np.repeat(square()[..., np.newaxis], channels, axis=-1)
    pixels[..., 3:] = 200  # alpha says nothing about tumour
    mask, _ = read_mask(write(tmp_path / "m.png", pixels))
    np.testing.assert_array_equal(mask, square(value=1))


def test_a_gif_of_one_page_is_a_mask_like_any_other(tmp_path):
    Image.fromarray(square()).save(tmp_path / "m.gif")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.gif")[0], square(value=1))


@pytest.mark.parametrize("value, mark", [(0, None), (255, 255)])
def test_a_mask_may_be_all_background_or_all_tumour(tmp_path, value, mark):
    mask, found = read_mask(write(tmp_path / "m.png", np.full((20, 24), value, np.uint8)))
    assert found == mark and (mask == (value > 0)).all()
