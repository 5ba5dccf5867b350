"""Synthetic head MRI with a tumour, drawn from a seed.

For teaching, tests and the demo: the anatomy of `phantom_anatomy`, a tumour in its white matter,
and what a scanner does to them: contrast, coil shading, blur and noise. It looks like MRI and is
no substitute for it: never judge a method for patients by phantoms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter1d

from minunet.data.patient import Patient
from minunet.data.phantom.anatomy import Tissue, draw_head, tissues, to_head
from minunet.data.phantom.geometry import random_waves
from minunet.data.phantom.tumour import TUMOUR_LEVELS, draw_tumour, paint_tumour, push_aside
from minunet.engine.values import whole

MODALITIES = ("FLAIR", "T1", "T1ce", "T2")

FIELD_OF_VIEW = 240.0               # mm across the shorter side of an image
LEVELS = (-12.0, 68.0)              # mm: from the third ventricle to below the vertex

# Brightness of each tissue in FLAIR, T1, T1ce, T2.
CONTRAST = {
    Tissue.FAT: (0.72, 0.95, 0.95, 0.62),
    Tissue.MUSCLE: (0.28, 0.36, 0.42, 0.20),
    Tissue.BONE: (0.06, 0.07, 0.07, 0.05),
    Tissue.CSF: (0.09, 0.15, 0.15, 0.98),
    Tissue.GREY: (0.54, 0.44, 0.46, 0.52),
    Tissue.DEEP: (0.49, 0.52, 0.54, 0.43),
    Tissue.WHITE: (0.41, 0.66, 0.67, 0.34),
    Tissue.SCAR: (0.72, 0.55, 0.56, 0.56),
    Tissue.VESSEL: (0.20, 0.30, 0.95, 0.30),
    Tissue.OEDEMA: (0.82, 0.46, 0.47, 0.76),
    Tissue.CORE: (0.50, 0.24, 0.25, 0.88),
    Tissue.RIM: (0.74, 0.42, 1.00, 0.58),
}


def draw_contrast(rng):
    """Brightness (len(Tissue), 4) for one scan: the table ± 5 %, the tumour more or less plain."""
    table = np.zeros((len(Tissue), len(MODALITIES)))
    table[list(CONTRAST)] = list(CONTRAST.values())
    plain, uptake = rng.uniform(0.6, 1), rng.uniform(0.4, 1)
    table[Tissue.OEDEMA] += (1 - plain) * (table[Tissue.WHITE] - table[Tissue.OEDEMA])
    table[Tissue.RIM, 2] += (1 - uptake) * (table[Tissue.WHITE, 2] - table[Tissue.RIM, 2])
    return (table * rng.uniform(0.95, 1.05, table.shape)).astype(np.float32)


@dataclass(frozen=True)
class Scanner:
    """What differs from one scan to the next."""

    contrast: np.ndarray            # (len(Tissue), 4)
    shading: tuple[Callable, ...]   # one smooth field for each modality
    texture: Callable
    gain: np.ndarray                # (4,)
    blur: float                     # pixels
    noise: float


def draw_scanner(rng):
    """Draw contrasts, coil shading, gain, sharpness and noise."""
    return Scanner(
        contrast=draw_contrast(rng),
        shading=tuple(random_waves(rng, 260, count=4) for _ in MODALITIES),
        texture=random_waves(rng, 14, count=16),
        gain=rng.uniform(0.7, 1.3, len(MODALITIES)).astype(np.float32),
        blur=rng.uniform(0.35, 0.65),
        noise=rng.uniform(0.012, 0.035),
    )


def scan(fractions, points, scanner, rng):
    """Image of a slice: m = g·|blur(e^b · Σₜ fₜ cₜ) + n|, n complex Gaussian noise (Rician).

    Parameters
    ----------
    fractions : ndarray, shape (len(Tissue), H, W)
        Tissue fractions f; c is their contrast, b the coil's shading, g the gain.
    points : ndarray, shape (3, H, W)
    scanner : Scanner
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (H, W, 4), float32
    """
    # einsum, for on one slice the threads of a matrix product cost more than they save.
    signal = np.einsum("thw,tm->hwm", fractions, scanner.contrast)  # (H, W, 4)
    signal *= 1 + np.float32(0.02) * scanner.texture(points)[..., np.newaxis]
    for m, field in enumerate(scanner.shading):
        signal[..., m] *= np.exp(np.float32(0.12) * field(points))
    for axis in (0, 1):
        signal = gaussian_filter1d(signal, scanner.blur, axis)
    real, imaginary = scanner.noise * rng.standard_normal((2, *signal.shape), np.float32)
    return scanner.gain * np.hypot(signal + real, imaginary)


def slice_levels(depth):
    """Levels z (mm) of `depth` slices, evenly spaced."""
    low, high = LEVELS
    return low + (high - low) * (np.arange(depth) + 0.5) / depth


def slice_points(z, height, width, pixel):
    """Points (z, y, x) of a slice's pixels in mm, the scanner's centre at 0: (3, H, W) float32."""
    y, x = (pixel * (np.arange(n) + 0.5 - n / 2) for n in (height, width))
    return np.array(np.broadcast_arrays(z, y[:, np.newaxis], x), np.float32)


def draw_slices(levels, height, width, rng, tumour):
    """Draw one head at the given levels (mm): images (D, H, W, 4) and labels (D, H, W)."""
    _check_generator(rng)
    pixel = FIELD_OF_VIEW / min(height, width)
    head, scanner = draw_head(rng), draw_scanner(rng)
    growth = draw_tumour(head, levels, rng) if tumour else None
    push = partial(push_aside, tumour=growth) if tumour else None
    images = np.empty((len(levels), height, width, len(MODALITIES)), np.float32)
    labels = np.zeros((len(levels), height, width), np.uint8)
    for image, label, z in zip(images, labels, levels, strict=True):
        points = slice_points(z, height, width, pixel)
        place = to_head(points, head)
        fractions = tissues(place, head, pixel, push)
        if tumour:
            label[:] = paint_tumour(fractions, place, growth, pixel)
        image[:] = scan(fractions, points, scanner, rng)
    return images, labels


def phantom_volume(shape, rng, tumour=True):
    """Draw a head as a stack of axial slices, from the third ventricle to below the vertex.

    Parameters
    ----------
    shape : tuple of int
        Slices, height and width (D, H, W); D ≥ 1, H and W ≥ 32. A pixel is 240 mm / min(H, W)
        wide, slices are 80 mm / D apart, the front of the head is up.
    rng : numpy.random.Generator
        The same state gives the same head.
    tumour : bool
        Draw a tumour; it shows in some of the slices.

    Returns
    -------
    images : ndarray, shape (D, H, W, 4), float32
        FLAIR, T1, T1ce, T2 (`MODALITIES`), from 0 to about 1.5.
    labels : ndarray, shape (D, H, W), uint8
        As in BraTS: 0 background, 1 necrotic core, 2 oedema, 4 enhancing rim.

    Raises
    ------
    ValueError
        If `shape` is not three whole numbers, or one is too small.
    TypeError
        If `rng` is not a Generator.
    """
    if np.shape(shape) != (3,):
        raise ValueError(f"shape must be three sizes (D, H, W), got {shape!r}")
    depth, height, width = (whole(f"{name} of shape", value, least) for name, value, least
                            in zip(("D", "H", "W"), shape, (1, 32, 32), strict=True))
    return draw_slices(slice_levels(depth), height, width, rng, tumour)


def phantom_slice(size, rng, tumour=True):
    """Draw one axial slice at a random level of a random head, through its tumour if it has one.

    Parameters
    ----------
    size : int
        Height and width, at least 32.
    rng : numpy.random.Generator
    tumour : bool

    Returns
    -------
    image : ndarray, shape (size, size, 4), float32
    label : ndarray, shape (size, size), uint8
        As `phantom_volume` gives them.

    Raises
    ------
    ValueError, TypeError
        As `phantom_volume`, for `size` and `rng`.
    """
    size = whole("size", size, 32)
    _check_generator(rng)
    images, labels = draw_slices([rng.uniform(*TUMOUR_LEVELS)], size, size, rng, tumour)
    return images[0], labels[0]


def phantom_patients(n, *, size=128, slices=24, seed=0):
    """Patients with a tumour each, drawn anew whenever they are loaded.

    Patient i depends on (seed, i), `size` and `slices` alone: asking for more patients leaves the
    first ones as they were.

    Parameters
    ----------
    n : int
        Number of patients, at least 1.
    size : int
        Height and width of a slice, at least 32.
    slices : int
        Slices a patient, at least 1; about half of them show tumour.
    seed : int
        At least 0.

    Returns
    -------
    list of Patient
        Images (slices, size, size, 4) float32; masks 1 where there is any tumour.

    Raises
    ------
    ValueError
        If an argument is too small or not a whole number.
    """
    n, size, slices, seed = (whole(name, value, least) for name, value, least in (
        ("n", n, 1), ("size", size, 32), ("slices", slices, 1), ("seed", seed, 0)))
    low, high = LEVELS
    spacing = ((high - low) / slices, FIELD_OF_VIEW / size, FIELD_OF_VIEW / size)
    return [Patient(name=f"phantom_{i:03d}",
                    slices=tuple(f"phantom_{i:03d}_{z:02d}" for z in range(slices)),
                    load=partial(_load, (slices, size, size), (seed, i)), spacing=spacing)
            for i in range(n)]


def _load(shape, seed):
    """Images and 0/1 masks of the patient that `seed` stands for."""
    images, labels = phantom_volume(shape, np.random.default_rng(seed))
    return images, (labels > 0).astype(np.uint8)


def _check_generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: got {type(rng).__name__}; expected a numpy.random.Generator")
