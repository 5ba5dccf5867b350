"""What ``minunet predict`` is given: pictures, folders of slices, volumes, trees of patients."""

import os
import unicodedata
from pathlib import Path

from minunet.data.formats.dicom import check_no_dicom
from minunet.data.formats.folder import IMAGES, MASKS
from minunet.data.formats.pairs import visible
from minunet.data.formats.volumes import LEVELS, is_nifti
from minunet.engine.files import InputError

IMAGE_SUFFIXES = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"}
RESULTS = ("mask", "probability")  # what is written for each slice


def list_patients(paths):
    """Replace each folder of patients' folders by those.

    A folder with pictures or NIfTI files in it is one patient. One without stands for the folders
    in it, and in those, that have some. Of a folder that holds ``images`` and ``masks``, only the
    images are taken.

    Parameters
    ----------
    paths : list of str or Path

    Returns
    -------
    list of Path
        In natural order. A folder without anything to segment, or a path that does not exist,
        stays: whoever reads it says so.
    """
    return [patient for path in map(Path, paths) for patient in _patients(path) or [path]]


def _patients(path, levels=LEVELS):
    if not path.is_dir() or is_volume(path) or _slices(path):
        return [path]
    inside = [child for child in visible(path) if child.is_dir()]
    if {IMAGES, MASKS} <= {child.name for child in inside}:
        inside = [path / IMAGES]
    return [found for child in inside if levels > 1 for found in _patients(child, levels - 1)]


def is_volume(path):
    """Whether an input is a NIfTI file or a folder that holds some."""
    path = Path(path)
    if not path.is_dir():
        return is_nifti(path)
    return any(is_nifti(file) and file.is_file() for file in visible(path))


def list_slices(folder):
    """List a patient's pictures in natural order: 2 before 10.

    Hidden files are left out, those whose name ends with ``_mask``, and what ``minunet predict``
    wrote for another file of the folder.

    Raises
    ------
    InputError
        If there is none.
    """
    if not (files := _slices(folder)):
        check_no_dicom(folder)
        raise InputError(f"{folder} holds no images; give a folder of one patient's slices "
                         f"({', '.join(sorted(IMAGE_SUFFIXES))})")
    return files


def _slices(folder):
    files = [file for file in visible(folder)
             if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    stems = {file.stem for file in files}
    return [file for file in files if not file.stem.endswith("_mask") and not any(
        file.stem.endswith(f"_{kind}") and file.stem.removesuffix(f"_{kind}") in stems
        for kind in RESULTS)]


def find_inputs(paths, out):
    """List what to segment, a folder being one patient, a file one slice, and where results go.

    Parameters
    ----------
    paths : list of str or Path
    out : str or Path

    Returns
    -------
    dict of str to dict of Path to Path
        For each input, by its name, its files, and for each of those the path with which the
        names of its results begin: ``out/NAME``, for files of a folder ``out/FOLDER/NAME``.

    Raises
    ------
    InputError
        If a path does not exist, a folder holds no images, two inputs have one name, or results
        of two files would have.
    """
    inputs = {}
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; give images or folders of slices")
        name = folder_name(path) if path.is_dir() else path.stem
        check_name(name, path, inputs)
        inputs[name] = ({file: Path(out, name, file.stem) for file in list_slices(path)}
                        if path.is_dir() else {path: Path(out, name)})
    _check_results(inputs)
    return inputs


def folder_name(path):
    """The name of a folder: of a link, its own; of ".", what the folder is called."""
    return Path(os.path.abspath(path)).name


def check_name(name, path, inputs):
    """Raise `InputError` if the input `path` has a name that one of `inputs` has already."""
    if alike(name) in map(alike, inputs):
        raise InputError(f"two inputs are called {name}, the second is {path}; give the "
                         "folders that hold them, or predict them into different --out folders")


def alike(name):
    """What is equal for two names that are one on Windows or macOS: "A.png", "a.png"."""
    return unicodedata.normalize("NFC", str(name)).casefold()


def _check_results(inputs):
    """Raise `InputError` if two files would be written to one name."""
    taken = {}
    for starts in inputs.values():
        for file, start in starts.items():
            for path in result_paths(start).values():
                if (other := taken.setdefault(alike(path), file)) != file:
                    raise InputError(f"{other} and {file} would both be written to {path}; keep "
                                     "one of them, or rename one")
    for starts in inputs.values():  # a folder "a_mask.png" beside a picture "a"
        for file, start in starts.items():
            if other := taken.get(alike(start.parent)):
                raise InputError(f"the results of {file} would go to the folder {start.parent}, "
                                 f"and the mask of {other} has that name; rename one of them")


def result_paths(start):
    """Where the results of a slice go: its mask, its probability.

    >>> result_paths(Path("out/anna/3"))["mask"].as_posix()
    'out/anna/3_mask.png'
    """
    return {kind: start.with_name(f"{start.name}_{kind}.png") for kind in RESULTS}
