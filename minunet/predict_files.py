"""What ``minunet predict`` does: find the inputs, segment them, write three pictures a slice."""

from pathlib import Path

import numpy as np
from skimage.io import imsave

from minunet.data.images import read_image
from minunet.data.pairs import natural_key, visible
from minunet.data.preprocess import prepare
from minunet.files import InputError, output_folder, replacing
from minunet.plots import plot_overlay
from minunet.predict import THRESHOLD, check_channels, segment, tumour

IMAGE_SUFFIXES = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"}


def find_inputs(paths):
    """List what to segment: ``(name, files)``, a folder being one patient, a file one slice.

    In a folder, files whose name ends with ``_mask`` are left out, and hidden ones.

    Raises
    ------
    InputError
        If a path does not exist, a folder holds no images, or two inputs have one name.
    """
    inputs = {}
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; give images or folders of slices")
        files = [path]
        if path.is_dir():
            files = [file for file in visible(path) if file.suffix.lower() in IMAGE_SUFFIXES
                     and not file.stem.endswith("_mask")]
            if not files:
                raise InputError(f"{path} holds no images; give a folder of one patient's slices "
                                 f"({', '.join(sorted(IMAGE_SUFFIXES))})")
        name = path.resolve().name if path.is_dir() else path.stem
        if name in inputs:
            raise InputError(f"two inputs are called {name}, the second is {path}; give the "
                             "folders that hold them, or predict them into different --out folders")
        inputs[name] = sorted(files, key=lambda file: natural_key(file.name))
    return inputs


def read_slices(name, files):
    """Read a patient's slices as one array (D, H, W, C).

    Raises
    ------
    InputError
        If a file is unusable, or slices differ in size or channels.
    """
    images = [read_image(file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            raise InputError(f"slices of {name} differ: {files[0].name} is {images[0].shape}, "
                             f"{file.name} is {image.shape}; they must be one patient's")
    return np.stack(images)


def predict_files(net, preprocessing, paths, out):
    """Segment images and folders of slices; write each slice's mask, probability and overlay.

    All inputs are read and checked before anything is written. ``NAME_mask.png`` (0, 255),
    ``NAME_probability.png`` (0 … 255) and ``NAME_overlay.png`` go to `out`, those of an input
    folder into a folder of its name, all at the input's own size.

    Parameters
    ----------
    net : UNet
        If it knows several classes, any of them counts as tumour.
    preprocessing : Preprocessing
    paths : list of str or Path
    out : str or Path

    Yields
    ------
    name : str
        Of the input.
    slices, pixels : int
        How many slices it has, and how many pixels of tumour were found.

    Raises
    ------
    InputError
        If an input is unusable or `out` cannot be written to.
    """
    inputs = find_inputs(paths)
    for name, files in inputs.items():
        images = read_slices(name, files)
        check_channels(net, images, name)
        prepare(images, preprocessing, name)
    out = output_folder(out)
    for name, files in inputs.items():
        images = read_slices(name, files)  # (D, H, W, C)
        probabilities = tumour(segment(net, images, preprocessing, name))  # (D, H, W)
        folder = output_folder(out / name) if Path(files[0]).stem != name else out
        for file, image, probability in zip(files, images, probabilities, strict=True):
            _write(folder, file.stem, image[..., image.shape[-1] // 2], probability)
        yield name, len(files), int((probabilities > THRESHOLD).sum())


def _write(folder, name, image, probability):
    mask = probability > THRESHOLD
    for kind, pixels in (("mask", mask * np.uint8(255)),
                         ("probability", np.rint(probability * 255).astype(np.uint8))):
        with replacing(folder / f"{name}_{kind}.png") as temporary:
            imsave(temporary, pixels, check_contrast=False)
    plot_overlay(image, mask, folder / f"{name}_overlay.png", probability, title=name)
