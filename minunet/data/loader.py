"""From patients to batches: prepared slices, drawn, varied, and ready before they are asked for."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from minunet.data.augment import augment
from minunet.data.preprocess import prepare, prepare_masks
from minunet.data.sampling import draw_slices
from minunet.data.scheme import Scheme
from minunet.data.shelf import Shelf
from minunet.files import InputError

GRAFTED = 0.5  # of the slices without tumour: they are given another slice's, see `graft`


class Slices(NamedTuple):
    """The slices of all training patients, prepared; on disk, but for one bit each."""

    images: Shelf  # (S, H, W, C) float32
    masks: Shelf  # (S, H, W) uint8, the class of each pixel
    marked: np.ndarray  # (S,) bool: whether the mask marks anything
    scheme: Scheme


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
    images, masks, marked, first = Shelf(), Shelf(), [], None
    for patient in patients:
        image, mask = patient.load()
        first = first or (patient.name, image.shape[-1])
        if image.shape[-1] != first[1]:
            raise InputError(f"patients differ in channels: {first[0]} has {first[1]}, "
                             f"{patient.name} has {image.shape[-1]}; make them alike")
        images.append(prepare(image, preprocessing, patient.name))  # (D, H, W, C)
        mask = prepare_masks(mask, preprocessing, len(patient.scheme.classes))  # (D, H, W)
        masks.append(mask)
        marked.append(mask.any(axis=(1, 2)))
        del image, mask  # or they would stay while the next patient's are read
    slices = Slices(images, masks, np.concatenate(marked), patient.scheme)
    if not slices.marked.any():
        raise InputError("no mask of the training patients marks anything; check the masks")
    return slices


def batches(slices, batch_size, rng):
    """Yield an epoch's batches: as many slices as there are, drawn by `draw_slices`, augmented.

    To half of the slices that show no tumour, that of another slice is grafted.

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
        The class of each pixel.
    """
    order = draw_slices(slices.marked, len(slices.marked), rng)
    donors = np.flatnonzero(slices.marked)

    def varied(i):
        image, mask, donor = slices.images[i], slices.masks[i], None
        if not slices.marked[i] and rng.random() < GRAFTED:
            j = rng.choice(donors)
            donor = slices.images[j], slices.masks[j]
        return augment(image, mask, rng, donor)

    for start in range(0, len(order), batch_size):
        drawn = [varied(i) for i in order[start : start + batch_size]]
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
