"""What a report is about: a mask, and where it lies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minunet.data.formats.images import read_mask
from minunet.data.formats.nifti import SUFFIXES, read_labels
from minunet.data.formats.pairs import natural_key, visible
from minunet.data.formats.volumes import check_places
from minunet.engine.files import InputError
from minunet.tool.predict_inputs import list_slices

MOST_LABELS = 10  # more values than that are no segmentation but an image


@dataclass(frozen=True, eq=False)
class Mask:
    """A label map, in the canonical orientation of `minunet.data.formats.nifti`.

    Attributes
    ----------
    name : str
        The file's.
    labels : ndarray (D, H, W), int
        0 is background.
    spacing : (float, float, float) or None
        Millimetres along D, H, W; None if unknown, as for PNG and TIFF.
    to_patient : callable or None
        From indices (…, 3) to patient coordinates in mm, RAS+; None if unknown.
    files : tuple of str
        The name of each slice's file, D of them; empty for a NIfTI file.
    oriented : bool
        Whether the file says where the patient's right and left are.
    """

    name: str
    labels: np.ndarray
    spacing: tuple[float, float, float] | None = None
    to_patient: Callable | None = None
    files: tuple[str, ...] = ()
    oriented: bool = False

    @property
    def flat(self):
        """Whether it is a picture, measured by area. A NIfTI file of one slice is a volume."""
        return len(self.labels) == 1 and not self.spacing

    def rightwards(self, index):
        """How far voxels (…, 3) lie to the right: the patient's, in mm, or the picture's."""
        if self.to_patient is None:
            return np.asarray(index, float)[..., 2]
        return self.to_patient(index)[..., 0]


def read_report_mask(path):
    """Read a mask: a NIfTI volume of labels, a picture, or a folder of one patient's slices.

    Parameters
    ----------
    path : str or Path
        Of a folder's files those whose names end in ``_mask`` are read, or if there are none,
        all: what ``minunet predict`` writes, and the LGG set's folders, are understood.

    Returns
    -------
    Mask

    Raises
    ------
    InputError
        If it cannot be read, is no mask, or slices differ in size.
    """
    path = Path(path)
    if path.name.lower().endswith(SUFFIXES):
        volume = read_labels(path)
        _check_labels(path, volume.data)
        return Mask(path.name, volume.data, volume.spacing, volume.patient_coordinates,
                    oriented=volume.oriented)
    files = _slices(path) if path.is_dir() else [path]
    slices = [read_mask(file)[0] for file in files]
    for file, pixels in zip(files, slices, strict=True):
        if pixels.shape != slices[0].shape:
            raise InputError(f"slices of {path} differ: {files[0].name} is {slices[0].shape}, "
                             f"{file.name} is {pixels.shape}; they must be one patient's")
    return Mask(path.resolve().name, np.stack(slices).astype(np.int32),
                files=tuple(file.name for file in files))


def _slices(folder):
    """The masks in a folder, in natural order."""
    masks = [file for file in visible(folder) if file.stem.endswith("_mask")]
    if not masks:
        masks = list_slices(folder)
    return sorted(masks, key=lambda file: natural_key(file.name))


def _check_labels(path, labels):
    values = np.unique(labels)
    if values[0] < 0 or np.count_nonzero(values) > MOST_LABELS:
        listed = ", ".join(map(str, values[:5]))
        raise InputError(f"{path} is no mask: it holds {values.size} values ({listed}"
                         f"{', …' * (values.size > 5)}); expected 0 and up to {MOST_LABELS} "
                         "positive labels")


def check_same_grid(name, shape, place, other, other_shape, other_place):
    """Raise `InputError` unless two volumes have the same voxels at the same places.

    Parameters
    ----------
    name, other : str
        What to call them.
    shape, other_shape : tuple of int
    place, other_place : callable or None
        From indices (…, 3) to patient coordinates; None where they are unknown.
    """
    if shape != other_shape:
        raise InputError(f"{name} is {_size(shape)} and {other} is {_size(other_shape)} (slices × "
                         "rows × columns); they must have the same voxels: resample one onto "
                         "the other")
    if (place is None) != (other_place is None):
        nifti, plain = (name, other) if other_place is None else (other, name)
        raise InputError(f"{nifti} says where in the patient it lies and {plain} does not; "
                         "give both as NIfTI, or neither")
    if place is not None:
        check_places(name, other, shape, place, other_place)


def _size(shape):
    return " × ".join(map(str, shape))
