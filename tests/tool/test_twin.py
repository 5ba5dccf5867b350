"""PyTorch in minunet's place: the same training, step by step."""

import csv

import numpy as np
import pytest
from conftest import SMALL

from minunet import UNet, optim
from minunet.tool.bench import torch_work, twin
from minunet.tool.bench.plots import learning_figure
from minunet.tool.cli import main
from minunet.train import train_step

torch = pytest.importorskip("torch")


def pair(**config):
    """Two networks that are the same, an optimiser of each, and a batch."""
    nets = [UNet(in_channels=3, base_channels=4, depth=2, seed=1, **config) for _ in range(2)]
    optimisers = [optim.Adam(net.params, lr=1e-2, weight_decay=0.5) for net in nets]
    images = np.random.default_rng(0).standard_normal((3, 16, 24, 3), dtype=np.float32)
    return nets, optimisers, images, (images[..., :1] > 1).astype(np.float32)


def test_the_twin_is_the_same_network_on_the_same_memory():
    (net, _), _, images, _ = pair()
    net.forward(images, training=True)  # so that the running statistics are of something
    theirs = twin.twin_of(net).eval()
    logits = theirs(torch.from_numpy(images).permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1)
    np.testing.assert_allclose(logits.numpy(), net.forward(images)[0], atol=1e-5)
    net.params["head.b"] += 1
    assert theirs.head.bias.item() == net.params["head.b"][0]


def test_steps_of_the_twin_do_to_the_network_what_ours_do():
    (ours, theirs), (our_adam, their_adam), images, target = pair()
    start, step = ours.params["dec1.up.w"].copy(), twin.TwinStep()
    for lr in (1e-2, 3e-3):  # as a schedule changes it
        our_adam.lr = their_adam.lr = lr
        loss = float(train_step(ours, our_adam, images, target))
        assert step(theirs, their_adam, images, target) == pytest.approx(loss, rel=1e-4)
    assert np.abs(ours.params["dec1.up.w"] - start).max() > 1e-2
    for part in ("params", "buffers"):
        for name, array in getattr(ours, part).items():
            difference = np.abs(array - getattr(theirs, part)[name])
            # Adam turns the sign of a gradient, however small, into a whole step.
            assert np.quantile(difference, 0.9) < 1e-3, name


def test_a_run_of_the_twin_is_a_run_that_starts_as_ours_does(tree, trained, tmp_path):
    out = tmp_path / "twin"
    assert twin.run([str(tree), "--out", str(out), *SMALL]) == 0
    config = (out / "config.json").read_text()
    assert config == (trained / "config.json").read_text()
    ours, theirs = ([{k: float(v) for k, v in row.items()}
                     for row in csv.DictReader((folder / "history.csv").read_text().splitlines())]
                    for folder in (trained, out))
    assert theirs[0]["loss"] == pytest.approx(ours[0]["loss"], rel=1e-3)
    assert [row["learning_rate"] for row in theirs] == [row["learning_rate"] for row in ours]
    assert UNet.load(out).config == UNet.load(trained).config
    assert main(["evaluate", str(out), str(tree), "--held-out"]) == 0


def test_without_pytorch_the_twin_says_so_in_one_line(tree, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch_work, "version", lambda: None)
    assert twin.run([str(tree), "--out", str(tmp_path / "twin")]) == 2
    assert capsys.readouterr().err == (
        "minunet: error: PyTorch is not installed; the twin needs it: pip install torch\n")
    assert not (tmp_path / "twin").exists()


def test_the_curves_of_both_runs_are_drawn_with_their_best_epochs(trained):
    figure = learning_figure(dict.fromkeys(("minunet", "PyTorch"), trained / "history.csv"))
    loss, dice = figure.axes
    rows = list(csv.DictReader((trained / "history.csv").read_text().splitlines()))
    for line in loss.lines:
        assert list(line.get_ydata()) == [float(row["loss"]) for row in rows]
    best = max(float(row["validation_dice_mean"]) for row in rows)
    labels = [text.get_text() for text in dice.get_legend().get_texts()]
    assert [label.split(",")[0] for label in labels] == ["minunet", "PyTorch"]
    assert all(f"best: {best:.3f}" in label for label in labels)
