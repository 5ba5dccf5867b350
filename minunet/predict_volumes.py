"""What ``minunet predict`` does with NIfTI: segment slice by slice, write masks that align."""

from functools import partial
from pathlib import Path

import numpy as np

from minunet.data.brats import find_files
from minunet.data.nifti import read_scan, write_volume
from minunet.data.pairs import visible
from minunet.data.preprocess import prepare
from minunet.data.volumes import is_nifti, read_stack, stem
from minunet.files import InputError, output_folder
from minunet.plots import plot_overlay
from minunet.predict import check_channels, classify, segment, tumour


def is_volume(path):
    """Whether an input is a NIfTI file or a folder that holds some."""
    path = Path(path)
    return any(map(is_nifti, visible(path))) if path.is_dir() else is_nifti(path)


def find_volumes(paths, scheme):
    """List what to segment: ``(name, read)``, where ``read()`` gives images and their grid.

    A file is a scan of one modality, or 4-D with the model's modalities in its order. A folder
    is a patient with a file for each of the model's modalities, recognised by their names.

    Raises
    ------
    InputError
        If a modality is missing, the model does not say which it takes, or two inputs have one
        name.
    """
    inputs = {}
    for path in map(Path, paths):
        name = path.resolve().name if path.is_dir() else stem(path)
        if name in inputs:
            raise InputError(f"two inputs are called {name}, the second is {path}; "
                             "predict them into different --out folders")
        if path.is_dir():
            if not scheme.modalities:
                raise InputError(f"{path} is a folder of volumes, but the model does not say "
                                 "which modalities it takes; give one file, 4-D if it takes more")
            inputs[name] = partial(read_stack, list(find_files(path, scheme.modalities).values()))
        else:
            inputs[name] = partial(_read, path)
    return inputs


def predict_volumes(net, preprocessing, scheme, paths, out, probabilities=False):
    """Segment volumes and write a mask for each, in its own orientation, with its own affine.

    All inputs are read and checked before anything is written. ``NAME_mask.nii.gz`` holds the
    labels of the data that the model was trained on, ``NAME_overlay.png`` is the axial slice with
    most tumour.

    Parameters
    ----------
    net : UNet
    preprocessing : Preprocessing
    scheme : Scheme
        The model's.
    paths : list of str or Path
    out : str or Path
    probabilities : bool
        Write ``NAME_probability.nii.gz`` too, float32; for a model of several classes
        ``NAME_probability_LABEL.nii.gz``, one for each but the background.

    Yields
    ------
    name : str
    slices, voxels : int
        How many slices it has, and how many voxels of tumour were found.
    volume : float
        Of the tumour, in millilitres.

    Raises
    ------
    InputError
        If an input is unusable or `out` cannot be written to.
    """
    inputs = find_volumes(paths, scheme)
    for name, read in inputs.items():
        images, _ = read()
        check_channels(net, images, name, scheme.modalities)
        prepare(images, preprocessing, name)
        del images
    out = output_folder(out)
    for name, read in inputs.items():
        yield name, *_predict(net, preprocessing, scheme, name, read, out, probabilities)


def _predict(net, preprocessing, scheme, name, read, out, probabilities):
    images, grid = read()  # (D, H, W, C)
    found = segment(net, images, preprocessing, name)  # (D, H, W, K)
    classes = classify(found)
    write_volume(out / f"{name}_mask.nii.gz", scheme.decode(classes), grid)
    if probabilities:
        several = found.shape[-1] > 1
        for k in range(several, found.shape[-1]):
            label = f"_{scheme.values[k]}" if several else ""
            write_volume(out / f"{name}_probability{label}.nii.gz", found[..., k], grid)
    area = (classes > 0).sum(axis=(1, 2))
    shown = int(area.argmax()) if area.any() else len(area) // 2
    plot_overlay(images[shown, ..., 0], classes[shown] > 0, out / f"{name}_overlay.png",
                 tumour(found[shown]), title=f"{name}, slice {shown + 1} of {len(area)}")
    voxels = int(area.sum())
    return len(area), voxels, voxels * float(np.prod(grid.spacing)) / 1000


def _read(path):
    scan = read_scan(path)
    return scan.data, scan
