"""Data: patients read from disk or drawn, prepared, augmented and sampled."""

from pathlib import Path

from minunet.data.folder import IMAGES, MASKS, read_folder
from minunet.data.lgg import read_lgg


def open_dataset(folder):
    """Read a folder of patients, whichever of the two known layouts it has.

    Parameters
    ----------
    folder : str or Path
        With folders ``images`` or ``masks`` in it, see `minunet.data.folder.read_folder`;
        otherwise the LGG tree, see `minunet.data.lgg.read_lgg`.

    Returns
    -------
    list of Patient

    Raises
    ------
    InputError
        If `folder` is not there, or has neither layout.
    """
    if any((Path(folder) / name).is_dir() for name in (IMAGES, MASKS)):
        return read_folder(folder)
    return read_lgg(folder)
