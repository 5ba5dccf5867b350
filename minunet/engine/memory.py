"""Freed memory, kept for the next arrays: a sixth of a training step otherwise."""

import ctypes
import os
from functools import cache

from minunet.engine.files import InputError


@cache
def keep_freed_memory():
    """Ask the C library, once, to keep the memory of freed arrays for the next ones.

    By default it gives large blocks back to the system, which hands them out again filled with
    zeros, page by page. It is the setting of a whole process, so it is left alone until a network
    trains, and if the environment's ``MINUNET_KEEP_MEMORY`` is 0. Only glibc has the knob.
    """
    setting = os.environ.get("MINUNET_KEEP_MEMORY", "1")
    if setting not in ("0", "1"):
        raise InputError(f"MINUNET_KEEP_MEMORY must be 0 or 1, got {setting!r}")
    if setting == "1":
        _set_thresholds()


def _set_thresholds():
    trim_threshold, mmap_threshold, most = -1, -3, 1 << 30  # M_…, from its malloc.h; bytes
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return
    mallopt(mmap_threshold, most)
    mallopt(trim_threshold, most)
