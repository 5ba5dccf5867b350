"""⟨f(x), dy⟩ = ⟨x, fᵀ(dy)⟩: the backward of a linear op is its transpose, nothing else is.

No differences are taken here, so the two sides agree to rounding; and a transpose is found
wrong even where the gradient check and the op agree on a wrong formula for y.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapes import at_edges, convolutions, does, proof, seeds, transposed_convolutions

from minunet import ops, proofs
from minunet.ops.fast.choose import METHODS


def inner(a, b):
    """⟨a, b⟩, and the length that its rounding error is measured by."""
    return np.sum(a * b), 1e-13 * (1 + np.linalg.norm(a) * np.linalg.norm(b))


def assert_adjoint(case, rng, jointly=False):
    """Compare ⟨y, dy⟩ with ⟨a, da⟩ of each argument a, or with their sum."""
    forward, backward, arguments, _ = case
    y, cache = forward(*arguments.values())
    dy = rng.normal(size=y.shape)
    gradients = backward(dy, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    left, allowed = inner(y, dy)
    right = [inner(a, da)[0] for a, da in zip(arguments.values(), gradients, strict=True)]
    for value in [sum(right)] if jointly else right:
        assert value == pytest.approx(left, rel=0, abs=allowed)


@pytest.mark.parametrize("method", METHODS)
@given(shape=convolutions, seed=seeds)
@at_edges
@proof
def test_conv_in_x_and_in_w(method, shape, seed):
    assume(does(method, shape))
    rng = np.random.default_rng(seed)
    assert_adjoint(proofs.conv_case(rng, *shape, method=method, bias=False), rng)


@given(shape=transposed_convolutions, seed=seeds)
@proof
def test_conv_transpose_in_x_and_in_w(shape, seed):
    rng = np.random.default_rng(seed)
    assert_adjoint(proofs.conv_transpose_case(rng, *shape, bias=False), rng)


@given(border=st.integers(0, 3), seed=seeds)
@proof
def test_concat_in_both_together(border, seed):
    rng = np.random.default_rng(seed)
    assert_adjoint(proofs.concat_case(rng, 2, (3, 2), 2, 1, border), rng, jointly=True)


@given(rate=st.sampled_from([0, 0.1, 0.5, 0.9]), seed=seeds)
@proof
def test_dropout(rate, seed):
    rng = np.random.default_rng(seed)
    assert_adjoint(proofs.dropout_case(rng, (2, 3, 4), rate), rng)


@given(shape=transposed_convolutions, seed=seeds)
@proof
def test_the_same_w_convolves_and_transposes(shape, seed):
    """⟨conv(u, w), x⟩ = ⟨u, conv_transpose(x, w)⟩."""
    rng = np.random.default_rng(seed)
    _, _, arguments, _ = proofs.conv_transpose_case(rng, *shape, bias=False)
    x, w = arguments.values()
    painted, _ = ops.conv_transpose_forward(x, w, stride=shape.stride, padding=shape.padding)
    u = rng.normal(size=painted.shape)
    y, _ = ops.conv_forward(u, w, stride=shape.stride, padding=shape.padding)
    left, allowed = inner(y, x)
    assert inner(u, painted)[0] == pytest.approx(left, rel=0, abs=allowed)
