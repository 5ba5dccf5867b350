"""Synthetic cells: the same from a seed, told apart by membranes, and not too easy."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label, maximum_filter

from minunet.data.phantom.cells import BRIGHT, DARK, MEMBRANE, SPACING, draw_cells

PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


@pytest.fixture(scope="module")
def drawn():
    """Images (4, 200, 200, 1) and masks (4, 200, 200)."""
    return draw_cells(4, 200)


def test_images_are_bytes_and_masks_are_0_and_1(drawn):
    images, masks = drawn
    assert images.shape == (4, 200, 200, 1) and images.dtype == np.uint8
    assert masks.shape == (4, 200, 200) and masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1}


def test_the_seed_decides_and_images_differ():
    images, masks = draw_cells(2, 64, seed=3)
    again, more = draw_cells(2, 64, seed=3), draw_cells(2, 64, seed=4)
    assert (again[0] == images).all() and (again[1] == masks).all()
    assert (more[1] != masks).any() and (masks[0] != masks[1]).any()


def test_there_are_as_many_cells_as_the_spacing_says(drawn):
    per_image = np.mean([label(mask)[1] for mask in drawn[1]])
    assert per_image == pytest.approx((200 / SPACING) ** 2, rel=0.35)  # edges cut cells in parts


def test_membranes_close_all_cells_and_are_as_wide_as_they_say(drawn):
    """Half of the width at the ridge; no cell leaks into its neighbour however membranes fade."""
    for mask in drawn[1]:
        depth = distance_transform_edt(mask == 0)
        ridge = depth[(depth > 0) & (depth == maximum_filter(depth, footprint=PLUS))]
        assert np.median(ridge) == pytest.approx((MEMBRANE + 1) / 2, abs=0.6)
        sizes = np.bincount(label(mask)[0].ravel())[1:]
        assert sizes.max() < 4 * SPACING**2


def test_membranes_are_darker_but_no_threshold_finds_them(drawn):
    images, masks = drawn
    inside, membrane = (images[..., 0][masks == k].astype(float) for k in (1, 0))
    assert DARK < membrane.mean() < inside.mean() - 20 < BRIGHT
    missed, kept = ([np.mean(pixels > t) for t in range(60, 180)]
                      for pixels in (membrane, inside))
    best = min(m + 1 - a for m, a in zip(missed, kept, strict=True))
    assert 0.15 < best < 0.7  # of both errors together: 0 for a clean picture, 1 for noise


def test_a_membrane_fades_and_a_cell_has_dark_bodies(drawn):
    """What only the surroundings can decide: bright on a membrane, dark inside a cell."""
    images, masks = drawn
    grey = images[..., 0].astype(float)
    assert np.mean(grey[masks == 0] > BRIGHT - 20) > 0.05
    assert np.mean(grey[masks == 1] < (BRIGHT + DARK) / 2 - 10) > 0.005
