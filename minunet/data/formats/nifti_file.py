"""A NIfTI file as bytes: its header, mended where that is harmless, and its voxels.

Whatever is wrong with a file becomes one line that says what; nothing that nibabel logs is shown.
"""

import gzip
import math
import os
import warnings
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from minunet.engine.files import InputError, warn

HEADER = 348  # bytes, of NIfTI-1; NIfTI-2 has more
GZIP = b"\x1f\x8b"
MOST_PACKED = 1032  # gzip's method makes no byte out of less than 1/1032
LONGEST = 1.01  # of a quaternion that rounding has made longer than 1
ALIGNED = 2  # what a transform's code is taken for that the standard does not know
BEGINNINGS = {  # of files that are found under a volume's name
    b"PK\x03\x04": "a zip archive; unpack it",
    GZIP: "compressed twice; unpack it once",
    b"BZh": "compressed by bzip2; unpack it",
    b"\xfd7zXZ": "compressed by xz; unpack it",
    b"version https://git-lfs": "a pointer to a file in Git LFS; run git lfs pull",
    b"<": "a web page or XML, no volume; download it again",
    b"NRRD": "an NRRD file; convert it to NIfTI",
    b"\x89HDF": "an HDF5 or MINC file; convert it to NIfTI",
}


@contextmanager
def opened(path):
    """Open a NIfTI file, decompressed if its content, not its name, says so.

    Yields
    ------
    file : binary file
        For `read_voxels`.
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        Mended: a quaternion that is a little too long is scaled to length 1, and a transform whose
        code is none of the standard's is a transform all the same.

    Raises
    ------
    InputError
        If the file cannot be opened or is no NIfTI; or for what is raised in the block, among it
        all that nibabel, gzip and NumPy find wrong with the file.
    """
    try:
        with quiet(), _unpacked(path) as file:
            yield file, _header(path, file)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} needs more memory than there is; crop or resample it, or use a "
                         "computer with more") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"cannot read {path}: its gzip data is damaged, or something else "
                         "follows it; copy or export it again") from error
    except (EOFError, OSError) as error:
        found = getattr(error, "strerror", None) or "it is truncated; copy or export it again"
        raise InputError(f"cannot read {path}: {found}") from error
    except (ValueError, TypeError, KeyError, OverflowError, ImageFileError,
            HeaderDataError, WrapStructError) as error:
        raise InputError(f"cannot read {path}: its header is damaged ({error}); export it "
                         "again") from error


def read_voxels(file, header):
    """Read the voxels as they are stored, scaled as the header says.

    Parameters
    ----------
    file, header
        From `opened`; `check_size` has been called.

    Returns
    -------
    ndarray, float32
    """
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: infinity
        data = np.asanyarray(ArrayProxy(file, header, mmap=False), dtype=np.float32)
    while file.read(2**20):  # to the end, where gzip compares its checksum
        pass
    return data


def check_size(path, header):
    """Raise `InputError` if the voxels cannot be in the file, or not in memory.

    It is the header that decides how much memory is asked for, and anybody can write one.

    Parameters
    ----------
    path : Path
    header : nibabel.Nifti1Header
    """
    shape = header.get_data_shape()
    voxels = math.prod(shape)
    stored = voxels * header.get_data_dtype().itemsize
    size, packed = os.stat(path).st_size, _is_packed(path)
    if header.get_data_offset() + stored > size * (MOST_PACKED if packed else 1):
        pair = " (it may be one of a pair, .hdr and .img: join them)" * (
            header["magic"].item()[:2] == b"ni")
        raise InputError(f"cannot read {path}: it is truncated: {_size(shape)} voxels are "
                         f"{stored:,} bytes, the file has {size:,}"
                         f"{' compressed' * packed}{pair}; copy or export it again")
    needed = stored + 2 * 4 * voxels  # as stored, as float32, and turned
    if needed > memory():
        raise InputError(f"{path} unpacks to {_size(shape)} voxels, which need "
                         f"{needed / 1e9:,.1f} GB of memory; there are {memory() / 1e9:,.1f} GB: "
                         "crop or resample it, or use a computer with more")


def memory():
    """Bytes that this process may use at most, as far as the system says; else infinity."""
    limits = []
    with suppress(AttributeError, OSError, ValueError):  # Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ImportError, OSError, ValueError):
        import resource

        limits.append(resource.getrlimit(resource.RLIMIT_AS)[0])
    with suppress(OSError, ValueError):  # in a container that has a limit
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min((limit for limit in limits if limit > 0), default=math.inf)


@contextmanager
def quiet():
    """Hold back what nibabel logs and warns of; it would stand beside our own line."""
    was, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was


def _unpacked(path):
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder that is named like a volume; give the file in it, or "
                         "move it out")
    try:
        return gzip.open(path) if _is_packed(path) else open(path, "rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _is_packed(path):
    with open(path, "rb") as file:
        return file.read(2) == GZIP


def _header(path, file):
    start = file.read(HEADER)
    kind = {b"n+1": nib.Nifti1Header, b"ni1": nib.Nifti1Header}.get(start[344:347])
    if start[4:7] in (b"n+2", b"ni2"):
        kind = nib.Nifti2Header
    if kind is None:
        raise InputError(f"cannot read {path}: it is {_what(start)}")
    file.seek(0)
    header = kind.from_fileobj(file, check=False)
    _mend(path, header)
    header.check_fix()
    _check_values(path, header)
    return header


def _what(start):
    """What a file without NIfTI's mark is, and what to do."""
    if not start:
        return "empty, 0 bytes; copy or export it again"
    for beginning, what in BEGINNINGS.items():
        if start.lstrip().startswith(beginning):
            return what
    if start[128:132] == b"DICM":
        return "a DICOM file; convert the series to NIfTI"
    if len(start) < HEADER:
        return f"truncated, or no NIfTI file: {len(start)} bytes; copy or export it again"
    return "no NIfTI file (the mark n+1 is missing from its header); replace or remove it"


def _mend(path, header):
    """Mend, in place, what nibabel would refuse or drop and other programs read."""
    for name in ("sform_code", "qform_code"):
        if not 0 <= header[name] <= 5:
            header[name] = ALIGNED if header[name] > 0 else 0
    if not header["sform_code"] and not all(header["pixdim"][1:4]):
        warn(f"{path}: its header says that a voxel is 0 mm long; taken as 1 mm, so volumes and "
             "distances may be wrong")
    names = ("quatern_b", "quatern_c", "quatern_d")
    length = math.hypot(*(float(header[name]) for name in names))
    if length**2 <= 1 + abs(header.quaternion_threshold) or not header["qform_code"]:
        return
    if length <= LONGEST:
        for name in names:
            header[name] = header[name] / length
    elif not header["sform_code"]:
        raise InputError(f"the qform of {path} is no rotation: its quaternion has the length "
                         f"{length:.4g}, expected at most 1; mend its header")


def _check_values(path, header):
    """Raise `InputError` unless the voxels are plain numbers."""
    kind = header.get_data_dtype().kind
    if kind not in "iuf":
        what = ("complex numbers; export their magnitude" if kind == "c" else
                "colours (RGB), no intensities; export it in grey")
        raise InputError(f"{path} holds {what}")
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope and math.isfinite(slope) and not math.isfinite(inter):
        raise InputError(f"the header of {path} scales its values by {slope:g} and moves them by "
                         f"scl_inter, {inter:g}, which is no number; set it (0 moves nothing)")


def _size(shape):
    return " × ".join(map(str, shape))
