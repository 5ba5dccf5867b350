"""Stands where CuPy stands, for the test of ``tests/gpu.sh``: `strict_backend`, and a GPU's ways.

Only for processes that have this folder on their path.
"""

import sys
import time
from types import SimpleNamespace

import strict_backend


class Event:
    """A mark in the GPU's queue, which here is empty at once."""

    def record(self):
        """Note the time."""
        self.time = time.perf_counter()

    def synchronize(self):
        """Wait for nothing."""


class MemoryHook:
    """Would be told of memory that is taken and given back."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Pool:
    """A pool of memory that keeps none."""

    def used_bytes(self):
        """Give what arrays hold."""
        return strict_backend.work.alive

    total_bytes = used_bytes

    def free_all_blocks(self):
        """Do nothing."""


def handed_over(self, function, *arguments):
    """Let NumPy's functions call those of this library, as CuPy's arrays do."""
    *_, args, kwargs = arguments
    return getattr(strict_backend, function.__name__)(*args, **kwargs)


def ufunc(self, function, method, *args, **kwargs):
    """The same for NumPy's elementwise functions."""
    return getattr(strict_backend, function.__name__)(*args, **kwargs)


strict_backend.ndarray.__array_function__ = handed_over
if "plain" in sys.argv:  # elsewhere it hides what the stand-in is there to show
    strict_backend.ndarray.__array_ufunc__ = ufunc
strict_backend.is_available = lambda: True
strict_backend.__version__ = "0"
strict_backend._core = SimpleNamespace(syncdetect=SimpleNamespace())
strict_backend.get_default_memory_pool = Pool
strict_backend.cuda = SimpleNamespace(
    Event=Event, MemoryHook=MemoryHook, PinnedMemoryPool=SimpleNamespace,
    get_elapsed_time=lambda began, ended: 1e3 * (ended.time - began.time),
    set_pinned_memory_allocator=lambda allocate: None,
    runtime=SimpleNamespace(getDeviceProperties=lambda _: {"name": b"Imagined GPU 1"}))
sys.modules["cupy"] = strict_backend
