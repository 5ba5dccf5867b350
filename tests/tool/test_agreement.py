"""The agreement of a mask with that of the mirrored image."""

import csv
import doctest
import math

import numpy as np
import pytest

from minunet import UNet
from minunet.data.preprocess import Preprocessing
from minunet.predict import segment
from minunet.tool import agreement
from minunet.tool.agreement import DOUBTFUL, Mirrored, describe_agreement, segment_twice
from minunet.tool.cli import main

KEEP = Preprocessing(size=None)


@pytest.fixture
def images(rng):
    return rng.random((3, 16, 16, 1), dtype=np.float32)


def network(classes=1, symmetrical=False):
    net = UNet(1, classes, base_channels=4, depth=2, seed=3)
    if symmetrical:
        for name, w in net.params.items():
            if name.endswith(".w"):  # (KH, KW, C, F), or those of an up-convolution
                w[...] = (w + w[:, ::-1]) / 2
    return net


def bias_to_half(net, images):
    """Move the head's bias so that half of the pixels are tumour."""
    p = segment(net, images, KEEP)
    net.params["head.b"][...] -= np.median(np.log(p / (1 - p)))


@pytest.mark.parametrize("symmetrical", [True, False])
def test_a_symmetrical_network_agrees_with_itself_and_another_does_not(images, symmetrical):
    net = network(symmetrical=symmetrical)
    bias_to_half(net, images)
    probabilities, agreement = segment_twice(net, images, KEEP)
    assert 0.2 < (probabilities > 0.5).mean() < 0.8
    assert (agreement == 1) == symmetrical
    assert 0 < agreement <= 1


def test_a_symmetrical_image_is_segmented_alike_by_any_network_and_its_mirror_image(images):
    half = images[:, :, :8]
    symmetrical = np.concatenate([half, half[:, :, ::-1]], axis=2)
    net = network()
    here, there = (segment(n, symmetrical, KEEP) for n in (net, Mirrored(net)))
    np.testing.assert_allclose(there, here[:, :, ::-1], atol=1e-6)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_probabilities_are_those_of_one_pass(images, classes):
    net = network(classes)
    steps = []
    probabilities, _ = segment_twice(net, images, KEEP, progress=steps.append)
    np.testing.assert_array_equal(probabilities, segment(net, images, KEEP))
    assert sum(steps) == len(images)


@pytest.mark.parametrize("first, second, agreement", [(-9, -9, math.nan), (9, -9, 0), (9, 9, 1)])
def test_two_empty_masks_have_nothing_to_agree_on_and_one_agrees_not_at_all(
        monkeypatch, images, first, second, agreement):
    net, passes = network(), []

    def predict(x):
        passes.append(first if not passes else second)
        return np.full((*x.shape[:3], 1), passes[-1] > 0, np.float32)

    net.predict, net.folded = predict, lambda: net
    np.testing.assert_equal(segment_twice(net, images, KEEP)[1], agreement)
    assert passes == [first, second]


def test_a_doubt_is_said_below_the_level_that_is_documented():
    assert describe_agreement(math.nan) == ""
    assert describe_agreement(DOUBTFUL) == "0.90"
    assert describe_agreement(0.8999) == "0.89, look closely"


def test_predict_and_evaluate_say_how_a_mask_agrees(trained, tree, tmp_path, capsys):
    patient = sorted(tree.iterdir())[0]
    assert main(["predict", str(trained), str(patient), "--out", str(tmp_path / "out")]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if patient.name in line][:1]
    assert "agrees with its mirror image: 0." in line or "no tumour found" in line
    assert main(["evaluate", str(trained), str(tree), "--out", str(tmp_path)]) == 0
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    values = [float(row["agreement"]) for row in rows]
    assert len(values) == 5 and all(math.isnan(v) or 0 <= v <= 1 for v in values)
    assert not all(map(math.isnan, values))


def test_the_examples_of_its_documentation_are_true():
    assert doctest.testmod(agreement).failed == 0
