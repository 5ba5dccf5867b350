"""One orientation for all volumes: which axis of a file runs where in the patient.

A NIfTI file stores its axes in any order and direction; its affine says where in the patient a
voxel lies. Here the axes are permuted and flipped, each by the anatomical axis that is nearest to
it, to

    D  from the feet to the head,  H  from front to back,  W  from the patient's right to the left

so that ``data[d]`` is an axial slice as radiology shows it: nose up, the patient's right on the
picture's left. Nothing is resampled, so the way back is exact.
"""

import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

CANONICAL = axcodes2ornt("SPL")  # axes that run to the head (superior), the back, the left
MILLIMETRES = {"meter": 1e3, "micron": 1e-3}  # a file that names no unit means millimetres


def to_canonical(affine):
    """For `nibabel.orientations.apply_orientation`: from axes as stored to (D, H, W)."""
    return ornt_transform(io_orientation(affine), CANONICAL)


def from_canonical(affine):
    """For `nibabel.orientations.apply_orientation`: from (D, H, W) to axes as stored."""
    return ornt_transform(CANONICAL, io_orientation(affine))


def order(affine):
    """For each of D, H, W, which axis it is as stored."""
    return np.argsort(to_canonical(affine)[:, 0]).tolist()


def spacing(affine, header):
    """Millimetres between voxels along D, H, W."""
    lengths = unit(header) * np.linalg.norm(affine[:3, :3], axis=0)  # of the axes as stored
    return tuple(lengths[order(affine)].tolist())


def canonical_affine(affine, header):
    """The affine (4, 4) from (d, h, w, 1) to the patient's x, y, z in millimetres."""
    matrix = affine @ inv_ornt_aff(to_canonical(affine), header.get_data_shape()[:3])
    matrix[:3] *= unit(header)
    return matrix


def unit(header):
    """Millimetres in the unit of the header's affine."""
    return MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
