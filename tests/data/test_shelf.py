"""Arrays on disk that read like arrays in memory."""

import os

import numpy as np
import pytest

from minunet.data.shelf import Shelf
from minunet.engine.files import InputError


@pytest.fixture
def items(rng):
    return rng.normal(size=(7, 3, 2)).astype(np.float32)


def test_what_is_put_on_a_shelf_is_read_as_it_was(items):
    shelf = Shelf()
    assert shelf.append(items[:4]) == slice(0, 4)
    assert shelf.append(items[4:]) == slice(4, 7)
    assert shelf.shape == items.shape and shelf.dtype == items.dtype and len(shelf) == 7
    assert (shelf[5] == items[5]).all() and (shelf[-1] == items[-1]).all()
    assert (shelf[2:6] == items[2:6]).all() and (shelf[:] == items).all()


def test_items_of_no_axes_are_single_numbers():
    shelf = Shelf()
    shelf.append(np.arange(5, dtype=np.uint8))
    place = shelf.append(np.arange(6, dtype=np.uint8))
    assert shelf[place].tolist() == [0, 1, 2, 3, 4, 5]


def test_other_items_are_refused(items):
    shelf = Shelf()
    shelf.append(items)
    for other in (items[:, :2], items.astype(float)):
        with pytest.raises(ValueError, match="expected"):
            shelf.append(other)


def test_a_shelf_leaves_no_file(items, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf = Shelf()
    shelf.append(items)
    assert os.listdir(tmp_path) == []  # it has no name, so even a killed program leaves none


def test_a_full_disk_is_told_with_its_folder(items, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    shelf = Shelf()
    monkeypatch.setattr(shelf, "_file", type("Full", (), {"seek": full, "write": full})())
    with pytest.raises(InputError, match="No space left on device; let TMPDIR name"):
        shelf.append(items)


def test_a_lack_of_a_folder_for_temporary_files_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="no place for temporary files .*; let TMPDIR name"):
        Shelf()
