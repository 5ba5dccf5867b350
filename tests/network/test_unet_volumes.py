"""The 3-D U-Net (Çiçek et al. 2016): the same lines, one axis more."""

import math

import numpy as np
import pytest

from minunet import UNet, gradcheck
from minunet.engine import checkpoint
from minunet.layers import array_shapes, list_layers, trace
from minunet.tool.summary import summarise

PAPER = {"in_channels": 3, "out_channels": 3, "base_channels": 32, "depth": 3, "padding": "valid",
         "norm": None, "dropout": 0.0, "seed": 0, "dtype": "float32", "axes": 3}


def test_the_papers_network_has_its_channels_tiles_and_parameters():
    """Figure 2, and section 2: tiles of 132 × 132 × 116 give 44 × 44 × 28; 19,069,955 parameters.

    The paper counts no biases of the up-convolutions, which have one here for each channel.
    """
    convolutions = [layer.f for layer in list_layers(PAPER) if layer.kind == "conv"]
    assert convolutions == [32, 64, 64, 128, 128, 256, 256, 512, 256, 256, 128, 128, 64, 64]
    assert trace(PAPER, (132, 132, 116))[-1] == (44, 44, 28)
    shapes, _ = array_shapes(PAPER)
    count = sum(math.prod(shape) for shape in shapes.values())
    assert count - sum(shapes[f"dec{level}.up.b"][0] for level in (1, 2, 3)) == 19_069_955


@pytest.mark.parametrize("config, size", [
    ({}, (4, 6, 8)), ({"depth": 2, "out_channels": 2, "dropout": 0.3}, (4, 8, 4)),
    ({"norm": None}, (6, 4, 2)), ({"padding": "valid"}, (18, 20, 18))])
def test_its_gradients_are_those_of_its_loss(config, size):
    net = UNet(**{"in_channels": 2, "base_channels": 2, "depth": 1, "dtype": "float64", "axes": 3,
                  **config})
    rng = np.random.default_rng(0)
    for name, value in net.params.items():
        if name.endswith(".b"):  # where all inputs are 0, a bias of 0 sits on ReLU's kink
            value += rng.normal(0, 0.1, size=value.shape)
    report = gradcheck.check_network(net, rng.normal(size=(2, *size, 2)))
    assert len(report) == 1 + len(net.params)  # x, and every parameter
    assert report.ok, f"\n{report}"


def test_at_inference_it_computes_what_it_does_with_folded_normalisation():
    net = UNet(1, 2, base_channels=2, depth=2, axes=3, dtype="float64")
    rng = np.random.default_rng(0)
    for name, array in (net.params | net.buffers).items():
        array += rng.uniform(0.1, 1, array.shape) if not name.endswith(".w") else 0
    x = rng.normal(size=(2, 8, 4, 12, 1))
    y = net.predict(x)
    assert y.shape == (2, 8, 4, 12, 2) == (2, *net.output_shape((8, 4, 12)), 2)
    np.testing.assert_allclose(net.folded().predict(x), y, rtol=1e-12)
    np.testing.assert_allclose(y.sum(axis=-1), 1)


def test_turned_axes_of_volume_and_kernels_turn_the_result():
    """No axis is special: transposing all of them is as if nothing had been transposed."""
    net = UNet(1, 1, base_channels=2, depth=1, axes=3, dtype="float64")
    turned = UNet(1, 1, base_channels=2, depth=1, axes=3, dtype="float64")
    for name, array in net.params.items():
        axes = (2, 0, 1, 3, 4)[:array.ndim] if array.ndim == 5 else (0,)
        turned.params[name][...] = array.transpose(axes)
    x = np.random.default_rng(0).normal(size=(1, 4, 6, 8, 1))
    np.testing.assert_allclose(turned.predict(x.transpose(0, 3, 1, 2, 4)),
                               net.predict(x).transpose(0, 3, 1, 2, 4), rtol=1e-12)


def test_it_is_saved_and_read_and_a_file_from_before_there_were_volumes_is_flat(tmp_path):
    net = UNet(1, 1, base_channels=2, depth=1, axes=3)
    net.save(tmp_path / "volumes.npz")
    again = UNet.load(tmp_path / "volumes.npz")
    assert again.config == net.config and again.config["axes"] == 3
    np.testing.assert_array_equal(again.params["head.w"], net.params["head.w"])
    flat = UNet(1, 1, base_channels=2, depth=1)
    flat.save(tmp_path / "flat.npz")
    arrays, meta = checkpoint.load(tmp_path / "flat.npz")
    del meta["config"]["axes"]
    checkpoint.save(tmp_path / "older.npz", arrays, meta)
    assert UNet.load(tmp_path / "older.npz").config == flat.config


def test_what_does_not_fit_is_refused():
    net = UNet(1, 1, base_channels=2, depth=1, axes=3)
    with pytest.raises(ValueError, match="axes"):
        UNet(axes=4)
    with pytest.raises(ValueError, match="x"):
        net.forward(np.zeros((1, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match=r"x must be \(N, D, H, W, 1\)"):
        net.forward(np.zeros((1, 4, 4, 4, 2), np.float32))
    with pytest.raises(ValueError, match=r"size must be \(D, H, W\)"):
        net.output_shape((4, 4))
    with pytest.raises(ValueError, match="D = 5 does not go through"):
        net.output_shape((5, 4, 4))


def test_the_summary_counts_parameters_and_multiplications():
    lines = summarise(PAPER | {"padding": "same"}, (8, 8, 8)).splitlines()
    assert "output (D, H, W, C)" in lines[0]
    assert lines[1].split() == ["enc1.conv1", "(8,", "8,", "8,", "32)", "2,624", "1,327,104", "3"]
    up = next(line for line in lines if line.startswith("dec1.up"))
    assert up.split()[6] == f"{4**3 * 8 * 128 * 128:,}"  # 4 × 4 × 4 voxels meet the whole kernel
