"""BLAS, the library that makes NumPy's matrix products, held to one thread."""

import os
import threading
from contextlib import contextmanager
from functools import cache

from threadpoolctl import OpenBLASController, ThreadpoolController

# From threadpoolctl 3.8 on, some libraries are set for the calling thread alone, and only one
# thread, the first that did so, can set OpenBLAS, until it is said that it has finished.
_finished = getattr(OpenBLASController, "clear_controlling_thread", None)


@cache
def _libraries(per_thread):
    """The loaded BLAS libraries that are set per thread, or those set for the whole process."""
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in found if per_thread == bool(
        _finished and (library.internal_api == "mkl"
                       or getattr(library, "threading_layer", "") == "openmp"))]


def _set_to_one(per_thread):
    """Let libraries use one thread; give them with their counts of before."""
    before = [(library, library.num_threads) for library in _libraries(per_thread)]
    _set([(library, 1) for library, _ in before])
    return before


def _set(counts):
    for library, count in counts:
        if _finished:
            _finished(force=True)  # whoever it was: we set it for all threads
        library.set_num_threads(count)


class _Mine(threading.local):
    """A thread's own part of `_Hold`."""

    depth, before = 0, ()


class _Hold:
    """Holds BLAS to one thread as long as anybody, in any thread, needs it so.

    Most libraries have one setting for the whole process. The first thread that comes remembers
    it and sets it to 1, the last that leaves puts it back.
    """

    def __init__(self):
        self.lock, self.threads, self.before, self.mine = threading.Lock(), 0, (), _Mine()

    def take(self):
        if not self.mine.depth:
            with self.lock:
                if not self.threads:
                    self.before = _set_to_one(per_thread=False)
                self.threads += 1
            self.mine.before = _set_to_one(per_thread=True)
        self.mine.depth += 1

    def leave(self):
        self.mine.depth -= 1
        if not self.mine.depth:
            _set(self.mine.before)
            with self.lock:
                self.threads -= 1
                self._restore()

    def keep_mine(self):
        """Forget the other threads, in a forked child, where this one has the lock (see below)."""
        self.threads = int(self.mine.depth > 0)
        self._restore()
        self.lock.release()

    def _restore(self):
        if not self.threads:
            _set(self.before)
            if _finished:
                _finished(force=True)
            self.before = ()


_hold = _Hold()


@contextmanager
def blas_on_one_thread():
    """Hold BLAS to one thread: around `parallel`, and wherever small products are stacked.

    A BLAS thread that has nothing left to do waits for more by turning in circles, some
    milliseconds long, on a core that ours, or another program, could use. To take hold costs
    more than a small op, to be inside of another hold next to nothing: put it around all that
    calls `parallel` again and again.
    """
    _hold.take()
    try:
        yield
    finally:
        _hold.leave()


def stay_on_one_thread():
    """Let BLAS use one thread in this thread for good, if that can be said of a single thread."""
    _set_to_one(per_thread=True)


if hasattr(os, "register_at_fork"):
    # With the lock, no other thread is half-way through changing what it guards.
    os.register_at_fork(before=_hold.lock.acquire, after_in_parent=_hold.lock.release,
                        after_in_child=_hold.keep_mine)
