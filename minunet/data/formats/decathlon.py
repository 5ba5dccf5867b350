"""The Medical Segmentation Decathlon: 4-D images, label maps, and a file that explains both."""

import json
from functools import partial
from pathlib import Path

from minunet.data.formats import brats
from minunet.data.formats.names import check_once, patient_names
from minunet.data.formats.nifti import SUFFIXES, read_scan
from minunet.data.formats.volumes import is_nifti, stem, volume_patient
from minunet.data.scheme import Scheme
from minunet.engine.files import InputError

DESCRIPTION = "dataset.json"
# The Decathlon's first task is BraTS of 2016 and 2017 with labels in another order.
BRATS_NAMES = {"background": "background", "non-enhancing tumor": "necrotic core",
               "edema": "oedema", "enhancing tumour": "enhancing tumour"}


def read_decathlon(folder):
    """List the patients of a Decathlon task: the pairs under ``training`` in ``dataset.json``.

    Images are 4-D, their last axis the modalities in the order of ``modality``; tasks with one
    modality have 3-D images. Modalities and classes that BraTS has too get their names there, so
    that models and data of both fit each other. Only headers are read here.

    Parameters
    ----------
    folder : str or Path
        Holds ``dataset.json``, ``imagesTr`` and ``labelsTr``.

    Returns
    -------
    list of Patient
        Images are (D, H, W, C) float32; masks hold classes in the order of their labels (for
        the first task, of ``brats.CLASSES``).

    Raises
    ------
    InputError
        If ``dataset.json`` or a file that it lists is missing or listed twice, or it is no such
        description.

    References
    ----------
    M. Antonelli et al., "The Medical Segmentation Decathlon", Nature Communications 13:4128 (2022).
    """
    folder = Path(folder)
    modalities, labels, pairs = _described(folder)
    scheme = _scheme(modalities, labels)
    images = [image for image, _ in pairs]
    check_once(images)
    names = patient_names([image.with_name(stem(image)) for image in images], folder)
    return [volume_patient(name, scheme, image, label,
                           partial(_read, image, scheme.modalities), scheme.encode)
            for name, (image, label) in zip(names, pairs, strict=True)]


def _described(folder):
    """What ``dataset.json`` says: modalities, names of labels by their values, pairs of files."""
    path = folder / DESCRIPTION
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        modalities = [content["modality"][str(c)] for c in range(len(content["modality"]))]
        labels = {int(value): str(name) for value, name in content["labels"].items()}
        pairs = [tuple(folder / _file(pair[kind], path) for kind in ("image", "label"))
                 for pair in content["training"]]
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; it names modalities and labels, "
                         "so put it beside imagesTr") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is no description of a Decathlon task ({found}); it needs "
                         'modality ({"0": "FLAIR", …}), labels ({"0": "background", …}) and '
                         "training") from error
    if labels and 0 not in labels:
        raise InputError(f"{path} names no label 0, the background (only "
                         f"{', '.join(map(str, sorted(labels)))}); add \"0\": \"background\"")
    if not pairs or len(labels) < 2 or not all(0 <= value < 256 for value in labels):
        raise InputError(f"{path} lists {len(pairs)} training images and {len(labels)} labels; "
                         "give at least 1 image, and 2 labels from 0 to 255")
    return modalities, labels, pairs


def _file(name, description):
    """A file's name as `description` has it, if it is that of a NIfTI file."""
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no file's name")
    if not is_nifti(path := Path(name)):
        whole = next((f"; did you mean {name}{suffix}?" for suffix in SUFFIXES
                      if (description.parent / f"{name}{suffix}").is_file()), "; convert it, "
                     "or give its whole name")
        raise InputError(f"{description} lists {name}, whose name is not that of a NIfTI file "
                         f"({' or '.join(SUFFIXES)}){whole}")
    return path


def _scheme(modalities, labels):
    modalities = tuple(brats.kind_of(str(name)) or str(name) for name in modalities)
    if set(labels.values()) == set(BRATS_NAMES):
        labels = {value: BRATS_NAMES[name] for value, name in labels.items()}
        values = sorted(labels, key=lambda value: brats.CLASSES.index(labels[value]))
    else:
        values = sorted(labels)
    return Scheme(modalities, tuple(labels[value] for value in values), tuple(values))


def _read(path, modalities):
    scan = read_scan(path)
    found = scan.data.shape[-1]
    if found != len(modalities):
        axes = "3-D" if found == 1 else f"4-D with {found} channels"
        named = "1 modality" if len(modalities) == 1 else f"{len(modalities)} modalities"
        raise InputError(f"{path} is {axes}, but {DESCRIPTION} names {named} "
                         f"({', '.join(modalities)}); expected "
                         + ("3-D" if len(modalities) == 1 else f"4-D with {len(modalities)}"))
    return scan.data, scan
