import numpy as np
import pytest
from image_files import write, write_lgg

from minunet.data import open_dataset
from minunet.data.formats.lgg import read_lgg
from minunet.engine.files import InputError


def test_slices_are_in_the_order_of_their_numbers_not_of_their_letters(tmp_path):
    [patient] = read_lgg(write_lgg(tmp_path, numbers=(1, 2, 10)))
    assert patient.slices == ("TCGA_AA_1_1", "TCGA_AA_1_2", "TCGA_AA_1_10")
    images, masks = patient.load()
    assert images[:, 0, 0, 0].tolist() == [1, 2, 10]  # slice K is filled with K
    assert images.shape == (3, 20, 24, 3) and images.dtype == np.uint8
    assert masks.shape == (3, 20, 24) and masks.dtype == np.uint8


def test_masks_of_0_and_255_become_0_and_1_where_they_were(tmp_path):
    _, masks = read_lgg(write_lgg(tmp_path))[0].load()
    expected = np.zeros((20, 24), np.uint8)
    expected[5:10, 8:14] = 1
    assert (masks == expected).all()


def test_one_folder_is_one_patient_in_order_of_names(tmp_path):
    for name in ("TCGA_B_2", "TCGA_B_10", "TCGA_A_1"):
        write_lgg(tmp_path, name)
    assert [p.name for p in read_lgg(tmp_path)] == ["TCGA_A_1", "TCGA_B_2", "TCGA_B_10"]


def test_the_folder_of_a_single_patient_is_accepted(tmp_path, monkeypatch):
    folder = write_lgg(tmp_path) / "TCGA_AA_1"
    assert [p.name for p in read_lgg(folder)] == ["TCGA_AA_1"]
    monkeypatch.chdir(folder)
    assert [p.name for p in read_lgg(".")] == ["TCGA_AA_1"]


def test_other_files_hidden_files_and_empty_folders_are_passed_over(tmp_path):
    write_lgg(tmp_path)
    (tmp_path / "data.csv").write_text("Patient,death01\n")
    (tmp_path / "README.md").write_text("about\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._x_1.tif").write_bytes(b"resource fork")
    (tmp_path / "TCGA_AA_1" / "._TCGA_AA_1_1.tif").write_bytes(b"resource fork")
    (tmp_path / "TCGA_AA_1" / "Thumbs.db").write_bytes(b"thumbnails")
    [patient] = read_lgg(tmp_path)
    assert len(patient.slices) == 3


def test_pixels_are_read_when_asked_for_and_anew_each_time(tmp_path):
    [patient] = read_lgg(write_lgg(tmp_path))
    path = tmp_path / "TCGA_AA_1" / "TCGA_AA_1_1.tif"
    write(path, np.full((20, 24, 3), 77, np.uint8))
    assert patient.load()[0][0, 0, 0, 0] == 77
    path.write_bytes(b"")
    with pytest.raises(InputError, match="TCGA_AA_1_1.tif"):
        patient.load()


def test_open_dataset_knows_the_layout(tmp_path):
    assert [p.name for p in open_dataset(write_lgg(tmp_path))] == ["TCGA_AA_1"]


def test_the_real_set_has_45_patients_and_1640_slices(lgg_folder):
    patients = open_dataset(lgg_folder)
    assert len(patients) == 45
    assert sum(len(patient.slices) for patient in patients) == 1640
    numbers = [int(name.rsplit("_", 1)[1]) for name in patients[0].slices]
    assert numbers == list(range(1, 21))


def test_in_the_real_set_a_third_of_the_slices_and_a_hundredth_of_the_pixels_are_tumour(
        lgg_folder):
    masks = [patient.load()[1] for patient in open_dataset(lgg_folder)]
    assert sum(int(m.any(axis=(1, 2)).sum()) for m in masks) == 549
    share = sum(int(m.sum()) for m in masks) / sum(m.size for m in masks)
    assert share == pytest.approx(0.0096, abs=1e-4)


def test_a_real_patient_is_stored_as_the_set_says(lgg_folder):
    patient = open_dataset(lgg_folder)[0]
    images, masks = patient.load()
    assert images.shape == (len(patient.slices), 256, 256, 3) and images.dtype == np.uint8
    assert masks.shape == images.shape[:3] and set(np.unique(masks)) == {0, 1}
    flair = images[..., 1]  # in FLAIR, a glioma is brighter than the head around it
    assert flair[masks == 1].mean() > 1.5 * flair[flair > 20].mean()
