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
STEPS = 12  # of the search for a level; two or three are enough for all but the smallest tumours
CLOSE = 1e-3  # of what was counted: near enough
ASTRAY = 0.1  # of what was counted: the smoothing has lost what is one voxel thin
FLAT = 1e-6  # a line of less area (over its length squared) or length (pixels) encloses nothing


def signed_distance(mask, spacing, smoothing=SMOOTHING):
    """Distance from the border, positive inside, smoothed; the mask gains `MARGIN` on all sides.

    Parameters
    ----------
    mask : ndarray of bool, 2-D or 3-D
        Not empty.
    spacing : sequence of float
    smoothing : float
        Voxels. If 0, every voxel of the mask has at least ``min(spacing)``.

    Returns
    -------
    ndarray, float64
    """
    padded = np.pad(mask, MARGIN)
    distance = (ndimage.distance_transform_edt(padded, sampling=spacing)
                - ndimage.distance_transform_edt(~padded, sampling=spacing))
    return ndimage.gaussian_filter(distance, smoothing)


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
    def cut(distance, level):
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
    def cut(distance, level):
        lines = [(line - MARGIN) * spacing
                 for line in find_contours(distance, level, fully_connected="high")]
        return sorted((line for line in lines if _encloses(line, spacing)), key=perimeter,
                      reverse=True)

    return _enclosing(mask, spacing, cut, perimeter_and_area)


def _encloses(line, spacing):
    """Whether a closed line is more than a point or a thread, as rounding leaves them."""
    length = perimeter(line)
    return length > FLAT * min(spacing) and abs(_signed_area(line)) > FLAT * length ** 2


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
    """The border that encloses as much as the mask's voxels do, smooth if that is possible.

    `cut` gives the border at a level of a distance, `measure` its size and what it encloses.
    """
    counted, found = np.count_nonzero(mask) * np.prod(spacing), []
    for smoothing in (SMOOTHING, 0):
        distance = signed_distance(mask, spacing, smoothing)
        # Further out than half a voxel, parts of a small tumour's grid have no level left.
        low, high = -min(spacing) / 2, min(min(spacing) / 2, distance.max())
        if low < high:
            found.append(_search(lambda level, distance=distance: cut(distance, level),
                                 measure, counted, low, high))
        if found and found[-1][0] <= ASTRAY:
            break
    return min(found, key=lambda pair: pair[0])[1]


def _search(cut, measure, counted, low, high):
    """Find the level by Newton's method: moved outwards by δ, a border of size S gains δ·S.

    A step that would leave the range where the level lies, which is narrow for a mask full of
    holes, goes halfway to its end instead.

    Returns
    -------
    miss : float
        By how much of what was counted the border encloses more or less.
    border
    """
    level = 0.0 if low < 0 < high else (low + high) / 2
    for _ in range(STEPS):
        border = cut(level)
        size, content = measure(border)
        miss = abs(content / counted - 1)
        if miss <= CLOSE:
            break
        low, high = (low, level) if content < counted else (level, high)
        newton = level - (counted - content) / size if size else low
        level = newton if low < newton < high else (low + high) / 2
    return (miss if content else np.inf), border
