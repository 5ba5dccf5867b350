"""Where a tumour ends: a smooth border around the volume that was counted.

A mask's own border is a staircase. It has the volume of what it stands for, but half as much again
of its surface, however fine the voxels, and its corners stick out. So the border is taken from the
signed distance to the mask, smoothed by one voxel along each axis and cut at the level that
encloses as much as the mask's voxels do. Between the slices of a coarse axis that interpolates by
shape (Raya and Udupa 1990). Diameters and shape are measured on this border, sizes are counted.

Lengths are in the unit of `spacing`, usually millimetres; the centre of the first voxel is 0.
"""

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours, marching_cubes

SMOOTHING = 1.0  # voxels: the least at which a ball's surface comes out within 1 %
MARGIN = 5  # voxels around a mask, more than the smoothing reaches


def signed_distance(mask, spacing):
    """Distance from the border, positive inside, smoothed; the mask gains `MARGIN` on all sides.

    Parameters
    ----------
    mask : ndarray of bool, 2-D or 3-D
        Not empty.
    spacing : sequence of float

    Returns
    -------
    ndarray, float64
    """
    padded = np.pad(mask, MARGIN)
    distance = (ndimage.distance_transform_edt(padded, sampling=spacing)
                - ndimage.distance_transform_edt(~padded, sampling=spacing))
    smooth = ndimage.gaussian_filter(distance, SMOOTHING)
    return smooth if smooth.max() > 0 else distance  # a tumour one voxel thin would vanish


def surface(mask, spacing):
    """Give the border of a tumour in space as triangles.

    Parameters
    ----------
    mask : ndarray (D, H, W) of bool
        Not empty.
    spacing : sequence of float

    Returns
    -------
    corners : ndarray (P, 3)
    triangles : ndarray (T, 3), int
        Indices of their corners.
    """
    distance = signed_distance(mask, spacing)

    def cut(level):
        corners, triangles, *_ = marching_cubes(distance, level, spacing=tuple(spacing))
        return corners - MARGIN * np.asarray(spacing), triangles

    return _enclosing(mask, spacing, cut, lambda border: area_and_volume(*border))


def area_and_volume(corners, triangles):
    """Area of a closed surface, Σ |e₁ × e₂| / 2, and the volume within, |Σ a · (b × c)| / 6."""
    a, b, c = np.moveaxis(corners[triangles], 1, 0)  # (T, 3) each
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return float(area), float(abs((a * np.cross(b, c)).sum()) / 6)


def outlines(mask, spacing):
    """Give the border of a tumour in a slice, a closed line for each part and each hole.

    Parts that touch at a corner are one.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        Not empty.
    spacing : sequence of float

    Returns
    -------
    list of ndarray (P, 2)
        The longest line first; the last point of each is its first.
    """
    distance = signed_distance(mask, spacing)

    def cut(level):
        lines = find_contours(distance, level, fully_connected="high")
        return sorted(((line - MARGIN) * spacing for line in lines), key=perimeter, reverse=True)

    return _enclosing(mask, spacing, cut, perimeter_and_area)


def perimeter(line):
    """The length of a polygon, (P, 2)."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def perimeter_and_area(lines):
    """Length of all lines together, and the area between them."""
    return sum(map(perimeter, lines)), abs(sum(map(_signed_area, lines)))


def _signed_area(line):
    """The area within a closed polygon; holes turn the other way and are negative."""
    (y, x), (next_y, next_x) = (line[:-1] - line[0]).T, (line[1:] - line[0]).T
    return float((y * next_x - next_y * x).sum() / 2)


def _enclosing(mask, spacing, cut, measure):
    """The border that encloses as much as the mask's voxels do: two steps of Newton's method.

    Moved outwards by δ, a border of size S encloses δ·S more.
    """
    counted, level = np.count_nonzero(mask) * np.prod(spacing), 0.0
    limit = min(spacing) / 2  # further out, parts of a small tumour's grid have no level left
    for _ in range(2):
        size, content = measure(cut(level))
        level = float(np.clip(level - (counted - content) / size, -limit, limit))
    return cut(level)
