"""What holds for every op: pure, repeatable, any memory layout, the dtype it was given."""

from types import SimpleNamespace

import numpy as np
import pytest

from minunet import proofs
from minunet.ops.fast.choose import METHODS


def draw_cases():
    rng = np.random.default_rng(0)
    return {
        **{f"conv {method}": proofs.conv_case(rng, 2, (3, 5), 3, 2, (3, 3), 1, 1, method=method)
           for method in METHODS if method != "tiles"},
        "conv tiles": proofs.conv_case(rng, 2, (7, 6), 3, 2, (3, 3), 3, method="tiles"),
        "conv strided": proofs.conv_case(rng, 2, (7, 6), 2, 3, (3, 2), (2, 3), (1, 0), bias=False),
        "conv 3-D": proofs.conv_case(rng, 2, (4, 3, 5), 2, 3, (3, 2, 3), 1, 1),
        "conv_transpose": proofs.conv_transpose_case(rng, 2, (3, 4), 3, 2, (2, 2), 2),
        "max_pool": proofs.max_pool_case(rng, 2, (4, 6), 3),
        "max_pool padded": proofs.max_pool_case(rng, 2, (5, 6), 3, 3, 2, 1),
        "relu": proofs.relu_case(rng, (2, 3, 4, 2)),
        "batch_norm": proofs.batch_norm_case(rng, 2, (3, 4), 3),
        "batch_norm_relu": proofs.batch_norm_relu_case(rng, 2, (3, 4), 3),
        "dropout": proofs.dropout_case(rng, (2, 3, 4, 2), 0.4),
        "concat": proofs.concat_case(rng, 2, (3, 2), 2, 3, 3),
    }


CASES = draw_cases()
NUMPY = SimpleNamespace(asarray=np.asarray, asnumpy=np.asarray)
LAYOUTS = {
    "columns first": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "part of a larger": lambda a: np.pad(a, 1)[(slice(1, -1),) * a.ndim],
}
every_op = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def dy_for(y):
    return np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)


def run(backend, case, change=lambda a: a):
    """Give y and the gradients as NumPy arrays; `change` is done to each array that goes in."""
    forward, backward, arguments, _ = case
    y, cache = forward(*(backend.asarray(change(a)) for a in arguments.values()))
    gradients = backward(backend.asarray(change(dy_for(y))), cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return [backend.asnumpy(a) for a in (y, *gradients)]


@every_op
def test_no_argument_changes_and_backward_repeats(backend, case):
    forward, backward, arguments, _ = case
    given = [backend.asarray(a.copy()) for a in arguments.values()]
    y, cache = forward(*given)
    dy = backend.asarray(dy_for(y))
    first, second = backward(dy, cache), backward(dy, cache)
    for a, b in zip(given, arguments.values(), strict=True):
        np.testing.assert_array_equal(backend.asnumpy(a), b)
    np.testing.assert_array_equal(backend.asnumpy(dy), dy_for(y))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(backend.asnumpy(a), backend.asnumpy(b))


@every_op
def test_single_precision_stays_single_and_close_to_double(backend, case):
    single = run(backend, case, lambda a: a.astype(np.float32))
    for a, b in zip(single, run(backend, case), strict=True):
        assert (a.dtype, b.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5)


@every_op
def test_every_backend_gives_what_numpy_gives(backend, case):
    for a, b in zip(run(backend, case), run(NUMPY, case), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


@every_op
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_in_memory_does_not_matter(backend, case, layout):
    for a, b in zip(run(backend, case, layout), run(backend, case), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


@every_op
def test_dy_of_another_shape_is_refused(backend, case):
    forward, backward, arguments, _ = case
    y, cache = forward(*(backend.asarray(a) for a in arguments.values()))
    for dy in (dy_for(y)[1:], dy_for(y)[..., :1].repeat(9, axis=-1)):
        with pytest.raises(ValueError, match=r"dy must have shape .*, got"):
            backward(backend.asarray(dy), cache)


@every_op
def test_dy_of_another_dtype_is_refused(case):
    forward, backward, arguments, _ = case
    y, cache = forward(*arguments.values())
    with pytest.raises(TypeError, match="dy .*float32"):
        backward(dy_for(y).astype(np.float32), cache)


@every_op
def test_what_is_no_float_array_is_refused(case):
    forward, _, arguments, _ = case
    first, *others = arguments.values()
    name = next(iter(arguments))
    with pytest.raises(TypeError, match=f"{name} must be a NumPy or CuPy array, got list"):
        forward(first.tolist(), *others)
    with pytest.raises(TypeError, match=f"{name} must be floating-point, got int64"):
        forward(first.astype(np.int64), *others)
