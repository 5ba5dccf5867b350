"""Folds: every patient is held out once, and the folds are alike."""

import doctest
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from commands import refusal
from conftest import SMALL
from hypothesis import given
from hypothesis import strategies as st

from minunet.data import folds
from minunet.data.folds import Fold, _volume, assign_folds, split_fold
from minunet.data.formats.names import head_of, hospital_of
from minunet.data.patient import Patient
from minunet.engine import checkpoint
from minunet.tool.cli import main
from minunet.train import record

sizes = st.dictionaries(
    st.builds("TCGA_{}_{:04}_1999{:02}01".format, st.sampled_from(["CS", "DU", "HT"]),
              st.integers(0, 30), st.integers(1, 3)), st.integers(0, 5), min_size=1)


@given(sizes, st.integers(2, 6), st.randoms(use_true_random=False))
def test_folds_hold_each_head_once_and_are_alike_in_numbers_and_hospitals(volumes, count, chance):
    heads = set(map(head_of, volumes))
    if len(heads) < count:
        with pytest.raises(ValueError, match=f"{count} folds need at least {count} patients"):
            assign_folds(volumes, count)
        return
    folds = assign_folds(volumes, count)
    assert folds.keys() == volumes.keys()
    of_head = {(head_of(name), fold) for name, fold in folds.items()}
    assert len(of_head) == len(heads)  # scans of one head are in one fold
    for hospital in ("", *set(map(hospital_of, heads))):
        held = Counter(fold for head, fold in of_head if hospital in ("", hospital_of(head)))
        numbers = [held[fold] for fold in range(1, count + 1)]
        assert max(numbers) - min(numbers) <= 1
    shuffled = list(volumes.items())
    chance.shuffle(shuffled)
    assert assign_folds(dict(shuffled), count) == folds


def test_every_fold_has_tumours_of_all_sizes():
    volumes = {f"p{i}": 7 * i % 20 for i in range(20)}  # 0 to 19
    folds = assign_folds(volumes, 5)
    for first in range(0, 20, 5):  # of each five of about one size, every fold has one
        alike = [folds[name] for name, volume in volumes.items() if volume // 5 * 5 == first]
        assert sorted(alike) == [1, 2, 3, 4, 5]


def patients(volumes):
    """Patients whose masks mark so many voxels."""
    def load(volume):
        masks = np.zeros(12, np.uint8)
        masks[:volume] = 1
        return np.zeros((2, 2, 3, 1)), masks.reshape(2, 2, 3)

    return [Patient(name, ("1", "2"), lambda volume=volume: load(volume))
            for name, volume in volumes.items()]


def test_every_patient_is_held_out_by_one_of_the_splits_whatever_the_order():
    listed = patients({f"p{i}": i for i in range(7)})
    splits = [split_fold(listed, Fold(k, 3)) for k in (1, 2, 3)]
    held = [patient.name for _, part in splits for patient in part]
    assert sorted(held) == [patient.name for patient in listed]
    assert all(len(training) + len(part) == 7 for training, part in splits)
    random.Random(0).shuffle(listed)
    again = split_fold(listed, Fold(2, 3))[1]
    assert {patient.name for patient in again} == {patient.name for patient in splits[1][1]}


def test_sizes_are_compared_in_millimetres():
    [patient] = patients({"a": 5})
    assert _volume(patient) == 5
    assert _volume(replace(patient, spacing=(2.0, 1.0, 1.5))) == 15


@pytest.mark.parametrize("text, message", [
    ("0/5", "there is no fold 0 of 5; give 1/5 to 5/5"), ("6/5", "there is no fold 6 of 5"),
    ("2", "'2' is no fold; give one like 2/5"), ("2/1", "give at least two"),
    ("2/0", "give at least two"), ("a/b", "is no fold"), ("1/2/3", "is no fold"),
    ("-1/5", "is no fold"), ("2/6", "6 folds need at least 6 patients, and there are 5 patients")])
def test_what_is_no_fold_is_one_line(tree, tmp_path, capsys, text, message):
    line = refusal(capsys, "train", tree, "--out", tmp_path / "run", f"--fold={text}")
    assert message in line
    assert not (tmp_path / "run").exists()


def test_a_fold_and_a_share_are_one_too_many(tree, tmp_path, capsys):
    assert "not allowed with argument" in refusal(
        capsys, "train", tree, "--out", tmp_path / "run", "--fold", "1/2", "--validation", "0.2")


@pytest.fixture(scope="module")
def second(tree, tmp_path_factory):
    """The run of the second of two folds."""
    out = tmp_path_factory.mktemp("folds") / "second"
    assert main(["train", str(tree), "--out", str(out), "--fold", "2/2", *SMALL]) == 0
    return out


def test_a_fold_is_the_same_for_another_recipe_and_seed_and_is_written_down(second, tree, tmp_path):
    main(["train", str(tree), "--out", str(tmp_path), "--fold", "2/2", *SMALL, "--epochs", "1",
          "--seed", "7", "--size", "16"])
    configs = [record.read(run) for run in (second, tmp_path)]
    assert configs[0]["patients"] == configs[1]["patients"]
    assert [config["fold"] for config in configs] == ["2/2", "2/2"]
    held = checkpoint.load(second / "model.npz")[1]["patients"]["validation"]
    assert list(held) == configs[0]["patients"]["validation"]
    assert [checkpoint.load(second / name)[1]["fold"] for name in ("model.npz", "last.npz")] == [
        "2/2"] * 2


def test_a_run_goes_on_with_its_fold(second, tree, capsys):
    before = (second / "model.npz").read_bytes()
    command = ["train", str(tree), "--out", str(second), "--resume"]
    assert main(command) == main([*command, "--fold", "2/2"]) == 0
    assert "fold 2/2" in capsys.readouterr().out
    assert (second / "model.npz").read_bytes() == before
    assert "fold was '2/2' and is now '1/2'" in refusal(capsys, *command, "--fold", "1/2")


def test_the_examples_of_its_documentation_are_true():
    assert doctest.testmod(folds).failed == 0
