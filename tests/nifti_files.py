"""Small NIfTI files for the tests of volumes: odd orientations, odd voxels, one marked place."""

import nibabel as nib
import numpy as np


def affine(codes="LPS", spacing=(1.0, 1.0, 1.0), tilt=0.0, origin=(12.5, -30.25, 7.125)):
    """An affine whose axes, as stored, run towards `codes`, turned by `tilt` radians about x and z.

    `spacing` is in the order of the stored axes.
    """
    matrix = np.zeros((3, 3))
    for axis, (row, sign) in enumerate(nib.orientations.axcodes2ornt(codes)):
        matrix[int(row), axis] = sign * spacing[axis]
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0],
                                                                    [0, 0, 1]])
    return nib.affines.from_matvec(turn @ matrix, origin)


def write_nifti(path, array, matrix=None, code=1):
    """Save an array as it is stored, with the same sform and qform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, affine() if matrix is None else matrix)
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)
    return path


def noise(shape=(9, 8, 7), seed=0, dtype=np.int16):
    return np.random.default_rng(seed).integers(1, 900, shape).astype(dtype)
