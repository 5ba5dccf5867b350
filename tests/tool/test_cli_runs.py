"""The commands that take long: what they refuse at once, and how they go on."""

import csv
import os

import numpy as np
import pytest
from commands import refusal
from conftest import SMALL

from minunet.tool.cli import main


@pytest.mark.parametrize("begun", [False, True])
def test_only_a_training_that_has_begun_is_said_to_go_on(monkeypatch, tree, tmp_path, capsys,
                                                         begun):
    def interrupt(*_, **__):
        if begun:
            (tmp_path / "last.npz").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("minunet.tool.commands.train.train", interrupt)
    assert main(["train", str(tree), "--out", str(tmp_path)]) == 130
    hint = "; minunet train goes on with --resume" if begun else ""
    assert capsys.readouterr().err == f"minunet: interrupted{hint}\n"


@pytest.mark.parametrize("command, advice", [
    (["train", "DATA", "--out", "OUT"], "a smaller --batch-size or --size or --base-channels"),
    (["demo", "--out", "OUT"], "close other programs"),
    (["predict", "MODEL", "DATA", "--out", "OUT"], "close other programs")])
def test_too_little_memory_is_one_line_that_says_what_would_need_less(
        monkeypatch, tmp_path, capsys, command, advice):
    def fill(*_, **__):
        np.empty(1 << 60, np.uint8)

    monkeypatch.setattr(f"minunet.tool.commands.{command[0]}.run", fill)
    line = refusal(capsys, *command)
    assert "not enough memory (Unable to allocate 1.00 EiB" in line
    assert advice in line


def test_a_run_goes_on_with_its_own_settings(tree, tmp_path, capsys):
    command = ["train", str(tree), "--out", str(tmp_path), "--resume"]
    main([*command[:-1], *SMALL, "--validation", "0.4", "--seed", "3", "--one-tumour"])
    before = (tmp_path / "model.npz").read_bytes()
    assert main(command) == 0
    assert main([*command, "--epochs", "2", "--seed", "3"]) == 0  # given, and the same
    assert (tmp_path / "model.npz").read_bytes() == before
    capsys.readouterr()
    for option, value, was in (("--epochs", 3, 2), ("--seed", 0, 3), ("--size", 64, 32)):
        assert f"{option[2:]} was {was} and is now {value}" in refusal(capsys, *command, option,
                                                                       value)
    for share in ("0.2", "0"):
        assert "training was 3 patients" in refusal(capsys, *command, "--validation", share)
    assert (tmp_path / "model.npz").read_bytes() == before


def test_with_nobody_held_out_the_last_epoch_is_kept(tree, tmp_path, capsys):
    command = ["train", str(tree), "--out", str(tmp_path)]
    assert main([*command, *SMALL, "--validation", "0"]) == 0
    said = capsys.readouterr().out
    assert "5 to train on, 0 held out" in said
    assert "nobody was held out: the last epoch was kept" in said
    with open(tmp_path / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["validation_dice_mean"] for row in rows] == ["nan", "nan"]
    assert [row["kept"] for row in rows] == ["1", "1"]  # each in its turn, so at last the last
    before = (tmp_path / "model.npz").read_bytes()
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "model.npz").read_bytes() == before
    said = refusal(capsys, "evaluate", tmp_path, tree, "--held-out")
    assert "the model was trained on them" in said


def test_a_run_goes_on_with_its_own_patients_only(tree, tmp_path, capsys):
    main(["train", str(tree), "--out", str(tmp_path), *SMALL])
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for path in sorted(tree.iterdir())[1:]:
        (fewer / path.name).symlink_to(path)
    capsys.readouterr()
    line = refusal(capsys, "train", fewer, "--out", tmp_path, "--resume")
    assert "was 4 patients (among them phantom_000) and is now 3 patients" in line


@pytest.mark.parametrize("options, message", [
    (["--depth", "9"], "depth must be a whole number from 1 to 5"),
    (["--size", "33"], "the nearest that go are 32 and 48"),
    (["--epochs", "abc"], "argument --epochs: 'abc' is not a whole number (see"),
    (["--epochs", "1.5"], "'1.5' is not a whole number"),
    (["--learning-rate", "x"], "argument --learning-rate: 'x' is not a number"),
    (["--validation", "x"], "argument --validation: 'x' is not a number")])
def test_settings_are_checked_before_the_data_is_looked_at(monkeypatch, tmp_path, capsys, options,
                                                           message):
    monkeypatch.setattr("minunet.tool.commands.train.open_dataset",
                        lambda _: pytest.fail("was looked at"))
    assert message in refusal(capsys, "train", "data", "--out", tmp_path / "run", *options)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "run").exists()


def test_the_table_is_printed_even_if_it_cannot_be_kept(trained, tree, tmp_path, monkeypatch,
                                                        capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main(["evaluate", str(trained), str(tree), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert "mean and median over 5 patients" in printed.out
    assert ".html: No space left on device; make room there" in printed.err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["model.npz", "last.npz"])
def test_a_folder_that_holds_a_model_or_a_state_is_left_alone(tree, tmp_path, capsys, name):
    (tmp_path / name).touch()
    assert f"{tmp_path} holds a run already" in refusal(capsys, "train", tree, "--out", tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_a_run_without_a_whole_epoch_makes_way_for_other_settings(monkeypatch, tree, tmp_path):
    def fill(*_, **__):
        raise MemoryError

    command = ["train", str(tree), "--out", str(tmp_path), *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr("minunet.train.loop.train_step", fill)
        assert main(command) == 2
    assert os.listdir(tmp_path) == ["config.json"]
    assert main([*command, "--batch-size", "2"]) == 0
