"""Volumes as NIfTI files, read into one orientation and written back in the file's own."""

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import LoggingOutputSuppressor
from nibabel.orientations import apply_orientation
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from minunet.data.orientation import (
    canonical_affine,
    from_canonical,
    order,
    spacing,
    to_canonical,
)
from minunet.files import InputError, replacing

SUFFIXES = (".nii", ".nii.gz")
GZIP, NIFTI2 = b"\x1f\x8b", (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")  # how such files begin


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan or a label map in the canonical orientation (`minunet.data.orientation`).

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
        If the file is missing, truncated, damaged or no NIfTI; not 3-D, or empty; if its affine
        is singular, or makes axial slices one voxel thin; or if it holds NaN or infinity.
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

    Parameters and errors are those of `read_volume`; a fraction is no label either.
    """
    volume = _floats(path, (3,))
    labels = volume.data.astype(np.int32)
    if (wrong := labels != volume.data).any():
        raise InputError(f"{path} holds {volume.data[wrong][0]:g}, which is no label; give a "
                         "segmentation of whole numbers, not an image or probabilities")
    return replace(volume, data=labels)


def read_geometry(path):
    """Give the canonical shape (D, H, W) and the spacing of a volume, from its header alone.

    Raises
    ------
    InputError
        As `read_volume` does, as far as the header tells.
    """
    path = Path(path)
    with _one_line(path), _file(path) as file:
        header = _kind(file.peek(4)[:4]).header_class.from_fileobj(file)
        affine = header.get_best_affine()
    shape = _checked(path, header.get_data_shape(), affine, (3, 4))
    return tuple(shape[axis] for axis in order(affine)), spacing(affine, header)


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
    image = (nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image)(
        stored, like.affine, header)
    content = image.to_bytes()
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(content, 6, mtime=0)  # no date: same in, same out
                              if str(path).lower().endswith(".gz") else content)


def _floats(path, axes):
    """Read a file as a canonical `Volume` of float32, if its number of axes is one of `axes`."""
    path = Path(path)
    with _one_line(path), np.errstate(over="ignore"):  # beyond float32: infinity, caught below
        with _file(path) as file:
            content = file.read()  # to its end, where gzip compares its checksum
        image = _kind(content[:4]).from_bytes(content)
        if image.get_data_dtype().kind not in "iuf":
            raise ValueError(f"voxels of type {image.get_data_dtype()}")
        data = image.get_fdata(dtype=np.float32, caching="unchanged")
    shape = _checked(path, image.shape, image.affine, axes)
    data = apply_orientation(data.reshape(shape), to_canonical(image.affine))
    if not np.isfinite(data).all():
        raise InputError(f"{path} holds NaN or infinity; mend or remove it")
    return Volume(np.ascontiguousarray(data), spacing(image.affine, image.header), image.affine,
                  image.header)


def _checked(path, shape, affine, axes):
    """The shape without axes of 1 beyond the third, which many tools add, if all is usable."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in axes:
        raise InputError(f"{path} is {len(shape)}-D, {_size(shape)}; expected "
                         f"{'-D or '.join(map(str, axes))}-D: give each channel its own file")
    if 0 in shape:
        raise InputError(f"{path} is empty, {_size(shape)}; replace or remove it")
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise InputError(f"the affine of {path} is singular: it does not say where a voxel lies; "
                         "mend its header")
    slices = [shape[axis] for axis in order(affine)[1:]]
    if 1 in slices:
        raise InputError(f"axial slices of {path} are {_size(slices)} voxels, too thin to "
                         "segment; give a volume with more than one along both axes")
    return shape


def _file(path):
    """Open a file to read, decompressed if its content, not its name, says so."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == GZIP
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return gzip.open(path) if packed else open(path, "rb")


def _kind(start):
    return nib.Nifti2Image if start in NIFTI2 else nib.Nifti1Image


@contextmanager
def _one_line(path):
    """Turn whatever decoders raise and log about a damaged file into one `InputError`."""
    try:
        with LoggingOutputSuppressor():
            yield
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, MemoryError, ImageFileError,
            HeaderDataError, WrapStructError) as error:
        raise InputError(f"cannot read {path}: it is truncated or no NIfTI volume; "
                         "replace or remove it") from error


def _size(shape):
    return " × ".join(map(str, shape))
