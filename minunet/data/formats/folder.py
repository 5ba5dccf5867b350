"""Your own images: a folder ``images`` and a folder ``masks``, paired by name."""

import re
from pathlib import Path

from minunet.data.formats.images import SUFFIXES
from minunet.data.formats.pairs import (
    by_key,
    check_no_split,
    natural_key,
    pair,
    paired_patient,
    visible,
)
from minunet.engine.files import InputError, warn

IMAGES, MASKS = "images", "masks"


def read_folder(folder):
    """List the patients of two folders, ``images`` and ``masks``, with files of equal names.

    Names are equal but for the extension, or the mask's ends with ``_mask``:
    ``images/anna/3.jpg`` has the mask ``masks/anna/3.png``, or ``masks/anna/3_mask.png``. Each
    folder below ``images`` is one patient, its slices in natural order (2 before 10).

    Files directly in ``images`` are slices of one patient each NAME if they are called
    ``NAME_1``, ``NAME_2`` and so on with more than one NAME, else a patient each. A line on
    standard error says which: were slices of one head taken for patients, nearly equal pictures
    would be trained on and scored.

    Only names are read here; pixels are read and checked by `Patient.load`.

    Parameters
    ----------
    folder : str or Path
        Holds ``images`` and ``masks``. Images are grey or RGB, in a format that
        `formats.images.read_image` reads, and of one size and type for each patient. Masks have
        two values, 0 and one other.

    Returns
    -------
    list of Patient
        By name.

    Raises
    ------
    InputError
        If a folder is not there, they hold no files, a file lacks its partner, or patients are
        called train and val or the like.
    """
    folder = Path(folder)
    visible(folder)  # says so if it is not there or not a folder
    images, masks = _files(folder / IMAGES), _files(folder / MASKS)
    masks = by_key((_image_key(key, images), path) for key, path in masks.items())
    _check_strays(images, masks)
    pairs = pair(images, masks, folder)
    if not pairs:
        raise InputError(f"found no images in {folder / IMAGES}; put them there, with "
                         f"masks of equal names in {folder / MASKS}")
    patients = {}
    for (patient, name), files in _with_patients(pairs, folder / IMAGES).items():
        patients.setdefault(patient, {})[name] = files
    patients = [paired_patient(patient, patients[patient])
                for patient in sorted(patients, key=natural_key)]
    check_no_split(patients, folder / IMAGES)
    return patients


def _files(folder):
    """{(patient, slice): path} for the files below a folder; directly in it, the patient is ""."""
    return by_key(((path.name if path.is_dir() else "",
                    file.relative_to(path if path.is_dir() else folder).with_suffix("").as_posix()),
                   file)
                  for path in visible(folder) for file in _all_files(path))


def _all_files(path):
    """The file itself, or all visible files below a folder."""
    if not path.is_dir():
        return [path]
    return [file for child in visible(path) for file in _all_files(child)]


def _image_key(key, images):
    """The key of a mask's image: its own, or that without ``_mask``."""
    patient, name = key
    bare = patient, name.removesuffix("_mask")
    return bare if key not in images and bare in images else key


def _check_strays(images, masks):
    """Raise `InputError` for a file without partner that is no picture by its name either."""
    for files, others in ((images, masks), (masks, images)):
        for key in files.keys() - others.keys():
            if files[key].suffix and files[key].suffix.lower() not in SUFFIXES:
                raise InputError(f"{files[key]} is no picture by its name ({', '.join(SUFFIXES)}); "
                                 "remove it")


def _with_patients(pairs, folder):
    """The same pairs with a patient's name for each file that lies directly in `folder`."""
    heads = {name: _head(name) for patient, name in pairs if not patient}
    groups, folders = set(heads.values()), {patient for patient, _ in pairs if patient}
    together = len(groups) < len(heads) and len(groups | folders) > 1  # one could not be split
    if len(groups) < len(heads):
        text = f"{len(heads)} files directly in {folder} are taken for "
        if together:
            listed = sorted(groups, key=natural_key)
            warn(f"{text}slices of {len(listed)} patient{'s' * (len(listed) > 1)} by their names: "
                 f"{', '.join(listed[:3])}{', …' * (len(listed) > 3)}; if that is wrong, give "
                 "each patient a folder there")
        else:
            warn(f"{text}a patient each; if they are slices of fewer heads, give each patient a "
                 "folder there, or neighbouring slices are both trained on and scored")
    if not together:
        heads = {name: name for name in heads}
    return {(patient or heads[name], name): files for (patient, name), files in pairs.items()}


def _head(name):
    """NAME of NAME_1; a name of another kind as it is."""
    match = re.fullmatch(r"(.*[^ _-])[ _-]+\d+", name)
    return match[1] if match else name
