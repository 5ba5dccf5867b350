"""Your own images: a folder ``images`` and a folder ``masks``, paired by name."""

from pathlib import Path

from minunet.data.pairs import natural_key, pair, paired_patient, visible
from minunet.files import InputError

IMAGES, MASKS = "images", "masks"


def read_folder(folder):
    """List the patients of two folders, ``images`` and ``masks``, with files of equal names.

    Names are equal but for the extension: ``images/anna/3.jpg`` has the mask
    ``masks/anna/3.png``. Each folder below ``images`` is one patient, its slices in natural
    order (2 before 10). Files directly in ``images`` are a patient each, since nothing says
    which of them belong together; put a patient's slices in a folder, or nearly equal
    pictures are trained on and scored. Only names are read here; pixels are read and checked
    by `Patient.load`.

    Parameters
    ----------
    folder : str or Path
        Holds ``images`` and ``masks``. Images are grey or RGB, in any format that
        scikit-image reads, and of one size and type for each patient. Masks have two
        values, 0 and one other.

    Returns
    -------
    list of Patient
        By name.

    Raises
    ------
    InputError
        If a folder is not there, they hold no files, or a file lacks its partner.
    """
    folder = Path(folder)
    visible(folder)  # says so if it is not there or not a folder
    pairs = pair(_files(folder / IMAGES), _files(folder / MASKS), folder)
    if not pairs:
        raise InputError(f"found no images in {folder / IMAGES}; put them there, with "
                         f"masks of equal names in {folder / MASKS}")
    patients = {}
    for (patient, name), files in pairs.items():
        patients.setdefault(patient, {})[name] = files
    return [paired_patient(patient, patients[patient])
            for patient in sorted(patients, key=natural_key)]


def _files(folder):
    """{(patient, slice): path} for the files in a folder and in the folders below it."""
    files = {}
    for path in visible(folder):
        for file in _all_files(path):
            inside = file.relative_to(path if path.is_dir() else folder)
            key = (path.name if path.is_dir() else path.stem, inside.with_suffix("").as_posix())
            if key in files:
                raise InputError(f"{files[key]} and {file} have the same name; keep one of them")
            files[key] = file
    return files


def _all_files(path):
    """The file itself, or all visible files below a folder."""
    if not path.is_dir():
        return [path]
    return [file for child in visible(path) for file in _all_files(child)]
