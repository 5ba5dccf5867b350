"""Shipped models: what a MODEL may be, and how one is made of a run."""

import subprocess
import sys

import numpy as np
import pytest

from minunet import UNet
from minunet.engine import checkpoint
from minunet.engine.files import InputError
from minunet.models.__main__ import publish
from minunet.tool.cli import main

IMAGES = np.random.default_rng(0).standard_normal((2, 32, 32, 3), dtype=np.float32)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of shipped models that holds two; the working folder is another."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for seed, name in enumerate(("brain", "liver")):
        UNet(3, base_channels=2, depth=1, seed=seed).save(folder / f"{name}.npz")
    monkeypatch.setattr(checkpoint, "SHIPPED", folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_name_stands_for_a_shipped_model(shelf):
    assert checkpoint.names() == ["brain", "liver"]
    assert checkpoint.find("liver") == shelf / "liver.npz"
    assert UNet.load("liver").config["seed"] == 1


def test_a_model_on_disk_comes_before_a_shipped_one_but_a_folder_of_data_does_not(shelf):
    data = shelf.parent / "brain"
    data.mkdir()
    assert checkpoint.find("brain") == shelf / "brain.npz"
    UNet(3, base_channels=2, depth=1, seed=7).save(data / "model.npz")
    assert UNet.load("brain").config["seed"] == 7


def test_an_unknown_name_is_told_which_there_are(shelf, capsys):
    assert main(["summary", "kidney"]) == 2
    assert capsys.readouterr().err.endswith(
        "no model at kidney; give a run's folder, its model.npz, or the name of a shipped model "
        "(brain, liver)\n")


def test_a_published_model_has_half_the_size_and_all_that_travels_with_it(trained, tmp_path):
    publish(trained, tmp_path / "half.npz")
    (net, meta), (half, half_meta) = (checkpoint.load_model(path, UNet)
                                      for path in (trained, tmp_path / "half.npz"))
    assert half_meta == meta and "preprocessing" in meta
    for name, array in half.params.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, net.params[name].astype(np.float16), name)
    for name, array in half.buffers.items():
        np.testing.assert_array_equal(array, net.buffers[name], name)
    assert np.abs(half.predict(IMAGES) - net.predict(IMAGES)).max() < 5e-3
    arrays, _ = checkpoint.load(tmp_path / "half.npz")
    halves, whole = ({name: a.nbytes for name, a in arrays.items() if name.startswith(kind)}
                     for kind in ("params", "buffers"))
    assert sum(halves.values()) == 2 * sum(array.size for array in net.params.values())
    assert sum(whole.values()) == sum(array.nbytes for array in net.buffers.values())


def test_a_weight_that_float16_cannot_hold_is_refused_and_nothing_written(tmp_path):
    net = UNet(3, base_channels=2, depth=1)
    net.params["head.b"][:] = 1e5
    net.save(tmp_path / "large.npz")
    with pytest.raises(InputError, match="params/head.b has values beyond float16's"):
        publish(tmp_path / "large.npz", tmp_path / "half.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["large.npz"]


def test_a_model_is_published_by_one_command(trained, tmp_path):
    command = [sys.executable, "-m", "minunet.models"]
    done = subprocess.run([*command, str(trained), str(tmp_path / "half.npz")])
    assert done.returncode == 0 and checkpoint.find(tmp_path / "half.npz")
    done = subprocess.run([*command, "nowhere", "half.npz"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("minunet: error: no model at nowhere")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("usage:")


def test_a_published_model_can_name_its_channels_and_is_else_the_same(tmp_path):
    UNet(3, base_channels=2, depth=1).save(tmp_path / "run.npz", scheme={"values": [0, 1]})
    publish(tmp_path / "run.npz", tmp_path / "plain.npz")
    publish(tmp_path / "run.npz", tmp_path / "named.npz", ["T1", "FLAIR", "T1ce"])
    (arrays, meta), (same, named) = (checkpoint.load(tmp_path / name)
                                     for name in ("plain.npz", "named.npz"))
    assert named.pop("scheme") == {"values": [0, 1], "modalities": ["T1", "FLAIR", "T1ce"]}
    assert named == {name: value for name, value in meta.items() if name != "scheme"}
    for name, array in arrays.items():
        assert array.tobytes() == same[name].tobytes()
    with pytest.raises(InputError, match="takes 3 channels, and 2 are named"):
        publish(tmp_path / "run.npz", tmp_path / "other.npz", ["T1", "FLAIR"])


@pytest.mark.parametrize("threshold", [0.3, 0.55])
def test_a_threshold_becomes_one_half(tmp_path, threshold):
    net = UNet(3, base_channels=2, depth=1)
    net.save(tmp_path / "run.npz")
    publish(tmp_path / "run.npz", tmp_path / "moved.npz", threshold=threshold)
    moved = UNet.load(tmp_path / "moved.npz").predict(IMAGES)
    before = net.predict(IMAGES)
    clear = np.abs(before - threshold) > 0.01  # float16 moves what lies nearer
    assert clear.mean() > 0.9 and 0 < (before > threshold).mean() < 1
    np.testing.assert_array_equal((moved > 0.5)[clear], (before > threshold)[clear])


def test_a_threshold_is_for_one_output_and_between_0_and_1(tmp_path):
    for outputs, threshold, reason in ((2, 0.7, "several classes"), (1, 0, "between 0 and 1"),
                                       (1, 1.5, "between 0 and 1")):
        UNet(3, outputs, base_channels=2, depth=1).save(tmp_path / "run.npz")
        with pytest.raises(InputError, match=reason):
            publish(tmp_path / "run.npz", tmp_path / "new.npz", threshold=threshold)
    assert not (tmp_path / "new.npz").exists()
