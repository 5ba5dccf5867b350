"""Random variations of a slice and its mask: what another scan might have looked like."""

import numpy as np
from scipy.ndimage import affine_transform

FLIP = 0.5                  # chance of mirroring left and right: a brain is nearly symmetric
SHIFT = 0.05                # of the side, each way: patients are not centred to the pixel
ROTATION = np.deg2rad(15)   # each way: heads lie tilted in the scanner by about this
SCALE = (0.9, 1.1)          # heads differ in size by about a tenth
GAIN = (0.9, 1.1)           # contrast, each channel alone: scanners and coils differ
OFFSET = (-0.1, 0.1)        # brightness, in standard deviations of a prepared channel


def augment(image, mask, rng):
    """Mirror, move, turn, scale and re-light a slice; do the same to its mask.

    Mirroring, shift, rotation and scale about the centre are one affine map, so pixels are
    interpolated once: linearly in the image, nearest in the mask, which stays 0 and 1.
    Beyond the edge, both go on with their edge values. Then, in each channel,
    ``image · gain + offset``. All values are drawn uniformly from the module's ranges.

    There is no up-down flip: axial slices keep the forehead on one side, so an upside-down
    brain is a picture that never comes, and learning it costs capacity.

    Parameters
    ----------
    image : ndarray (H, W, C), float32
        A prepared slice: axis 1 runs from one side of the head to the other.
    mask : ndarray (H, W), uint8
    rng : numpy.random.Generator
        Advanced by 5 + 2·C draws, whatever they turn out to be.

    Returns
    -------
    image : ndarray (H, W, C), float32
    mask : ndarray (H, W), uint8
    """
    if image.ndim != 3 or image.shape[:2] != mask.shape:
        raise ValueError("image, mask: expected (H, W, C) and (H, W), "
                         f"got {image.shape} and {mask.shape}")
    matrix, start = _random_map(mask.shape, rng)
    channels = image.shape[-1]
    gain = rng.uniform(*GAIN, channels).astype(np.float32)
    offset = rng.uniform(*OFFSET, channels).astype(np.float32)
    moved = np.empty(image.shape, np.float32)
    for c in range(channels):
        moved[..., c] = affine_transform(image[..., c], matrix, start, order=1, mode="nearest")
    return (moved * gain + offset,
            affine_transform(mask, matrix, start, order=0, mode="nearest"))


def _random_map(shape, rng):
    """The map from a pixel o of the result to where it comes from, ``matrix @ o + start``."""
    flip = -1.0 if rng.random() < FLIP else 1.0
    shift = rng.uniform(-SHIFT, SHIFT, 2) * shape
    angle = rng.uniform(-ROTATION, ROTATION)
    scale = rng.uniform(*SCALE)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([1.0, flip]) / scale
    centre = (np.array(shape) - 1) / 2
    return matrix, centre - matrix @ (centre + shift)
