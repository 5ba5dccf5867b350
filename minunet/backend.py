"""The one place that knows two array libraries exist: NumPy on the CPU, CuPy on a GPU.

Ops never ask which library they run on. They take the array module from their input,
``xp = array_module(x)``, and write ``xp.`` where others write ``np.``. What the two do need
done differently (moving data, cutting work into blocks, using the cores) is done here.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from minunet.files import InputError

CPU_BLOCK_BYTES = 2 << 20  # of scratch memory: more leaves the cache, less is all overhead
GPU_BLOCK_BYTES = 1 << 28  # a GPU wants large products: here the bound is memory, not cache


def array_module(x, name="x"):
    """Give the library that the array `x` belongs to: ``numpy``, or ``cupy``.

    It is the module in which the class of `x` is defined, if that class is its ``ndarray``.

    Parameters
    ----------
    x : array
    name : str
        What the caller calls `x`, for the error.

    Raises
    ------
    TypeError
        If `x` is not an array: a list, a number, a framework's tensor.
    """
    module = sys.modules[type(x).__module__]
    if not isinstance(x, getattr(module, "ndarray", ())):
        raise TypeError(f"{name} must be a NumPy or CuPy array, got {type(x).__name__}")
    return module


def on_host(x):
    """Tell whether `x` lies in the computer's own memory, where looking at its values is free."""
    return isinstance(x, np.ndarray | np.generic)


@cache
def cuda_problem():
    """Say why no GPU can be used, or ``None`` if one can: a small product is computed on it."""
    try:
        import cupy
    except ImportError as error:
        return (f"CuPy cannot be imported ({str(error).splitlines()[0]}); "
                "pip install 'minunet[cuda13]' or 'minunet[cuda12]'")
    try:
        if not cupy.is_available():
            return "CuPy finds no CUDA GPU (is the driver installed?)"
        a = cupy.ones((8, 8), dtype=np.float32)
        float((a @ a).sum())  # touches the allocator, the compiler and cuBLAS
    except Exception as error:  # a broken driver or toolkit raises many kinds
        return f"the GPU does not answer: {str(error).splitlines()[0]}"
    return None


def to_device(x, device):
    """Move the NumPy array `x` to `device`, ``"cpu"`` or ``"cuda"``; where it is already, keep it.

    Raises
    ------
    InputError
        If the device is unknown, or ``"cuda"`` and no GPU can be used; the text says why.
    """
    check_device(device)
    if device == "cpu":
        return to_host(x)
    import cupy

    return cupy.asarray(x)


def check_device(device):
    """Raise `InputError` unless `device` is ``"cpu"``, or ``"cuda"`` with a GPU that answers."""
    if device not in ("cpu", "cuda"):
        raise InputError(f"device must be 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and cuda_problem():
        raise InputError(f"device 'cuda' cannot be used: {cuda_problem()}")


def to_host(x):
    """Give `x` as a NumPy array (on a GPU this waits for it to be computed)."""
    return x if on_host(x) else x.get()


def threads():
    """Count of worker threads: ``MINUNET_THREADS`` if set, else one for each usable core."""
    setting = os.environ.get("MINUNET_THREADS")
    if setting is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not setting.isdigit() or int(setting) < 1:
        raise InputError(f"MINUNET_THREADS must be a whole number from 1, got {setting!r}")
    return int(setting)


@cache
def _pool(workers):
    return ThreadPoolExecutor(workers, thread_name_prefix="minunet")


@cache
def _blas():
    return ThreadpoolController()


def parallel(xp, function, tasks):
    """Compute ``[function(*task) for task in tasks]``, the tasks shared among the cores.

    NumPy lets go of the interpreter lock in its loops and products, so plain threads do;
    BLAS keeps to one thread meanwhile, or the two kinds of threads would fight for the cores.
    A GPU is parallel in itself, and gets the tasks one after the other.

    Parameters
    ----------
    xp : module
        The array module that `function` computes with.
    function : callable
        It must write to memory that no other task touches.
    tasks : list of tuple
        Arguments. Results come in this order whatever the number of threads.
    """
    workers = threads() if xp is np else 1
    if workers == 1 or len(tasks) == 1:
        return [function(*task) for task in tasks]
    with _blas().limit(limits=1, user_api="blas"):
        return list(_pool(workers).map(lambda task: function(*task), tasks))


def row_blocks(xp, n, rows, row_bytes, at_least=0):
    """Cut `n` images of `rows` rows into blocks whose scratch memory stays in cache.

    A block is some rows of one image, or some whole images: either way its part of a
    channels-last array is one contiguous stretch of memory.

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
    images = max(1, min(limit // (rows * row_bytes), -(-n // threads())))
    step = min(rows, max(1, limit // row_bytes))
    return [(slice(i, min(i + images, n)), slice(r, min(r + step, rows)))
            for i in range(0, n, images) for r in range(0, rows, step)]
