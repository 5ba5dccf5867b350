"""A network that sees volumes: trained, resumed, scored and used from the command line."""

import csv

import numpy as np
import pytest
from commands import refusal

from minunet import UNet
from minunet.engine import checkpoint
from minunet.tool.cli import main
from minunet.train.run import Run

VOLUMES = ["--axes", "3", "--patch", "16", "--size", "32", "--base-channels", "2", "--depth", "1",
           "--epochs", "2", "--batch-size", "2"]


@pytest.fixture(scope="module")
def run3(tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "volumes"
    assert main(["train", str(tree), "--out", str(out), *VOLUMES]) == 0
    return out


def test_a_run_on_volumes_leaves_a_network_for_volumes(run3):
    net, meta = checkpoint.load_model(run3, UNet)
    assert net.config["axes"] == 3 and meta["preprocessing"]["size"] == 32
    with open(run3 / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and all(np.isfinite(float(row["validation_loss"])) for row in rows)


def test_it_goes_on_to_the_same_bytes(run3, tree, tmp_path, monkeypatch):
    finish = Run.finish_epoch

    def stop(self, *arguments, **more):
        finish(self, *arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "finish_epoch", stop)
    assert main(["train", str(tree), "--out", str(tmp_path / "again"), *VOLUMES]) == 130
    monkeypatch.undo()
    assert main(["train", str(tree), "--out", str(tmp_path / "again"), "--resume"]) == 0
    assert (tmp_path / "again" / "model.npz").read_bytes() == (run3 / "model.npz").read_bytes()


def test_it_is_scored_and_predicts(run3, tree, tmp_path, capsys):
    assert main(["evaluate", str(run3), str(tree), "--held-out"]) == 0
    assert "4 of 5 patients left out" in capsys.readouterr().out
    patient = sorted(tree.iterdir())[0]
    assert main(["predict", str(run3), str(patient), "--out", str(tmp_path / "masks")]) == 0
    assert (tmp_path / "masks" / "index.html").exists()
    assert main(["summary", str(run3)]) == 0 and main(["info", str(run3)]) == 0


def test_a_run_may_begin_with_it(run3, tree, tmp_path, capsys):
    assert main(["train", str(tree), "--out", str(tmp_path / "more"), "--from", str(run3),
                 "--epochs", "1", "--patch", "16"]) == 0
    assert "parameters kept" in capsys.readouterr().out
    assert UNet.load(tmp_path / "more").config["axes"] == 3


def test_volumes_have_defaults_of_their_own(monkeypatch, tree, tmp_path):
    seen = []
    monkeypatch.setattr("minunet.tool.commands.train.train",
                        lambda training, validation, settings, *_, **__: seen.append(settings))
    for arguments in ([], ["--axes", "3"]):
        with pytest.raises(AttributeError):  # it is no run
            main(["train", str(tree), "--out", str(tmp_path / "run"), *arguments])
    assert [(s.axes, s.base_channels, s.depth, s.batch_size) for s in seen] == [
        (2, 16, 4, 8), (3, 8, 3, 2)]


@pytest.mark.parametrize("arguments, line", [
    (["--axes", "4"], "argument --axes: invalid choice: 4"),
    (["--axes", "3", "--patch", "20"], "patch is 20 and depth 3: ")])
def test_what_cannot_be_is_a_line(tree, tmp_path, capsys, arguments, line):
    assert line in refusal(capsys, "train", tree, "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_look_takes_no_network_for_volumes(run3, tree, tmp_path, capsys):
    assert "is a network for volumes, which this command does not take" in refusal(
        capsys, "look", run3, sorted(tree.iterdir())[0], "--out", tmp_path / "look.html")


def test_models_for_slices_and_for_volumes_are_no_ensemble(tree, tmp_path, capsys):
    for axes in (2, 3):
        UNet(3, 1, 2, 2, axes=axes).save(tmp_path / f"{axes}.npz", preprocessing={"size": 32})
    assert "its axes is 3, not 2" in refusal(
        capsys, "evaluate", tmp_path / "2.npz", tmp_path / "3.npz", tree)
