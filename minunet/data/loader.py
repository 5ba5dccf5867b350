"""From patients to batches: prepared slices, drawn, varied, and ready before they are asked for."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from minunet.data.augment import augment
from minunet.data.preprocess import prepare, prepare_masks
from minunet.data.sampling import draw_slices
from minunet.data.scheme import Scheme
from minunet.data.shelf import Shelf
from minunet.engine import mpi
from minunet.engine.files import InputError
from minunet.engine.ranks import part
from minunet.engine.threads import threads
from minunet.engine.values import whole

# Share of the slices, without and with tumour, that are given another slice's tumour: see `graft`.
GRAFTED = 0.5, 0.2


class Slices(NamedTuple):
    """The slices of all training patients, prepared; images and masks on disk."""

    images: Shelf  # (S, H, W, C) float32
    masks: Shelf  # (S, H, W) uint8, the class of each pixel
    marked: np.ndarray  # (S,) bool: whether the mask marks anything
    patients: np.ndarray  # (S,) int: whose it is, counted from 0
    scheme: Scheme


def load_slices(patients, preprocessing):
    """Read and prepare the slices of all patients.

    Parameters
    ----------
    patients : list of Patient
        Of several ranks each reads a share of them, and gets the others' slices from the others.
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
    images, masks, marked, owners, first = Shelf(), Shelf(), [], [], None

    def read(patient):
        image, mask = patient.load()
        return (prepare(image, preprocessing, patient.name),  # (D, H, W, C)
                prepare_masks(mask, preprocessing, len(patient.scheme.classes)))  # (D, H, W)

    # disable=None: no bars where nobody watches, as in a log file.
    bar = tqdm(patients, "reading", unit="patient", leave=False, disable=not mpi.first() or None)
    reading = mpi.each_read(patients, read)
    for number, patient in enumerate(bar):
        image, mask = next(reading)
        first = first or (patient.name, image.shape[-1])
        if image.shape[-1] != first[1]:
            raise InputError(f"patients differ in channels: {first[0]} has {first[1]}, "
                             f"{patient.name} has {image.shape[-1]}; make them alike")
        images.append(image)
        masks.append(mask)
        marked.append(mask.any(axis=(1, 2)))
        owners.append(np.full(len(mask), number))
        del image, mask  # or they would stay while the next patient's are read
    slices = Slices(images, masks, np.concatenate(marked), np.concatenate(owners), patient.scheme)
    if not slices.marked.any():
        raise InputError("no mask of the training patients marks anything; check the masks")
    return slices


def batches(slices, batch_size, rng):
    """Yield an epoch's batches: as many slices as there are, drawn by `draw_slices`, augmented.

    Some are given the tumour of another slice, see `GRAFTED`.

    Parameters
    ----------
    slices : Slices
    batch_size : int
        Of all ranks together. The last batch of an epoch may be smaller.
    rng : numpy.random.Generator

    Yields
    ------
    images : ndarray (N, H, W, C), float32
    target : ndarray (N, H, W, 1), float32
        The class of each pixel.
    """
    batch_size = whole("batch_size", batch_size, 1)
    marked, patients, n = slices.marked, slices.patients, len(slices.marked)
    order = draw_slices(marked, patients, n, rng)  # (n,)
    donors = draw_slices(marked, patients, n, rng, share=1.0)  # (n,), with tumour all

    def varied(number, rng):
        i, donor = order[number], donors[number]
        grafted = rng.random() < GRAFTED[int(marked[i])]
        return augment(slices.images[i], slices.masks[i], rng,
                       (slices.images[donor], slices.masks[donor]) if grafted else None)

    yield from in_batches(n, batch_size, rng, varied)


def in_batches(n, batch_size, rng, draw):
    """Yield batches of n images and masks, which ``draw(number, rng)`` makes; as `batches` does.

    Each has random numbers of its own, so that whoever shares the work of a batch can make any
    part of it: of several ranks each gets its `ranks.part`.
    """
    seeds = rng.integers(2**63, size=n)
    for start in range(0, n, batch_size):
        batch = range(start, min(start + batch_size, n))
        images, masks = zip(*(draw(i, np.random.default_rng(seeds[i]))
                              for i in batch[part(len(batch))]), strict=True)
        yield np.stack(images), np.stack(masks)[..., np.newaxis].astype(np.float32)


def one_ahead(iterable):
    """Yield what `iterable` does, each item computed while the one before it is in use.

    A second thread works on the next batch while the network trains on this one. Only that
    thread touches `iterable`, so the order of its random draws is the same as without. If one
    thread is all there should be (`cores.threads`), or all that can be started, each item is
    computed when it is asked for.
    """
    iterator, context = iter(iterable), copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="minunet-data") as worker:
        try:
            coming = worker.submit(context.run, next, iterator, None) if threads() > 1 else None
        except RuntimeError:  # can't start new thread
            coming = None
        while coming and (item := coming.result()) is not None:
            coming = worker.submit(context.run, next, iterator, None)
            yield item
    yield from iterator
