"""Every method of convolution gives what the definition in loops gives, forward and backward."""

import numpy as np
import pytest
from hypothesis import assume, given
from shapes import at_edges, convolutions, does, proof, seeds

from minunet import ops, proofs
from minunet.engine import threads as cores
from minunet.ops.fast.choose import METHODS


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("block_bytes", [1, 500, 1 << 20])
@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"loops"}))
@given(shape=convolutions, seed=seeds)
@at_edges
@proof
def test_the_loops_and(method, block_bytes, threads, shape, seed):
    """However the work is cut into blocks and shared among threads."""
    assume(does(method, shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
        patch.setenv("MINUNET_THREADS", threads)
        results = [run(seed, shape, name) for name in ("loops", method)]
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def run(seed, shape, method):
    rng = np.random.default_rng(seed)
    forward, backward, arguments, _ = proofs.conv_case(rng, *shape, method=method)
    y, cache = forward(*arguments.values())
    return y, *backward(rng.normal(size=y.shape), cache)


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"loops"}))
def test_the_loops_and_an_image_of_many_blocks(method):
    """Of the size at which the work is really cut, in single precision."""
    x = np.random.default_rng(0).normal(size=(2, 150, 171, 16)).astype(np.float32)
    w = np.random.default_rng(1).normal(size=(3, 3, 16, 2)).astype(np.float32)
    stride, padding, seen = (3, 0, slice(99, 105)) if method == "tiles" else (1, 1, slice(98, 106))
    y, _ = ops.conv_forward(x, w, stride=stride, padding=padding, method=method)
    expected, _ = ops.conv_forward(x[1:, seen], w, stride=stride, padding=(0, padding),
                                   method="loops")
    first = 33 if method == "tiles" else 99
    np.testing.assert_allclose(y[1:, first : first + expected.shape[1]], expected, rtol=0,
                               atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("block_bytes", [1, 5000, 1 << 20])
@pytest.mark.parametrize("size", [(5, 6), (3, 9)])
def test_winograd_and_few_tiles_of_many_channels(size, block_bytes, monkeypatch):
    """Where it cuts by channels."""
    monkeypatch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
    shape = (2, size, 24, 28, (3, 3), 1, 1)
    for expected, got in zip(run(0, shape, "im2col"), run(0, shape, "winograd"), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11)
