"""Winograd's filtering: the matrices are exact, the edges are right, the price in digits is known.

The proofs that hold for every method of convolution are in tests/gradients.
"""

from fractions import Fraction

import numpy as np
import pytest
import strict_backend

from minunet import ops
from minunet.engine.rates import BALANCES, using_balance
from minunet.ops.fast import im2col, tiles, winograd, winograd_rows, winograd_slices
from minunet.ops.fast.choose import COSTS, METHODS, choose, cost
from minunet.ops.fast.winograd_rows import A_T, B_T, G

BOTH = pytest.mark.parametrize("method", ["winograd_rows", "winograd"])

# A_T and B_T hold integers; G is divided by 24, which floats round.
G_EXACT = np.array([[Fraction(round(24 * v), 24) for v in row] for row in G])


def both_ways(x, w, dy, padding, method):
    """Give y, dx and dw."""
    y, cache = ops.conv_forward(x, w, padding=padding, method=method)
    return y, *ops.conv_backward(dy, cache)[:2]


def test_the_rounded_matrix_is_the_nearest_to_the_exact_one():
    assert np.array_equal(G, G_EXACT.astype(float))


@pytest.mark.parametrize("i", range(6))
@pytest.mark.parametrize("k", range(3))
def test_a_unit_input_and_a_unit_weight_meet_where_a_filter_lets_them(i, k):
    """Aᵀ [(G eₖ) ⊙ (Bᵀ eᵢ)] is 1 at the output o with o + k = i, else 0: exactly.

    Both sides are linear in d and in w, so what holds for unit vectors holds for all.
    """
    y = A_T @ (G_EXACT[:, k] * B_T[:, i])
    assert y.tolist() == [int(o + k == i) for o in range(4)]


def test_one_tile_of_integers_is_exact(rng):
    d, w = rng.integers(-99, 100, size=(6, 6)), rng.integers(-99, 100, size=(3, 3))
    v, u = B_T @ d @ B_T.T, G_EXACT @ w @ G_EXACT.T
    y = A_T @ (u * v) @ A_T.T
    expected = sum(w[i, j] * d[i : i + 4, j : j + 4] for i in range(3) for j in range(3))
    assert np.array_equal(y, expected)


@BOTH
@pytest.mark.parametrize("size", [(8, 8), (9, 11), (10, 5), (3, 14), (17, 4)], ids=str)
def test_sizes_with_every_remainder_by_four(backend, rng, size, method):
    x, w = rng.normal(size=(2, *size, 3)), rng.normal(size=(3, 3, 3, 2))
    for padding in np.ndindex(3, 3):
        out = tuple(h + 2 * p - 2 for h, p in zip(size, padding, strict=True))
        dy = rng.normal(size=(2, *out, 2))
        expected = both_ways(x, w, dy, padding, "im2col")
        got = both_ways(*map(backend.asarray, (x, w, dy)), padding, method)
        for a, b in zip(map(backend.asnumpy, got), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@BOTH
@pytest.mark.parametrize("shape", [(1, 8, 8, 8, 8), (2, 33, 47, 8, 16), (1, 64, 64, 32, 32),
                                   (1, 17, 23, 128, 64), (1, 33, 30, 16, 256),
                                   (1, 16, 16, 256, 256)], ids=str)
@pytest.mark.parametrize("signs", ["both", "positive"])
def test_the_error_in_single_precision_is_at_most_2e_5_of_the_largest(rng, shape, signs, method):
    n, h, width, c, f = shape
    x, w, dy = (rng.standard_normal(size, dtype=np.float32)
                for size in ((n, h, width, c), (3, 3, c, f), (n, h, width, f)))
    x = np.maximum(x, 0) if signs == "positive" else x  # what a ReLU gives
    exact = both_ways(*(a.astype(float) for a in (x, w, dy)), 1, "im2col")
    for got, expected in zip(both_ways(x, w, dy, 1, method), exact, strict=True):
        assert got.dtype == np.float32
        assert np.abs(got - expected).max() <= 2e-5 * np.abs(expected).max()


@BOTH
@pytest.mark.parametrize("kernel, arguments", [
    ((1, 1), {}), ((5, 5), {"padding": 2}), ((3, 1), {}),  # another kernel
    ((3, 3), {"stride": 2}), ((3, 3), {"stride": (1, 2)}),
    ((3, 3), {"padding": 3}), ((3, 3), {"padding": (0, 3)}),
    ((3,), {}), ((3, 3, 1), {}), ((3, 3, 3), {"padding": 3}),  # a signal, a volume
    ((3, 3, 3), {"stride": (2, 1, 1)})],
    ids=str)
def test_what_it_cannot_do_is_refused(kernel, arguments, method):
    x, w = np.zeros((1, *(8,) * len(kernel), 2)), np.zeros((*kernel, 2, 3))
    with pytest.raises(ValueError, match=rf"method '{method}' does 3×3 .*kernels with stride 1 "
                                         r"and padding up to 2; got kernel \(") as refusal:
        ops.conv_forward(x, w, method=method, **arguments)
    for number in (kernel, *arguments.values()):
        assert str(number).strip("()") in str(refusal.value)
    ops.conv_forward(x, w, **arguments)  # "auto" finds another way


@pytest.mark.parametrize("w_shape, stride, padding, expected", [
    ((3, 3, 3, 32), (1, 1), (1, 1), winograd_rows),
    ((3, 3, 16, 16), (1, 1), (1, 1), winograd_rows),
    ((3, 3, 512, 512), (1, 1), (0, 0), winograd),
    ((3, 3, 512, 512), (1, 1), (2, 2), winograd),
    ((3, 3, 512, 512), (1, 1), (1, 3), im2col),
    ((3, 3, 512, 512), (1, 2), (1, 1), im2col),
    ((3, 3, 512, 512), (3, 3), (0, 0), tiles),
    ((3, 3, 512, 512), (3, 3), (1, 0), im2col),
    ((1, 1, 512, 512), (1, 1), (0, 0), tiles),
    ((3, 512, 512), (1,), (1,), im2col),
    ((3, 3, 3, 1, 8), (1, 1, 1), (1, 1, 1), winograd_slices),
    ((3, 3, 3, 512, 512), (1, 1, 1), (2, 2, 2), winograd_slices),
    ((3, 3, 3, 512, 512), (1, 1, 1), (3, 1, 1), im2col),
    ((3, 3, 3, 512, 512), (2, 1, 1), (1, 1, 1), im2col),
])
def test_auto_takes_what_fits_and_costs_least(w_shape, stride, padding, expected):
    out = (64,) * len(stride)
    assert choose("auto", w_shape, stride, padding, out) is expected
    for name in ("loops", "im2col"):  # a name is obeyed
        assert choose(name, w_shape, stride, padding, out) is METHODS[name]


@pytest.mark.parametrize("padding", [0, 1, (2, 0, 1)])
@pytest.mark.parametrize("slabs", [1, 1 << 23], ids=["slice by slice", "all at once"])
def test_volumes_are_filtered_as_the_definition_says(monkeypatch, padding, slabs):
    monkeypatch.setattr(winograd_slices, "JOINED_BYTES", slabs)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4, 5, 6, 3)), rng.normal(size=(3, 3, 3, 3, 2))
    b, results = rng.normal(size=2), []
    for method in ("loops", "winograd_rows"):
        y, cache = ops.conv_forward(x, w, b, padding=padding, method=method)
        results.append((y, *ops.conv_backward(np.cos(y), cache)))
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_in_single_precision_volumes_lose_as_little_as_images():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 8, 14, 14, 48)), rng.normal(size=(3, 3, 3, 48, 16))
    dy = rng.normal(size=(1, 8, 14, 14, 16))
    exact = both_ways(x, w, dy, 1, "im2col")
    single = both_ways(*(a.astype(np.float32) for a in (x, w, dy)), 1, "winograd_rows")
    for expected, found in zip(exact, single, strict=True):
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() <= 5e-6 * np.abs(expected).max()


@pytest.mark.parametrize("out, expected", [
    ((4, 12, 12), winograd_slices), ((64, 12, 11), im2col), ((64, 8, 64), im2col)])
def test_small_slices_of_a_volume_are_left_to_im2col(out, expected):
    assert choose("auto", (3, 3, 3, 64, 64), (1, 1, 1), (1, 1, 1), out) is expected


def test_only_rows_filters_volumes():
    with pytest.raises(ValueError, match="method 'winograd' does 3×3 kernels"):
        choose("winograd", (3, 3, 3, 4, 4), (1, 1, 1), (1, 1, 1), (4, 4, 4))


def test_rows_filters_volumes_slice_by_slice():
    assert choose("winograd_rows", (3, 3, 3, 4, 4), (1, 1, 1), (1, 1, 1),
                  (4, 4, 4)) is winograd_slices


@pytest.mark.parametrize("c, f", [(3, 32), (16, 16), (32, 64), (64, 64), (512, 256)])
def test_where_moving_is_dear_auto_moves_less_and_multiplies_more(c, f):
    multiplied = [COSTS[auto_for(c, f, moving)][0] for moving in BALANCES]
    assert multiplied == sorted(multiplied)


def auto_for(c, f, moving, out=(64, 64)):
    with using_balance(moving):
        module = choose("auto", (3, 3, c, f), (1, 1), (1, 1), out)
    return module.__name__.rpartition(".")[2]


def test_the_balance_decides():
    assert auto_for(32, 32, 2) == "winograd"
    assert auto_for(32, 32, 16) == "winograd_rows"


def test_on_a_gpu_auto_takes_im2col_whatever_the_balance(monkeypatch):
    monkeypatch.setattr("minunet.ops.fast.choose.balance", lambda: pytest.fail("was measured"))
    x = strict_backend.asarray(np.ones((1, 64, 64, 512), np.float32))
    assert choose("auto", (3, 3, 512, 512), (1, 1), (1, 1), (64, 64), like=x) is im2col


def test_what_lies_beyond_the_edges_costs_as_well():
    """5 rows take as long as 8 where four are computed at a time; im2col computes no more."""
    assert cost("winograd", 8, 8, (5, 8), 8) * 5 == pytest.approx(
        cost("winograd", 8, 8, (8, 8), 8) * 8)
    assert cost("winograd_rows", 8, 8, (4, 10), 8) == pytest.approx(  # 12 are computed in a row
        cost("winograd_rows", 8, 8, (4, 1000), 8) * (12 / 10) / (1002 / 1000))
    assert cost("im2col", 8, 8, (5, 5), 8) == cost("im2col", 8, 8, (8, 8), 8) == 9 * 64 + 8 * 34 * 8


@pytest.mark.parametrize("c", [16, 128])
def test_backward_goes_the_way_that_forward_went(rng, monkeypatch, c):
    for name in ("data_gradient", "weight_gradient"):
        monkeypatch.delattr(im2col, name)
    x = rng.normal(size=(1, 5, 5, c))
    with using_balance(2):
        y, cache = ops.conv_forward(x, np.ones((3, 3, c, c)), padding=1)
    with using_balance(16):  # even if it would be chosen otherwise now
        ops.conv_backward(y, cache)


@BOTH
def test_the_matrices_go_to_the_device_once(method):
    arrays = [strict_backend.asarray(np.ones(shape, np.float32))
              for shape in ((2, 9, 6, 3), (3, 3, 3, 2), (2, 9, 6, 2))]
    winograd_rows.matrices.cache_clear()
    strict_backend.transfers.reset()
    both_ways(*arrays, 1, method)
    assert strict_backend.transfers == strict_backend.Transfers(to_device=3)  # Bᵀ, G, Aᵀ
    both_ways(*arrays, 1, method)
    assert strict_backend.transfers == strict_backend.Transfers(to_device=3)
