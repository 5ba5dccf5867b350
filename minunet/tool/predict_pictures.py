"""What ``minunet predict`` does with pictures: segment them, write two for each slice."""

from dataclasses import replace

import numpy as np
from PIL import Image
from tqdm import tqdm

from minunet.data.formats.images import read_image
from minunet.data.preprocess import prepare
from minunet.data.scheme import BINARY
from minunet.engine import mpi
from minunet.engine.files import InputError, check_new, output_folder, replacing
from minunet.predict import THRESHOLD, check_channels, tumour
from minunet.tool.agreement import segment_twice
from minunet.tool.predict_inputs import find_inputs, result_paths
from minunet.tool.predict_results import Results


def read_slices(name, files):
    """Read a patient's slices as one array (D, H, W, C).

    Raises
    ------
    InputError
        If a file is unusable, or slices differ in size, channels or type.
    """
    images = [read_image(file) for file in files]
    kinds = [f"{' × '.join(map(str, image.shape))} of {image.dtype}" for image in images]
    for file, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise InputError(f"slices of {name} differ (rows × columns × channels): "
                             f"{files[0].name} is {kinds[0]}, {file.name} is {kind}; they must be "
                             "one patient's")
    return np.stack(images)


def predict_pictures(net, preprocessing, paths, out, scheme=BINARY):
    """Segment images and folders of slices; write each slice's mask and probability.

    All inputs are read and checked before anything is written. Of several ranks each does so with
    a share of them. ``NAME_mask.png`` (0, 255) and ``NAME_probability.png`` (0 … 255), of the
    input's own size, go to `out`, those of an input folder into a folder of its name; `Results` has
    the pages and the table. A file that is there already is not overwritten.

    Parameters
    ----------
    net : UNet
        If it knows several classes, any of them counts as tumour.
    preprocessing : Preprocessing
    paths : list of str or Path
    out : str or Path
    scheme : Scheme
        The model's: the pages show FLAIR first, or the middle channel if that is not named.

    Yields
    ------
    name : str
        Of the input.
    slices, pixels : int
        How many slices it has, and how many pixels of tumour were found.
    agreement : float
        Of the masks with those of the mirrored images, see `agreement.segment_twice`.

    Raises
    ------
    InputError
        If an input is unusable, results of two would have one name or one is there already, or
        `out` cannot be written to.
    """
    inputs = find_inputs(paths, out)
    check_new(path for files in inputs.values() for start in files.values()
              for path in result_paths(start).values())
    results = Results(out, inputs, replace(BINARY, modalities=scheme.modalities))
    inputs = dict(mpi.share(inputs.items()))
    with tqdm(inputs.items(), "checking", unit="input", leave=False, disable=None) as bar:
        for name, files in bar:
            images = read_slices(name, list(files))
            check_channels(net, images, name, scheme.modalities)
            prepare(images, preprocessing, name)
    mpi.meet()
    output_folder(out)
    count = sum(map(len, inputs.values()))
    with tqdm(total=count, desc="segmenting", unit="slice", leave=False, disable=None) as bar:
        for name, files in inputs.items():
            images = read_slices(name, list(files))  # (D, H, W, C)
            found, agreement = segment_twice(net, images, preprocessing, name, bar.update)
            probabilities = tumour(found)
            mask = probabilities > THRESHOLD  # (D, H, W)
            _write(files.values(), mask, probabilities)
            results.add(name, images, mask.astype(np.uint8), slices=[file.name for file in files],
                        agreement=agreement)
            yield name, len(files), int(np.count_nonzero(mask)), agreement
    results.finish()


def _write(starts, mask, probabilities):
    """Write the results of one input: files by their beginnings, and (D, H, W) of each."""
    for start, inside, probability in zip(starts, mask, probabilities, strict=True):
        output_folder(start.parent)
        paths = result_paths(start)
        _write_grey(paths["mask"], inside * np.uint8(255))
        _write_grey(paths["probability"], np.rint(probability * 255).astype(np.uint8))


def _write_grey(path, pixels):
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, "PNG")
