"""DICOM is not read; where it is met in the place of images, it is said how to convert it."""

from pathlib import Path

from minunet.data.formats.pairs import visible
from minunet.engine.files import InputError

SUFFIXES = {".dcm", ".dicom"}
PLACE, MARK = 128, b"DICM"  # bytes before the mark, and the mark
LEVELS, LOOKED_AT = 4, 3  # of folders to look into, and files in each: a series is all of a kind


def check_no_dicom(path):
    """Raise `InputError` if a path is a DICOM file, or a folder with some in it or below.

    Parameters
    ----------
    path : str or Path
    """
    if found := _find(Path(path), LEVELS):
        raise InputError(f"{found} is a DICOM file, which is not read; convert the series with: "
                         f"dcm2niix -z y -o nifti {found.parent}")


def _find(path, levels):
    """The first DICOM file, or None."""
    if not path.is_dir():
        return path if path.is_file() and _is_dicom(path) else None
    inside = visible(path)
    files = [child for child in inside if child.is_file()][:LOOKED_AT]
    folders = [child for child in inside if levels > 1 and child.is_dir()]
    return next((found for child in [*files, *folders]
                 if (found := _find(child, levels - 1))), None)


def _is_dicom(path):
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(PLACE + len(MARK))[PLACE:] == MARK
    except OSError:
        return False
