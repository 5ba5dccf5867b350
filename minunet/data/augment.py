"""Random variations of a slice and its mask: what another scan might have looked like."""

import numpy as np

from minunet.data.elastic import deform, random_displacement
from minunet.data.graft import graft

# Where things are. From few patients a network learns their heads by heart, so these ranges are
# wide: a head that is turned or bent beyond what occurs is still a lesson in what tumour is.
FLIP = 0.5                  # chance of mirroring left and right: a brain is nearly symmetric
SHIFT = 0.1                 # of the side, each way: patients are not centred to the pixel
ROTATION = np.deg2rad(20)   # each way: heads lie tilted in the scanner
SCALE = (0.8, 1.2)          # heads differ in size, and so do fields of view
BEND, GRID = 0.025, 4       # tissue is bent: by this share of the side, at 4 × 4 points

# What they look like. OFFSET and NOISE are in standard deviations of a prepared channel.
REPLACED = 0.1              # chance that a random channel stands in for one that was not scanned
GAMMA = (0.7, 1.4)          # exponent of brightness: two tissues' contrast depends on the scanner
SHADING = 0.2               # log of brightness at 3 × 3 points: a coil sees best what is near
GAIN = (0.6, 1.4)           # contrast of all: a bright scalp leaves little of it to the brain
OFFSET = (-0.4, 0.4)        # brightness
NOISE = (0.0, 0.15)         # standard deviation: scans differ in it, and no pattern of it recurs


def augment(image, mask, rng, donor=None):
    """Mirror, move, turn, scale, bend and re-light a slice; move its mask in the same way.

    Mirroring, shift, rotation, scale and an elastic deformation are composed to one map, so
    pixels are interpolated once: linearly in the image, nearest in the mask, which keeps its
    classes. Beyond the edge, both go on with their edge values. A donor is moved likewise, by a
    map of its own, and its tumour grafted (`minunet.data.graft`). Then a channel may be replaced
    by another, as is done in data sets where some patients lack a modality, and each channel x
    becomes

        gain · (l + (h − l) · ((x − l) / (h − l))^gamma · e^shading) + offset + noise

    with l and h its smallest and largest value here, and shading a smooth field. Except for fields
    and noise, which are normal, all values are drawn uniformly from the module's ranges.

    There is no up-down flip: axial slices keep the forehead on one side, so an upside-down
    brain is a picture that never comes, and learning it costs capacity.

    Parameters
    ----------
    image : ndarray (H, W, C), float32
        A prepared slice: axis 1 runs from one side of the head to the other.
    mask : ndarray (H, W), uint8
    rng : numpy.random.Generator
    donor : (ndarray, ndarray), optional
        Image and mask of another slice, as `image` and `mask`, whose tumour this one is given
        (unless too little of it would lie on tissue).

    Returns
    -------
    image : ndarray (H, W, C), float32
    mask : ndarray (H, W), uint8
    """
    if image.ndim != 3 or image.shape[:2] != mask.shape:
        raise ValueError("image, mask: expected (H, W, C) and (H, W), "
                         f"got {image.shape} and {mask.shape}")
    image, mask = deform(image, mask, _random_field(mask.shape, rng))
    if donor is not None:
        image, mask = graft(image, mask, *deform(*donor, _random_field(mask.shape, rng)), rng)
    return _relight(image, rng), mask


def augment_volume(image, mask, rng):
    """Move and re-light a volume as `augment` does a slice: all of its slices in the same way.

    Parameters
    ----------
    image : ndarray (D, H, W, C), float32
    mask : ndarray (D, H, W), uint8
    rng : numpy.random.Generator

    Returns
    -------
    image : ndarray (D, H, W, C), float32
    mask : ndarray (D, H, W), uint8
    """
    field = _random_field(mask.shape[1:], rng)
    images, masks = zip(*(deform(*pair, field) for pair in zip(image, mask, strict=True)),
                        strict=True)
    return _relight(np.stack(images), rng), np.stack(masks)


def _random_field(shape, rng):
    """How far away the value of each pixel comes from, (2, H, W).

    Pixel o takes the value at ``matrix @ (o + bend − centre − shift) + centre``.
    """
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
    """Vary what the scanner does to brightness; see `augment`."""
    channels = image.shape[-1]
    lost, (channel, by) = rng.random(), rng.integers(channels, size=2)
    each = channels, *(1,) * (image.ndim - 1)
    gain, offset, gamma = (rng.uniform(*limits, each).astype(np.float32)
                           for limits in (GAIN, OFFSET, GAMMA))
    noise = np.float32(rng.uniform(*NOISE))
    planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))  # (C, …, H, W): long rows are faster
    if lost < REPLACED:
        planes[channel] = planes[by]
    axes = tuple(range(1, image.ndim))
    low, high = planes.min(axis=axes, keepdims=True), planes.max(axis=axes, keepdims=True)
    span = np.maximum(high - low, np.float32(1e-6))
    # One component of a displacement field is as good a smooth field as any.
    shading = np.stack([random_displacement(image.shape[-3:-1], rng, SHADING)[0] for _ in planes])
    light = np.exp(shading.astype(np.float32))  # (C, H, W), of a volume the same in each slice
    light = light.reshape(channels, *each[1:-2], *light.shape[1:])
    planes = low + span * ((planes - low) / span) ** gamma * light
    planes = planes * gain + offset + noise * rng.standard_normal(planes.shape, np.float32)
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
