"""Elastic deformation: bend an image smoothly, as tissue bends from one patient to the next.

Ronneberger et al. 2015, section 3.1, call it "the key concept to train a segmentation network
with very few annotated images".
"""

from functools import cache

import numpy as np
import scipy as sp

from minunet.engine.blas import blas_on_one_thread


@blas_on_one_thread()
def random_displacement(shape, rng, std, grid=3):
    """Draw a smooth field that says for each pixel how far away its value comes from.

    On a coarse grid × grid of points, corners on corners, both components are drawn from a
    normal distribution, and brought to every pixel by bicubic interpolation: with B(·) the
    cubic spline, u(y, x) = Σᵢⱼ uᵢⱼ B(y − yᵢ) B(x − xⱼ), uᵢⱼ such that it passes through the
    drawn values.

    Parameters
    ----------
    shape : (int, int)
        H, W.
    rng : numpy.random.Generator
        Advanced by 2 · grid² draws.
    std : float
        Standard deviation of the drawn values, in pixels; between the points it is less. The
        paper has 10 pixels on its tiles of 572, a thirtieth of the way from point to point.
        At a fifth of that way, one field in ten folds the image over itself somewhere.
    grid : int
        Points a side, 2 or more; the paper has 3.

    Returns
    -------
    ndarray (2, H, W), float64
        Rows, columns.
    """
    coarse = rng.normal(0, std, (2, grid, grid))
    # The interpolation is linear and separable: one small matrix for each axis.
    return _spline(shape[0], grid) @ coarse @ _spline(shape[1], grid).T


@cache
def _spline(n, grid):
    """The matrix (n, grid) that brings `grid` values to n points by cubic spline."""
    # "mirror": by the default, a last point that rounding puts beyond the end would be 0.
    return np.stack([sp.ndimage.zoom(row, n / grid, order=3, mode="mirror")
                     for row in np.eye(grid)], axis=1)


def deform(image, mask, displacement):
    """Move pixels by a displacement field, the same in the image and its mask.

    y[p] = x[p + u(p)]: linear between pixels in the image, the nearest in the mask, which so
    keeps its values; beyond the edge both go on with their edge values.

    Parameters
    ----------
    image : ndarray (H, W, C), float
    mask : ndarray (H, W)
    displacement : ndarray (2, H, W)
        In pixels, as `random_displacement` gives it.

    Returns
    -------
    image : ndarray (H, W, C), float32
    mask : ndarray (H, W), of the dtype of `mask`

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if image.shape[:-1] != mask.shape or displacement.shape != (2, *mask.shape):
        raise ValueError("image, mask, displacement: expected (H, W, C), (H, W) and (2, H, W), "
                         f"got {image.shape}, {mask.shape} and {displacement.shape}")
    source = np.indices(mask.shape) + displacement  # (2, H, W)
    bent = [sp.ndimage.map_coordinates(channel, source, np.float32, order=1, mode="nearest")
            for channel in np.moveaxis(image, -1, 0)]
    return (np.stack(bent, axis=-1),
            sp.ndimage.map_coordinates(mask, source, order=0, mode="nearest"))
