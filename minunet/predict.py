"""Segmentation: from a patient's images as stored to probabilities at their own size."""

import numpy as np

from minunet.backend import to_device, to_host
from minunet.data.preprocess import prepare, restore
from minunet.files import InputError

THRESHOLD = 0.5  # of the probability: above it a pixel counts as tumour


def predict_slices(net, images, batch_size=8):
    """Give the probabilities of slices of any size: pad to one that goes through, and crop again.

    Parameters
    ----------
    net : UNet
        With same padding.
    images : ndarray (D, H, W, C)
        Prepared; in the computer's own memory.
    batch_size : int
        Slices at a time: memory grows with it, results do not depend on it.

    Returns
    -------
    ndarray (D, H, W, K), float32

    Raises
    ------
    ValueError
        If the network drops borders (valid padding), or takes other channels.
    """
    if net.config["padding"] != "same":
        raise ValueError("net must have same padding, got valid, which drops the borders; "
                         "call net.predict on images with a margin")
    multiple = 2**net.config["depth"]
    height, width = images.shape[1:3]
    # Repeated edge pixels look like more of the same; zeros would draw an edge.
    margin = ((0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0))
    padded = np.pad(images, margin, mode="edge").astype(net.config["dtype"])
    probabilities = [to_host(net.predict(to_device(padded[start : start + batch_size], net.device)))
                     for start in range(0, len(padded), batch_size)]
    return np.concatenate(probabilities)[:, :height, :width].astype(np.float32)


def segment(net, images, preprocessing, name="images"):
    """Segment one patient: prepare the images, predict, and return to their own size.

    Parameters
    ----------
    net : UNet
    images : ndarray (D, H, W, C)
        All slices of one patient, as stored: intensities are standardised over all of them.
    preprocessing : Preprocessing
        The one that the network was trained with.
    name : str
        What to call the patient in an error.

    Returns
    -------
    ndarray (D, H, W, K), float32
        Probabilities.

    Raises
    ------
    InputError
        If the patient has another number of channels than the network takes, or cannot be
        prepared.
    """
    check_channels(net, images, name)
    prepared = prepare(images, preprocessing, name)  # (D, S, S, C)
    return restore(predict_slices(net, prepared), images.shape[1:3], preprocessing)


def check_channels(net, images, name):
    """Raise `InputError` unless `images` (D, H, W, C) have as many channels as `net` takes."""
    channels = net.config["in_channels"]
    if images.shape[-1] != channels:
        raise InputError(f"{name} has {images.shape[-1]} channels, the model takes {channels}; "
                         "give images like those that it was trained on")
