"""Patients are called differently, wherever they lie; and scans of one head are known as such."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from image_files import write_lgg
from nifti_files import heads, write_brats, write_decathlon, write_nifti

from minunet.data import open_dataset
from minunet.data.folds import assign_folds
from minunet.data.formats.names import head_of, patient_names
from minunet.data.patient import Patient, split_patients
from minunet.engine.files import InputError

ROOT = Path("/data/tree")


@pytest.mark.parametrize("paths, names", [
    (["b", "a/c"], ["b", "c"]),
    (["."], ["tree"]),
    (["sub-01/ses-01/anat", "sub-02/ses-01/anat"], ["sub-01/ses-01/anat", "sub-02/ses-01/anat"]),
    (["sub-01/ses-01", "sub-01/ses-02"], ["sub-01/ses-01", "sub-01/ses-02"]),
    (["sub-01/sub-01_ses-01", "sub-01/sub-01_ses-02"], ["sub-01_ses-01", "sub-01_ses-02"]),
    (["sub-01/a", "sub-02/b"], ["sub-01/a", "sub-02/b"]),
    (["all/HGG/1", "all/LGG/1", "all/HGG/2"], ["HGG/1", "LGG/1", "HGG/2"]),
    (["1", "HGG/1"], ["1", "HGG/1"]),
    (["P_1/week-000-1", "P_2/week-003"], ["P_1/week-000-1", "P_2/week-003"]),
    (["P_1/Timepoint_1", "P_1/Timepoint_2"], ["P_1/Timepoint_1", "P_1/Timepoint_2"]),
    (["visit_1", "visit_2"], ["visit_1", "visit_2"])])
def test_a_name_is_the_part_of_the_path_that_tells_patients_and_heads_apart(paths, names):
    assert patient_names([ROOT / path for path in paths], ROOT) == names


def test_names_do_not_depend_on_where_the_tree_lies(tmp_path, monkeypatch):
    for name in ("HGG", "LGG"):
        write_brats(tmp_path / "sub-7" / "x" / name, "p_1")
    found = [p.name for p in open_dataset(tmp_path / "sub-7" / "x")]
    assert found == ["HGG/p_1", "LGG/p_1"]
    monkeypatch.chdir(tmp_path / "sub-7" / "x")
    assert [p.name for p in open_dataset(".")] == found


def test_links_have_their_own_names(tmp_path):
    for kind, write in (("brats", write_brats), ("lgg", write_lgg)):
        (tmp_path / kind).mkdir()
        for k in "ab":
            write(tmp_path / "store" / kind / k, "scan")
            (tmp_path / kind / f"patient_{k}").symlink_to(tmp_path / "store" / kind / k / "scan")
        assert [p.name for p in open_dataset(tmp_path / kind)] == ["patient_a", "patient_b"]


@pytest.mark.parametrize("write", [write_brats, write_lgg])
def test_one_folder_under_two_names_is_refused(tmp_path, write):
    write(tmp_path, "one")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(InputError, match="one and .*two are one and the same .*leave one of them"):
        open_dataset(tmp_path)


def change_description(task, change):
    content = json.loads((task / "dataset.json").read_text())
    change(content)
    (task / "dataset.json").write_text(json.dumps(content))
    return task


def test_an_image_that_is_listed_twice_is_refused(tmp_path):
    task = change_description(write_decathlon(tmp_path), lambda content: content["training"].append(
        {"image": "imagesTr/../imagesTr/BRATS_1.nii.gz", "label": "labelsTr/BRATS_1.nii.gz"}))
    with pytest.raises(InputError, match="BRATS_1.nii.gz"):
        open_dataset(task)
    task = change_description(task, lambda content: content["training"].__setitem__(
        2, content["training"][0]))
    with pytest.raises(InputError, match="BRATS_1.nii.gz is listed twice"):
        open_dataset(task)


def test_images_of_one_name_in_several_folders_of_a_task_have_names_of_their_own(tmp_path):
    pairs = []
    for k in (1, 2):
        image = f"imagesTr/sub-{k}/T1.nii.gz"
        write_nifti(tmp_path / image, heads(seed=k)[0][..., 0])
        write_nifti(tmp_path / f"labelsTr/{k}.nii.gz", heads(seed=k)[1])
        pairs.append({"image": image, "label": f"labelsTr/{k}.nii.gz"})
    (tmp_path / "dataset.json").write_text(json.dumps({
        "modality": {"0": "T1"}, "labels": {"0": "none", "1": "a", "2": "b", "4": "c"},
        "training": pairs}))
    assert [p.name for p in open_dataset(tmp_path)] == ["sub-1/T1", "sub-2/T1"]


# Heads

@pytest.mark.parametrize("one, other", [
    ("BraTS-GLI-00005-100", "BraTS-GLI-00005-101"), ("BraTS-MET-00001-000", "BraTS-MET-00001-001"),
    ("TCGA_CS_4941_19960909", "TCGA_CS_4941_19970101"), ("TCGA_HT_A61A_20000127", "TCGA_HT_A61A"),
    ("sub-01/ses-01/anat", "sub-01/ses-02/anat"), ("sub-01_ses-1_T1w", "sub-01_ses-2_T1w"),
    ("P_1/week-000-1", "P_1/week-044"), ("UPENN-GBM-00001_11", "UPENN-GBM-00001_21"),
    ("UCSF-PDGM-0409", "UCSF-PDGM-0409_FU175d")])
def test_scans_of_one_head_are_known(one, other):
    assert head_of(one) == head_of(other)


@pytest.mark.parametrize("one, other", [
    ("BraTS-GLI-00005-100", "BraTS-GLI-00006-100"), ("BraTS2021_00006", "BraTS2021_00007"),
    ("Brats18_TCIA01_131_1", "Brats18_TCIA01_147_1"), ("BRATS_001", "BRATS_002"),
    ("scan_20240101", "scan_20240102"), ("TCGA_HT_A61A_20000127", "TCGA_HT_A61B_20000127"),
    ("sub-01/ses-01", "sub-02/ses-01"), ("a/sub-01", "b/sub-01"), ("HGG/p_1", "LGG/p_1"),
    ("1", "2"), ("phantom_000", "phantom_001"), ("visit_1", "visit_2"), ("case_1_1", "case_1_2")])
def test_different_heads_are_not_taken_for_one(one, other):
    assert head_of(one) != head_of(other)


def people(names):
    return [Patient(name, ("1",), None) for name in names]


@pytest.mark.parametrize("seed", range(20))
def test_scans_of_one_head_are_on_one_side_of_the_split(seed):
    patients = people(f"BraTS-GLI-{head:05}-{scan}" for head in (5, 6, 7) for scan in (100, 101))
    training, held_out = split_patients(patients, 0.34, seed)
    assert (len(training), len(held_out)) == (4, 2)
    assert len({head_of(p.name) for p in held_out}) == 1


def test_scans_of_a_single_head_cannot_be_split():
    with pytest.raises(InputError, match="found 2 scans of the one head TCGA_CS_4941; give at"):
        split_patients(people(["TCGA_CS_4941_19960909", "TCGA_CS_4941_19970101"]), 0.5, 0)


@pytest.mark.parametrize("n, fraction", [(2, 0.2), (5, 0.2), (20, 0.3), (45, 0.2), (110, 0.5)])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["p{}", "TCGA_CS_{}_19960909", "BraTS-GLI-{:05}-000"])
def test_without_follow_ups_the_split_is_that_of_the_patients_as_it_always_was(
        n, fraction, seed, name):
    patients = people(name.format(i) for i in range(n))
    count = min(max(round(fraction * n), 1), n - 1)
    drawn = set(np.random.default_rng(seed).permutation(n)[:count].tolist())
    assert split_patients(patients, fraction, seed) == (
        [p for i, p in enumerate(patients) if i not in drawn],
        [p for i, p in enumerate(patients) if i in drawn])


def test_the_folds_of_the_shipped_models_card_are_those_that_train_makes():
    path = Path(__file__).parents[2] / "docs" / "_static" / "lgg_folds.csv"
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folds = assign_folds({row["patient"]: int(row["true_voxels"]) for row in rows}, 5)
    assert folds == {row["patient"]: int(row["fold"]) for row in rows}
