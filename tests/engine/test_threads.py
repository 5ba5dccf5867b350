"""One thread where one is asked for, several user threads, and no threads at all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minunet import UNet
from minunet.data import elastic, preprocess
from minunet.data.loader import one_ahead
from minunet.data.phantom import phantom_patients
from minunet.engine import blas
from minunet.engine import threads as cores
from minunet.engine.blas import blas_on_one_thread
from minunet.optim import Adam
from minunet.tool.cli import main
from minunet.train import Settings, train, train_step


class Library:
    """A BLAS library of one setting for the whole process."""

    num_threads = 7

    def set_num_threads(self, count):
        self.num_threads = count


@pytest.fixture
def library(monkeypatch):
    """The only BLAS library, of seven threads."""
    one = Library()
    monkeypatch.setattr(blas, "_libraries", lambda per_thread: [] if per_thread else [one])
    return one


def test_the_last_who_leaves_puts_the_threads_of_blas_back(library):
    first_is_in, last_may_go = threading.Event(), threading.Event()

    def first():
        with blas_on_one_thread():
            first_is_in.set()
            last_may_go.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait(30)
    with blas_on_one_thread():
        last_may_go.set()
        thread.join(30)
        assert library.num_threads == 1
    assert library.num_threads == 7


def test_what_is_set_per_thread_is_put_back_by_each_thread(monkeypatch):
    library = Library()
    monkeypatch.setattr(blas, "_libraries", lambda per_thread: [library] if per_thread else [])
    with pytest.raises(ZeroDivisionError), blas_on_one_thread(), blas_on_one_thread():
        assert library.num_threads == 1
        raise ZeroDivisionError
    assert library.num_threads == 7


@pytest.mark.parametrize("module, name, work", [
    (preprocess, "_resampling", lambda: preprocess._resize(np.ones((2, 4, 4), np.float32), 3, 3)),
    (elastic, "_spline",
     lambda: elastic.random_displacement((8, 8), np.random.default_rng(0), 1.0)),
], ids=["resizing", "bending"])
def test_small_products_leave_blas_one_thread(monkeypatch, library, module, name, work):
    seen, plain = [], getattr(module, name)
    monkeypatch.setattr(module, name,
                        lambda *sizes: seen.append(library.num_threads) or plain(*sizes))
    work()
    assert set(seen) == {1}
    assert library.num_threads == 7


def test_a_command_leaves_blas_one_thread_from_its_start_to_its_end(library):
    seen = []
    main(["summary"], {"summary": lambda options: seen.append(library.num_threads)})
    assert seen == [1] and library.num_threads == 7


def test_one_thread_starts_no_other(monkeypatch, tmp_path):
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread starts"))
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)  # its own, which sleeps
    patients = phantom_patients(2, size=32, slices=4)
    with cores.using_threads(1):
        train(patients[:1], patients[1:], Settings(32, 2, 1, epochs=1), tmp_path)


@pytest.fixture
def threadless(monkeypatch):
    """An environment without threads, as Python in a browser is; two are asked for."""
    def no_thread(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setenv("MINUNET_THREADS", "2")
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    cores._pool.cache_clear()
    yield
    cores._pool.cache_clear()


def learnt():
    net = UNet(1, 1, base_channels=4, depth=2)
    x = np.random.default_rng(0).normal(size=(4, 64, 64, 1)).astype(np.float32)
    train_step(net, Adam(net.params), x, (x > 0).astype(np.float32))
    return net.predict(x)


def test_without_threads_the_caller_computes_all(monkeypatch, request):
    monkeypatch.setenv("MINUNET_THREADS", "2")
    expected = learnt()
    request.getfixturevalue("threadless")
    np.testing.assert_array_equal(learnt(), expected)
    names = [threading.current_thread().name for _ in one_ahead(range(3))]
    assert names == [threading.current_thread().name] * 3


def test_a_pool_that_cannot_start_all_its_threads_is_not_used(monkeypatch):
    started, start = [], threading.Thread.start

    def one_starts(self):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", one_starts)
    monkeypatch.setenv("MINUNET_THREADS", "3")
    cores._pool.cache_clear()
    names = cores.parallel(np, lambda: threading.current_thread().name, [()] * 9)
    cores._pool.cache_clear()
    assert names == [threading.current_thread().name] * 9 and len(started) == 1


def test_a_count_of_threads_is_for_one_user_thread_and_its_helpers(monkeypatch):
    monkeypatch.setenv("MINUNET_THREADS", "2")
    with cores.using_threads(np.int64(3)):
        assert cores.parallel(np, cores.threads, [()] * 20) == [3] * 20
        with ThreadPoolExecutor(1) as another:
            assert another.submit(cores.threads).result() == 2
    assert cores.threads() == 2


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_count_of_threads_that_is_none_is_named(count):
    with pytest.raises(ValueError, match=f"count must be a whole number from 1, got {count!r}"):
        with cores.using_threads(count):
            pass


def test_helpers_are_as_strict_about_overflow_as_the_caller(monkeypatch):
    monkeypatch.setenv("MINUNET_THREADS", "2")
    meeting = threading.Barrier(2)  # so that both threads have a task

    def overflow(_):
        meeting.wait(30)
        try:
            return np.float32(1e30) * np.float32(1e30)
        except FloatingPointError:
            return "refused"

    with np.errstate(over="raise"):
        assert cores.parallel(np, overflow, [(0,), (1,)]) == ["refused"] * 2
