"""One scan for the page, read as ``minunet predict`` reads it, and the truth where it is known."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from minunet.data.formats.brats import SEGMENTATION, find_files, kind_of
from minunet.data.formats.images import read_mask
from minunet.data.formats.nifti import read_labels
from minunet.data.formats.pairs import visible
from minunet.data.formats.volumes import check_aligned, is_nifti, stem
from minunet.data.phantom import phantom_patients
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.predict_inputs import find_inputs, is_volume, list_patients
from minunet.tool.predict_pictures import read_slices
from minunet.tool.predict_volumes import find_volumes

SEED = 99  # of the synthetic head: not one that minunet demo trains on
PHANTOM_SLICES, PHANTOM_CHANNELS = 16, 4
PHANTOM_SIZE, SMALLEST = 64, 32  # pixels: for a model that takes any, and that can be drawn


class Scan(NamedTuple):
    """A patient's slices."""

    name: str
    slices: list  # a name for each
    images: np.ndarray  # (D, H, W, C), as stored
    masks: np.ndarray | None  # (D, H, W) bool, where any tumour is known to be


def read_scan(path, scheme, truth=None):
    """Read one scan and, where it is known, its truth.

    The truth of a picture is the file beside it whose name ends with ``_mask``, as in the LGG
    archive; of a folder of volumes, the one that is named as BraTS names segmentations; of any
    volume, the file `truth`.

    Parameters
    ----------
    path : str or Path
    scheme : Scheme
        The model's.
    truth : str or Path, optional

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        If a file is unusable, there are several patients, or the truth does not fit.
    """
    patients = list_patients([path])
    if len(patients) > 1:
        raise InputError(f"{path} holds {plural(len(patients), 'patient')}, a page shows one; "
                         f"give the folder of one, such as {patients[0]}")
    if is_volume(patients[0]):
        return _read_volume(patients[0], scheme, truth)
    if truth:
        raise InputError("--truth is for NIfTI volumes; the masks of pictures are found beside "
                         "them, as NAME_mask")
    return _read_pictures(patients[0])


def phantom(net, preprocessing):
    """Draw a synthetic head for a model that takes such ones; see `minunet.data.phantom`."""
    if net.config["in_channels"] != PHANTOM_CHANNELS:
        raise InputError("without a SCAN a synthetic head is drawn, and it has "
                         f"{PHANTOM_CHANNELS} channels; this model takes "
                         f"{net.config['in_channels']}: give it a SCAN")
    size = max(preprocessing.size or PHANTOM_SIZE, SMALLEST)
    patient, = phantom_patients(1, size=size, slices=PHANTOM_SLICES, seed=SEED)
    images, masks = patient.load()
    return Scan("a synthetic head", _numbered(len(images)), images, masks > 0)


def _read_pictures(path):
    (name, files), = find_inputs([path], ".").items()
    files = list(files)
    partners = [file.with_name(f"{file.stem}_mask{file.suffix}") for file in files]
    images, masks = read_slices(name, files), None
    if all(partner.is_file() for partner in partners):
        masks = [read_mask(partner)[0] for partner in partners]
        for mask, partner in zip(masks, partners, strict=True):
            if mask.shape != images.shape[1:3]:
                raise InputError(f"{partner} has another size than its image; mend or remove it")
        masks = np.stack(masks) > 0
    return Scan(name, [file.stem for file in files], images, masks)


def _read_volume(path, scheme, truth):
    (name, read), = find_volumes([path], scheme).items()
    images, grid = read()
    truth = truth or _segmentation(path)
    masks = None
    if truth:
        labels = read_labels(truth)
        check_aligned(grid, path, labels, Path(truth))
        masks = labels.data > 0
    return Scan(name, _numbered(len(images)), images, masks)


def _segmentation(path):
    """The file in a patient's folder that BraTS would call the segmentation, if there is one."""
    if path.is_dir() and any(kind_of(stem(file)) == SEGMENTATION
                             for file in visible(path) if is_nifti(file)):
        return find_files(path, [SEGMENTATION])[SEGMENTATION]
    return None


def _numbered(count):
    return [f"slice {d + 1} of {count}" for d in range(count)]
