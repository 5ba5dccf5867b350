"""Digital shapes whose measures are known, and masks of them, for the tests of the reports."""

import numpy as np
from nifti_files import affine, write_nifti

from minunet.tool.report.mask import Mask

SHAPE = (10, 40, 50)
LARGE, SMALL = ((2, 5, 5), (8, 15, 20)), ((3, 25, 30), (6, 30, 38))  # boxes, (low, high)


def ellipsoid(axes, spacing, shift=(0.2, 0.3, 0.1)):
    """The voxels whose centre lies in an ellipsoid with these half axes, off the grid's centre."""
    reach = [int(a / s) + 3 for a, s in zip(axes, spacing, strict=True)]
    grid = np.mgrid[tuple(slice(-n, n + 1) for n in reach)]
    return sum(((g + c) * s / a) ** 2
               for g, c, s, a in zip(grid, shift, spacing, axes, strict=True)) <= 1


def ellipsoid_area(axes, steps=800):
    """The surface of an ellipsoid, by the midpoint rule over its two angles."""
    a, b, c = axes
    t = (np.arange(steps)[:, np.newaxis] + 0.5) * np.pi / steps
    p = (np.arange(steps) + 0.5) * 2 * np.pi / steps
    density = np.sin(t) * np.sqrt((b * c * np.sin(t) * np.cos(p)) ** 2
                                  + (a * c * np.sin(t) * np.sin(p)) ** 2
                                  + (a * b * np.cos(t)) ** 2)
    return density.sum() * 2 * np.pi ** 2 / steps ** 2


def box(shape, low, high):
    """A volume (or slice) with True from `low` up to `high`."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def canonical_mask(labels, spacing=(2.0, 1.0, 1.0), name="mask.nii.gz"):
    """A Mask whose patient coordinates have their origin in its first voxel."""
    steps = np.array([-spacing[2], -spacing[1], spacing[0]])
    return Mask(name, np.asarray(labels, np.int32), spacing,
                lambda index: np.asarray(index)[..., ::-1] * steps)


def labels(*boxes, value=1):
    """A label map with `value` in these boxes, given as (low, high)."""
    where = np.zeros(SHAPE, bool)
    for corners in boxes:
        where |= box(SHAPE, *corners)
    return value * where.astype(np.int16)


def stored(path, canonical, matrix=None):
    """Write a canonical array (D, H, W) as a file whose axes run to L, P and S."""
    return write_nifti(path, np.ascontiguousarray(canonical.transpose(2, 1, 0)),
                       affine("LPS") if matrix is None else matrix)
