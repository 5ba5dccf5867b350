"""Write the file in which the tasks are solved."""

from pathlib import Path

from minunet.engine.files import check_new, replacing, write_error

SKELETON = Path(__file__).with_name("unet_by_hand.py")


def write_exercises(folder):
    """Write ``unet_by_hand.py`` into a folder.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the file is there already, or cannot be written.
    """
    path = Path(folder) / SKELETON.name
    check_new([path])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    with replacing(path) as temporary:
        temporary.write_bytes(SKELETON.read_bytes())
    return path
