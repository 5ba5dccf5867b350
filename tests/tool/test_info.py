"""What `minunet info` says: of the machine, and of a model."""

import platform

import numpy as np
import pytest
from commands import refusal

import minunet
from minunet import UNet
from minunet.tool.cli import main
from minunet.tool.info import describe_machine, describe_model


def test_the_machine_has_versions_threads_and_a_gpu_or_the_reason_why_not(monkeypatch, capsys):
    monkeypatch.setenv("MINUNET_THREADS", "3")
    monkeypatch.setattr("minunet.tool.info.cuda_problem", lambda: "CuPy finds no CUDA GPU")
    assert main(["info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["minunet"] == minunet.__version__
    assert lines["Python"].startswith(platform.python_version())
    assert lines["NumPy"].startswith(f"{np.__version__} with ")
    assert lines["threads"] == "3"
    assert lines["GPU"] == "none: CuPy finds no CUDA GPU"


def test_a_gpu_that_answers_is_said_to(monkeypatch):
    monkeypatch.setattr("minunet.tool.info.cuda_problem", lambda: None)
    assert describe_machine()["GPU"] == "one that CuPy can use"


def test_the_shipped_model_says_what_it_takes_and_that_its_data_has_a_licence(capsys):
    assert main(["info", "lgg"]) == 0
    printed = capsys.readouterr().out
    assert f"minunet       {minunet.__version__}\n" in printed
    assert "channels      3: " in printed
    assert "classes       background, tumour\n" in printed
    assert "CC BY-NC-SA 4.0" in printed


def test_a_run_says_how_it_was_made_and_how_good_it_is(trained):
    says = describe_model(str(trained))
    assert says["patients"] == "4 trained on, 1 held out"
    assert says["network"].startswith("depth 2, 4 channels at the first level, ")
    assert says["images"].startswith("size 32 × 32; ")
    history = (trained / "history.csv").read_text().splitlines()
    dice = [float(line.split(",")[history[0].split(",").index("validation_dice_mean")])
            for line in history[1:]]
    assert any(says["score"] == f"mean Dice {mean:.3f} in epoch {epoch}, over the 1 patient held "
               "out" for epoch, mean in enumerate(dice, start=1))
    assert says["licence"] == "that which the data it was trained on allows"


@pytest.mark.parametrize("axes, words", [(2, ""), (3, ", for volumes")])
def test_a_network_for_volumes_is_said_to_be_one(tmp_path, axes, words):
    UNet(1, 1, 2, 1, axes=axes).save(tmp_path / "net.npz")
    network = describe_model(str(tmp_path / "net.npz"))["network"]
    assert (", for volumes" in network) == bool(words)


def test_channels_have_the_names_that_the_data_gave_them(models):
    assert describe_model(str(models["brats"]))["channels"] == "4: FLAIR, T1, T1ce, T2"
    assert describe_model(str(models["grey"]))["channels"] == "1: their names are not known"


def test_what_a_model_does_not_say_is_not_known(models):
    says = describe_model(str(models["grey"]))
    assert says["patients"] == says["score"] == "not known"


@pytest.mark.parametrize("odd", [{"patients": ["anna"]}, {"patients": {"training": 3}},
                                 {"validation_dice": "good"}, {"scheme": {"modalities": [1, 2]}}])
def test_notes_that_cannot_be_are_one_line(tmp_path, capsys, odd):
    UNet(1, 1, base_channels=2, depth=1).save(
        tmp_path / "odd.npz", **{"preprocessing": {}, "scheme": {}, "patients": {}} | odd)
    assert "holds unknown notes" in refusal(capsys, "info", tmp_path / "odd.npz")
