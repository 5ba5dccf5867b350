"""From volumes to batches of patches, for a network that sees three dimensions.

A volume is too large to train on as a whole, and one is not much of a batch. So blocks are cut out
of volumes at random places, as Çiçek et al. 2016 do. Where all volumes are smaller than a patch, so
is the patch; where one is smaller than the others, the values at its edge go on beyond it.
"""

import numpy as np

from minunet.data.augment import augment_volume
from minunet.data.loader import in_batches

AT_TUMOUR = 1 / 3  # share of the patches that are put where tumour is; the others lie anywhere


def patch_sides(slices, patch, step):
    """Give the sides (D, H, W) of a patch: `patch`, or if all volumes are smaller, less.

    They are multiples of `step`, as `patch` is.
    """
    largest = np.array([np.bincount(slices.patients).max(), *slices.masks.shape[1:]])
    return np.minimum(patch, -(-largest // step) * step)


def count_patches(slices, sides):
    """Count the patches of an epoch: as many as it takes to cover all volumes once."""
    volumes = [(depth, *slices.masks.shape[1:]) for depth in np.bincount(slices.patients)]
    return int((-(-np.array(volumes) // sides)).prod(axis=1).sum())


def patch_batches(slices, batch_size, rng, sides):
    """Yield an epoch's batches of patches, augmented; patients come in turn, in shuffled order.

    Parameters
    ----------
    slices : loader.Slices
        Those of a patient are a volume.
    batch_size : int
        N, of all ranks together; the last batch may be smaller.
    rng : numpy.random.Generator
    sides : ndarray (3,), int
        (D, H, W) of a patch, from `patch_sides`.

    Yields
    ------
    images : ndarray (N, D, H, W, C), float32
    target : ndarray (N, D, H, W, 1), float32
        The class of each voxel.
    """
    n, patients = count_patches(slices, sides), np.unique(slices.patients)
    order = np.concatenate([rng.permutation(patients) for _ in range(-(-n // len(patients)))])
    yield from in_batches(n, batch_size, rng,
                          lambda number, rng: _draw(slices, order[number], sides, rng))


def _draw(slices, patient, sides, rng):
    """Cut a patch out of a patient's volume, and vary it."""
    first, last = np.flatnonzero(slices.patients == patient)[[0, -1]]
    sizes = np.array([last + 1 - first, *slices.masks.shape[1:]])  # D, H, W of the volume
    room = np.maximum(sizes - sides, 0)  # places along each axis, less one
    place = rng.integers(room + 1)
    marked = np.flatnonzero(slices.marked[first : last + 1])
    if len(marked) and rng.random() < AT_TUMOUR:
        z = rng.choice(marked)
        y, x = rng.choice(np.argwhere(slices.masks[int(first + z)]))
        place = np.clip((z, y, x) - rng.integers(sides), 0, room)
    image, mask = (_cut(shelf, first, last, place, sides)
                   for shelf in (slices.images, slices.masks))
    return augment_volume(image, mask, rng)


def _cut(shelf, first, last, place, sides):
    """A block (D, H, W, …) of the volume that the slices `first` to `last` are."""
    z, y, x = place
    depth, height, width = sides
    block = shelf[int(first + z) : int(min(first + z + depth, last + 1))]
    block = block[:, y : y + height, x : x + width]
    missing = [(0, side - found) for side, found in zip(sides, block.shape[:3], strict=True)]
    return np.pad(block, missing + [(0, 0)] * (block.ndim - 3), mode="edge")
