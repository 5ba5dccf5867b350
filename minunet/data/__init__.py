"""Data: patients read from disk or drawn, prepared, augmented and sampled."""

from pathlib import Path


def open_dataset(folder):
    """Read a folder of patients, whichever of the four known layouts it has.

    Parameters
    ----------
    folder : str or Path
        With folders ``images`` or ``masks`` in it, see `minunet.data.formats.folder.read_folder`;
        with ``dataset.json`` or ``imagesTr``, `minunet.data.formats.decathlon.read_decathlon`;
        with NIfTI files somewhere below, `minunet.data.formats.brats.read_brats`;
        otherwise the LGG tree, see `minunet.data.formats.lgg.read_lgg`.

    Returns
    -------
    list of Patient

    Raises
    ------
    InputError
        If `folder` is not there, has none of these layouts, or holds the parts of a split.
    """
    # Not above: minunet.data.phantom needs no library that reads images or volumes.
    from minunet.data.formats.brats import read_brats
    from minunet.data.formats.decathlon import DESCRIPTION, read_decathlon
    from minunet.data.formats.dicom import check_no_dicom
    from minunet.data.formats.folder import IMAGES, MASKS, read_folder
    from minunet.data.formats.lgg import read_lgg
    from minunet.data.formats.pairs import check_no_split
    from minunet.data.formats.volumes import volume_folders

    folder = Path(folder)
    if folder.is_file():
        check_no_dicom(folder)
    if any((folder / name).is_dir() for name in (IMAGES, MASKS)):
        return read_folder(folder)
    if any((folder / name).exists() for name in (DESCRIPTION, "imagesTr")):
        return read_decathlon(folder)
    patients = read_brats(folder) if volume_folders(folder) else read_lgg(folder)
    check_no_split(patients, folder)
    return patients
