"""BraTS and the Decathlon: every spelling is found, and every label means what it should."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from nifti_files import NAMES, affine, heads, write_brats, write_decathlon, write_nifti

from minunet.data import open_dataset
from minunet.data.formats.brats import CLASSES, MODALITIES, kind_of
from minunet.data.preprocess import Preprocessing, prepare_masks
from minunet.data.scheme import Scheme
from minunet.metrics import score_patient

YEARS = {2018: NAMES, 2023: ("-t2f", "-t1n", "-t1c", "-t2w", "-seg"),
         "UPENN": ("_FLAIR", "_T1", "_T1GD", "_T2", "_Segm")}


@pytest.mark.parametrize("endings", YEARS.values(), ids=YEARS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_years_names_are_the_same_four_modalities_in_the_same_order(
        tmp_path, endings, suffix):
    write_brats(tmp_path, endings=endings, suffix=suffix)
    [patient] = open_dataset(tmp_path)
    images, _ = patient.load()
    stored = heads()[0]  # (X, Y, Z, C) with the axes L, P, S
    assert patient.scheme.modalities == MODALITIES == ("FLAIR", "T1", "T1ce", "T2")
    assert images.dtype == np.float32
    assert (images == stored.transpose(2, 1, 0, 3)).all()


@pytest.mark.parametrize("name, kind", [
    ("x-t2f", "FLAIR"), ("x_t2_FLAIR", "FLAIR"), ("x_T1Gd", "T1ce"), ("x_t1ce", "T1ce"),
    ("x-t1c", "T1ce"), ("x-T1n", "T1"), ("x_t2w", "T2"), ("x_t1_brain", None), ("xt1", None)])
def test_the_end_of_a_name_tells_the_modality(name, kind):
    assert kind_of(name) == kind


@pytest.mark.parametrize("values", [(1, 2, 4), (1, 2, 3)])
def test_enhancing_tumour_is_class_3_however_it_is_marked_and_the_mark_is_remembered(
        tmp_path, values):
    write_brats(tmp_path, values=values)
    [patient] = open_dataset(tmp_path)
    _, masks = patient.load()
    stored = heads(values=values)[1].transpose(2, 1, 0)
    assert patient.scheme.classes == CLASSES
    assert patient.scheme.values == (0, *values)
    assert masks.dtype == np.uint8 and set(np.unique(masks)) == {0, 1, 2, 3}
    assert (patient.scheme.decode(masks) == stored).all()


def test_the_mark_is_looked_for_until_a_patient_has_it(tmp_path):
    write_brats(tmp_path, "a", values=(1, 2, 2))
    write_brats(tmp_path, "b", values=(1, 2, 3))
    assert [p.scheme.values[3] for p in open_dataset(tmp_path)] == [3, 3]


def test_patients_are_found_at_any_level_of_an_archive_and_ordered(tmp_path):
    write_brats(tmp_path / "HGG", "Brats18_10")
    write_brats(tmp_path / "HGG", "Brats18_9")
    write_brats(tmp_path / "LGG", "Brats18_1")
    (tmp_path / "survival_data.csv").write_text("Age\n")
    assert [p.name for p in open_dataset(tmp_path)] == ["Brats18_9", "Brats18_10", "Brats18_1"]


def test_the_folder_of_a_single_patient_is_accepted(tmp_path, monkeypatch):
    folder = write_brats(tmp_path)
    monkeypatch.chdir(folder)
    assert [p.name for p in open_dataset(".")] == ["BraTS_1"]


def test_spacing_and_slices_are_known_from_headers_alone(tmp_path):
    folder = write_brats(tmp_path, matrix=affine("RAS", (0.5, 0.75, 3)))
    [patient] = open_dataset(tmp_path)
    for path in folder.glob("*_t1*"):
        path.write_bytes(b"")  # not looked at until it is loaded
    assert patient.spacing == (3, 0.75, 0.5)
    assert patient.slices == ("1", "2", "3", "4", "5", "6")


def test_modalities_may_be_stored_in_different_orientations(tmp_path):
    folder = write_brats(tmp_path)
    path = folder / "BraTS_1_t2.nii.gz"
    turned = nib.as_closest_canonical(nib.load(path))
    assert nib.aff2axcodes(turned.affine) != nib.aff2axcodes(nib.load(path).affine)
    turned.to_filename(path)
    images, _ = open_dataset(tmp_path)[0].load()
    assert (images == heads()[0].transpose(2, 1, 0, 3)).all()


def test_the_decathlons_brain_tumours_are_brats_with_labels_in_another_order(tmp_path):
    patients = open_dataset(write_decathlon(tmp_path))
    assert [p.name for p in patients] == ["BRATS_1", "BRATS_2"]
    assert patients[0].scheme == Scheme(MODALITIES, CLASSES, (0, 2, 1, 3))
    images, masks = patients[0].load()
    stored, labels = heads(seed=1, values=(2, 1, 3))
    assert (images == stored.transpose(2, 1, 0, 3)).all()
    assert (masks == heads(seed=1, values=(1, 2, 3))[1].transpose(2, 1, 0)).all()
    assert (patients[0].scheme.decode(masks) == labels.transpose(2, 1, 0)).all()


def test_a_decathlon_task_of_one_modality_and_other_organs(tmp_path):
    write_nifti(tmp_path / "imagesTr" / "a.nii.gz", heads()[0][..., 0])
    write_nifti(tmp_path / "labelsTr" / "a.nii.gz", heads(values=(2, 2, 7))[1])
    (tmp_path / "dataset.json").write_text(json.dumps({
        "modality": {"0": "CT"}, "labels": {"0": "background", "7": "lesion", "2": "liver"},
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}]}))
    [patient] = open_dataset(tmp_path)
    images, masks = patient.load()
    assert patient.scheme == Scheme(("CT",), ("background", "liver", "lesion"), (0, 2, 7))
    assert images.shape == (6, 36, 32, 1)
    assert (masks == 2).sum() == (heads(values=(2, 2, 7))[1] == 7).sum() > 0


@pytest.mark.parametrize("row, largest", [([1, 2, 2, 3], 2), ([0, 0, 3, 3], 3), ([1, 1, 1, 3], 1)])
def test_a_resized_mask_has_in_each_pixel_the_class_with_the_largest_share(row, largest):
    """A tie goes to the higher class."""
    masks = np.tile(np.array(row, np.uint8), (1, 4, 1))
    assert prepare_masks(masks, Preprocessing(size=1), 4).tolist() == [[[largest]]]
    assert (prepare_masks(masks, Preprocessing(size=4), 4) == masks).all()


def test_two_classes_are_resized_as_many_are():
    masks = (np.random.default_rng(0).random((3, 40, 40)) > 0.5).astype(np.uint8)
    settings = Preprocessing(size=17)
    two, many = (prepare_masks(masks, settings, classes) for classes in (2, 3))
    assert (two != many).mean() < 1e-3  # rounding may decide what is all but a tie


@pytest.fixture
def patient(brats_folder):
    return open_dataset(brats_folder)[0]


def test_a_real_patient_has_four_modalities_three_classes_and_cubes_of_a_millimetre(patient):
    images, masks = patient.load()
    assert images.shape == (155, 240, 240, 4) and masks.shape == (155, 240, 240)
    assert patient.spacing == (1, 1, 1)
    assert patient.scheme == Scheme(MODALITIES, CLASSES, (0, 1, 2, 4))
    assert np.bincount(masks.ravel()).tolist() == [8790089, 25506, 85957, 26448]
    flair, t1ce = images[..., 0], images[..., 2]
    brain = flair > 0
    assert flair[masks == 2].mean() > 1.5 * flair[brain].mean()  # oedema is bright in FLAIR,
    assert t1ce[masks == 3].mean() > 1.5 * t1ce[brain].mean()  # and what takes up contrast in T1ce


def test_a_real_volume_in_cubic_millimetres_is_its_number_of_voxels(patient):
    _, masks = patient.load()
    scores = score_patient(masks > 0, masks > 0, patient.spacing)
    assert scores["unit"] == "mm"
    assert scores["volume_truth"] == (masks > 0).sum() == 137911


def test_a_folder_copied_without_its_archive_is_still_a_patient(brats_folder, tmp_path):
    [folder] = brats_folder.iterdir()
    for path in folder.iterdir():
        (tmp_path / "x").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "x" / path.name.upper().replace("NII.GZ", "nii.gz"))
    assert open_dataset(tmp_path)[0].load()[1].sum() > 0
