"""The reader of the ISBI 2012 set: on small files laid out like it, and on the set where it is."""

import os

import numpy as np
import pytest
from image_files import noise, square, write

from minunet.data.formats.isbi import read_isbi
from minunet.engine.files import InputError


def write_isbi(root, numbers=(0, 1, 2, 10), value=255):
    """Section k is filled with the grey value k; the label is a square of `value`."""
    for k in numbers:
        write(root / "image" / f"{k}.png", np.full((20, 24), k, np.uint8))
        write(root / "label" / f"{k}.png", square(value=value))
    return root


@pytest.mark.parametrize("value", [255, 1])
def test_images_come_in_the_order_of_their_numbers_and_the_inside_is_1(tmp_path, value):
    images, masks = read_isbi(write_isbi(tmp_path, value=value))
    assert images.shape == (4, 20, 24, 1) and images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2, 10]
    assert masks.shape == (4, 20, 24) and masks.dtype == np.uint8
    assert (masks == square(value=1)).all()


def test_the_folder_above_train_will_do(tmp_path):
    write_isbi(tmp_path / "train", numbers=(0, 7))
    write(tmp_path / "test" / "image" / "0.png", noise())  # no labels are published
    for folder in (tmp_path, tmp_path / "train", str(tmp_path)):
        assert read_isbi(folder)[0][:, 0, 0, 0].tolist() == [0, 7]


def test_hidden_files_are_passed_over(tmp_path):
    write_isbi(tmp_path)
    (tmp_path / "image" / ".DS_Store").write_bytes(b"")
    assert len(read_isbi(tmp_path)[0]) == 4


def no_labels(root):
    (root / "label" / "1.png").unlink()


def empty(root):
    for path in (*(root / "image").iterdir(), *(root / "label").iterdir()):
        path.unlink()


def not_there(root):
    empty(root)
    (root / "image").rmdir()


def grey_labels(root):
    write(root / "label" / "2.png", noise())


def another_size(root):
    write(root / "image" / "2.png", noise((24, 24)))


def two_of_one_name(root):
    write(root / "image" / "0.tif", noise())


def no_image(root):
    (root / "image" / "0.png").write_text("a page that says it was not found")


@pytest.mark.parametrize("spoil, message", [
    (no_labels, r"1 image without a mask \(image/1.png\)"), (empty, "found no images in"),
    (not_there, "image does not exist"), (grey_labels, "2.png"), (another_size, "2.png is 24"),
    (no_image, "0.png"), (two_of_one_name, "0.png and .*0.tif have the same name"),
])
def test_bad_input_is_named_in_one_line(tmp_path, spoil, message):
    spoil(write_isbi(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        read_isbi(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_set_itself():
    folder = os.environ.get("MINUNET_ISBI")
    if not folder:
        pytest.skip("MINUNET_ISBI is not set")
    images, masks = read_isbi(folder)
    assert images.shape == (30, 512, 512, 1) and masks.shape == (30, 512, 512)
    assert 0.7 < masks.mean() < 0.85  # most of it is cells
    inside, membrane = (images[..., 0][masks == k].mean() for k in (1, 0))
    assert inside > membrane + 20
