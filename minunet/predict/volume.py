"""Segmenting volumes: blocks that overlap, blended where they do.

A volume is too large to be seen at once, and near the border of a block the network sees zeros in
place of what goes on beyond. So neighbouring blocks overlap, and there the mean of both counts,
each weighted by how far it is from its own border: no seam is left.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from minunet.engine.backend import Array, to_device, to_host
from minunet.engine.values import whole
from minunet.unet import UNet

BLOCK, OVERLAP = 64, 16  # voxels


def predict_volume(net: UNet, volume: Array, progress: Callable[[int], object] | None = None,
                   block: int = BLOCK, overlap: int = OVERLAP) -> Array:
    """Give the probabilities of a volume of any size.

    With p the probabilities of block k, and wₖ a weight that rises from its border inwards over
    `overlap` voxels, along each axis, and is then level::

        result = Σₖ wₖ pₖ / Σₖ wₖ

    Parameters
    ----------
    net : UNet
        For volumes, with same padding.
    volume : ndarray (D, H, W, C)
        In the computer's own memory. What is missing to a multiple of 2^depth is continued by the
        values at the edge.
    progress : callable, optional
        Called with numbers of slices as they are finished.
    block : int
        Side in voxels, rounded up to a multiple of 2^depth. Memory grows with its cube.
    overlap : int
        Voxels that neighbours share at least, less than `block`.

    Returns
    -------
    ndarray (D, H, W, K)
        Of the network's dtype.

    Raises
    ------
    ValueError
        If the network has valid padding, or an argument cannot be.
    """
    if net.config["padding"] != "same":
        raise ValueError("net has valid padding; volumes are blended from blocks with same padding")
    block, overlap = whole("block", block, 1), whole("overlap", overlap, 0, block - 1)
    net, step, shape = net.folded(), 2 ** net.config["depth"], volume.shape[:3]
    sides = [-(-min(block, side) // step) * step for side in shape]
    padded = np.pad(volume, [(0, max(b - n, 0)) for b, n in zip(sides, shape, strict=True)]
                    + [(0, 0)], mode="edge").astype(net.config["dtype"])
    axes = [_places(n, b, overlap) for n, b in zip(padded.shape[:3], sides, strict=True)]
    weights = [_ramp(b, overlap).astype(net.config["dtype"]) for b in sides]
    weight = np.einsum("d,h,w->dhw", *weights)[..., np.newaxis]  # of a block's voxels
    result = np.zeros((*padded.shape[:3], net.config["out_channels"]), net.config["dtype"])
    for i, (d, h, w) in enumerate(product(*axes)):
        place = tuple(slice(first, first + b) for first, b in zip((d, h, w), sides, strict=True))
        x = np.ascontiguousarray(padded[place])[np.newaxis]
        result[place] += weight * to_host(net.predict(to_device(x, net.device)))[0]
        if progress:
            progress(_slices_until(i + 1, axes, shape[0]) - _slices_until(i, axes, shape[0]))
    for axis, (places, ramp) in enumerate(zip(axes, weights, strict=True)):
        total = np.zeros(result.shape[axis], result.dtype)  # the weights of all blocks
        for first in places:
            total[first : first + len(ramp)] += ramp
        result /= total.reshape([-1 if a == axis else 1 for a in range(4)])
    return result[tuple(map(slice, shape))]


def _places(length, block, overlap):
    """Where blocks begin along an axis: evenly, from end to end, sharing `overlap` or more."""
    if length == block:
        return [0]
    count = 1 + -(-(length - block) // (block - overlap))
    return np.linspace(0, length - block, count).astype(int).tolist()


def _ramp(block, overlap):
    """The weight of each voxel of a block along an axis: it rises, is level, and falls."""
    inwards = np.arange(1, block + 1)
    return np.minimum(np.minimum(inwards, inwards[::-1]), overlap + 1) / (overlap + 1)


def _slices_until(i, axes, depth):
    """How many slices the first `i` blocks are worth."""
    return depth * i // np.prod([len(places) for places in axes])
