"""The one place that knows two array libraries exist: NumPy on the CPU, CuPy on a GPU.

Ops never ask which library they run on. They take the array module from their input,
``xp = array_module(x)``, and write ``xp.`` where others write ``np.``. What the two do need
done differently is done here (moving data) and in `threads` (blocks of work, threads).
"""

import sys
from functools import cache
from typing import Any

import numpy as np

from minunet.engine.files import InputError

# What type hints call things. Of arrays, docstrings say the shapes.
Array = np.ndarray  # or CuPy's, which those who check types do not know
Arrays = dict[str, Array]  # by their names
Maybe = Array | Any  # an array, or None where there is nothing to give
Cache = Any  # what a forward pass keeps for its way back, and nobody else looks into
Loss = tuple[Array, Array]  # the loss, 0-d, and dlogits
PerAxis = int | tuple[int, ...]  # one number for all axes, or one for each


def array_module(x, name="x"):
    """Give the library that the array `x` belongs to: ``numpy``, or ``cupy``.

    It is the module whose ``ndarray`` is the class of `x`, or a class that it is derived from.

    Parameters
    ----------
    x : array
    name : str
        What the caller calls `x`, for the error.

    Raises
    ------
    TypeError
        If `x` is not an array: a list, a number, a framework's tensor. Nor are the two of NumPy's
        arrays that do not compute as such: masked arrays, and ``numpy.matrix``.
    """
    if type(x) is np.ndarray:  # nearly always: this is asked a thousand times per step
        return np
    for kind in type(x).__mro__:
        module = sys.modules.get(kind.__module__)
        if kind is getattr(module, "ndarray", None):
            if kind is not type(x):
                _check_subclass(x, name)
            return module
    raise TypeError(f"{name} must be a NumPy or CuPy array, got {type(x).__name__}")


def check_unmasked(name, x):
    """Raise `TypeError` if `x` is a masked array: its mask would be lost without a word."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, and masks are not taken into account; decide "
                        "what stands in the masked places, for example with .filled(0)")


def _check_subclass(x, name):
    check_unmasked(name, x)
    if isinstance(x, np.matrix):
        raise TypeError(f"{name} is a numpy.matrix, whose * is a matrix product; give an array, "
                        "np.asarray(x)")


def on_host(x):
    """Tell whether `x` lies in the computer's own memory, where looking at its values is free."""
    return isinstance(x, np.ndarray | np.generic)


@cache
def cuda_problem():
    """Say why no GPU can be used, or ``None`` if one can: a small product is computed on it."""
    try:
        import cupy
    except Exception as error:  # it is not there, or a library that it needs is broken
        return (f"CuPy cannot be imported ({str(error).splitlines()[0]}); "
                'pip install "cupy-cuda13x[ctk]", or "cupy-cuda12x[ctk]" for an older driver')
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


def use_gpu(number):
    """Take one of the machine's GPUs, by its number or, if they are fewer, what is left of that."""
    check_device("cuda")
    import cupy

    cupy.cuda.Device(number % cupy.cuda.runtime.getDeviceCount()).use()


def to_host(x):
    """Give `x` as a NumPy array (on a GPU this waits for it to be computed)."""
    return x if on_host(x) else x.get()
