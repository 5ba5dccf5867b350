"""The stand-in refuses what CuPy refuses, computes what it permits, and counts transfers."""

import importlib
import inspect
import warnings
from operator import attrgetter

import numpy as np
import pytest
import strict_backend as xp

from minunet.engine.backend import array_module, to_host


def device(*shape, dtype="float32"):
    """0, 1, 2, … on the device, the count of transfers back at zero."""
    x = xp.asarray(np.arange(np.prod(shape)).reshape(shape).astype(dtype))
    xp.transfers.reset()
    return x


def assert_equal(x, expected):
    assert isinstance(x, xp.ndarray)
    assert x.dtype == expected.dtype
    np.testing.assert_array_equal(x.get(), expected)


def set_item(x, key, value):
    x[key] = value


def in_place(x, y):
    x += y


HOST = np.ones((2, 3), np.float32)

CONVERSIONS = {
    "np.asarray": lambda x: np.asarray(x),
    "np.array": lambda x: np.array([x, x]),
    "np ufunc": lambda x: np.exp(x),
    "np ufunc beside a scalar": lambda x: np.maximum(0, x),
    "np ufunc out": lambda x: np.add(HOST, 1, out=x),
    "np function": lambda x: np.sum(x),
    "np product": lambda x: np.matmul(x, x),
    "np list function": lambda x: np.concatenate([x, x]),
    "array + device": lambda x: HOST + x,
    "device + array": lambda x: x + HOST,
    "device + 0-d array": lambda x: x + np.array(1.0),
    "device + list": lambda x: x + [1, 2, 3],
    "array < device": lambda x: HOST < x,
    "device == array": lambda x: x == HOST,
    "array @ device": lambda x: HOST.T @ x,
    "device @ array": lambda x: x @ HOST.T,
    "device += array": lambda x: in_place(x, HOST),
    "array += device": lambda x: in_place(HOST.copy(), x),
    "device[...] = array": lambda x: set_item(x, ..., HOST),
    "array[...] = device": lambda x: set_item(HOST.copy(), ..., x),
    "device[array]": lambda x: x[np.array([0, 1])],
    "device[list]": lambda x: x[[0, 1]],
    "device[mask]": lambda x: x[HOST > 0],
    "device[array] = 0": lambda x: set_item(x, np.array([0]), 0),
    "array[device]": lambda x: HOST[xp.asarray([0])],
    "range(device)": lambda x: range(x[0, 1]),
    "slice to a device number": lambda x: x[:x[0, 1]],
    "shape of device numbers": lambda x: x.reshape(xp.asarray(1), 6),
    "axis from the device": lambda x: xp.sum(x, axis=xp.asarray(1)),
    "axis from an array": lambda x: xp.sum(x, axis=np.array(1)),
    "xp reduction": lambda x: xp.sum(HOST),
    "xp reduction of a scalar": lambda x: xp.max(1.0),
    "xp ufunc": lambda x: xp.add(x, HOST),
    "xp out": lambda x: xp.add(x, 1, out=HOST.copy()),
    "xp concatenate": lambda x: xp.concatenate([x, HOST]),
    "xp einsum": lambda x: xp.einsum("ij,ij->i", x, HOST),
    "xp where": lambda x: xp.where(HOST > 0, x, 0),
    "xp copyto": lambda x: xp.copyto(x, HOST),
    "xp zeros_like": lambda x: xp.zeros_like(HOST),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_device_and_host_never_mix(name):
    with pytest.raises(TypeError):
        CONVERSIONS[name](device(2, 3))


def test_the_refusal_says_what_to_write():
    with pytest.raises(TypeError, match=r"use `\.get\(\)`"):
        np.asarray(device(2))
    with pytest.raises(TypeError, match="call xp.sum"):
        np.sum(device(2))
    with pytest.raises(TypeError, match="add: Unsupported type .*numpy.ndarray.*'x2'.*asarray"):
        device(2) + np.ones(2)


@pytest.mark.parametrize("name", ["block", "insert", "errstate", "einsum_path",
                                  "vecdot", "nditer", "ndenumerate", "memmap"])
def test_what_cupy_lacks_is_missing(name):
    assert hasattr(np, name)
    with pytest.raises(AttributeError, match=f"CuPy has no '{name}'"):
        getattr(xp, name)


KEYWORDS = {
    "ufunc where": lambda x: xp.add(x, 1, where=x > 0),
    "ufunc order": lambda x: xp.exp(x, order="F"),
    "sum where": lambda x: xp.sum(x, where=x > 0),
    "sum initial": lambda x: xp.sum(x, initial=1),
    "method initial": lambda x: x.max(initial=0),
    "mean where": lambda x: xp.mean(x, where=x > 0),
    "clip min": lambda x: xp.clip(x, min=0, max=1),
    "einsum out": lambda x: xp.einsum("ij->j", x, out=device(3)),
    "empty device": lambda x: xp.empty(3, device="cpu"),
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_keywords_that_cupy_lacks_are_named(name):
    with pytest.raises(TypeError, match="argument.*: CuPy has "):
        KEYWORDS[name](device(2, 3))


def test_pad_has_no_median():
    with pytest.raises(ValueError, match="mode 'median' is not supported"):
        xp.pad(device(3), 1, mode="median")
    assert_equal(xp.pad(device(3), 1, mode="edge"), np.array([0, 0, 1, 2, 2], "f4"))


@pytest.mark.parametrize("ufunc", ["add", "multiply", "subtract", "maximum", "minimum", "divide"])
@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat"])
def test_ufunc_methods_that_cupy_lacks(ufunc, method):
    indices = {"reduceat": [[0, 2]]}.get(method, [])
    call = getattr(getattr(xp, ufunc), method)
    arguments = [device(4), *map(xp.asarray, indices)]
    if ufunc in {"reduceat": ["add"]}.get(method, ["add", "multiply"]):
        expected = getattr(getattr(np, ufunc), method)(np.arange(4, dtype="f4"), *indices)
        assert_equal(call(*arguments), expected)
    else:
        with pytest.raises(NotImplementedError, match=f"`cupy_{ufunc}.{method}` is not supported"):
            call(*arguments)


@pytest.mark.parametrize("ufunc, dtype", [("add", "float32"), ("subtract", "int32"),
                                          ("maximum", "float64"), ("minimum", "float32")])
def test_at_takes_an_index_twice(ufunc, dtype):
    x, expected = device(2, 3, dtype=dtype), np.arange(6).reshape(2, 3).astype(dtype)
    rows, columns, values = np.array([0, 1, 0]), np.array([2, 1, 2]), np.array([5, 7, 9], dtype)
    getattr(xp, ufunc).at(x, (xp.asarray(rows), xp.asarray(columns)), xp.asarray(values))
    getattr(np, ufunc).at(expected, (rows, columns), values)
    assert_equal(x, expected)


@pytest.mark.parametrize("ufunc, dtype, error", [
    ("multiply", "float32", NotImplementedError), ("subtract", "float32", TypeError),
    ("add", "int64", TypeError), ("maximum", "float16", TypeError)])
def test_at_needs_an_atomic_operation(ufunc, dtype, error):
    with pytest.raises(error, match=f"cupy[_.]{ufunc}.at"):
        getattr(xp, ufunc).at(device(3, dtype=dtype), xp.asarray([0, 0]), 1)


def test_results_are_arrays_where_numpy_gives_scalars():
    x = device(2, 3)
    for result in (x.sum(), xp.max(x), x[1, 2], xp.einsum("ij->", x), xp.exp(1.0), x.all()):
        assert isinstance(result, xp.ndarray) and result.shape == ()
    assert xp.transfers == xp.Transfers(0, 0)


def test_one_element_is_a_view():
    x = device(2, 3)
    element = x[1, 2]
    element += 10
    assert_equal(x[1], np.array([3, 4, 15], "f4"))


@pytest.mark.parametrize("scalar", [2, 2.0, True, np.float32(2), np.float64(2), np.int64(2)],
                         ids=lambda scalar: type(scalar).__name__)
def test_scalars_of_python_and_numpy_keep_numpys_dtypes(scalar):
    x, host = device(3), np.arange(3, dtype="f4")
    assert_equal(x * scalar, host * scalar)
    assert_equal(scalar - x, scalar - host)
    assert_equal(scalar <= x, scalar <= host)
    assert_equal(scalar ** x, scalar ** host)


PERMITTED = {
    "arithmetic": lambda xp, x: -x + x * x / (x + 1) - x // 2 + x % 2 + abs(x) ** 2,
    "bits": lambda xp, x: (x > 1) & ~(x == 3) | (x < 1) ^ (x != 0),
    "matrix product": lambda xp, x: x @ x.T,
    "matmul": lambda xp, x: xp.matmul(x.T, x, out=xp.empty((4, 4), dtype=x.dtype)),
    "tensordot": lambda xp, x: xp.tensordot(x, x, axes=([0], [0])),
    "dot": lambda xp, x: x.dot(x.T),
    "einsum": lambda xp, x: xp.einsum("ij,kj->ik", x, x, optimize=True),
    "ufuncs": lambda xp, x: xp.maximum(xp.exp(-x), xp.log1p(x)) + xp.sqrt(x) * xp.tanh(x),
    "rounding": lambda xp, x: xp.sign(x) + xp.floor(x / 2) - xp.rint(x / 3),
    "reductions": lambda xp, x: x.sum(axis=0) + xp.mean(x, axis=0) + xp.max(x, 0) - x.min(axis=0),
    "variance": lambda xp, x: x.var(axis=(0, 1), ddof=1, keepdims=True),
    "argmax": lambda xp, x: xp.argmax(x, axis=1) + x.argmin(axis=1, keepdims=False),
    "logic": lambda xp, x: xp.any(x > 3, axis=0) & (x >= 0).all(axis=0) & xp.isfinite(x[0]),
    "where": lambda xp, x: xp.where(x > 2, x, 0),
    "clip": lambda xp, x: xp.clip(x, 1, 2) + x.clip(3, 4),
    "join": lambda xp, x: xp.concatenate([x, xp.stack([x[0], x[1]])], axis=0),
    "pad": lambda xp, x: xp.pad(x, ((1, 1), (0, 2)), constant_values=-xp.inf),
    "axes": lambda xp, x: xp.moveaxis(x[None], 0, -1).transpose(1, 2, 0).swapaxes(0, 2),
    "more axes": lambda xp, x: xp.transpose(xp.expand_dims(x, 1), (2, 0, 1)),
    "shapes": lambda xp, x: xp.broadcast_to(x.reshape(1, 12)[..., None], (2, 12, 3)).squeeze(),
    "flip and roll": lambda xp, x: xp.roll(xp.flip(x, axis=0), 1, axis=1).ravel(),
    "creation": lambda xp, x: xp.ones_like(x) + xp.full((3, 4), 2, x.dtype) + xp.arange(4.0),
    "more creation": lambda xp, x: xp.zeros(4, xp.int64) + xp.eye(3, 4, dtype=xp.uint8),
    "gather": lambda xp, x: xp.take_along_axis(x, xp.argmax(x, axis=1)[:, None], axis=1),
    "integer index": lambda xp, x: x[xp.arange(3)[:, None], xp.arange(2)],
    "basic index": lambda xp, x: x[1:, None, ::2],
    "astype": lambda xp, x: (x > 1).astype(xp.float64),
    "windows": lambda xp, x: xp.lib.stride_tricks.sliding_window_view(x, (2, 3)).sum(axis=(2, 3)),
    "strides": lambda xp, x: xp.lib.stride_tricks.as_strided(
        x, (2, 2, 2, 2), x.strides * 2).reshape(4, 4),
    "contiguous": lambda xp, x: xp.ascontiguousarray(x.T) + xp.asarray(x.T, dtype=xp.float64),
}


@pytest.mark.parametrize("name", PERMITTED)
def test_what_is_permitted_computes_as_numpy_does(name, backend):
    host = np.arange(12, dtype="float32").reshape(3, 4)
    result, expected = PERMITTED[name](backend.xp, backend.asarray(host)), PERMITTED[name](np, host)
    assert isinstance(result, backend.xp.ndarray)
    assert result.dtype == expected.dtype and result.shape == expected.shape
    np.testing.assert_allclose(backend.asnumpy(result), expected, rtol=1e-6)


def test_overflow_and_division_by_zero_are_silent():
    x = device(2) - 1
    assert_equal(xp.log(x + 1), np.array([-np.inf, 0], "f4"))
    assert_equal(x / xp.zeros_like(x), np.array([-np.inf, np.nan], "f4"))


def test_a_view_shares_its_memory(backend):
    x = backend.asarray(np.zeros((3, 4), np.float32))
    x[1:, ::2] += 1
    x.T[3] = 5
    row = x[0]
    row -= 1
    out = backend.xp.add(x, 1, out=x)
    assert out is x
    np.testing.assert_array_equal(backend.asnumpy(x), [[0, 0, 0, 5], [2, 1, 2, 6], [2, 1, 2, 6]])


def test_the_device_has_its_own_memory():
    host = np.zeros(3)
    x = xp.asarray(host)
    x += 1
    fetched = x.get()
    fetched += 1
    assert_equal(x, np.ones(3))
    np.testing.assert_array_equal(host, np.zeros(3))


def test_empty_holds_rubbish():
    assert np.isnan(xp.empty((2, 2), xp.float32).get()).all()
    assert (xp.empty_like(device(3, dtype="uint8")).get() == 99).all()


def test_assignment_by_index():
    x = device(2, 3)
    x[xp.asarray([1, 0]), xp.asarray([2, 0])] = xp.asarray(np.float32([7, 8]))
    x[x == 1] = 9
    assert_equal(x, np.array([[8, 9, 2], [3, 4, 7]], "f4"))


def test_an_index_that_occurs_twice_is_refused():
    x = device(2, 3)
    with pytest.raises(ValueError, match="an index occurs twice"):
        x[xp.asarray([1, 1])] = 0
    with pytest.raises(ValueError, match="an index occurs twice"):
        x[xp.asarray([0, -2]), 1] += 1
    x[xp.asarray([1, 1]), xp.asarray([0, 1])] = 0
    assert_equal(x, np.array([[0, 1, 2], [0, 0, 5]], "f4"))


@pytest.mark.parametrize("use", [
    lambda x, i: x[i], lambda x, i: set_item(x, i, 0), lambda x, i: xp.take(x, i),
    lambda x, i: xp.take_along_axis(x, i, axis=0)], ids=["get", "set", "take", "along"])
def test_an_index_beyond_the_end_is_refused(use):
    with pytest.raises(IndexError, match="out of bounds"):
        use(device(3), xp.asarray([0, 3]))


def test_dtypes_are_those_of_a_gpu():
    for values in (["a"], [None], np.zeros(1, np.longdouble)):
        with pytest.raises(ValueError, match="Unsupported dtype"):
            xp.asarray(values)
    assert xp.result_type(device(2), np.float64) == np.float64


COUNTED = {
    "nothing": (lambda x: (x * 2 + np.float32(1)).sum(), 0, 0),
    "array in": (lambda x: xp.asarray(HOST), 1, 0),
    "list in": (lambda x: xp.ascontiguousarray([1, 2]), 1, 0),
    "number in": (lambda x: xp.asarray(1.0), 1, 0),
    "already there": (lambda x: xp.asarray(x, dtype=xp.float64), 0, 0),
    "get": (lambda x: x.get(), 0, 1),
    "to_host": (lambda x: to_host(x), 0, 1),
    "asnumpy": (lambda x: xp.asnumpy(x), 0, 1),
    "asnumpy of the host's": (lambda x: xp.asnumpy(HOST), 0, 0),
    "float": (lambda x: float(x[0, 0]), 0, 1),
    "int": (lambda x: int(x[0, 0]), 0, 1),
    "item": (lambda x: x[0, 0].item(), 0, 1),
    "if": (lambda x: 1 if x[0, 1] > 0 else 0, 0, 1),
    "print": (lambda x: f"{x} {x!r} {x[0, 0]:.2f}", 0, 3),
    "filling a slice": (lambda x: set_item(x, slice(1), 0), 0, 0),
    "selecting by mask": (lambda x: x[x > 1], 0, 1),
    "filling a mask": (lambda x: set_item(x, x > 1, 0), 1, 1),
    "windows": (lambda x: xp.lib.stride_tricks.sliding_window_view(x, (2, 2)), 1, 2),
    "strides": (lambda x: xp.lib.stride_tricks.as_strided(x, (2,), (4,)), 0, 0),
}


@pytest.mark.parametrize("name", COUNTED)
def test_transfers_are_counted(name):
    work, to_device, to_host = COUNTED[name]
    work(device(2, 3))
    assert xp.transfers == xp.Transfers(to_device, to_host)


def test_an_array_knows_its_shape_and_its_module():
    x = device(2, 3)
    assert (x.shape, x.ndim, x.size, x.nbytes, len(x)) == ((2, 3), 2, 6, 24, 2)
    assert x.strides == (12, 4) and x.T.strides == (4, 12)
    assert x.flags.c_contiguous and x.T.flags.f_contiguous and not x.T.flags.owndata
    assert xp.asarray(HOST.T).flags.f_contiguous and not xp.asarray(HOST.T).flags.c_contiguous
    assert [row.shape for row in x] == [(3,), (3,)]
    assert array_module(x) is xp
    assert not isinstance(x, np.ndarray)


def cupy_or_skip():
    """CuPy's module, which imports on a machine without a GPU too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("cupy")
    except ImportError as error:
        pytest.skip(f"CuPy cannot be imported: {error}")


def test_cupy_has_all_that_the_stand_in_has():
    cupy = cupy_or_skip()
    for parameters, names in (xp.FUNCTIONS | xp.UFUNC_METHODS).items():
        ours = inspect.signature(eval(f"lambda {parameters}: None")).parameters.values()
        for name in names.split():
            try:
                theirs = inspect.signature(attrgetter(name)(cupy)).parameters.values()
            except ValueError:  # compiled: no signature
                continue
            loose = {"VAR_POSITIONAL", "VAR_KEYWORD"} & {p.kind.name for p in theirs}
            named = {p.name for p in ours if p.kind.name != "POSITIONAL_ONLY"}
            assert loose or named <= {p.name for p in theirs}, name
    for name in " ".join([*xp.UFUNCS.values(), xp.BORROWED]).split():
        assert hasattr(cupy, name), name
    for name in vars(xp.ndarray):
        assert hasattr(cupy.ndarray, name) or name in ("__slots__", "_memory", "__module__"), name
