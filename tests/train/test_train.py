"""The training loop, and runs that are killed and go on."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import SMALL

from minunet import UNet, optim
from minunet.data.formats.lgg import read_lgg
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.engine.files import InputError
from minunet.metrics import dice
from minunet.predict import segment
from minunet.tool.cli import main
from minunet.train import Settings, segmentation_loss, train, train_step
from minunet.train.watched import Watched

TINY = Settings(size=32, base_channels=4, depth=2, epochs=2, batch_size=4)
EPOCHS = ["--size", "32", "--base-channels", "8", "--depth", "2", "--epochs", "4",
          "--batch-size", "2"]


@pytest.fixture(scope="module")
def patients():
    return phantom_patients(4, size=32, slices=5, seed=0)


@pytest.fixture
def settings(request):
    return Settings(**TINY.to_dict() | getattr(request, "param", {}))


def test_the_loss_is_cross_entropy_plus_dice_and_so_is_its_gradient():
    logits, target = np.zeros((1, 2, 2, 1)), np.ones((1, 2, 2, 1))
    loss, dlogits = segmentation_loss(logits, target)
    assert loss == pytest.approx(math.log(2) + 1 - 5 / 7)  # p = ½: (2·2 + 1) / (2 + 4 + 1)
    assert dlogits.shape == logits.shape
    assert (dlogits < 0).all()


def test_a_network_overfits_one_image(patients):
    images, masks = patients[0].load()
    slice_ = masks.sum(axis=(1, 2)).argmax()
    x, t = images[slice_][None], masks[slice_][None, ..., None].astype(np.float32)
    net = UNet(4, 1, base_channels=8, depth=2)
    optimiser = optim.Adam(net.params, lr=1e-2)
    for _ in range(60):
        train_step(net, optimiser, x, t)
    prediction = net.forward(x, training=True)[0] > 0
    assert dice(prediction[0, ..., 0], masks[slice_]) > 0.99


def test_a_run_leaves_its_six_files(trained):
    assert sorted(os.listdir(trained)) == ["config.json", "history.csv", "history.png",
                                           "last.npz", "model.npz", "predictions.png"]


def test_the_history_has_a_row_an_epoch_of_finite_numbers(trained):
    with open(trained / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())


def test_patients_are_held_out_whole(trained):
    names = json.loads((trained / "config.json").read_text())["patients"]
    assert len(names["training"]) == 4
    assert len(names["validation"]) == 1
    assert not set(names["training"]) & set(names["validation"])


def test_the_model_is_the_best_epochs(tmp_path, patients):
    run = train(patients[:3], patients[3:], TINY, tmp_path / "run")
    assert run.best == max(row["validation_dice_mean"] for row in run.history)


def test_scored_and_kept_is_the_running_mean_of_the_weights(tmp_path, patients, monkeypatch):
    scored, score = [], Watched.score
    monkeypatch.setattr(Watched, "score", lambda self, net: scored.append(net) or score(self, net))

    def jump(net, optimiser, images, target):
        """Make no step but jump: the head's bias is 101 and 99 by turns."""
        net.params["head.b"][:] = 101 if net.params["head.b"][0] == 99 else 99
        net.buffers["enc1.norm1.var"][:] = net.params["head.b"]
        return 0.0

    run = train(patients[:3], patients[3:], TINY, tmp_path / "run", step=jump)
    assert run.averaged in scored and run.net not in scored
    assert abs(run.net.params["head.b"][0] - 100) == 1
    assert abs(run.averaged.params["head.b"][0] - 100) < 0.9
    assert (np.abs(run.averaged.buffers["enc1.norm1.var"] - 100) < 0.9).all()
    # A bias of 100 marks everything. The epochs tie, and of two that tie the later is kept.
    kept = run.best_net()
    np.testing.assert_array_equal(kept.params["head.b"], run.averaged.params["head.b"])
    np.testing.assert_array_equal(kept.buffers["enc1.norm1.var"],
                                  run.averaged.buffers["enc1.norm1.var"])


def test_the_same_seed_gives_the_same_model_bit_for_bit(tmp_path, patients):
    for name in ("one", "two"):
        train(patients[:3], patients[3:], TINY, tmp_path / name)
    assert (tmp_path / "one/model.npz").read_bytes() == (tmp_path / "two/model.npz").read_bytes()


@pytest.fixture(scope="module")
def command(tree, tmp_path_factory):
    """A training as a process of its own, but for its last argument; and what comes of it."""
    command = [sys.executable, "-m", "minunet", "train", str(tree), *EPOCHS, "--out"]
    out = tmp_path_factory.mktemp("command") / "whole"
    subprocess.run([*command, str(out)], check=True, capture_output=True)
    return command, out


@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)])
def test_a_run_killed_in_mid_epoch_and_resumed_is_the_uninterrupted_run_bit_for_bit(
        command, tmp_path, number, code):
    (command, whole), killed = command, tmp_path / "killed"
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while not (killed / "last.npz").exists() and process.poll() is None:
        time.sleep(0.005)
    time.sleep(0.05)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == code, "the run ended before it could be killed"
    if number == signal.SIGTERM:
        assert told == "minunet: ended by SIGTERM; minunet train goes on with --resume\n"
        assert not [path for path in killed.iterdir() if path.name.startswith(".")]
    subprocess.run([*command[:5], "--out", str(killed), "--resume"], check=True,
                   capture_output=True)
    for name in ("model.npz", "last.npz"):
        assert _without_seconds(whole / name) == _without_seconds(killed / name)
    assert (whole / "model.npz").read_bytes() == (killed / "model.npz").read_bytes()
    assert sorted(os.listdir(killed)) == sorted(os.listdir(whole))


def _without_seconds(path):
    """All that a file of a run holds but the times, which no two runs share."""
    with np.load(path) as file:
        content = {name: file[name].tobytes() for name in file.files if name != "meta.json"}
        meta = json.loads(str(file["meta.json"]))
    for row in meta.get("history", []):
        del row["seconds"]
    return content, meta


def test_a_run_killed_in_its_first_epoch_starts_again(tmp_path, patients):
    train(patients[:3], patients[3:], TINY, tmp_path / "whole")
    out = tmp_path / "killed"
    train(patients[:3], patients[3:], TINY, out)
    (out / "last.npz").unlink()
    train(patients[:3], patients[3:], TINY, out, resume=True)
    assert (out / "model.npz").read_bytes() == (tmp_path / "whole/model.npz").read_bytes()


def test_resuming_a_finished_run_changes_nothing(tmp_path, patients):
    train(patients[:3], patients[3:], TINY, tmp_path)
    before = (tmp_path / "model.npz").read_bytes()
    run = train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    assert run.epoch == 2
    assert (tmp_path / "model.npz").read_bytes() == before


@pytest.mark.parametrize("settings", [{"learning_rate": 0.5}, {"epochs": 3}, {"seed": 1}],
                         indirect=True)
def test_resuming_with_other_settings_is_refused_by_name(trained, settings, patients):
    changed = next(k for k, v in settings.to_dict().items() if v != TINY.to_dict()[k])
    with pytest.raises(InputError, match=f"{changed} was .* and is now"):
        train(patients[:3], patients[3:], settings, trained, resume=True)


def test_resuming_with_other_patients_is_refused(tmp_path, patients):
    train(patients[:3], patients[3:], TINY, tmp_path)
    with pytest.raises(InputError, match=r"training was 3 patients \(among them phantom_002\) "
                       "and is now 2 patients"):
        train(patients[:2], patients[3:], TINY, tmp_path, resume=True)


def test_resuming_nothing_is_refused_and_leaves_nothing(tmp_path, patients):
    with pytest.raises(InputError, match="no run to resume"):
        train(patients[:3], patients[3:], TINY, tmp_path / "nothing", resume=True)
    assert os.listdir(tmp_path) == []


def test_resuming_with_other_pixels_under_the_same_names_is_refused(tmp_path, patients):
    train(patients[:3], patients[3:], TINY, tmp_path)
    others = phantom_patients(4, size=32, slices=5, seed=1)
    with pytest.raises(InputError, match="data was .* and is now"):
        train(others[:3], others[3:], TINY, tmp_path, resume=True)


ONE_STEP = {"epochs": 1, "batch_size": 100}  # the loss is still a number, the prediction is none


@pytest.mark.parametrize("settings", [{"learning_rate": 1e30}, {"learning_rate": 1e30} | ONE_STEP],
                         indirect=True)
def test_a_run_whose_numbers_overflow_stops_with_advice(tmp_path, patients, settings):
    with pytest.raises(InputError, match="smaller --learning-rate"):
        train(patients[:3], patients[3:], settings, tmp_path)


def test_a_size_that_the_depth_does_not_divide_is_refused_before_anything_is_written(
        tree, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", str(tree), "--out", str(out), *SMALL, "--size", "30"]) == 2
    assert "the nearest that go are 28 and 32" in capsys.readouterr().err
    assert not out.exists()


def test_training_learns_on_real_patients_and_segments_another(lgg_folder, tmp_path):
    *four, fifth, watched = read_lgg(lgg_folder)[:6]
    settings = Settings(size=64, base_channels=8, depth=3, epochs=2, batch_size=8)
    run = train(four, [watched], settings, tmp_path)
    assert run.history[1]["loss"] < run.history[0]["loss"]
    images, masks = fifth.load()
    probabilities = segment(run.best_net(), images, Preprocessing(size=64), fifth.name)
    assert probabilities.shape == (*masks.shape, 1)
    # Two epochs do not find every tumour, but where it is they see more of it than elsewhere.
    assert probabilities[masks == 1].mean() > 1.2 * probabilities[masks == 0].mean()


def test_a_run_whose_config_is_damaged_is_refused(tmp_path, patients):
    (tmp_path / "config.json").write_text('{"settings": ')
    with pytest.raises(InputError, match="config.json is damaged"):
        train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
