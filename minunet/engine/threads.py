"""Threads, and blocks of work that stay in cache: how an op uses all cores.

NumPy's products can use several cores by themselves; its loops and copies use one. Both let go
of the interpreter lock while they run, so here a few plain threads take blocks of an op's work
each, and BLAS, which makes the products, keeps to one thread. A GPU gets large blocks instead.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache

import numpy as np

from minunet.engine.blas import blas_on_one_thread, stay_on_one_thread
from minunet.engine.files import InputError
from minunet.engine.values import whole

CPU_BLOCK_BYTES = 1 << 20  # of scratch memory: more leaves the cache, less is all overhead
# What needs less is not shared: to wake a thread takes some 30 µs, and while two are at work
# every call of NumPy's takes longer, since it must have the interpreter lock back at its end.
SHARED_FROM = 1.5  # blocks
GPU_BLOCK_BYTES = 1 << 29  # a GPU wants large products: here the bound is memory, not cache
_chosen = ContextVar("threads", default=None)  # by `using_threads`, for one user thread each


@contextmanager
def using_threads(count=None):
    """Let `count` threads work inside of the block; as many as otherwise if it is None.

    They are all there are: BLAS is held to one meanwhile, also where `parallel` has no part.
    A thread that the user starts inside of the block does not inherit the count, as it would
    not inherit NumPy's ``errstate``.
    """
    count = threads() if count is None else whole("count", count, 1)
    before = _chosen.set(count)
    try:
        with blas_on_one_thread():
            yield
    finally:
        _chosen.reset(before)


def threads():
    """Count of worker threads: as chosen, or ``MINUNET_THREADS`` if set, or all usable cores."""
    if _chosen.get():
        return _chosen.get()
    setting = os.environ.get("MINUNET_THREADS")
    if setting is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not setting.isdecimal() or int(setting) < 1:
        raise InputError(f"MINUNET_THREADS must be a whole number from 1, got {setting!r}")
    return int(setting)


def workers(xp):
    """Count of blocks that are computed at a time: `threads` on the CPU, one on a GPU."""
    return threads() if xp is np else 1


@cache
def _pool(count):
    """A team of `count` threads, all of them started; None where they cannot be.

    That is so in a browser, and under a limit on processes. Started at once, so that nobody
    finds out half-way, with a part of the work in a queue that no thread will ever look at.
    """
    pool = ThreadPoolExecutor(count, "minunet", initializer=stay_on_one_thread)
    everyone_is_there = threading.Event()
    try:
        for _ in range(count):
            pool.submit(everyone_is_there.wait)  # no thread is idle: each needs a new one
    except RuntimeError:  # can't start new thread
        return None
    finally:
        everyone_is_there.set()
    return pool


if hasattr(os, "register_at_fork"):
    # The pool's threads stay behind, and would never answer a forked child.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _start(work, count):
    """Let up to `count` threads of the pool take part in `work`; give their futures."""
    helpers = []
    pool = _pool(threads() - 1) if count > 0 else None  # the caller takes part, too
    try:
        while pool and len(helpers) < count:
            # In the caller's context: with its count of threads, and NumPy's errstate.
            helpers.append(pool.submit(copy_context().run, work))
    except RuntimeError:  # the interpreter is ending, and takes no more work
        pass
    return helpers


def parallel(xp, function, tasks):
    """Compute ``[function(*task) for task in tasks]``, the tasks shared among the cores.

    Where no threads can be started, or one is all there should be, the caller's computes all.

    Parameters
    ----------
    xp : module
        The array module that `function` computes with.
    function : callable
        It must write to memory that no other task touches.
    tasks : list of tuple
        Arguments. Results come in this order whatever the number of threads.
    """
    results, queue = [None] * len(tasks), iter(enumerate(tasks))

    def work():
        for i, task in queue:
            results[i] = function(*task)

    with blas_on_one_thread():
        helpers = _start(work, min(workers(xp), len(tasks)) - 1)
        try:
            work()  # this thread takes its part
        finally:
            for helper in helpers:
                # One that waits still, behind another user's work, has nothing left to do.
                if not helper.cancel():
                    helper.result()
    return results


def add_up(arrays):
    """Sum an iterable of arrays into the first of them (the built-in would copy it first)."""
    total = None
    for array in arrays:
        if total is None:
            total = array
        else:
            total += array
    return total


def parts(xp, count, item_bytes):
    """Cut `count` items into slices of at most `CPU_BLOCK_BYTES`, equally many for each core.

    What is too little to be shared is one slice.
    """
    number = 1
    if xp is np and count * item_bytes > SHARED_FROM * CPU_BLOCK_BYTES:
        number = _for_all(xp, -(-count * item_bytes // CPU_BLOCK_BYTES))
    step = -(-count // number)
    return [(slice(i, min(i + step, count)),) for i in range(0, count, step)]


def _for_all(xp, number):
    """Round a number of blocks up so that each core gets equally many."""
    return -(-number // workers(xp)) * workers(xp)


def row_blocks(xp, n, rows, row_bytes, at_least=0):
    """Cut `n` images of `rows` rows into blocks whose scratch memory stays in cache.

    A block is some rows of one image, or some whole images: either way its part of a
    channels-last array is one contiguous stretch of memory. As far as it goes, each core gets
    equally many; what is too little to be shared is one block.

    Parameters
    ----------
    xp : module
        The array module; a GPU gets larger blocks.
    n, rows : int
        Images, and rows of each.
    row_bytes : int
        Scratch memory that one row needs.
    at_least : int
        Bytes below which smaller blocks do not pay, whatever the cache.

    Returns
    -------
    list of (slice, slice)
        The images and the rows of each block, in order.
    """
    limit = max(CPU_BLOCK_BYTES if xp is np else GPU_BLOCK_BYTES, at_least)
    if n * rows * row_bytes <= max(limit, SHARED_FROM * CPU_BLOCK_BYTES):
        return [(slice(0, n), slice(0, rows))]
    fit = limit // (rows * row_bytes)  # whole images
    if fit and n >= workers(xp):
        images, step = -(-n // _for_all(xp, -(-n // fit))), rows
    else:
        cuts = -(-rows * row_bytes // limit)
        images, step = 1, -(-rows // (_for_all(xp, cuts) if n % workers(xp) else cuts))
    return [(slice(i, min(i + images, n)), slice(r, min(r + step, rows)))
            for i in range(0, n, images) for r in range(0, rows, step)]
