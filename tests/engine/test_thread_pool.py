"""Blocks of work on all cores give what NumPy gives on the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapes import proof, seeds

from minunet.engine import blockwise as walks
from minunet.engine import threads as cores

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("block_bytes", [1, 1000, 1 << 20])
@given(shape=SHAPES, seed=seeds, row=st.integers(1, 40))
@proof
def test_a_function_of_elements_and_channels(block_bytes, shape, seed, row):
    """Also where the pixels make several rows, and where some are left over."""
    rng = np.random.default_rng(seed)
    x, y, v = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
        patch.setattr(walks, "ROW", row)
        product = walks.blockwise(lambda out, x, y, v: np.multiply(x - v, y, out=out), x, y,
                                  channels=(v,))
        total, = walks.blocksum(lambda x, y, v: ((x - v) * y,), x, y, channels=(v,))
    expected = (x - v) * y
    assert np.array_equal(product, expected)
    np.testing.assert_allclose(total, expected.reshape(-1, shape[-1]).sum(axis=0), atol=1e-12)


def test_a_view_with_gaps_is_read_right():
    x = np.arange(24.0).reshape(2, 3, 4)[..., 1:3]
    assert np.array_equal(walks.blockwise(lambda out, x: np.multiply(2, x, out=out), x), 2 * x)
    assert np.array_equal(walks.blocksum(lambda x: (x,), x)[0], x.sum(axis=(0, 1)))


def test_a_sum_of_a_million_float32_keeps_its_digits():
    """Added up one by one they lose two: np.cumsum(x)[-1] is 1 % off."""
    x = np.full((1 << 20, 1), 0.1, np.float32)
    assert abs(walks.blocksum(lambda x: (x,), x)[0][0] / (np.float64(x[0, 0]) * len(x)) - 1) < 2e-5


@given(count=st.integers(1, 40), block_bytes=st.integers(1, 100), threads=st.integers(1, 3))
@proof
def test_parts_hold_every_item_once_and_give_each_core_equally_many(count, block_bytes, threads):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINUNET_THREADS", str(threads))
        patch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
        slices = [part for (part,) in cores.parts(np, count, 7)]
    assert [i for part in slices for i in range(count)[part]] == list(range(count))
    longest = max(part.stop - part.start for part in slices)
    assert longest == 1 or 7 * longest <= cores.SHARED_FROM * block_bytes + 7
    assert len(slices) == 1 or 7 * count > cores.SHARED_FROM * block_bytes


@given(n=st.integers(1, 9), rows=st.integers(1, 9), block_bytes=st.integers(1, 300),
       threads=st.integers(1, 3))
@proof
def test_row_blocks_hold_every_row_once(n, rows, block_bytes, threads):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINUNET_THREADS", str(threads))
        patch.setattr(cores, "CPU_BLOCK_BYTES", block_bytes)
        blocks = cores.row_blocks(np, n, rows, 10)
    seen = [(i, r) for images, some in blocks for i in range(n)[images] for r in range(rows)[some]]
    assert sorted(seen) == list(np.ndindex(n, rows))
    if 10 * n * rows <= cores.SHARED_FROM * block_bytes:
        assert len(blocks) == 1  # too little to be shared
    elif threads <= 2 <= rows:
        assert len(blocks) >= threads  # no core goes without


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_results_come_in_the_order_of_the_tasks(monkeypatch, threads):
    monkeypatch.setenv("MINUNET_THREADS", threads)
    squares = cores.parallel(np, lambda i: i * i, [(i,) for i in range(9)])
    assert squares == [i * i for i in range(9)]


@pytest.mark.parametrize("bad", [0, 8])
def test_an_error_in_any_task_comes_out(monkeypatch, bad):
    monkeypatch.setenv("MINUNET_THREADS", "2")
    with pytest.raises(ZeroDivisionError):
        cores.parallel(np, lambda i: 1 / (i - bad), [(i,) for i in range(9)])


def test_adding_up_does_not_change_more_than_the_first(rng):
    arrays = [rng.normal(size=3) for _ in range(3)]
    expected, last = sum(arrays), arrays[-1].copy()
    np.testing.assert_allclose(cores.add_up(iter(arrays)), expected)
    np.testing.assert_array_equal(arrays[-1], last)


def test_an_argument_sets_the_threads_for_a_while(monkeypatch):
    monkeypatch.setenv("MINUNET_THREADS", "1")
    with pytest.raises(ZeroDivisionError), cores.using_threads(3):
        assert cores.threads() == 3
        with cores.using_threads():
            assert cores.threads() == 3
        raise ZeroDivisionError
    assert cores.threads() == 1
