"""From patients to batches: prepared slices, drawn, varied, and ready before they are asked for."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from minunet.data.augment import augment
from minunet.data.preprocess import prepare, prepare_masks
from minunet.data.sampling import draw_slices
from minunet.files import InputError


class Slices(NamedTuple):
    """The slices of all training patients, prepared."""

    images: np.ndarray  # (S, H, W, C) float32
    masks: np.ndarray  # (S, H, W) uint8, 0 or 1


def load_slices(patients, preprocessing):
    """Read and prepare the slices of all patients.

    Parameters
    ----------
    patients : iterable of Patient
    preprocessing : Preprocessing

    Returns
    -------
    Slices

    Raises
    ------
    InputError
        If a file is unusable, two patients differ in their number of channels, or no mask
        marks anything.
    """
    images, masks, first = [], [], None
    for patient in patients:
        image, mask = patient.load()
        first = first or (patient.name, image.shape[-1])
        if image.shape[-1] != first[1]:
            raise InputError(f"patients differ in channels: {first[0]} has {first[1]}, "
                             f"{patient.name} has {image.shape[-1]}; make them alike")
        images.append(prepare(image, preprocessing, patient.name))  # (D, H, W, C)
        masks.append(prepare_masks(mask, preprocessing))  # (D, H, W)
    slices = Slices(np.concatenate(images), np.concatenate(masks))
    if not slices.masks.any():
        raise InputError("no mask of the training patients marks anything; check the masks")
    return slices


def batches(slices, batch_size, rng):
    """Yield an epoch's batches: as many slices as there are, drawn by `draw_slices`, augmented.

    Parameters
    ----------
    slices : Slices
    batch_size : int
        N; the last batch of an epoch may be smaller.
    rng : numpy.random.Generator

    Yields
    ------
    images : ndarray (N, H, W, C), float32
    target : ndarray (N, H, W, 1), float32
        0 or 1.
    """
    order = draw_slices(slices.masks.any(axis=(1, 2)), len(slices.masks), rng)
    for start in range(0, len(order), batch_size):
        drawn = [augment(slices.images[i], slices.masks[i], rng)
                 for i in order[start : start + batch_size]]
        images, masks = zip(*drawn, strict=True)
        yield np.stack(images), np.stack(masks)[..., np.newaxis].astype(np.float32)


def one_ahead(iterable):
    """Yield what `iterable` does, each item computed while the one before it is in use.

    A second thread works on the next batch while the network trains on this one. Only that
    thread touches `iterable`, so the order of its random draws is the same as without.
    """
    iterator = iter(iterable)
    with ThreadPoolExecutor(1, thread_name_prefix="minunet-data") as worker:
        coming = worker.submit(next, iterator, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, iterator, None)
            yield item
