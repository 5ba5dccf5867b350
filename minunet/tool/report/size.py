"""How large a tumour is: its voxels, counted, and diameters between points of its `border`."""

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from minunet.tool.report.border import outlines, surface

CHORDS = 256  # places along the largest diameter at which the one across it is looked for


def farthest(points):
    """Give the two points that are farthest apart: both are corners of the convex hull.

    Parameters
    ----------
    points : ndarray (P, 2) or (P, 3)

    Returns
    -------
    ndarray (2, 2) or (2, 3)
    """
    corners = points[ConvexHull(points).vertices]
    apart = squareform(pdist(corners))
    return corners[list(np.unravel_index(apart.argmax(), apart.shape))]


def slice_diameters(mask, spacing):
    """The largest diameter of a slice, and the longest across it at a right angle.

    The two lengths that radiologists draw by hand (Macdonald et al. 1990; RANO, Wen et al.
    2010). Both end on one outline, so they never bridge two parts that do not touch; like a
    line drawn by hand, they may cross a bay of it.

    Parameters
    ----------
    mask : ndarray (H, W) of bool
        Not empty.
    spacing : (float, float)

    Returns
    -------
    diameter, perpendicular : ndarray (2, 2)
        The ends, in units of `spacing`.
    """
    lines = outlines(mask, spacing)
    ends = [farthest(line) for line in lines]
    best = int(np.argmax([np.linalg.norm(b - a) for a, b in ends]))
    return ends[best], _across(lines[best], *ends[best])


def _across(line, start, end):
    """The longest chord of a closed outline at a right angle to start → end."""
    along = (end - start) / np.linalg.norm(end - start)
    frame = np.array([along, (-along[1], along[0])])  # rows: along, across
    u, v = frame @ (line - start).T
    # At the ends the chord has no length, and rounding decides whether the outline is met.
    places = u.max() * (np.arange(CHORDS)[:, np.newaxis] + 0.5) / CHORDS
    before, after = u[:-1] - places, u[1:] - places  # (CHORDS, P - 1)
    met = before * after <= 0
    step = np.where(before == after, 1, before - after)
    height = v[:-1] + (v[1:] - v[:-1]) * before / step
    low = np.where(met, height, np.inf).min(axis=1)
    high = np.where(met, height, -np.inf).max(axis=1)
    widest = int(np.argmax(high - low))
    return start + np.array([(places[widest, 0], low[widest]),
                             (places[widest, 0], high[widest])]) @ frame


def axial_diameters(mask, spacing):
    """The largest diameter in any axial slice, and the one across it in the same slice.

    Parameters
    ----------
    mask : ndarray (D, H, W) of bool
        Not empty.
    spacing : (float, float, float)

    Returns
    -------
    level : int
        The slice.
    diameter, perpendicular : ndarray (2, 2)
        Their ends (h, w) in units of `spacing`.
    """
    measured = [(level, *slice_diameters(mask[level], spacing[1:]))
                for level in np.flatnonzero(mask.any(axis=(1, 2)))]
    level, diameter, across = max(measured, key=lambda row: np.linalg.norm(row[1][1] - row[1][0]))
    return int(level), diameter, across


def measure_size(mask, spacing=None, flat=False):
    """Measure one tumour.

    Parameters
    ----------
    mask : ndarray (D, H, W) of bool
        Not empty.
    spacing : (float, float, float), optional
        Millimetres along D, H, W. If None, lengths are in pixels, which are taken to be
        square, and what needs the distance of slices is left out.
    flat : bool
        Whether it is a picture, which has no `spacing`. A tumour that lies in one slice of a
        volume does not make the volume a picture.

    Returns
    -------
    dict
        ``voxels`` (in a picture ``pixels``), their number n. With `spacing`: ``volume_mm3`` =
        n · the volume of a voxel, ``volume_ml`` = the same / 1000. ``largest_slice_area_mm2``.
        ``largest_diameter_mm`` and ``perpendicular_diameter_mm``, see `axial_diameters`;
        ``diameter_product_mm2``, the bidimensional measure of Macdonald and RANO. With
        `spacing`: ``largest_diameter_3d_mm``, between any two points of the border (Feret's).
        Without it, ``_px`` and ``_px2`` stand for ``_mm`` and ``_mm2``; a picture has
        ``area_px2``. ``diameters``: the ``slice`` (counted from 0 in `mask`) and the ``ends``
        and ``perpendicular_ends`` (h, w) in voxels, to draw them.
    """
    unit = "mm" if spacing else "px"
    lengths = np.array(spacing or (1.0, 1.0, 1.0))
    count = int(np.count_nonzero(mask))
    area = float(mask.sum(axis=(1, 2)).max() * lengths[1:].prod())
    level, diameter, across = axial_diameters(mask, lengths)
    length, width = (float(np.linalg.norm(b - a)) for a, b in (diameter, across))
    size = {"pixels" if flat else "voxels": count}
    if spacing:
        volume = float(count * lengths.prod())
        size |= {"volume_mm3": volume, "volume_ml": volume / 1000}
    size |= {("area_" if flat else "largest_slice_area_") + unit + "2": area,
             f"largest_diameter_{unit}": length, f"perpendicular_diameter_{unit}": width,
             f"diameter_product_{unit}2": length * width}
    if spacing:
        start, end = farthest(surface(mask, lengths)[0])
        size["largest_diameter_3d_mm"] = float(np.linalg.norm(end - start))
    size["diameters"] = {"slice": level, "ends": (diameter / lengths[1:]).tolist(),
                         "perpendicular_ends": (across / lengths[1:]).tolist()}
    return size


def diameters(sizes):
    """The largest diameter among `measure_size`'s, the one across it, and their unit."""
    unit = "mm" if "largest_diameter_mm" in sizes else "px"
    return sizes[f"largest_diameter_{unit}"], sizes[f"perpendicular_diameter_{unit}"], unit
