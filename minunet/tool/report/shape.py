"""How regular a tumour's shape is: numbers without a unit, the same for large and small.

They are taken from the smooth `border`. What is left of the voxels in them: a ball of 10 voxels'
radius has a ``bounding_ellipsoid_ratio`` of 0.95 where a true one has 1, and a
``margin_fluctuation`` of 0.007 where a true one has 0.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from minunet.tool.report.border import area_and_volume, outlines, perimeter_and_area, surface

POINTS = 360  # on an outline, evenly spaced
SECTORS = 10  # Buda et al. 2019
WINDOW = POINTS // 10  # a tenth of the perimeter, Buda et al. 2019


def sphericity(area, volume):
    """π^⅓ (6V)^⅔ / A: the surface of a ball of the same volume over the surface (Wadell 1935)."""
    return float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area)


def circularity(area, length):
    """4πA / P²: the area over that of a disc with the same perimeter (Cox 1927)."""
    return float(4 * np.pi * area / length ** 2)


def bounding_ellipsoid(points, tolerance=1e-3):
    """The volume of the smallest ellipsoid (in 2-D, ellipse) around points.

    With q = (p, 1) and weights u of sum 1, M = Σ uᵢ qᵢ qᵢᵀ, the point with the largest
    qᵢᵀ M⁻¹ qᵢ sticks out most; giving it more weight, again and again, leads to the smallest
    ellipsoid (Khachiyan 1996; Todd and Yıldırım 2007).

    Parameters
    ----------
    points : ndarray (P, d)
        Not all in one plane.
    tolerance : float
        Stop when no point sticks out by more than this share.

    Returns
    -------
    float
    """
    points = points[ConvexHull(points).vertices]
    points = points - points.mean(axis=0)
    count, d = points.shape
    q = np.column_stack([points, np.ones(count)])  # (P, d + 1)
    u = np.full(count, 1 / count)
    while True:
        out = ((q @ np.linalg.inv(q.T @ (u[:, np.newaxis] * q))) * q).sum(axis=1)
        worst = int(out.argmax())
        if out[worst] <= (1 + tolerance) * (d + 1):
            break
        step = (out[worst] - d - 1) / ((d + 1) * (out[worst] - 1))
        u *= 1 - step
        u[worst] += step
    centre = u @ points
    spread = d * ((points - centre).T @ (u[:, np.newaxis] * (points - centre)))
    ball = np.pi if d == 2 else 4 / 3 * np.pi
    return float(ball * np.sqrt(np.linalg.det(spread)))


def radial_distances(line):
    """Distances of evenly spaced points of an outline from the centroid of what it encloses.

    Parameters
    ----------
    line : ndarray (P, 2)
        Closed.

    Returns
    -------
    distance, angle : ndarray (POINTS,)
        The distances divided by their mean, so that size does not count.
    """
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    at = np.concatenate([[0], steps.cumsum()])
    even = np.arange(POINTS) * at[-1] / POINTS
    y, x = (np.interp(even, at, line[:, axis]) for axis in (0, 1))
    start, end = line[:-1], line[1:]
    cross = start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1]
    centre = ((start + end) * cross[:, np.newaxis]).sum(axis=0) / (3 * cross.sum())
    distance = np.hypot(y - centre[0], x - centre[1])
    return distance / distance.mean(), np.arctan2(y - centre[0], x - centre[1])


def margin_fluctuation(line):
    """How rough a margin is: the standard deviation of r − r̄ (Buda et al. 2019).

    r are the `radial_distances`, r̄ their mean in a window of a tenth of the perimeter.
    """
    distance, _ = radial_distances(line)
    return float((distance - ndimage.uniform_filter1d(distance, WINDOW, mode="wrap")).std())


def angular_deviation(line):
    """How far from round a margin is (angular standard deviation; Buda et al. 2019).

    The standard deviation of the `radial_distances` in each of ten equal sectors around the
    centroid, averaged over the sectors that the outline meets.
    """
    distance, angle = radial_distances(line)
    sector = np.floor((angle + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    return float(np.mean([distance[sector == s].std() for s in np.unique(sector)]))


def measure_shape(mask, spacing=None, flat=False):
    """Measure the shape of one tumour.

    Parameters
    ----------
    mask : ndarray (D, H, W) of bool
        Not empty.
    spacing : (float, float, float), optional
        Millimetres along D, H, W. If None, pixels are taken to be square, and what needs the
        distance of slices is left out.
    flat : bool
        Whether it is a picture, as in `minunet.tool.report.size.measure_size`.

    Returns
    -------
    dict
        In space, of the surface: ``sphericity``; ``solidity``, V over the volume of the convex
        hull; ``bounding_ellipsoid_ratio``, V over that of the smallest ellipsoid around it
        (Czarnek et al. 2017). In a picture ``solidity`` and ``bounding_ellipse_ratio``
        are the same of areas. For both, in the slice where the tumour is largest, which is
        ``outline_slice`` (counted from 0 in `mask`): ``circularity``, ``margin_fluctuation``,
        ``angular_deviation``.
    """
    lengths = spacing or (1.0, 1.0, 1.0)
    level = int(mask.sum(axis=(1, 2)).argmax())
    lines = outlines(mask[level], lengths[1:])
    length, area = perimeter_and_area(lines)
    outline = {"outline_slice": level, "circularity": circularity(area, length),
               "margin_fluctuation": margin_fluctuation(lines[0]),
               "angular_deviation": angular_deviation(lines[0])}
    if flat:
        points = np.concatenate(lines)
        return {"solidity": area / float(ConvexHull(points).volume),
                "bounding_ellipse_ratio": area / bounding_ellipsoid(points)} | outline
    if not spacing:
        return outline
    corners, triangles = surface(mask, spacing)
    area, volume = area_and_volume(corners, triangles)
    return {"sphericity": sphericity(area, volume),
            "solidity": volume / float(ConvexHull(corners).volume),
            "bounding_ellipsoid_ratio": volume / bounding_ellipsoid(corners)} | outline
