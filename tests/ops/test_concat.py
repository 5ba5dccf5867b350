"""Crop and concatenate: which part of the skip is taken, and where gradients go."""

import numpy as np
import pytest

from minunet import ops


@pytest.mark.parametrize("spare, first", [(0, 0), (2, 1), (3, 1), (4, 2)])
def test_the_centre_is_taken_and_an_odd_pixel_is_left_below(backend, rng, spare, first):
    skip, up = rng.normal(size=(2, 3 + spare, 4, 2)), rng.normal(size=(2, 3, 4, 3))
    y, cache = ops.concat_forward(backend.asarray(skip), backend.asarray(up))
    part = skip[:, first:first + 3]
    np.testing.assert_array_equal(backend.asnumpy(y), np.concatenate([part, up], axis=-1))

    dskip, dup = map(backend.asnumpy, ops.concat_backward(y, cache))
    np.testing.assert_array_equal(dup, up)
    np.testing.assert_array_equal(dskip[:, first:first + 3], part)
    assert np.count_nonzero(dskip) == part.size  # the border had no say in the loss


@pytest.mark.parametrize("skip, up, message", [
    ((1, 3, 4, 2), (1, 4, 4, 2), r"skip must be as large as up \(1, 4, 4, 2\) or larger"),
    ((2, 4, 4, 2), (1, 4, 4, 2), r"with as many images; got \(2, 4, 4, 2\)"),
    ((1, 4, 4, 2), (1, 4, 2), r"up must have 4 axes, got shape \(1, 4, 2\)"),
])
def test_what_does_not_fit_is_named(skip, up, message):
    with pytest.raises(ValueError, match=message):
        ops.concat_forward(np.zeros(skip), np.zeros(up))
