"""Random variations of a slice and its mask: what another scan might have looked like."""

import numpy as np

from minunet.data.elastic import deform, random_displacement

FLIP = 0.5                  # chance of mirroring left and right: a brain is nearly symmetric
SHIFT = 0.1                 # of the side, each way: patients are not centred to the pixel
ROTATION = np.deg2rad(20)   # each way: heads lie tilted in the scanner by about this
SCALE = (0.8, 1.2)          # heads differ in size by a tenth, fields of view by more
BEND, GRID = 0.025, 4       # of the side: how far tissue is bent; at how many points a side
GAIN = (0.75, 1.25)         # contrast, each channel alone: scanners and coils differ
OFFSET = (-0.25, 0.25)      # brightness, in standard deviations of a prepared channel
GAMMA = (0.7, 1.4)          # exponent of brightness: contrast between tissues differs as well
NOISE = (0.0, 0.15)         # standard deviation, in those of a prepared channel
REPLACED = 0.1              # chance that a channel is missing: another stands in its place


def augment(image, mask, rng):
    """Mirror, move, turn, scale, bend and re-light a slice; do the same to its mask.

    Mirroring, shift, rotation, scale and elastic bending are one map, so pixels are
    interpolated once: linearly in the image, nearest in the mask, which stays 0 and 1.
    """
    if image.ndim != 3 or image.shape[:2] != mask.shape:
        raise ValueError("image, mask: expected (H, W, C) and (H, W), "
                         f"got {image.shape} and {mask.shape}")
    image, mask = deform(image, mask, _random_field(mask.shape, rng))
    return _relight(image, rng), mask


def _random_field(shape, rng):
    """How far from each pixel of the result its value comes, (2, H, W)."""
    flip = -1.0 if rng.random() < FLIP else 1.0
    shift = rng.uniform(-SHIFT, SHIFT, 2) * shape
    angle = rng.uniform(-ROTATION, ROTATION)
    scale = rng.uniform(*SCALE)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([1.0, flip]) / scale
    centre = (np.array(shape) - 1) / 2
    here = np.indices(shape)  # (2, H, W)
    bent = here + random_displacement(shape, rng, BEND * min(shape), GRID)
    bent -= (centre + shift)[:, np.newaxis, np.newaxis]
    return np.einsum("ij,jhw->ihw", matrix, bent) + centre[:, np.newaxis, np.newaxis] - here


def _relight(image, rng):
    """Vary what scanners and their settings do to brightness, each channel for itself."""
    channels = image.shape[-1]
    lost, channel, by = rng.random(), *rng.integers(channels, size=2)
    gain, offset, gamma = (rng.uniform(*limits, (channels, 1, 1)).astype(np.float32)
                           for limits in (GAIN, OFFSET, GAMMA))
    noise = np.float32(rng.uniform(*NOISE))
    planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))  # (C, H, W): long rows are faster
    if lost < REPLACED:
        planes[channel] = planes[by]
    low, high = planes.min(axis=(1, 2), keepdims=True), planes.max(axis=(1, 2), keepdims=True)
    span = np.maximum(high - low, np.float32(1e-6))
    planes = low + span * ((planes - low) / span) ** gamma
    planes = planes * gain + offset + noise * rng.standard_normal(planes.shape, np.float32)
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
