"""Images and masks on disk, paired by name: what `lgg` and `folder` have in common."""

import re
from functools import partial
from pathlib import Path

import numpy as np

from minunet.data.formats.images import read_image, read_mask
from minunet.data.patient import Patient
from minunet.engine.files import InputError

# What Windows, macOS and network drives leave in folders, in lower case.
LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir")
SPLITS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")


def natural_key(name):
    """A sorting key by which "slice_9" comes before "slice_10"."""
    parts = re.split(r"(\d+)", name)  # text and digits in turn
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def visible(folder):
    """Paths in a folder in natural order, without hidden ones and litter.

    Those are ``.DS_Store``, ``._1.tif``, ``Thumbs.db`` and the like.

    Raises
    ------
    InputError
        If `folder` does not exist, is a file, or cannot be listed.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder} does not exist; give a folder of images and masks")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder of images and masks")
    try:
        paths = [path for path in folder.iterdir()
                 if not path.name.startswith(".") and path.name.lower() not in LITTER]
    except OSError as error:
        raise InputError(f"cannot list {folder}: {error.strerror}") from error
    return sorted(paths, key=lambda path: natural_key(path.name))


def by_key(files):
    """Make a dict of pairs (key, path).

    Raises
    ------
    InputError
        If two files have one key.
    """
    found = {}
    for key, path in files:
        if key in found:
            raise InputError(f"{found[key]} and {path} have the same name; keep one of them")
        found[key] = path
    return found


def check_no_split(patients, folder):
    """Raise `InputError` if several patients are called as parts of a split, "train" and "val".

    Parameters
    ----------
    patients : list of Patient
    folder : Path
        Where they lie.
    """
    parts = [patient.name for patient in patients if patient.name.lower() in SPLITS]
    if len(parts) > 1:
        raise InputError(f"{folder} holds {' and '.join(parts)}, which are no patients but parts "
                         "of a split; minunet splits by patient itself (--validation): put the "
                         f"folders of all patients directly in {folder}")


def pair(images, masks, where):
    """Join each image with its mask.

    Parameters
    ----------
    images, masks : dict of key to Path
        Files by what pairs them.
    where : Path
        The folder that all lie in, for the message.

    Returns
    -------
    dict of key to (Path, Path)

    Raises
    ------
    InputError
        It counts the files without a partner and names up to three of each kind.
    """
    lonely = [_lonely(images.keys() - masks.keys(), images, where, "image", "a mask"),
              _lonely(masks.keys() - images.keys(), masks, where, "mask", "an image")]
    if any(lonely):
        raise InputError(f"in {where}: {' and '.join(filter(None, lonely))}; a mask has its "
                         "image's name, or that with _mask: add what is missing, rename or remove "
                         "the rest")
    return {key: (path, masks[key]) for key, path in images.items()}


def _lonely(keys, files, where, kind, partner):
    """For example "2 images without a mask (1.png, 2.png)", or an empty string."""
    if not keys:
        return ""
    names = sorted((files[key].relative_to(where).as_posix() for key in keys), key=natural_key)
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{len(names)} {kind}{'s' * (len(names) > 1)} without {partner} ({listed})"


def paired_patient(name, pairs):
    """A `Patient` whose slices are files.

    Parameters
    ----------
    name : str
    pairs : dict of str to (Path, Path)
        Image and mask by the slice's name. The patient has them in natural order.

    Returns
    -------
    Patient
        Its `load` raises `InputError` for files that cannot be read, sizes or types that
        differ, and masks of more than two values.
    """
    slices = tuple(sorted(pairs, key=natural_key))
    return Patient(name, slices, partial(_load, name, [pairs[key] for key in slices]))


def _load(name, pairs):
    """Read a patient: images (D, H, W, C) and masks (D, H, W)."""
    images, masks, marks = [], [], {}
    for image_path, mask_path in pairs:
        image = read_image(image_path)
        mask, value = read_mask(mask_path)
        if image.shape[:2] != mask.shape:
            raise InputError(f"{image_path} is {_size(image)} and its mask {mask_path.name} is "
                             f"{_size(mask)}; they must cover the same pixels")
        if images and (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise InputError(
                f"slices of {name} differ: {pairs[0][0].name} is {_kind(images[0])} and "
                f"{image_path} is {_kind(image)}; make them alike or separate patients")
        if value is not None:
            marks[value] = mask_path
        if len(marks) > 1:  # labels of several classes, a file of two values each
            listed = " and ".join(f"{path.name} has {v:g}" for v, path in marks.items())
            raise InputError(f"masks of {name} mark by different values: {listed}; "
                             f"use one value in all files of {mask_path.parent}")
        images.append(image)
        masks.append(mask)
    return np.stack(images), np.stack(masks)


def _size(array):
    return f"{array.shape[0]} × {array.shape[1]}"


def _kind(image):
    channels = image.shape[-1]
    return f"{_size(image)}, {channels} channel{'s' * (channels > 1)}, {image.dtype}"
