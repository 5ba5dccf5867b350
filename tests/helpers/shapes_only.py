"""A device that computes nothing: results have their shape and dtype, and hold rubbish.

With ``monkeypatch.setattr(strict_backend, "compute", shapes_only.compute)`` the stand-in for
CuPy asks this module instead of NumPy. The system hands out the memory of an array page by page,
when a page is first written to; what is written to nowhere needs none. So a step on images that
would fill a GPU runs here in a second, and `strict_backend.work` counts its operations and bytes.
Needs NumPy 2.1, for ``reshape(…, copy=False)``.
"""

import math

import numpy as np
from strict_tables import UFUNCS

ELEMENTWISE = {name for names in UFUNCS.values() for name in names.split()} | {"where"}


def compute(name, function, *args, **kwargs):
    """Give an array of the shape and dtype that ``function(*args, **kwargs)`` would have."""
    if kwargs.get("out") is not None or name in ("setitem", "copyto"):
        return None
    if name in ELEMENTWISE:
        return np.empty(np.broadcast_shapes(*map(np.shape, args)), _dtype(function, args))
    if name == "matmul":
        return _product(*args)
    if name in ("empty", "zeros", "ones"):
        return np.empty(*args, **kwargs)
    if name in ("reshape", "ravel"):
        return _reshaped(args[0], args[1] if name == "reshape" else -1)
    if name == "asarray":
        memory, dtype, order = args
        if order == "C" and not memory.flags.c_contiguous:
            return np.empty(memory.shape, dtype or memory.dtype)
    return function(*args, **kwargs)  # a view; or small, and may be computed with rubbish


def _dtype(function, args):
    return function(*(np.ones((), a.dtype) if isinstance(a, np.ndarray) else a for a in args)).dtype


def _product(a, b):
    """The empty product of two arrays, as `numpy.matmul` shapes it."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return np.empty((*batch, *a.shape[-2:-1], *(b.shape[-1:] if b.ndim > 1 else ())), a.dtype)


def _reshaped(a, shape):
    try:
        return np.reshape(a, shape, copy=False)
    except ValueError:  # a view of that shape there is not
        shape = (shape,) if np.ndim(shape) == 0 else shape
        known = math.prod(length for length in shape if length != -1)
        return np.empty([a.size // known if length == -1 else length for length in shape], a.dtype)
