"""BLAS, the library that makes NumPy's matrix products, held to one thread."""

import os
import threading
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


class _Mine(threading.local):
    holders = 0


class _Hold:
    """Holds BLAS to one thread as long as anybody, in any thread, needs it so.

    BLAS has one setting for the whole process. The first who comes remembers and changes it, the
    last who leaves puts it back.
    """

    def __init__(self):
        self.lock, self.holders, self.limiter = threading.Lock(), 0, None
        self.mine = _Mine()  # how many of them are in this thread

    def take(self):
        with self.lock:
            if not self.holders:
                self.limiter = _blas().limit(limits=1, user_api="blas")
            self.holders += 1
            self.mine.holders += 1

    def leave(self):
        with self.lock:
            self.holders -= 1
            self.mine.holders -= 1
            self._release()

    def keep_mine(self):
        """Forget the other threads' holds, in a forked child, which has the lock (see below)."""
        self.holders = self.mine.holders
        self._release()
        self.lock.release()

    def _release(self):
        if self.limiter and not self.holders:
            self.limiter.restore_original_limits()
            self.limiter = None


_hold = _Hold()


@cache
def _blas():
    return ThreadpoolController()


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


if hasattr(os, "register_at_fork"):
    # With the lock, no other thread is half-way through changing what it guards.
    os.register_at_fork(before=_hold.lock.acquire, after_in_parent=_hold.lock.release,
                        after_in_child=_hold.keep_mine)
