"""A healthy head as formulas: which tissue lies at each point.

Every structure is a signed distance in mm, and `cover` turns it into the part of a voxel that the
structure fills. Structures are painted one over the other, from the scalp inwards, into an array
of tissue fractions. Because all is a function of the point, one slice, a volume and a handful of
candidate points take the same lines, and neighbouring slices fit together.

Points of the head are (z, y, x) in mm: z up, y towards the back, x towards the left, the origin
between the thalami. Sizes are those of an adult head, rounded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from minunet.data.phantom.geometry import cover, ellipsoid, paint, random_waves, tube


class Tissue(IntEnum):
    """Row of each tissue in an array of fractions; the last three are the tumour's."""

    AIR, FAT, MUSCLE, BONE, CSF, GREY, DEEP, WHITE, SCAR, VESSEL, OEDEMA, CORE, RIM = range(13)


BRAIN_AXES = (74.0, 84.0, 67.0)     # half axes of the brain (z, y, x), mm
CORTEX = 3.0                        # thickness of the grey ribbon, mm

# Centrelines of one side, mirrored by |x|: rows of (z, y, x, radius) in mm.
VENTRICLE = ((3, -37, 14, 2.5), (9, -25, 8, 4.5), (15, -8, 6, 4.0), (19, 10, 11, 4.5),
             (11, 32, 22, 6.0), (3, 52, 21, 1.5))
TEMPORAL_HORN = ((11, 32, 22, 6.0), (-8, 20, 34, 2.5), (-20, -4, 32, 1.5))
SYLVIAN = ((-3, -30, 56, 1.5), (-1, -24, 42, 1.2), (1, -8, 40, 0.6), (2, 14, 44, 0.8),
           (4, 22, 50, 0.3))


@dataclass(frozen=True)
class Head:
    """What differs from one head to the next; lengths in mm, fields as `random_waves` makes them.

    `pose` (3, 3) and `shift` (3,) take points of the scanner to points of the head.
    """

    pose: np.ndarray
    shift: np.ndarray
    warp: tuple[Callable, ...]      # z, y, x displacement
    folds: Callable                 # sulci are where this field is zero
    fold_depth: Callable
    wiggle: tuple[Callable, ...]    # y, x displacement that makes sulci meander
    patches: Callable               # where vessels and small old lesions are
    sulcus: float                   # half width of a sulcus
    ventricle: float                # added to the ventricles' radius
    scar: float                     # mm of bright rim around the ventricles; more: old lesions
    scalp: float
    skull: float


def draw_head(rng):
    """Draw a head's shape, size, position and age.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    Head
    """
    age = rng.uniform()             # the old have wider sulci and ventricles
    turn, nod = np.deg2rad(rng.normal(0, (4, 3)))
    yaw = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    pitch = np.array([[np.cos(nod), -np.sin(nod), 0], [np.sin(nod), np.cos(nod), 0], [0, 0, 1]])
    size = np.diag(1 / (rng.uniform(0.95, 1.05) * rng.uniform(0.97, 1.03, 3)))
    return Head(
        pose=size @ yaw @ pitch,
        shift=rng.normal(0, (1, 3, 3)),
        warp=tuple(random_waves(rng, 130) for _ in range(3)),
        folds=random_waves(rng, 22, count=24),
        fold_depth=random_waves(rng, 45),
        wiggle=tuple(random_waves(rng, 28) for _ in range(2)),
        patches=random_waves(rng, 17),
        sulcus=0.1 + 0.6 * age * rng.uniform(0.5, 1),
        ventricle=-1.5 + 4 * age * rng.uniform(0.3, 1),
        scar=-2 + 5 * age * rng.uniform(),
        scalp=rng.uniform(4, 8),
        skull=rng.uniform(5, 8),
    )


def to_head(points, head):
    """Points of the scanner (3, …) as points of the average head: posed, then gently warped."""
    p = np.einsum("ij,j...->i...", head.pose.astype(np.float32), points)
    p -= head.shift.astype(np.float32).reshape(3, *[1] * (p.ndim - 1))
    return p + np.float32(1.5) * np.stack([field(p) for field in head.warp])


def brain_surface(points):
    """Signed distance to the smooth hull of the brain: an egg, narrower at the front."""
    z, y, x = points
    width = 1 + np.float32(0.0007) * y
    return ellipsoid((z, y, x / width), (0, 0, 0), BRAIN_AXES)


def ventricles(points, head):
    """Signed distance to the lateral ventricles, the third, and the cistern behind them."""
    lateral = np.minimum(tube(points, VENTRICLE), tube(points, TEMPORAL_HORN)) - head.ventricle
    third = ellipsoid(points, (-5, 4, 0), (11, 13, 1.3)) - 0.4 * head.ventricle
    cistern = ellipsoid(points, (-9, 31, 0), (8, 5, 8)) - 0.3 * head.ventricle
    return np.minimum(np.minimum(lateral, third), cistern)


def deep_grey(points):
    """Signed distance to caudate head, lentiform nucleus and thalamus, both sides."""
    z, y, x = points[0], points[1], np.abs(points[2])
    slant = x - np.float32(0.35) * (y + 2)          # the lentiform nucleus turns outwards
    nuclei = (ellipsoid((z, y, x), (8, -24, 14), (12, 10, 5)),
              ellipsoid((z, y, slant), (1, -3, 26), (12, 19, 6.5)),
              ellipsoid((z, y, x), (4, 14, 10), (10, 14, 8.5)))
    return np.minimum.reduce(nuclei)


def pia(points, surface, head, pixel):
    """Distance to the nearest pial surface: the hull, a fissure, or a sulcus.

    A sulcus is a sheet f = 0, hence |f|/|∇f| away, that ends where the depth below hull and
    fissures exceeds L: d = √((f/|∇f|)² + max(depth − L, 0)²). The field f is sampled at points
    pushed out along their radius, so that sheets tend to run inwards.
    """
    z, y, x = points
    callosum = ellipsoid((z, y, np.zeros_like(x)), (2, -2, 0), (27, 47, 1e3))
    fissure = np.hypot(x, np.maximum(-callosum, 0)) - np.float32(0.3)
    y, x = (p + np.float32(2) * field(points) for p, field in zip((y, x), head.wiggle, strict=True))
    points = np.stack((z, y, x))
    smooth = np.minimum.reduce([-surface, fissure, tube(points, SYLVIAN, flat=5)])
    radius = np.sqrt(sum((p / np.float32(a)) ** 2 for p, a in zip(points, BRAIN_AXES, strict=True)))
    f = head.folds(points / np.sqrt(np.maximum(radius, np.float32(0.2))))
    slope = np.hypot(*np.gradient(f, pixel, axis=(-2, -1))) + np.float32(0.03)
    # Sulci run in from the hull and, less deep, from the fissure.
    depth = np.minimum(-surface, 1.5 * fissure + 8)
    beyond = np.maximum(depth - (14 + 5 * head.fold_depth(points)), 0)
    return np.minimum(smooth, np.hypot(f / slope, beyond))


def tissues(points, head, pixel, push=None):
    """Fractions of each tissue in each voxel of a slice or volume of a healthy head.

    Parameters
    ----------
    points : ndarray, shape (3, H, W) or (3, D, H, W), float32
        Points of the head, as `to_head` gives them.
    head : Head
    pixel : float
        Size of a pixel, mm: the width over which borders blur.
    push : callable, optional
        Takes points to where the tissue found there was before a tumour pushed it aside.

    Returns
    -------
    ndarray, shape (len(Tissue), …), float32
        Fractions, ≥ 0, that sum to 1 over the first axis.
    """
    surface = brain_surface(points)
    brain = cover(surface, pixel)
    outside = shell_tissues(points, surface, head, pixel)
    inside = brain_tissues(points if push is None else push(points), surface, head, pixel)
    return (1 - brain) * outside + brain * inside


def all_of(tissue, shape):
    """Fractions (len(Tissue), …) of voxels that are all one tissue."""
    fractions = np.zeros((len(Tissue), *shape), np.float32)
    fractions[tissue] = 1
    return fractions


def shell_tissues(points, surface, head, pixel):
    """Air, scalp, muscle, skull with its marrow, and the water below it, painted inwards."""
    z, y, x = points
    fractions = all_of(Tissue.AIR, z.shape)
    skull = surface - 2
    muscle = ellipsoid((z, y, np.abs(x)), (-20, -34, 52), (36, 26, 19))
    scalp = skull - head.skull - head.scalp * (1 + 0.1 * head.fold_depth(points))
    paint(fractions, Tissue.FAT, cover(np.minimum(scalp, muscle - 4), pixel))
    paint(fractions, Tissue.MUSCLE, cover(muscle, pixel))
    paint(fractions, Tissue.BONE, cover(skull - head.skull, pixel))
    marrow = np.abs(skull - head.skull / 2) - head.skull / 5
    paint(fractions, Tissue.FAT, 0.4 * cover(marrow, pixel))
    paint(fractions, Tissue.CSF, cover(skull, pixel))
    sinus = ellipsoid((z, np.abs(y + 1), x), (35, 86, 0), (90, 4.5, 3.5))
    paint(fractions, Tissue.VESSEL, cover(np.maximum(sinus, skull), pixel))
    return fractions


def brain_tissues(points, surface, head, pixel):
    """White matter, cortex and nuclei, the water between, and what is bright without tumour."""
    z, y, x = points
    water = ventricles(points, head)
    depth = pia(points, surface, head, pixel)
    patches = head.patches(points)
    fractions = all_of(Tissue.WHITE, z.shape)
    scar = np.minimum(water - head.scar, 6 * (3.3 - 0.4 * head.scar - patches))
    paint(fractions, Tissue.SCAR, cover(scar, 3 * pixel))
    paint(fractions, Tissue.GREY, cover(depth - head.sulcus - CORTEX, pixel))
    paint(fractions, Tissue.DEEP, cover(deep_grey(points), pixel))
    paint(fractions, Tissue.CSF, cover(np.minimum(depth - head.sulcus, water), pixel))
    vein = np.maximum(depth - 0.8, 5 * (1.5 - patches))
    plexus = np.maximum(ellipsoid((z, y, np.abs(x)), (9, 29, 20), (5, 7, 3.5)), water + 1.5)
    paint(fractions, Tissue.VESSEL, cover(np.minimum(vein, plexus), pixel))
    return fractions
