"""The scan that a mask was drawn on: all of its channels to look at, one of them to measure."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from minunet.data.formats.brats import MODALITIES, kind_of
from minunet.data.formats.images import read_image
from minunet.data.formats.nifti import read_scan
from minunet.data.formats.pairs import visible
from minunet.data.formats.volumes import is_nifti, read_stack, stem
from minunet.engine.files import InputError
from minunet.tool.overlays import shown_channel
from minunet.tool.predict_inputs import is_volume, list_slices
from minunet.tool.predict_pictures import read_slices
from minunet.tool.report.mask import check_same_grid


class Scan(NamedTuple):
    """The images (D, H, W, C) of a patient, and the names of their channels, if they are known."""

    images: np.ndarray
    channels: tuple[str, ...] = ()

    @property
    def measured(self):
        """The channel that is measured (D, H, W): FLAIR, or the middle one."""
        return self.images[..., shown_channel(self.images.shape[-1], self.channels)]


def read_report_scan(path, mask):
    """Read the scan that a mask was drawn on.

    Parameters
    ----------
    path : str or Path
        Of the same kind as the mask: NIfTI, a picture, or a folder of slices; or a folder with a
        volume for each modality, whose names end as those of BraTS.
    mask : Mask

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        If it cannot be read, or its voxels are not those of the mask.
    """
    path, place, channels = Path(path), None, ()
    if path.is_dir() and is_volume(path):
        files = _modalities(path)
        channels = tuple(files)
        images, volume = read_stack(list(files.values()))
        place = volume.patient_coordinates
    elif is_volume(path):
        volume = read_scan(path)
        images, place = volume.data, volume.patient_coordinates
    elif path.is_dir():
        images = read_slices(path.resolve().name, list_slices(path))
    else:
        images = read_image(path)[np.newaxis]
    check_same_grid(mask.name, mask.labels.shape, mask.to_patient, path.name, images.shape[:3],
                    place)
    return Scan(images, channels)


def _modalities(folder):
    """The volumes of a folder by their modality, in the order of BraTS."""
    files = [file for file in visible(folder) if is_nifti(file)]
    kinds = {kind_of(stem(file), MODALITIES): file for file in files}
    if found := {kind: kinds[kind] for kind in MODALITIES if kind in kinds}:
        return found
    raise InputError(f"{folder} holds no volume whose name ends with _flair, _t1, _t1ce or _t2; "
                     "give the file itself")
