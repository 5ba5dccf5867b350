"""Synthetic cells under an electron microscope: bright, packed, with thin dark membranes.

They stand in for the images of the paper's first experiment where those are not at hand.
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from minunet.data.elastic import random_displacement

SPACING = 26           # pixels from cell to cell, on average
MEMBRANE = 3.0         # its width in pixels
BRIGHT, DARK = 165, 75   # grey values of cells and membranes, before blur and noise


def draw_cells(count, size, seed=0):
    """Draw images of cells, and masks that say what is cell and what is membrane.

    A pixel belongs to the nearest of some random points (a Voronoi diagram, on a plane that is
    bent so that borders are curved), or to a membrane if a second point is nearly as near. What
    makes it hard is drawn on top: membranes that fade in places, dark bodies inside cells, blur
    and noise.

    Parameters
    ----------
    count : int
        Number of images D.
    size : int
        Their side in pixels.
    seed : int

    Returns
    -------
    images : ndarray (D, size, size, 1), uint8
    masks : ndarray (D, size, size), uint8
        1 is a cell's inside, 0 a membrane.
    """
    rng = np.random.default_rng(seed)
    drawn = [_draw(size, rng) for _ in range(count)]
    images, masks = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    return images[..., np.newaxis], masks


def _draw(size, rng):
    """One image and its mask, (size, size)."""
    to_membrane = _distance_to_membrane(size, rng)
    mask = (to_membrane > MEMBRANE / 2).astype(np.uint8)
    line = np.clip(MEMBRANE / 2 + 0.5 - to_membrane, 0, 1)  # its edge within one pixel
    fading = np.clip(0.75 + 0.45 * _texture(size, 8, rng), 0.1, 1)
    bodies = 0.55 * (_texture(size, 4, rng) > 1.7) * (to_membrane > MEMBRANE)
    darkness = np.maximum(line * fading, bodies)
    grey = BRIGHT - (BRIGHT - DARK) * darkness + 8 * _texture(size, 12, rng)
    grey = gaussian_filter(grey, 0.8) + rng.normal(0, 18, grey.shape)
    return np.clip(grey, 0, 255).astype(np.uint8), mask


def _distance_to_membrane(size, rng):
    """How far each pixel is from the middle of the nearest border, (size, size)."""
    per_side = -(-size // SPACING) + 2  # a ring of points beyond the image's edge too
    grid = np.indices((per_side, per_side)).reshape(2, -1).T * float(SPACING) - SPACING / 2
    points = grid + rng.normal(0, SPACING / 4, grid.shape)
    bent = np.indices((size, size)) + random_displacement((size, size), rng, 3.0, grid=per_side)
    d, i = cKDTree(points).query(np.moveaxis(bent, 0, -1), k=4)  # (size, size, 4), nearest first
    # Pythagoras for both points and their bisector: d₂² − d₁² = 2 · |p₂ − p₁| · distance to it.
    apart = np.linalg.norm(points[i[..., 1:]] - points[i[..., :1]], axis=-1)
    return ((d[..., 1:] ** 2 - d[..., :1] ** 2) / (2 * apart)).min(axis=-1)


def _texture(size, scale, rng):
    """A smooth random field of mean 0 and variance 1, blobs of about `scale` pixels."""
    field = gaussian_filter(rng.normal(size=(size, size)), scale, mode="wrap")
    return (field - field.mean()) / field.std()
