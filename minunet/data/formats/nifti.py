"""Volumes as NIfTI files, read into one orientation and written back in the file's own."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation

from minunet.data.formats.nifti_file import check_size, opened, quiet, read_voxels
from minunet.data.formats.orientation import (
    canonical_affine,
    contradiction,
    from_canonical,
    order,
    spacing,
    to_canonical,
)
from minunet.engine.files import InputError, replacing, warn

SUFFIXES = (".nii", ".nii.gz")
ROUNDING = 1e-3  # how far from a whole number a scale factor or a float may have moved a label


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan or a label map in the canonical orientation (`minunet.data.formats.orientation`).

    Attributes
    ----------
    data : ndarray (D, H, W), float32
        From `read_labels` int32, from `read_scan` (D, H, W, C).
    spacing : (float, float, float)
        Millimetres between voxels along D, H, W.
    affine : ndarray (4, 4), float64
        The file's own, to the last digit: from the index of a voxel as stored to the patient.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        The file's own.
    """

    data: np.ndarray
    spacing: tuple[float, float, float]
    affine: np.ndarray
    header: nib.Nifti1Header

    @property
    def oriented(self):
        """Whether the file says where right and left are; else its affine is NIfTI's guess."""
        return is_oriented(self.header)

    def patient_coordinates(self, index):
        """Say where in the patient voxels lie.

        Parameters
        ----------
        index : array (..., 3)
            (d, h, w) in `data`, whole numbers at the voxels' centres.

        Returns
        -------
        ndarray (..., 3), float64
            Millimetres along x, y, z: to the patient's right, front and head (RAS+), from the
            origin that the file chose.
        """
        matrix = canonical_affine(self.affine, self.header)
        return np.asarray(index) @ matrix[:3, :3].T + matrix[:3, 3]


def is_oriented(header):
    """Whether a header says where right and left are: one of its transforms has a code."""
    return bool(header["qform_code"] or header["sform_code"])


def read_volume(path):
    """Read a scan of one channel.

    Parameters
    ----------
    path : str or Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    Volume
        ``data`` is (D, H, W), float32, scaled as the header says.

    Raises
    ------
    InputError
        If the file is missing, truncated, damaged or no NIfTI; larger than memory; not 3-D, or
        empty; if its affine is singular, or makes axial slices one voxel thin; or if it holds NaN,
        infinity, colours or complex numbers.
    """
    return _floats(path, (3,))


def read_scan(path):
    """Read a scan whose channels are a fourth axis, or that has one channel and three axes.

    ``data`` is (D, H, W, C), float32. Parameters and errors are otherwise those of `read_volume`.
    """
    scan = _floats(path, (3, 4))
    data = scan.data if scan.data.ndim == 4 else scan.data[..., np.newaxis]
    return replace(scan, data=data)


def read_labels(path):
    """Read a label map; ``data`` is (D, H, W), int32.

    Parameters and errors are those of `read_volume`; a fraction is no label either. What lies
    within a thousandth of a whole number is that number: some tools store labels as floats, or as
    integers with a scale factor.
    """
    volume = _floats(path, (3,))
    with np.errstate(invalid="ignore"):  # beyond int32: some other number, caught below
        labels = np.rint(volume.data).astype(np.int32)
    if (wrong := ~(np.abs(labels - volume.data) < ROUNDING)).any():
        value = volume.data[wrong][0]  # all digits that tell it from a whole number
        shown = np.format_float_positional(value, trim="-") if abs(value) < 1e9 else f"{value:g}"
        raise InputError(f"{path} holds {shown}, which is no label; give a "
                         "segmentation of whole numbers, saved without a scale factor, not an "
                         "image or probabilities")
    return replace(volume, data=labels)


def read_geometry(path):
    """Give the shape (D, H, W), the spacing, and `is_oriented` of a volume, from its header alone.

    Raises
    ------
    InputError
        As `read_volume` does, as far as the header tells.
    """
    path = Path(path)
    with opened(path) as (_, header):
        shape, affine = _geometry(path, header, (3, 4))
        check_size(path, header)
    shape = tuple(shape[axis] for axis in order(affine))
    return shape, spacing(affine, header), is_oriented(header)


def write_volume(path, array, like):
    """Write a canonical array as NIfTI in the orientation of the file that `like` was read from.

    The file has the affine, the voxel size, both transforms with their codes and the units of
    that file, so it lies on it in any viewer. It is written whole or not at all.

    Parameters
    ----------
    path : str or Path
        ``.nii`` or ``.nii.gz``.
    array : ndarray (D, H, W)
        Integers are stored as uint8, fractions as float32.
    like : Volume

    Raises
    ------
    ValueError
        If `array` has another shape than ``like.data``, or integers that are no uint8.
    InputError
        If the file cannot be written.
    """
    if array.shape != like.data.shape[:3]:
        raise ValueError(f"array has shape {array.shape}; expected {like.data.shape[:3]}")
    kind = np.dtype(np.float32 if array.dtype.kind == "f" else np.uint8)
    stored = array.astype(kind)
    if kind == np.uint8 and (stored != array).any():
        raise ValueError(f"array holds {array.min()} … {array.max()}; expected 0 … 255")
    stored = apply_orientation(stored, from_canonical(like.affine))
    header = like.header.copy()
    header.set_data_dtype(kind)
    # What the scan's header says about intensities is not true of a mask.
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    with quiet():
        image = (nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image)(
            stored, like.affine, header)
        content = image.to_bytes()
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(content, 6, mtime=0)  # no date: same in, same out
                              if str(path).lower().endswith(".gz") else content)


def _floats(path, axes):
    """Read a file as a canonical `Volume` of float32, if its number of axes is one of `axes`."""
    path = Path(path)
    with opened(path) as (file, header):
        shape, affine = _geometry(path, header, axes)
        check_size(path, header)
        data = read_voxels(file, header).reshape(shape, order="F")
        if not np.isfinite(data).all():
            raise InputError(f"{path} holds NaN or infinity; mend or remove it")
        data = np.ascontiguousarray(apply_orientation(data, to_canonical(affine)))
    return Volume(data, spacing(affine, header), affine, header)


def _geometry(path, header, axes):
    """The shape without axes of 1 beyond the third, which many tools add, and the affine."""
    shape = header.get_data_shape()
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if min(shape, default=-1) < 0:
        raise InputError(f"the header of {path} is damaged: it says {_size(shape) or 'no'} voxels; "
                         "export it again")
    if 0 in shape:
        raise InputError(f"{path} is empty, {_size(shape)}; replace or remove it")
    if len(shape) not in axes:
        raise InputError(f"{path} is {len(shape)}-D, {_size(shape)}; expected "
                         f"{'-D or '.join(map(str, axes))}-D: {_advice(shape, axes)}")
    affine = header.get_best_affine()
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise InputError(f"the affine of {path} is singular: it does not say where a voxel lies; "
                         "mend its header")
    slices = [shape[axis] for axis in order(affine)[1:]]
    if 1 in slices:
        raise InputError(f"axial slices of {path} are {_size(slices)} voxels, too thin to "
                         "segment; give a volume with more than one along both axes")
    if text := contradiction(header):
        warn(f"{path}: {text}")
    return shape, affine


def _advice(shape, axes):
    if len(shape) < 3:
        return "save a single picture as PNG or TIFF, or give it a third axis of length 1"
    if len(shape) > 4 and 4 in axes:
        return "remove axes of length 1, so that the channels are the fourth and last"
    return "give each channel its own file"


def _size(shape):
    return " × ".join(map(str, shape))
