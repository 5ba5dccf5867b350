"""BraTS, the brain tumour segmentation challenge: patients are folders, modalities files."""

import re
from functools import partial

import numpy as np

from minunet.data.formats.names import check_once, patient_names
from minunet.data.formats.nifti import read_labels
from minunet.data.formats.volumes import (
    is_nifti,
    read_stack,
    stem,
    visible,
    volume_folders,
    volume_patient,
)
from minunet.data.scheme import Scheme, check_labels
from minunet.engine.files import InputError, warn

SEGMENTATION = "segmentation"
SPELLINGS = {  # how file names end, whatever their case, from 2018 to 2023
    "FLAIR": ("flair", "t2f"),
    "T1": ("t1", "t1n", "t1w"),
    "T1ce": ("t1ce", "t1c", "t1gd"),
    "T2": ("t2", "t2w"),
    SEGMENTATION: ("seg", "segm"),
}
MODALITIES = ("FLAIR", "T1", "T1ce", "T2")
CLASSES = ("background", "necrotic core", "oedema", "enhancing tumour")
ENHANCING = (3, 4)  # two labels of one class
YEARS = "BraTS marks enhancing tumour by 4 until 2022 and by 3 in 2023"
LATER = "from 2024 on 4 is the cavity that surgery left"


def read_brats(folder):
    """List the patients of a BraTS tree, as the archives of 2018 to 2023 unpack.

    Every folder with NIfTI files, at whatever level, is a patient with four modalities and a
    segmentation, recognised by the end of their names (``SPELLINGS``): ``X_flair.nii.gz``,
    ``X-t2f.nii.gz``, ``X_T1Gd.nii``. Other files are passed over. Only headers are read here, and
    as many segmentations as it takes to see by which label enhancing tumour is marked.

    Parameters
    ----------
    folder : str or Path
        The tree, or the folder of a single patient.

    Returns
    -------
    list of Patient
        By folder. Images are (D, H, W, 4) float32: FLAIR, T1, T1ce, T2; masks hold the classes
        of ``CLASSES``.

    Raises
    ------
    InputError
        If `folder` is not there or holds no volumes; a modality is missing or there twice; two
        folders are one, by a link.

    References
    ----------
    B. H. Menze et al., "The Multimodal Brain Tumor Image Segmentation Benchmark (BRATS)", IEEE
    Transactions on Medical Imaging 34:10 (2015). U. Baid et al., "The RSNA-ASNR-MICCAI BraTS 2021
    benchmark", arXiv:2107.02314 (2021).
    """
    folders = volume_folders(folder)
    if not folders:
        raise InputError(f"found no NIfTI files in {folder} or its folders; give a folder that "
                         "holds a folder for each patient")
    check_once(folders)
    files = [find_files(path, (*MODALITIES, SEGMENTATION)) for path in folders]
    scheme = Scheme(MODALITIES, CLASSES, (0, 1, 2, _enhancing(files)))
    return [_patient(name, found, scheme)
            for name, found in zip(patient_names(folders, folder), files, strict=True)]


def find_files(folder, kinds):
    """Find the files of a patient.

    Parameters
    ----------
    folder : Path
    kinds : sequence of str
        Modalities, and `SEGMENTATION`.

    Returns
    -------
    dict of str to Path
        In the order of `kinds`.

    Raises
    ------
    InputError
        If one is missing (the files seen are listed), or there twice.
    """
    files = [path for path in visible(folder) if is_nifti(path) and path.is_file()]
    found = {}
    for path in files:
        if (kind := kind_of(stem(path), kinds)) in found:
            raise InputError(f"{found[kind]} and {path.name} are both {kind}; keep one of them, "
                             "and each patient in a folder of its own")
        if kind:
            found[kind] = path
    if missing := [kind for kind in kinds if kind not in found]:
        seen = ", ".join(path.name for path in files[:6]) + ", …" * (len(files) > 6)
        for path in (folder, *visible(folder)):
            if is_nifti(path) and path.is_dir():  # so Kaggle unpacks BraTS
                raise InputError(f"{folder} has no {', no '.join(missing)}: {path} is a folder, "
                                 "not a file; move the file in it out, and so with the others")
        endings = " or ".join(f"_{ending}" for kind in missing
                              for ending in SPELLINGS.get(kind, (kind,)))
        raise InputError(f"{folder} has no {', no '.join(missing)}; it holds {seen}; add a file "
                         f"whose name ends with {endings}")
    return {kind: found[kind] for kind in kinds}


def kind_of(name, kinds=tuple(SPELLINGS)):
    """Which of `kinds` the end of a name tells; None if it tells none.

    >>> kind_of("BraTS-GLI-00000-000-t2f"), kind_of("UPENN_1_T1GD"), kind_of("brain")
    ('FLAIR', 'T1ce', None)
    """
    ending = re.split(r"[^a-z0-9]", name.lower())[-1]
    return next((kind for kind in kinds if ending in SPELLINGS.get(kind, (kind.lower(),))), None)


def encode(labels, path):
    """Give the class of each voxel, uint8, from a BraTS label map.

    Raises
    ------
    InputError
        If it holds a label that no year of BraTS has, or both of those for enhancing tumour.
    """
    check_labels(labels, (0, 1, 2, *ENHANCING), path)
    three, four = ((labels == value).any() for value in ENHANCING)
    if three and four:
        raise InputError(f"{path} holds the labels 3 and 4; {YEARS}; {LATER}: data of those years "
                         "is not understood. Mend or remove it")
    if four and stem(path).endswith("-seg"):  # as names are written from 2023 on
        warn(f"{path.parent} is named as from 2023 on and has the label 4, taken for enhancing "
             f"tumour; {YEARS}; {LATER}")
    return np.where(labels == 4, 3, labels).astype(np.uint8)


def other_years(labels, others):
    """Say that one of two label maps marks by 4 and the other by 3; None if it is not so."""
    marks = [[value for value in ENHANCING if (found == value).any()] for found in (labels, others)]
    if sorted(marks) != [[3], [4]]:
        return None
    (one,), (other,) = marks
    return (f"the first has the label {one}, the second {other}; {YEARS}. If they are of two "
            "years, make the labels alike, or one will seem to vanish and another to be new")


def _patient(name, files, scheme):
    *modalities, labels = files.values()
    return volume_patient(name, scheme, modalities[0], labels, partial(read_stack, modalities),
                          encode)


def _enhancing(patients):
    """The label that the first of the patients with enhancing tumour marks it by."""
    for files in patients:
        found = set(np.unique(read_labels(files[SEGMENTATION]).data)) & set(ENHANCING)
        if found:
            return int(max(found))
    return ENHANCING[-1]
