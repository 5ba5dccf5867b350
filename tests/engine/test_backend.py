"""Threads, blocks and devices."""

import re
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import strict_backend
from hypothesis import given
from hypothesis import strategies as st
from shapes import proof

from minunet import UNet
from minunet.engine.backend import array_module, cuda_problem, on_host, to_device, to_host
from minunet.engine.files import InputError
from minunet.engine.threads import CPU_BLOCK_BYTES, parallel, row_blocks, threads


@pytest.mark.parametrize("count", ["1", "2", "5"])
def test_results_come_in_the_order_of_the_tasks(monkeypatch, count):
    monkeypatch.setenv("MINUNET_THREADS", count)
    tasks = [(i, 10) for i in range(50)]
    assert parallel(np, lambda a, b: a * b, tasks) == [i * 10 for i in range(50)]


def test_several_threads_work_on_numpy_and_one_feeds_a_gpu(monkeypatch):
    monkeypatch.setenv("MINUNET_THREADS", "2")
    meeting = threading.Barrier(2, timeout=30)
    parallel(np, meeting.wait, [(), ()])  # neither would return without the other
    names = parallel("cupy", lambda i: threading.current_thread().name, [(0,), (1,)])
    assert names == ["MainThread"] * 2


@pytest.mark.parametrize("count", ["1", "2"])
def test_an_error_in_a_task_reaches_the_caller(monkeypatch, count):
    monkeypatch.setenv("MINUNET_THREADS", count)
    with pytest.raises(ZeroDivisionError):
        parallel(np, lambda i: 1 // i, [(1,), (0,), (2,)])


def train_once():
    """Give the gradients of one step on images that are cut into several blocks."""
    net = UNet(1, 1, base_channels=8, depth=1, dtype="float64")
    x = np.random.default_rng(0).normal(size=(3, 96, 64, 1))
    logits, cache = net.forward(x, training=True)
    return net.backward(logits, cache)[1]


def test_the_number_of_threads_changes_rounding_only_and_runs_repeat(monkeypatch):
    monkeypatch.setattr("minunet.engine.threads.CPU_BLOCK_BYTES", 1 << 18)
    monkeypatch.setenv("MINUNET_THREADS", "1")
    one = train_once()
    monkeypatch.setenv("MINUNET_THREADS", "2")
    two, again = train_once(), train_once()
    largest = max(np.abs(g).max() for g in one.values())
    for name in one:
        np.testing.assert_array_equal(two[name], again[name])
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-12 * largest)


@pytest.mark.parametrize("setting", ["0", "-1", "two", "1.5", "", "²"])
def test_a_count_of_threads_that_is_none_is_named(monkeypatch, setting):
    monkeypatch.setenv("MINUNET_THREADS", setting)
    with pytest.raises(InputError, match="MINUNET_THREADS must be a whole number from 1, got"):
        threads()


def test_without_a_setting_every_usable_core_works(monkeypatch):
    monkeypatch.delenv("MINUNET_THREADS", raising=False)
    assert threads() >= 1


@given(n=st.integers(1, 6), rows=st.integers(1, 9), row_bytes=st.integers(1, 1 << 22),
       at_least=st.sampled_from([0, 1 << 23]), xp=st.sampled_from([np, "cupy"]))
@proof
def test_the_blocks_cover_every_row_of_every_image_once(n, rows, row_bytes, at_least, xp):
    blocks = row_blocks(xp, n, rows, row_bytes, at_least)
    count = np.zeros((n, rows), int)
    for images, part in blocks:
        count[images, part] += 1
        # A stretch of memory: some rows of one image, or whole images.
        assert images.stop - images.start == 1 or part == slice(0, rows)
    assert (count == 1).all()


def test_a_block_keeps_to_its_limit():
    blocks = row_blocks(np, 4, 100, CPU_BLOCK_BYTES // 7)
    assert {part.stop - part.start for _, part in blocks} <= {7, 100 % 7}


@pytest.mark.parametrize("thing, kind", [([1.0], "list"), (1.0, "float"), (None, "NoneType")])
def test_what_is_no_array_is_named(thing, kind):
    with pytest.raises(TypeError, match=f"image must be a NumPy or CuPy array, got {kind}"):
        array_module(thing, "image")


@pytest.mark.parametrize("x, message", [
    (np.ma.masked_less([1.0, 2.0], 1.5), r"image is a masked array, .*\.filled\(0\)"),
    (np.ones((2, 2)).view(np.matrix), "image is a numpy.matrix, whose \\* is a matrix product"),
])
def test_a_kind_of_array_that_computes_otherwise_is_refused(x, message):
    with pytest.raises(TypeError, match=message):
        array_module(x, "image")


class Scan(np.ndarray):
    """An array that knows more than its numbers, as some libraries give."""


@pytest.mark.parametrize("kind", [Scan, np.recarray])
def test_other_kinds_of_arrays_compute_as_arrays(kind):
    net = UNet(base_channels=2, depth=1)
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype(np.float32)
    y, cache = net.forward(x.view(kind), training=True)
    assert array_module(x.view(kind)) is np
    np.testing.assert_array_equal(y, net.forward(x, training=True)[0])
    np.testing.assert_array_equal(net.predict(x.view(kind)), net.predict(x))
    assert net.backward(y, cache)[0].shape == x.shape


def test_an_array_knows_its_library(backend):
    x = backend.asarray(np.ones(3))
    assert array_module(x) is backend.xp
    assert on_host(x) == (backend.name == "numpy")
    np.testing.assert_array_equal(to_host(x), np.ones(3))


@pytest.fixture
def install(monkeypatch):
    """Give a function that puts an object in the place of the module `cupy`."""
    def replace(module):
        monkeypatch.setitem(sys.modules, "cupy", module)
        cuda_problem.cache_clear()

    yield replace
    cuda_problem.cache_clear()


def broken(shape, dtype):
    raise RuntimeError("cudaErrorInsufficientDriver: too old\n(a second line)")


@pytest.mark.parametrize("cupy, reason", [
    (None, r'CuPy cannot be imported .*; pip install "cupy-cuda13x\[ctk\]"'),
    (SimpleNamespace(is_available=lambda: False), "CuPy finds no CUDA GPU"),
    (SimpleNamespace(is_available=lambda: True, ones=broken),
     "the GPU does not answer: cudaErrorInsufficientDriver: too old$"),
])
def test_without_a_usable_gpu_cuda_is_refused_with_the_reason(install, cupy, reason):
    install(cupy)
    assert re.search(reason, cuda_problem())
    for use in (lambda: to_device(np.ones(3), "cuda"), lambda: UNet(base_channels=1, depth=1,
                                                                   device="cuda")):
        with pytest.raises(InputError, match=f"device 'cuda' cannot be used: {reason}"):
            use()


def test_with_a_gpu_arrays_move_to_it_and_back(monkeypatch, install):
    monkeypatch.setattr(strict_backend, "is_available", lambda: True, raising=False)
    install(strict_backend)
    assert cuda_problem() is None
    net = UNet(base_channels=1, depth=1, device="cuda")
    assert {array_module(a) for a in (*net.params.values(), *net.buffers.values())} == {
        strict_backend}
    assert {array_module(a) for a in net.to("cpu").params.values()} == {np}


def test_to_the_cpu_what_is_there_already_stays():
    x = np.ones(3)
    assert to_device(x, "cpu") is x


def test_an_unknown_device_is_named():
    with pytest.raises(InputError, match="device must be 'cpu' or 'cuda', got 'gpu'"):
        to_device(np.ones(3), "gpu")
