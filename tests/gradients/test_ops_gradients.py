"""Every op, every argument, every element: backward against central differences.

The checker and its tolerances are `minunet.gradcheck.check`; the cases, `minunet.proofs`.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapes import at_edges, convolutions, does, poolings, proof, seeds, transposed_convolutions

from minunet import gradcheck, proofs
from minunet.ops.fast.choose import METHODS

COUNT = st.integers(1, 3)
SIZES = st.lists(COUNT, min_size=1, max_size=3).map(tuple)


def prove(case):
    forward, backward, arguments, linear = case
    report = gradcheck.check(forward, backward, arguments, linear=linear)
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("method", METHODS)
@given(shape=convolutions, seed=seeds)
@at_edges
@proof
def test_conv(method, bias, shape, seed):
    assume(does(method, shape))
    prove(proofs.conv_case(np.random.default_rng(seed), *shape, method=method, bias=bias))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@given(shape=transposed_convolutions, seed=seeds)
@proof
def test_conv_transpose(bias, shape, seed):
    prove(proofs.conv_transpose_case(np.random.default_rng(seed), *shape, bias=bias))


@given(shape=poolings, seed=seeds)
@proof
def test_max_pool(shape, seed):
    n, size, c, _, window, stride, padding = shape
    prove(proofs.max_pool_case(np.random.default_rng(seed), n, size, c, window, stride, padding))


@given(shape=SIZES, seed=seeds)
@proof
def test_relu(shape, seed):
    prove(proofs.relu_case(np.random.default_rng(seed), shape))


@given(n=COUNT, size=SIZES, c=COUNT, seed=seeds)
@proof
def test_batch_norm(n, size, c, seed):
    # Two pixels, whatever they are, become 1 and −1 and have hardly a gradient: four at least.
    prove(proofs.batch_norm_case(np.random.default_rng(seed), n, (*size, 4), c))


@given(n=COUNT, size=SIZES, c=COUNT, seed=seeds)
@proof
def test_batch_norm_relu(n, size, c, seed):
    prove(proofs.batch_norm_relu_case(np.random.default_rng(seed), n, (*size, 4), c))


@given(shape=SIZES, rate=st.sampled_from([0, 0.1, 0.5, 0.9]), seed=seeds)
@proof
def test_dropout(shape, rate, seed):
    prove(proofs.dropout_case(np.random.default_rng(seed), shape, rate))


@given(n=COUNT, size=SIZES, c=COUNT, f=COUNT, border=st.integers(0, 3), seed=seeds)
@proof
def test_concat(n, size, c, f, border, seed):
    prove(proofs.concat_case(np.random.default_rng(seed), n, size, c, f, border))


@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "softmax_cross_entropy", "dice_loss",
                                  "softmax_dice_loss"])
@given(n=COUNT, size=SIZES, classes=COUNT, seed=seeds)
@proof
def test_loss(name, n, size, classes, seed):
    loss, logits = proofs.loss_cases(np.random.default_rng(seed), n, size, classes)[name]
    report = gradcheck.check_loss(loss, logits)
    assert report.ok, f"\n{report}"
