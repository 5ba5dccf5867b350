"""What ``minunet predict`` does with NIfTI: segment slice by slice, write masks that align."""

from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from minunet.data.formats.brats import find_files
from minunet.data.formats.nifti import read_scan, write_volume
from minunet.data.formats.volumes import read_stack, stem
from minunet.data.preprocess import prepare
from minunet.engine import mpi
from minunet.engine.files import InputError, check_new, output_folder
from minunet.engine.words import plural
from minunet.predict import check_channels, classify
from minunet.tool.agreement import segment_twice
from minunet.tool.patient_page.scene import millilitres
from minunet.tool.predict_inputs import check_name, folder_name
from minunet.tool.predict_results import Results


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
        name = folder_name(path) if path.is_dir() else stem(path)
        check_name(name, path, inputs)
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

    All inputs are read and checked before anything is written. Of several ranks each does so with
    a share of them. ``NAME_mask.nii.gz`` holds the labels of the data that the model was trained
    on; `Results` has the pages and the table. A file that is there already is not overwritten.

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
    agreement : float
        Of the mask with that of the mirrored volume, see `agreement.segment_twice`.

    Raises
    ------
    InputError
        If an input is unusable, a result is there already, or `out` cannot be written to.
    """
    inputs, out = find_volumes(paths, scheme), Path(out)
    maps = _maps(scheme) if probabilities else {}
    check_new(out / f"{name}_{ending}" for name in inputs for ending in ("mask.nii.gz", *maps))
    results = Results(out, inputs, scheme)
    inputs, count = dict(mpi.share(inputs.items())), 0
    with tqdm(inputs.items(), "checking", unit="input", leave=False, disable=None) as bar:
        for name, read in bar:
            images, _ = read()
            check_channels(net, images, name, scheme.modalities)
            prepare(images, preprocessing, name)
            count += len(images)
            del images
    mpi.meet()
    output_folder(out)
    with tqdm(total=count, desc="segmenting", unit="slice", leave=False, disable=None) as bar:
        for name, read in inputs.items():
            images, grid = read()  # (D, H, W, C)
            found, agreement = segment_twice(net, images, preprocessing, name, bar.update)
            labels = scheme.decode(classify(found))  # (D, H, W)
            write_volume(out / f"{name}_mask.nii.gz", labels, grid)
            for ending, k in maps.items():
                write_volume(out / f"{name}_{ending}", found[..., k], grid)
            del found
            results.add(name, images, labels, grid.spacing, grid.oriented, agreement=agreement)
            voxels = np.count_nonzero(labels)
            yield name, len(labels), voxels, millilitres(voxels, grid.spacing), agreement
    results.finish()


def describe_volume(voxels, volume):
    """What was found, as "1,234 voxels of tumour, 1.23 ml"; `volume` in millilitres."""
    return f"{plural(voxels, 'voxel')} of tumour, {volume:.2f} ml" if voxels else "no tumour found"


def _maps(scheme):
    """The class whose probability is written, by the end of the file's name."""
    if scheme.outputs == 1:
        return {"probability.nii.gz": 0}
    return {f"probability_{value}.nii.gz": k for k, value in enumerate(scheme.values) if k}


def _read(path):
    scan = read_scan(path)
    return scan.data, scan
