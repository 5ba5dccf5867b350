"""One orientation for all volumes: which axis of a file runs where in the patient.

A NIfTI file stores its axes in any order and direction; its affine says where in the patient a
voxel lies. Here the axes are permuted and flipped, each by the anatomical axis that is nearest to
it, to

    D  from the feet to the head,  H  from front to back,  W  from the patient's right to the left

so that ``data[d]`` is an axial slice as radiology shows it: nose up, the patient's right on the
picture's left. Nothing is resampled, so the way back is exact.
"""

from functools import partial

import numpy as np
from nibabel.affines import apply_affine
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

CANONICAL = axcodes2ornt("SPL")  # axes that run to the head (superior), the back, the left
MILLIMETRES = {1: 1e3, 3: 1e-3}  # by the code of metres and micrometres; all others mean mm
APART = 0.1  # voxels by which a header's two transforms may differ by rounding,
UNLIKE = 0.01  # and the share of a voxel's size by which pixdim may


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
    return MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)  # above these bits, the unit of time


def distance(shape, place, other):
    """How far apart two grids of one shape lie, at the corner where they are furthest apart.

    Parameters
    ----------
    shape : tuple of int
        (A, B, C). An axis of one voxel counts as two, so that its thickness counts.
    place, other : callable
        Each gives coordinates (…, 3) in millimetres for indices (…, 3).

    Returns
    -------
    millimetres, voxels : float
        The voxels are those of the first grid.
    """
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * np.maximum(np.array(shape) - 1, 1)
    apart = place(corners) - other(corners)  # (8, 3)
    steps = place(np.eye(3)) - place(np.zeros(3))  # row a: one voxel along axis a
    lengths = (np.linalg.norm(d, axis=1).max() for d in (apart, apart @ np.linalg.inv(steps)))
    return tuple(map(float, lengths))


def contradiction(header):
    """Say in what a header contradicts itself about where its voxels lie; None if it does not.

    The sform is used if there is one, else the qform, else the voxels' sizes alone.
    """
    if header["sform_code"] <= 0:
        return None
    mm = unit(header)
    sform, zooms = mm * header.get_sform(), mm * np.array(header.get_zooms()[:3], float)
    sizes = np.linalg.norm(sform[:3, :3], axis=0)
    if header["qform_code"] <= 0:
        if (np.abs(zooms - sizes) > UNLIKE * sizes).any():
            return (f"its sform has voxels of {_lengths(sizes)} and its pixdim says "
                    f"{_lengths(zooms)}; the sform is used")
        return None
    try:
        qform = mm * header.get_qform()
    except ValueError:  # no rotation: nobody can use it
        return None
    apart, voxels = distance(header.get_data_shape()[:3], partial(apply_affine, sform),
                             partial(apply_affine, qform))
    if voxels > APART:
        return (f"its sform and its qform lie up to {apart:.3g} mm ({voxels:.3g} voxels) apart; "
                f"the sform is used, with voxels of {_lengths(sizes)} (by the qform "
                f"{_lengths(zooms)})")
    return None


def _lengths(sizes):
    return " × ".join(f"{size:.4g}" for size in sizes) + " mm"
