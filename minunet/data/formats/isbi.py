"""The images of the paper's first experiment: cell membranes under an electron microscope.

The ISBI 2012 challenge's training set, 30 sections of the ventral nerve cord of a fruit fly larva,
512×512 pixels of 4 nm.
"""

from pathlib import Path

from minunet.data.formats.pairs import by_key, pair, paired_patient, visible
from minunet.engine.files import InputError

IMAGES, LABELS = "image", "label"


def read_isbi(folder):
    """Read the images and their masks.

    Parameters
    ----------
    folder : str or Path
        Holds ``image/0.png`` … and ``label/0.png`` …, or a folder ``train`` that does. Labels
        have two values, 0 for membrane and one other for the inside of a cell.

    Returns
    -------
    images : ndarray (D, H, W, 1), uint8
        In natural order (2 before 10).
    masks : ndarray (D, H, W), uint8
        1 is a cell's inside, 0 a membrane.

    Raises
    ------
    InputError
        If a folder is not there or empty, a file lacks its partner or cannot be read, two have
        one name, sizes differ, or a label has more than two values.
    """
    folder = Path(folder)
    if "train" in (path.name for path in visible(folder)):
        folder = folder / "train"
    images, labels = (by_key((path.stem, path) for path in visible(folder / kind))
                      for kind in (IMAGES, LABELS))
    pairs = pair(images, labels, folder)
    if not pairs:
        raise InputError(f"found no images in {folder / IMAGES}; put them there, with labels of "
                         f"equal names in {folder / LABELS}")
    return paired_patient(folder.name, pairs).load()
