"""What CuPy 14 has of NumPy: the tables by which `strict_backend` decides."""

import numpy as np

# What CuPy has: parameters, and the functions that take them.
FUNCTIONS = {
    "shape, dtype=float, order='C'": "empty zeros ones",
    "shape, fill_value, dtype=None, order='C'": "full",
    "prototype, dtype=None, order='K', subok=None, shape=None": "empty_like",
    "a, dtype=None, order='K', subok=None, shape=None": "zeros_like ones_like",
    "a, fill_value, dtype=None, order='K', subok=None, shape=None": "full_like",
    "start, stop=None, step=1, dtype=None": "arange",
    "N, M=None, k=0, dtype=float, order='C'": "eye",
    "a, newshape, order='C'": "reshape",
    "a, order='C'": "ravel",
    "a, axes=None": "transpose",
    "a, source, destination": "moveaxis",
    "a, axis1, axis2": "swapaxes",
    "a, axis": "expand_dims",
    "a, axis=None": "squeeze flip",
    "a, dtype=None": "ascontiguousarray",
    "a, shift, axis=None": "roll",
    "A, reps": "tile",
    "array, shape": "broadcast_to",
    "array, pad_width, mode='constant', **kwargs": "pad",
    "tup, axis=0, out=None": "concatenate stack",
    "a, axis=None, dtype=None, out=None, keepdims=False": "sum prod mean",
    "a, axis=None, dtype=None, out=None, ddof=0, keepdims=False": "var std",
    "a, axis=None, out=None, keepdims=False": "max min any all",
    "a, axis=None, *, out=None, keepdims=False": "argmax argmin",
    "a, axis=None, dtype=None, out=None": "cumsum",
    "a, b, *, out=None, dtype=None, casting='same_kind'": "matmul",
    "a, b, out=None": "dot",
    "a, b, axes=2": "tensordot",
    "subscripts, *operands, dtype=None, optimize=False": "einsum",
    "condition, x, y": "where",
    "a, a_min, a_max, out=None": "clip",
    "dst, src, casting='same_kind', where=None": "copyto",
    "a, indices, axis=None, out=None": "take",
    "a, indices, axis": "take_along_axis",
    "x, shape=None, strides=None": "lib.stride_tricks.as_strided",
    "x, window_shape, axis=None": "lib.stride_tricks.sliding_window_view",
}
UFUNCS = {
    "x, /, out=None, *, casting='same_kind', dtype=None": """abs absolute ceil cos exp expm1 floor
        invert isfinite isinf isnan log log1p log2 logical_not negative positive reciprocal rint
        sign sin sqrt square tanh""",
    "x1, x2, /, out=None, *, casting='same_kind', dtype=None": """add bitwise_and bitwise_or
        bitwise_xor divide equal floor_divide greater greater_equal hypot less less_equal
        logaddexp logical_and logical_or logical_xor maximum minimum multiply not_equal power
        remainder subtract true_divide""",
}
UFUNC_METHODS = {
    "array, axis=0, dtype=None, out=None, keepdims=False": "add.reduce multiply.reduce",
    "array, axis=0, dtype=None, out=None": "add.accumulate multiply.accumulate",
    "array, indices, axis=0, dtype=None, out=None": "add.reduceat",
    "a, index, x, /": "add.at subtract.at maximum.at minimum.at",
}
AT_DTYPES = {"add": "int32 uint32 uint64 float16 float32 float64", "subtract": "int32 uint32",
             "maximum": "int32 uint32 uint64 float32 float64",
             "minimum": "int32 uint32 uint64 float32 float64"}
METHODS = """all any argmax argmin clip cumsum dot max mean min prod ravel squeeze std sum swapaxes
    take var"""
OPERATORS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
             "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "matmul": "matmul",
             "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}
OTHER_OPERATORS = {"lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal",
                   "gt": "greater", "ge": "greater_equal", "neg": "negative", "pos": "positive",
                   "abs": "absolute", "invert": "invert"}
BORROWED = """bool_ dtype finfo float16 float32 float64 floating iinfo inf int8 int16 int32 int64
    integer intp issubdtype nan newaxis pi uint8 uint16 uint32 uint64"""

# What parameters of these names take. All others take no array at all.
ARRAYS = {"A", "a", "array", "b", "condition", "dst", "indices", "out", "prototype"}
SEQUENCES = {"index", "operands", "tup"}  # of arrays
OPERANDS = {"a_max", "a_min", "fill_value", "src", "where", "x", "x1", "x2", "y"}  # or scalars
SCALARS = bool | int | float | complex | np.generic
