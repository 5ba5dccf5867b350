"""Volumes as NIfTI files: one orientation to compute in, and the way back to the file's own.

A NIfTI file stores its axes in any order and direction; its affine says where in the patient a
voxel lies. Here the axes are permuted and flipped, each by the anatomical axis that is nearest to
it, to

    D  from the feet to the head,  H  from front to back,  W  from the patient's right to the left

so that ``data[d]`` is an axial slice as radiology shows it: nose up, the patient's right on the
picture's left. Nothing is resampled, so the way back is exact.
"""

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import LoggingOutputSuppressor
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from minunet.files import InputError, replacing

SUFFIXES = (".nii", ".nii.gz")
GZIP, NIFTI2 = b"\x1f\x8b", (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")  # how such files begin
CANONICAL = axcodes2ornt("SPL")  # axes that run to the head (superior), the back, the left
MILLIMETRES = {"meter": 1e3, "micron": 1e-3}  # a file that names no unit means millimetres


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan or a label map in the canonical orientation, and how it lay in its file.

    Attributes
    ----------
    data : ndarray (D, H, W), float32
        From `read_labels` int32, from `read_channels` (D, H, W, C).
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
        stored = inv_ornt_aff(_to_canonical(self.affine), self.header.get_data_shape()[:3])
        matrix = self.affine @ stored  # index in `data` → index as stored → patient
        return (np.asarray(index) @ matrix[:3, :3].T + matrix[:3, 3]) * _unit(self.header)


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
        If the file is missing, truncated, damaged or no NIfTI; 4-D or empty; its affine maps
        space to less than three dimensions, or makes axial slices one voxel thin; or it holds
        NaN or infinity.
    """
    return _floats(path, 3)


def read_channels(path):
    """Read a 4-D scan, whose last axis holds the modalities; `data` is (D, H, W, C), float32.

    Parameters and errors are those of `read_volume`, but 3-D is refused.
    """
    return _floats(path, 4)


def read_labels(path):
    """Read a label map; `data` is (D, H, W), int32.

    Parameters and errors are those of `read_volume`; a fraction is no label either.
    """
    volume = _floats(path, 3)
    labels = volume.data.astype(np.int32)
    if (wrong := labels != volume.data).any():
        raise InputError(f"{path} holds {volume.data[wrong][0]:g}, which is no label; give a "
                         "segmentation of whole numbers, not an image or probabilities")
    return Volume(labels, volume.spacing, volume.affine, volume.header)


def dimensions(path):
    """Give the number of axes of the file's array, 3 or 4, from the header alone.

    Raises
    ------
    InputError
        If the file cannot be read that far.
    """
    return len(_shape(_opened(path)))


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
    stored = apply_orientation(stored, ornt_transform(CANONICAL, io_orientation(like.affine)))
    header = like.header.copy()
    header.set_data_dtype(kind)
    # What the scan's header says about intensities is not true of a mask.
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    image = (nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image)(
        stored, like.affine, header)
    content = image.to_bytes()
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(content, 6, mtime=0)  # no date: same in, same out
                              if str(path).lower().endswith(".gz") else content)


def _to_canonical(affine):
    return ornt_transform(io_orientation(affine), CANONICAL)


def _unit(header):
    """Millimetres in the unit of the header's affine."""
    return MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)


def _floats(path, ndim):
    """Read a file of `ndim` axes as a canonical `Volume` of float32."""
    image = _opened(path)
    shape, affine = _shape(image), image.affine
    if len(shape) != ndim:
        raise InputError(f"{path} is {len(shape)}-D, {_size(shape)}; expected " + (
            "3-D: give each channel a file of its own" if ndim == 3 else
            "4-D: the last axis holds the modalities"))
    if 0 in shape:
        raise InputError(f"{path} is empty, {_size(shape)}; replace or remove it")
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise InputError(f"the affine of {path} is singular: it does not say where a voxel lies; "
                         "mend the header")
    with _one_line(path), np.errstate(over="ignore"):  # beyond float32: infinity, caught below
        data = image.get_fdata(dtype=np.float32, caching="unchanged").reshape(shape)
    data = np.ascontiguousarray(apply_orientation(data, _to_canonical(affine)))
    if not np.isfinite(data).all():
        raise InputError(f"{path} holds NaN or infinity; mend or remove it")
    if 1 in data.shape[1:3]:
        raise InputError(f"axial slices of {path} are {_size(data.shape[1:3])} voxels, too thin "
                         "to segment; give a volume with more than one along both axes")
    lengths = _unit(image.header) * np.linalg.norm(affine[:3, :3], axis=0)  # as stored
    order = np.argsort(_to_canonical(affine)[:, 0])  # canonical axis → axis as stored
    return Volume(data, tuple(lengths[order].tolist()), affine, image.header)


def _opened(path):
    """The file as a nibabel image, its pixels still encoded."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with _one_line(path):
        # By content, not by name; and whole, so that gzip compares its checksum.
        content = gzip.decompress(content) if content.startswith(GZIP) else content
        kind = nib.Nifti2Image if content.startswith(NIFTI2) else nib.Nifti1Image
        image = kind.from_bytes(content)
        if image.get_data_dtype().kind not in "iuf":
            raise ValueError(f"voxels of type {image.get_data_dtype()}")
    return image


@contextmanager
def _one_line(path):
    """Turn whatever decoders raise and log about a damaged file into one `InputError`."""
    try:
        with LoggingOutputSuppressor():
            yield
    except (OSError, EOFError, ValueError, zlib.error, MemoryError, ImageFileError,
            HeaderDataError, WrapStructError) as error:
        raise InputError(f"cannot read {path}: it is truncated or no NIfTI volume; "
                         "replace or remove it") from error


def _shape(image):
    """The array's shape without axes of 1 at its end beyond the third: many tools add them."""
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _size(shape):
    return " × ".join(map(str, shape))
