"""Patients made of NIfTI volumes: found, read and checked to lie on each other."""

from functools import partial
from pathlib import Path

import numpy as np

from minunet.data.formats.nifti import SUFFIXES, read_geometry, read_labels, read_volume
from minunet.data.formats.orientation import distance
from minunet.data.formats.pairs import visible
from minunet.data.patient import Patient
from minunet.engine.files import InputError

TOLERANCE = 0.01  # voxels: what lies closer was written by two programs that round
LEVELS = 4  # of folders to look into: archive, grade, patient, and one to spare


def is_nifti(path):
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith(SUFFIXES)


def stem(path):
    """The name of a NIfTI file without ``.nii`` or ``.nii.gz``."""
    return path.name[: path.name.lower().rindex(".nii")]


def volume_folders(folder, levels=LEVELS):
    """List the folders at or below `folder` that hold NIfTI files, in natural order.

    A folder that is named like such a file counts as one: `brats.find_files` says what is wrong.

    Raises
    ------
    InputError
        If `folder` is not there, or one cannot be listed.
    """
    paths = visible(folder)
    if any(map(is_nifti, paths)):
        return [Path(folder)]
    return [found for path in paths if levels > 1 and path.is_dir()
            for found in volume_folders(path, levels - 1)]


def check_aligned(one, path, other, other_path):
    """Raise `InputError` unless two volumes have equal shapes and lie on each other.

    Parameters
    ----------
    one, other : Volume
    path, other_path : Path
        Their files, to be named.
    """
    shape, other_shape = one.data.shape[:3], other.data.shape[:3]
    if shape != other_shape:
        raise InputError(f"{path} has {_size(shape)} voxels and {other_path.name} "
                         f"{_size(other_shape)}; a patient's volumes must have one grid")
    check_places(path, other_path.name, shape, one.patient_coordinates, other.patient_coordinates)


def check_places(name, other_name, shape, place, other):
    """Raise `InputError` unless the voxels of two volumes lie at the same places in the patient.

    They do if no corner of the one is further from the other's than a hundredth of a voxel; how
    the files store their axes does not matter.

    Parameters
    ----------
    name, other_name : str or Path
        What to call them.
    shape : (int, int, int)
        (D, H, W) of both.
    place, other : callable
        Like `Volume.patient_coordinates`: from indices (…, 3) to millimetres.
    """
    apart, voxels = distance(shape, place, other)
    if voxels > TOLERANCE:
        raise InputError(f"{name} and {other_name} do not align: they lie up to {apart:.3g} mm "
                         f"({voxels:.3g} voxels) apart; register and resample one onto the other, "
                         "or export them again")


def read_stack(paths):
    """Read volumes of one channel each, which must align, as the channels of one scan.

    Parameters
    ----------
    paths : list of Path

    Returns
    -------
    images : ndarray (D, H, W, C), float32
    first : Volume
        Of the first file.

    Raises
    ------
    InputError
        If a file is unusable, or one does not lie on the first; both are named.
    """
    first = read_volume(paths[0])
    images = np.empty((*first.data.shape, len(paths)), np.float32)
    images[..., 0] = first.data
    for c, path in enumerate(paths[1:], start=1):
        volume = read_volume(path)
        check_aligned(first, paths[0], volume, path)
        images[..., c] = volume.data
    return images, first


def volume_patient(name, scheme, image, labels, read, encode):
    """A `Patient` of volumes, of which only a header is read here.

    Parameters
    ----------
    name : str
    scheme : Scheme
    image, labels : Path
        A file with the images' grid, and the segmentation.
    read : callable
        ``read()`` gives the images (D, H, W, C) and a `Volume` of their grid.
    encode : callable
        ``encode(labels, path)`` gives the class of each voxel, uint8.
    """
    (depth, *_), spacing, oriented = read_geometry(image)
    return Patient(name, tuple(str(d + 1) for d in range(depth)),
                   partial(_load, image, labels, read, encode), spacing, scheme, oriented)


def _load(image, labels, read, encode):
    images, grid = read()
    marked = read_labels(labels)
    check_aligned(grid, image, marked, labels)
    return images, encode(marked.data, labels)


def _size(shape):
    return " × ".join(map(str, shape))
