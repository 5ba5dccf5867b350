"""Volumes are segmented block by block, and no seam is left."""

from types import SimpleNamespace

import numpy as np
import pytest

from minunet import UNet
from minunet.predict import predict_prepared
from minunet.predict.volume import predict_volume

CONFIG = {"padding": "same", "depth": 1, "out_channels": 1, "dtype": "float64", "axes": 3}


def seeing(function):
    """Something like a network that computes `function` of what it sees."""
    net = SimpleNamespace(config=CONFIG, device="cpu", predict=function)
    net.folded = lambda: net
    return net


@pytest.fixture
def volume():
    return np.random.default_rng(0).normal(size=(13, 20, 9, 1))


@pytest.mark.parametrize("block, overlap", [(4, 0), (8, 2), (8, 7), (64, 16)])
def test_what_asks_only_for_a_voxel_is_the_same_whatever_the_blocks(volume, block, overlap):
    found = predict_volume(seeing(np.tanh), volume, block=block, overlap=overlap)
    np.testing.assert_allclose(found, np.tanh(volume), rtol=1e-13)


def test_a_volume_that_fits_is_seen_at_once():
    net = UNet(2, 3, 2, 2, axes=3, dtype="float64", seed=1)
    volume = np.random.default_rng(0).normal(size=(8, 12, 16, 2))
    np.testing.assert_allclose(predict_volume(net, volume), net.predict(volume[np.newaxis])[0],
                               rtol=1e-12)


def test_far_from_the_borders_of_blocks_a_network_sees_as_in_the_whole():
    net = UNet(1, 1, 2, 1, norm=None, axes=3, dtype="float64")
    volume = np.random.default_rng(0).normal(size=(64, 8, 8, 1))
    whole = net.predict(volume[np.newaxis])[0]
    blocks = predict_volume(net, volume, block=40, overlap=16)
    np.testing.assert_allclose(blocks[:14], whole[:14], rtol=1e-12)  # one block sees these
    assert abs(blocks - whole).max() < abs(predict_volume(net, volume, block=32, overlap=0)
                                           - whole).max()


def test_what_is_missing_to_a_multiple_of_the_step_goes_on_like_the_edge():
    mean = seeing(lambda x: np.full_like(x, x.mean()))
    np.testing.assert_allclose(predict_volume(mean, np.ones((3, 5, 7, 1))), 1, rtol=1e-12)


def test_between_two_blocks_the_result_passes_over_from_one_to_the_other():
    """Each block is sure of another number: the blend goes straight from the one to the other."""
    numbers = iter([0.0, 1.0])
    found = predict_volume(seeing(lambda x: np.full_like(x, next(numbers))),
                           np.zeros((24, 4, 4, 1)), block=16, overlap=8)[:, 0, 0, 0]
    np.testing.assert_allclose(found, [0] * 8 + [k / 9 for k in range(1, 9)] + [1] * 8, atol=1e-12)


def test_every_slice_is_told_to_the_bar_once(volume):
    told = []
    predict_volume(seeing(np.tanh), volume, told.append, block=8, overlap=2)
    assert sum(told) == len(volume) and min(told) >= 0


@pytest.mark.parametrize("arguments, message", [
    ({"block": 0}, "block must be a whole number from 1"),
    ({"block": 8, "overlap": 8}, "overlap must be a whole number from 0 to 7")])
def test_blocks_that_cannot_be_are_refused(volume, arguments, message):
    with pytest.raises(ValueError, match=message):
        predict_volume(seeing(np.tanh), volume, **arguments)


def test_valid_padding_is_refused(volume):
    with pytest.raises(ValueError, match="valid padding"):
        predict_volume(UNet(axes=3, padding="valid", base_channels=1, depth=1), volume)


@pytest.mark.parametrize("axes, seen", [(2, 4), (3, 5)])
def test_a_patient_is_seen_as_slices_or_as_a_volume(axes, seen):
    shapes = []
    net = seeing(lambda x: shapes.append(x.ndim) or x)
    net.config = CONFIG | {"axes": axes, "base_channels": 1, "in_channels": 1, "norm": None}
    predict_prepared(net, np.zeros((4, 8, 8, 1)))
    assert set(shapes) == {seen}
