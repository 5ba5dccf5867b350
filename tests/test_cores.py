"""Blocks of work on all cores give what NumPy gives on the whole."""

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapes import proof, seeds

from minunet import cores

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("block_bytes", [1, 1000, 1 << 20])
@given(shape=SHAPES, seed=seeds)
@proof
def test_a_function_of_elements_and_channels(block_bytes, shape, seed):
    rng = np.random.default_rng(seed)
    x, y, v = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
        product = cores.blockwise(lambda x, y, v: (x - v) * y, x, y, channels=(v,))
        total, = cores.blocksum(lambda x, y, v: ((x - v) * y,), x, y, channels=(v,))
    expected = (x - v) * y
    assert np.array_equal(product, expected)
    np.testing.assert_allclose(total, expected.reshape(-1, shape[-1]).sum(axis=0), atol=1e-12)


def test_a_view_with_gaps_is_read_right():
    x = np.arange(24.0).reshape(2, 3, 4)[..., 1:3]
    assert np.array_equal(cores.blockwise(lambda x: 2 * x, x), 2 * x)
    assert np.array_equal(cores.blocksum(lambda x: (x,), x)[0], x.sum(axis=(0, 1)))


def test_a_sum_of_a_million_float32_keeps_its_digits():
    """Added up one by one they lose two: np.cumsum(x)[-1] is 1 % off."""
    x = np.full((1 << 20, 1), 0.1, np.float32)
    assert abs(cores.blocksum(lambda x: (x,), x)[0][0] / (np.float64(x[0, 0]) * len(x)) - 1) < 2e-5


@given(n=st.integers(1, 20))
@proof
def test_image_parts_hold_every_image_once(n):
    parts = [range(n)[part] for (part,) in cores.image_parts(np, n)]
    assert [i for part in parts for i in part] == list(range(n))


def test_a_c_library_without_the_knob_is_no_error(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    cores._keep_freed_memory()
