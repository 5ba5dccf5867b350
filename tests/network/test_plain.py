"""The plain U-Net is the oracle: every op that it has, and the whole network, give its numbers."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import strict_backend
from hypothesis import given
from hypothesis import strategies as st
from shapes import proof

from minunet import UNet, ops, plain, plain_demo

TOLERANCE = 1e-10  # float64
small, seeds = st.integers(1, 5), st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 3), small, small, small)  # (N, H, W, C)


def assert_equal(ours, plains):
    """Compare arrays, and tuples of arrays, one by one."""
    ours, plains = (a if isinstance(a, tuple) else (a,) for a in (ours, plains))
    for a, b in zip(ours, plains, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


def compare(name, arguments, rng, **options):
    """Run the op forward and backward in `ops` and in `plain`; `options` are what `ops` is told."""
    ours, cache = getattr(ops, f"{name}_forward")(*arguments, **options)
    plains, plain_cache = getattr(plain, f"{name}_forward")(*arguments)
    assert_equal(ours, plains)
    dy = rng.normal(size=ours.shape)
    assert_equal(getattr(ops, f"{name}_backward")(dy, cache),
                 getattr(plain, f"{name}_backward")(dy, plain_cache))


@proof
@given(shape=shapes, f=small, k=st.sampled_from([1, 3]), seed=seeds,
       method=st.sampled_from(["auto", "loops", "im2col", "winograd"]))
def test_convolutions_of_every_method_are_the_plain_one(shape, f, k, seed, method):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(k, k, shape[-1], f)), rng.normal(size=f)
    if method == "winograd" and k == 1:
        method = "auto"  # Winograd's is for 3 × 3
    compare("conv", (x, w, b), rng, padding=k // 2, method=method)


@proof
@given(shape=shapes, f=small, seed=seeds)
def test_up_convolution_is_the_plain_one(shape, f, seed):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(2, 2, f, shape[-1])), rng.normal(size=f)
    compare("conv_transpose", (x, w, b), rng, stride=2)


@proof
@given(shape=shapes, seed=seeds)
def test_batch_normalisation_is_the_plain_one(shape, seed):
    rng = np.random.default_rng(seed)
    gamma, beta = rng.normal(size=(2, shape[-1]))
    # Not of one pixel: there σ² is 0, and dx is a difference of equal numbers times 1 / √ε.
    x = rng.normal(size=(shape[0] + 1, *shape[1:]))
    compare("batch_norm", (x, gamma, beta), rng)


@proof
@given(shape=shapes, seed=seeds)
def test_relu_is_the_plain_one_at_zero_too(shape, seed):
    rng = np.random.default_rng(seed)
    compare("relu", (rng.integers(-2, 3, size=shape).astype(float),), rng)


@proof
@given(shape=shapes, seed=seeds)
def test_max_pooling_is_the_plain_one_with_ties_too(shape, seed):
    rng = np.random.default_rng(seed)
    n, h, w, c = shape
    x = rng.integers(0, 3, size=(n, 2 * h, 2 * w, c)).astype(float)
    compare("max_pool", (x,), rng)


@proof
@given(shape=shapes, c=small, seed=seeds)
def test_concatenation_is_the_plain_one(shape, c, seed):
    rng = np.random.default_rng(seed)
    compare("concat", (rng.normal(size=shape), rng.normal(size=(*shape[:-1], c))), rng)


@proof
@given(shape=shapes, seed=seeds, far=st.sampled_from([1, 100]))
def test_cross_entropy_is_the_plain_one_and_does_not_overflow(shape, seed, far):
    rng = np.random.default_rng(seed)
    logits, target = far * rng.normal(size=shape), rng.integers(0, 2, size=shape).astype(float)
    assert_equal(ops.sigmoid_cross_entropy(logits, target),
                 plain.sigmoid_cross_entropy(logits, target))


@proof
@given(depth=st.integers(1, 3), n=st.integers(1, 3), c=st.integers(1, 3), classes=st.integers(1, 3),
       base=st.integers(1, 4), sides=st.tuples(st.integers(1, 3), st.integers(1, 3)), seed=seeds)
def test_the_whole_network_is_the_plain_one(depth, n, c, classes, base, sides, seed):
    rng = np.random.default_rng(seed)
    net = UNet(c, classes, base_channels=base, depth=depth, dtype="float64", seed=seed)
    # At least 2 pixels of the bottom's channels, see batch normalisation above.
    x = rng.normal(size=(n + 1, *(2**depth * side for side in sides), c))
    logits, cache = net.forward(x, training=True)
    plain_logits, plain_cache = plain.forward(x, net.params, depth)
    dlogits = rng.normal(size=logits.shape)
    dx, grads = net.backward(dlogits, cache)
    plain_dx, plain_grads = plain.backward(dlogits, plain_cache, depth)
    assert grads.keys() == plain_grads.keys()
    for ours, plains in [(logits, plain_logits), (dx, plain_dx),
                         *((grads[name], plain_grads[name]) for name in grads)]:
        scale = max(1, abs(plains).max())
        np.testing.assert_allclose(ours / scale, plains / scale, rtol=0, atol=TOLERANCE)


@pytest.fixture
def handed_over(monkeypatch):
    """The stand-in for CuPy, taking over NumPy's functions as CuPy's own arrays do."""
    def function(self, function, types, args, kwargs):
        return getattr(strict_backend, function.__name__)(*args, **kwargs)

    def ufunc(self, ufunc, method, *args, **kwargs):
        return getattr(strict_backend, ufunc.__name__)(*args, **kwargs)

    monkeypatch.setattr(strict_backend.ndarray, "__array_function__", function)
    monkeypatch.setattr(strict_backend.ndarray, "__array_ufunc__", ufunc)
    return strict_backend


def test_device_arrays_stay_on_the_device(handed_over, rng):
    net = UNet(3, 1, base_channels=2, depth=2, dtype="float64")
    x, target = rng.normal(size=(2, 8, 4, 3)), rng.integers(0, 2, size=(2, 8, 4, 1)) * 1.0
    results = []
    for asarray in (np.asarray, handed_over.asarray):
        p, velocity = {name: asarray(a.copy()) for name, a in net.params.items()}, {}
        handed_over.transfers.reset()
        plain.train_step(asarray(x), asarray(target), p, 2, velocity)
        assert handed_over.transfers.to_host == 0
        results.append(p)
    for name, expected in results[0].items():
        np.testing.assert_array_equal(handed_over.asnumpy(results[1][name]), expected)


def test_momentum_follows_the_formula(monkeypatch, rng):
    monkeypatch.setattr(plain, "backward", lambda *_: (None, {"w": np.array([2.0])}))
    monkeypatch.setattr(plain, "forward", lambda *_: (np.zeros(1), {}))
    p, velocity = {"w": np.array([1.0])}, {}
    for expected in (1 - 0.1 * 2, 1 - 0.1 * 2 - 0.1 * (0.5 * 2 + 2)):
        plain.train_step(None, np.zeros(1), p, 1, velocity, lr=0.1, momentum=0.5)
        assert p["w"] == pytest.approx(expected)


def test_it_proves_its_gradients_and_learns_a_slice_by_heart(capsys):
    plain_demo.main()
    error, *_, last = capsys.readouterr().out.splitlines()
    assert float(error.split()[-1]) < 1e-6
    assert float(last.split()[-1]) > 0.95


def test_who_reads_its_first_line_alone_sees_no_traceback():
    pipe, own = os.pipe()
    os.close(pipe)
    with open(own, "wb") as nobody_reads:
        done = subprocess.run([sys.executable, "-m", "minunet.plain"], stdout=nobody_reads,
                              stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_proof_notices_a_skip_without_its_gradient(monkeypatch):
    whole = plain.concat_backward

    def dropped(dy, channels):
        dskip, dup = whole(dy, channels)
        return 0 * dskip, dup

    monkeypatch.setattr(plain, "concat_backward", dropped)
    assert plain_demo.prove() > 1e-3


def test_the_lesson_is_short_and_imports_nothing_but_the_array_library():
    text = Path(plain.__file__).read_text(encoding="utf-8")
    imported = [name.name for node in ast.parse(text).body if isinstance(node, ast.Import)
                for name in node.names]
    assert imported == ["numpy"]
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.parse(text).body)
    assert text.count("\n") <= 200
