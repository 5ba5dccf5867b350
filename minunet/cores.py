"""Threads, and blocks of work that stay in cache: how an op uses all cores.

NumPy's products can use several cores by themselves; its loops and copies use one. Both let go
of the interpreter lock while they run, so here a few plain threads take blocks of an op's work
each, and BLAS, which makes the products, keeps to one thread. A GPU gets large blocks instead.
"""

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from minunet.backend import array_module
from minunet.files import InputError

CPU_BLOCK_BYTES = 1 << 20  # of scratch memory: more leaves the cache, less is all overhead
GPU_BLOCK_BYTES = 1 << 28  # a GPU wants large products: here the bound is memory, not cache
_chosen = [None]  # by `using_threads`


def _keep_freed_memory():
    """Ask the C library to keep the memory of freed arrays for the next ones.

    By default it gives large blocks back to the system, which hands them out again filled with
    zeros, page by page: a sixth of a training step was spent on that. Only glibc has the knob.
    """
    trim_threshold, mmap_threshold, most = -1, -3, 1 << 30  # M_…, from its malloc.h; bytes
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return
    mallopt(mmap_threshold, most)
    mallopt(trim_threshold, most)


_keep_freed_memory()


@contextmanager
def using_threads(count):
    """Let `count` threads work inside of the block; as many as otherwise if it is None."""
    _chosen.append(count or _chosen[-1])
    try:
        yield
    finally:
        _chosen.pop()


def threads():
    """Count of worker threads: as chosen, or ``MINUNET_THREADS`` if set, or all usable cores."""
    if _chosen[-1]:
        return _chosen[-1]
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
    return ThreadPoolExecutor(count, thread_name_prefix="minunet")


@cache
def _blas():
    return ThreadpoolController()


@contextmanager
def blas_on_one_thread():
    """Hold BLAS to one thread: around `parallel`, and around all that calls it again and again.

    A BLAS thread that has nothing left to do waits for more by turning in circles, some
    milliseconds long, on a core that ours could use.
    """
    with _blas().limit(limits=1, user_api="blas"):
        yield


def parallel(xp, function, tasks):
    """Compute ``[function(*task) for task in tasks]``, the tasks shared among the cores.

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
        helpers = [_pool(workers(xp)).submit(work)
                   for _ in range(min(workers(xp), len(tasks)) - 1)]
        try:
            work()  # this thread takes its part
        finally:
            for helper in helpers:
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


def blockwise(function, *arrays, channels=()):
    """Compute an array element by element, block by block on all cores.

    A block is small enough that what `function` computes on the way stays in cache, however
    many steps it has. On a GPU the block is the whole.

    Parameters
    ----------
    function : callable
        ``function(result, *arrays, *channels)`` gets a part of each array, of one shape, and
        `channels` in a shape that fits; it writes its part of the result into `result`. (To
        give it back instead would cost a copy.)
    arrays : arrays (..., C), of one shape
    channels : arrays (C,)
        One value a channel each.

    Returns
    -------
    array
        Of the shape of the arrays and the dtype of the first.
    """
    result = array_module(arrays[0]).empty(arrays[0].shape, dtype=arrays[0].dtype)
    per_block(function, result, *arrays, channels=channels)
    return result


def blocksum(function, *arrays, channels=()):
    """Sum what ``function(*arrays, *channels)`` gives over all axes but the last, block by block.

    Parameters
    ----------
    function : callable
        As for `blockwise`, but it gives a tuple of arrays.
    arrays, channels
        As for `blockwise`.

    Returns
    -------
    tuple of arrays (C,)
        A sum for each array of the tuple.
    """
    def block(*part):
        values = function(*part)
        # As a product: faster than .sum(axis=0), and it rounds less.
        ones = array_module(values[0]).ones(len(values[0]), dtype=values[0].dtype)
        return [ones @ v for v in values]

    sums = per_block(block, *arrays, channels=channels)
    return tuple(sum(of_blocks).reshape(-1, arrays[0].shape[-1]).sum(axis=0)
                 for of_blocks in zip(*sums, strict=True))


def per_block(function, *arrays, channels=()):
    """List ``function(*part, *channels)`` of each block's part of the arrays.

    A part has the shape (rows, K·C): K pixels stand together as one row, with the values of
    `channels` repeated alike, because NumPy is slow on rows of few channels.
    """
    xp, together = array_module(arrays[0]), _pixels_together(arrays[0])
    rows = [_rows(a, together) for a in arrays]
    channels = [xp.tile(v, together) for v in channels]
    return parallel(xp, lambda part: function(*(a[part] for a in rows), *channels),
                    parts(xp, len(rows[0]), rows[0][:1].nbytes))


def _pixels_together(a):
    """How many pixels to treat as one: NumPy is slow on rows of few channels."""
    pixels = a.size // a.shape[-1]
    return max(k for k in (1, 2, 4, 8, 16, 32) if pixels % k == 0 and k * a.shape[-1] <= 512
               or k == 1)


def _rows(a, together):
    return a.reshape(-1, together * a.shape[-1])


def parts(xp, count, item_bytes):
    """Cut `count` items into slices of at most `CPU_BLOCK_BYTES`, equally many for each core."""
    number = 1 if xp is not np else _for_all(xp, -(-count * item_bytes // CPU_BLOCK_BYTES))
    step = -(-count // number)
    return [(slice(i, min(i + step, count)),) for i in range(0, count, step)]


def _for_all(xp, number):
    """Round a number of blocks up so that each core gets equally many."""
    return -(-number // workers(xp)) * workers(xp)


def row_blocks(xp, n, rows, row_bytes, at_least=0):
    """Cut `n` images of `rows` rows into blocks whose scratch memory stays in cache.

    A block is some rows of one image, or some whole images: either way its part of a
    channels-last array is one contiguous stretch of memory. As far as it goes, each core gets
    equally many.

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
    fit = limit // (rows * row_bytes)  # whole images
    if fit and n >= workers(xp):
        images, step = -(-n // _for_all(xp, -(-n // fit))), rows
    else:
        cuts = -(-rows * row_bytes // limit)
        images, step = 1, -(-rows // (_for_all(xp, cuts) if n % workers(xp) else cuts))
    return [(slice(i, min(i + images, n)), slice(r, min(r + step, rows)))
            for i in range(0, n, images) for r in range(0, rows, step)]
