"""What a GPU array refuses, on a machine without a GPU.

Code that is meant for CuPy and has only ever met NumPy breaks on its first GPU: the two look
alike, and differ where nobody looked. This module stands in for CuPy 14. Its `ndarray` keeps
its elements in a NumPy array but is not one:

* it never turns into a NumPy array unasked, and never meets one: not in arithmetic, not as an
  index, not in an assignment, not in ``np.exp(x)``;
* it has the functions and parameters of `strict_tables`, which CuPy has too, and no others;
* it gives 0-d arrays where NumPy gives scalars, overflows in silence, and `empty` really holds
  rubbish;
* `transfers` counts what crosses between host and device; waiting for a number is one too;
* `work` counts the operations that the device is told to do, and the bytes of its memory.

Where CuPy does something else than NumPy without a word (``np.sum(x)`` runs on the GPU, an
index beyond the end wraps round, of two values for one element either may stay), the stand-in
raises: code that meets this is wrong. All that it does compute, NumPy computes.
"""

import inspect
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from types import SimpleNamespace

import numpy as np
from strict_tables import (
    ARRAYS,
    AT_DTYPES,
    BORROWED,
    FUNCTIONS,
    METHODS,
    OPERANDS,
    OPERATORS,
    OTHER_OPERATORS,
    SCALARS,
    SEQUENCES,
    UFUNC_METHODS,
    UFUNCS,
)


@dataclass
class Transfers:
    """How often data went to the device, and how often the host fetched or waited for some."""

    to_device: int = 0
    to_host: int = 0

    def reset(self):
        """Start again from zero."""
        self.to_device = self.to_host = 0


@dataclass
class Work:
    """What the device does: operations started, and bytes that arrays hold, now and at most."""

    operations: int = 0
    alive: int = 0
    peak: int = 0
    owners: set = field(default_factory=set)  # ids of the arrays that own memory

    def reset(self):
        """Count operations from zero again, and the peak from what is alive."""
        self.operations, self.peak = 0, self.alive

    def hold(self, memory):
        """Count the memory that `memory` is, or is a view of, until nothing uses it any more."""
        owner = owner_of(memory)
        if id(owner) not in self.owners:
            self.owners.add(id(owner))
            self.take(owner.nbytes)
            weakref.finalize(owner, self._free, id(owner), owner.nbytes)

    @contextmanager
    def copying(self, arrays):
        """Count copies of arrays, which last as long as the block."""
        sizes = [x.size * x.itemsize for x in arrays]
        self.operations += len(sizes)
        for size in sizes:
            self.take(size)
        yield
        for size in sizes:
            self.give(size)

    def take(self, size):
        """Count `size` bytes, in the 512 at a time that CuPy's pool hands out."""
        self.alive += -(-size // 512) * 512
        self.peak = max(self.peak, self.alive)

    def give(self, size):
        """Count `size` bytes as free again."""
        self.alive -= -(-size // 512) * 512

    def _free(self, owner, size):
        self.owners.discard(owner)
        self.give(size)


transfers, work = Transfers(), Work()


def owner_of(memory):
    """Give the array whose memory `memory` is a view of, or itself."""
    while (base := getattr(memory, "base", None)) is not None:
        memory = base
    return memory


def compute(name, function, *args, **kwargs):
    """Let NumPy compute. `shapes_only` stands here where only shapes are of interest."""
    return function(*args, **kwargs)


class ndarray:
    """An array on the imagined device. Make one with `asarray`, see its values with `get`."""

    __slots__ = ("_memory",)
    __array_ufunc__ = None  # np.exp(x) is a TypeError, and np.float32(2) * x calls x.__rmul__
    __hash__ = None

    def __init__(self, memory):
        if memory.dtype.char not in "?bBhHiIlLqQefdFD":
            raise ValueError(f"Unsupported dtype {memory.dtype}")
        self._memory = memory
        work.hold(memory)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. "
                        "Please use `.get()` to construct a NumPy array explicitly.")

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"np.{function.__name__} got a device array: call xp.{function.__name__}")

    def get(self):
        """Copy to the host: a counted transfer."""
        transfers.to_host += 1
        return self._memory.copy()

    def item(self):
        """Give the only element as a Python scalar: a counted transfer."""
        return self.get().item()

    def __getitem__(self, key):
        return ndarray(self._memory[_index(key)])

    def __setitem__(self, key, value):
        _check("assignment", "x", value)
        key = _index(key)
        if any(isinstance(part, np.ndarray) for part in key):
            transfers.to_device += isinstance(value, SCALARS)  # sent over; a slice is just filled
            _refuse_duplicates(np.arange(self.size).reshape(self.shape)[key])
        work.operations += 1
        compute("setitem", np.ndarray.__setitem__, self._memory, key, _unwrap(value))

    def __len__(self):
        return len(self._memory)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def reshape(self, *shape, order="C"):
        """Call `reshape`, with the shape as a tuple or as several numbers."""
        return NAMES["reshape"](self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes):
        """Call `transpose`, with the axes as a tuple or as several numbers, or reversed."""
        return NAMES["transpose"](self, axes[0] if len(axes) == 1 else axes or None)

    T = property(transpose, doc="View with the axes reversed.")

    def astype(self, dtype, order="K", casting="unsafe", copy=True):
        """Convert on the device."""
        work.operations += 1
        with np.errstate(all="ignore"):
            return ndarray(self._memory.astype(dtype, order, casting, copy=copy))

    def copy(self, order="C"):
        """Copy on the device."""
        work.operations += 1
        return ndarray(self._memory.copy(order))

    def fill(self, value):
        """Set every element to the scalar `value`."""
        self[...] = value

    @property
    def flags(self):
        """Memory layout; CuPy has these three flags only."""
        names = ("c_contiguous", "f_contiguous", "owndata")
        return SimpleNamespace(**{name: getattr(self._memory.flags, name) for name in names})


def asarray(a, dtype=None, order=None):
    """Copy host data to the device, a counted transfer; convert what is there already."""
    if isinstance(a, ndarray):
        memory = compute("asarray", np.asarray, a._memory, dtype, order)
        work.operations += memory is not a._memory
        return a if memory is a._memory else ndarray(memory)
    transfers.to_device += 1
    return ndarray(np.array(a, dtype, order=order or "K"))


def ascontiguousarray(a, dtype=None):
    """Do as `asarray`, and lay the elements out in C order."""
    return asarray(a, dtype, "C")


def asnumpy(a):
    """Copy to the host, a counted transfer; what is there already stays."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def result_type(*arrays_and_dtypes):
    """Give the dtype that the arguments have in common."""
    return np.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in arrays_and_dtypes))


def __getattr__(name):
    if name not in NAMES:
        raise AttributeError(f"CuPy has no '{name}', or no code here needed it yet: "
                             "if CuPy has it, add it to the tables of strict_backend")
    return NAMES[name]


def _check(function, parameter, value):
    """Raise TypeError unless CuPy takes `value` as this parameter."""
    if parameter in SEQUENCES and not isinstance(value, ndarray):
        for item in value:
            _check(function, "array", item)
        return
    if parameter in ARRAYS | SEQUENCES:
        good = isinstance(value, ndarray) or (parameter == "out" and value is None)
    elif parameter in OPERANDS:
        good = value is None or isinstance(value, ndarray | SCALARS)
    else:
        good = not isinstance(value, ndarray | np.ndarray)
    if not good:
        raise TypeError(f"{function}: Unsupported type {type(value)} for '{parameter}'; arrays are "
                        "moved to the device with asarray, numbers to the host with float or int")


def _unwrap(value):
    if isinstance(value, list | tuple):
        return type(value)(_unwrap(item) for item in value)
    return value._memory if isinstance(value, ndarray) else value


def _index(key):
    """Give an index that NumPy understands and for which it makes an array, never a scalar."""
    key = key if isinstance(key, tuple) else (key,)
    for part in key:
        if isinstance(part, np.ndarray | list | tuple | bool | np.bool_):
            raise TypeError(f"index: {type(part)} would be moved to the device each time; "
                            "move it once, with asarray")
        if isinstance(part, ndarray) and part.dtype == bool:
            transfers.to_host += 1  # the host waits for the number of True elements
    return _unwrap(key) + (() if any(part is Ellipsis for part in key) else (Ellipsis,))


def _refuse_duplicates(targets):
    if np.unique(targets).size < targets.size:
        raise ValueError("an index occurs twice: which value stays is undefined on a GPU; "
                         "scatter with += on slices, or with add.at")


def _function(name, parameters):
    """Make NumPy's function `name` into one with CuPy's parameters, from and to the device."""
    signature = inspect.signature(eval(f"lambda {parameters}: None"))
    function = SPECIAL.get(name) or attrgetter(name)(np)

    def call(*args, **kwargs):
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{error}: CuPy has {name}({parameters})") from None
        out = bound.arguments.pop("out", None)
        _check(name, "out", out)
        for parameter, value in bound.arguments.items():
            _check(name, parameter, value)
            if parameter in ARRAYS | SEQUENCES | OPERANDS:
                bound.arguments[parameter] = _unwrap(value)
        place = {} if out is None else {"out": _unwrap(out)}  # maximum(x, y, out) is deprecated
        with np.errstate(all="ignore"), work.copying(_copied(name, *bound.args, **place)):
            result = compute(name, function, *bound.args, **bound.kwargs, **place)
            if out is None and result is not None:
                out = ndarray(np.asarray(result))
                if any(owner_of(out._memory) is owner_of(a) for a in bound.args
                       if isinstance(a, np.ndarray)):
                    return out  # a view
        work.operations += name not in ("empty", "empty_like")  # memory is taken, nothing done
        return out

    return call


def _copied(name, a=None, b=None, *args, out=None, **kwargs):
    """List the arrays that CuPy copies for a product: those which do not lie as cuBLAS wants."""
    if name != "matmul":
        return []
    either = a.ndim < 3 and b.ndim < 3  # a matrix may lie by rows or by columns, a stack may not
    return [x for x in (a, b) if not (x.flags.c_contiguous or either and x.flags.f_contiguous)] + [
        x for x in (out,) if x is not None and not x.flags.c_contiguous]


def _refused(name, *args, **kwargs):
    raise NotImplementedError(f"`cupy_{name}` is not supported yet")


def _with_rubbish(create):
    def empty(*args, **kwargs):
        memory = create(*args, **kwargs)
        memory.fill(np.nan if memory.dtype.kind in "fc" else 99)
        return memory

    return empty


def _pad(array, pad_width, mode="constant", **kwargs):
    if mode == "median":
        raise ValueError("mode 'median' is not supported")
    return np.pad(array, pad_width, mode, **kwargs)


def _sliding_window_view(x, window_shape, axis=None):
    transfers.to_device += 1  # CuPy moves the window's shape to the device and looks at it there
    transfers.to_host += np.size(window_shape)
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)


def _at(name, a, index, x):
    if a.dtype.name not in AT_DTYPES[name].split():
        raise TypeError(f"cupy.{name}.at only supports {AT_DTYPES[name]}, got {a.dtype}")
    getattr(np, name).at(a, index, x)


SPECIAL = {"empty": _with_rubbish(np.empty), "empty_like": _with_rubbish(np.empty_like),
           "pad": _pad, "lib.stride_tricks.sliding_window_view": _sliding_window_view}
SPECIAL |= {f"{name}.at": partial(_at, name) for name in AT_DTYPES}
NAMES = {name: getattr(np, name) for name in BORROWED.split()}
NAMES |= {name: _function(name, parameters)
          for parameters, names in (FUNCTIONS | UFUNCS).items() for name in names.split()}
lib = SimpleNamespace(stride_tricks=SimpleNamespace(
    as_strided=NAMES.pop("lib.stride_tricks.as_strided"),
    sliding_window_view=NAMES.pop("lib.stride_tricks.sliding_window_view")))
for name in " ".join(UFUNCS.values()).split():
    for method in ("reduce", "accumulate", "reduceat", "at"):
        setattr(NAMES[name], method, partial(_refused, f"{name}.{method}"))
for parameters, names in UFUNC_METHODS.items():
    for name, method in (path.split(".") for path in names.split()):
        setattr(NAMES[name], method, _function(f"{name}.{method}", parameters))

for name in "shape dtype ndim size itemsize nbytes strides".split():
    setattr(ndarray, name, property(attrgetter(f"_memory.{name}")))
for name in METHODS.split():
    setattr(ndarray, name, lambda self, *args, f=NAMES[name], **kwargs: f(self, *args, **kwargs))
for convert in (float, int, bool, complex, repr, str, format):  # each fetches the array
    setattr(ndarray, f"__{convert.__name__}__",
            lambda self, *spec, convert=convert: convert(self.get(), *spec))
for symbol, name in (OPERATORS | OTHER_OPERATORS).items():
    setattr(ndarray, f"__{symbol}__", lambda *args, f=NAMES[name]: f(*args))
for symbol, name in OPERATORS.items():
    setattr(ndarray, f"__r{symbol}__", lambda x, y, f=NAMES[name]: f(y, x))
    if name != "matmul":  # CuPy has no in-place product: x @= y makes x another array
        setattr(ndarray, f"__i{symbol}__", lambda x, y, f=NAMES[name]: f(x, y, out=x))
