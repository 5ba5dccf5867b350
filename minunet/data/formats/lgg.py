"""The LGG MRI segmentation set: lower-grade glioma, as its archive unpacks (``kaggle_3m``)."""

from pathlib import Path

from minunet.data.formats.dicom import check_no_dicom
from minunet.data.formats.names import check_once, patient_names
from minunet.data.formats.pairs import pair, paired_patient, visible
from minunet.engine.files import InputError


def read_lgg(folder):
    """List the patients of an LGG tree: one folder each, ``NAME_K.tif`` with ``NAME_K_mask.tif``.

    K is the slice's number, not zero-padded. Only names are read here; pixels are read and
    checked by `Patient.load`. Other files, hidden ones, and folders without TIFF files are
    passed over.

    Parameters
    ----------
    folder : str or Path
        The tree, or the folder of a single patient.

    Returns
    -------
    list of Patient
        By name; slices by K. Images are (D, 256, 256, 3) uint8: pre-contrast, FLAIR and
        post-contrast. The set does not say how large a voxel is.

    Raises
    ------
    InputError
        If `folder` is not there or holds no pairs; a file lacks its partner; two folders are one,
        by a link.

    Notes
    -----
    M. Buda, A. Saha, M. A. Mazurowski, "Association of genomic subtypes of lower-grade gliomas
    with shape features automatically extracted by a deep learning algorithm", Computers in
    Biology and Medicine 109 (2019).
    """
    folder = Path(folder)
    paths = visible(folder)
    alone = any(path.name.endswith("_mask.tif") for path in paths)
    folders = [folder] if alone else [path for path in paths if path.is_dir()]
    pairs = {path: found for path in folders if (found := _pairs(path))}
    if not pairs:
        check_no_dicom(folder)
        raise InputError(f"found no pairs NAME_1.tif and NAME_1_mask.tif in {folder} or its "
                         "folders, nor folders images and masks, nor NIfTI files; give a folder "
                         "that has one")
    check_once(pairs)
    return list(map(paired_patient, patient_names(list(pairs), folder), pairs.values()))


def _pairs(folder):
    """Image and mask of each slice in a folder, by its name; none if it has no TIFF file."""
    files = [path for path in visible(folder) if path.suffix == ".tif" and path.is_file()]
    masks = {path.stem.removesuffix("_mask"): path for path in files if _is_mask(path)}
    images = {path.stem: path for path in files if not _is_mask(path)}
    return pair(images, masks, folder)


def _is_mask(path):
    return path.stem.endswith("_mask")
