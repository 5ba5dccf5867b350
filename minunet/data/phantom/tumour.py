"""A tumour for the synthetic head: where, how large, what shape, and which zones it has."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minunet.data.phantom.anatomy import Tissue, brain_surface, to_head, ventricles
from minunet.data.phantom.geometry import cover, ellipsoid, paint, random_waves

TUMOUR_LEVELS = (-8.0, 45.0)        # mm: slices that a tumour may be centred on
PARENCHYMA = [Tissue.GREY, Tissue.DEEP, Tissue.WHITE, Tissue.SCAR]      # what takes up oedema


@dataclass(frozen=True)
class Tumour:
    """A tumour in head coordinates; lengths in mm, fields as `random_waves` makes them."""

    centre: np.ndarray              # (3,)
    turn: np.ndarray                # (3, 3)
    axes: np.ndarray                # (3,) half axes of the whole
    ragged: Callable                # deforms each border
    bulk: float                     # size of the solid part, as a part of the whole; 0: none
    rim: float                      # thickness of the enhancing rim; ∞: no core
    spared: float                   # how far the oedema keeps off the cortex


def draw_tumour(head, levels, rng):
    """Draw a tumour whose centre lies in white matter near one of the slices.

    Three in ten have no solid part (all oedema-like, as low-grade gliomas), two in ten enhance
    throughout, and the rest have a rim around a necrotic core.

    Parameters
    ----------
    head : Head
    levels : sequence of float
        Levels z of the slices in mm, at least one within `TUMOUR_LEVELS`.
    rng : numpy.random.Generator

    Returns
    -------
    Tumour
    """
    inside = [z for z in levels if TUMOUR_LEVELS[0] <= z <= TUMOUR_LEVELS[1]]
    candidates = rng.uniform(-1, 1, (3, 400)) * [[3], [70], [55]]
    candidates[0] += rng.choice(inside)
    candidates = to_head(candidates.astype(np.float32), head)
    white = (brain_surface(candidates) < -13) & (ventricles(candidates, head) > 6)
    radius = np.exp(rng.uniform(np.log(15), np.log(32)))
    kind = rng.choice(["diffuse", "solid", "ring"], p=[0.3, 0.2, 0.5])
    return Tumour(
        centre=candidates[:, np.argmax(white)],
        turn=np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32),
        axes=radius * rng.uniform(0.75, 1.25, 3),
        ragged=random_waves(rng, np.clip(1.6 * radius, 14, 32), count=16),
        bulk=0.0 if kind == "diffuse" else rng.uniform(0.4, 0.75),
        rim=rng.uniform(2.5, 4.5) if kind == "ring" else np.inf,
        spared=rng.uniform(2, 5),
    )


def push_aside(points, tumour):
    """Where the tissue now at `points` lay before: p − m(p − c) exp(−|p − c|²/2s²)."""
    away = points - tumour.centre.reshape(3, *[1] * (points.ndim - 1))
    reach = np.float32(np.mean(tumour.axes) * 0.9)
    strength = np.float32(0.15 + 0.35 * tumour.bulk)
    return points - strength * away * np.exp(-(away ** 2).sum(0) / (2 * reach ** 2))


def paint_tumour(fractions, points, tumour, pixel):
    """Paint oedema, enhancing rim and necrotic core, in place, and return their labels.

    Each border is an ellipsoid with a random field added to its distance. Oedema fills only brain
    tissue and keeps off the cortex, which gives it fingers; the solid part replaces all within
    the brain.

    Parameters
    ----------
    fractions : ndarray, shape (len(Tissue), H, W), float32
        As `tissues` gives them; changed in place.
    points : ndarray, shape (3, H, W), float32
        Points of the head.
    tumour : Tumour
    pixel : float
        Size of a pixel, mm.

    Returns
    -------
    ndarray, shape (H, W), uint8
        0 none, 1 necrotic core, 2 oedema, 4 enhancing rim.
    """
    away = np.einsum("ij,j...->i...", tumour.turn, points - tumour.centre.reshape(3, 1, 1))
    size, ragged = np.mean(tumour.axes), tumour.ragged(points)
    whole = ellipsoid(away, (0, 0, 0), tumour.axes) + 0.35 * size * np.tanh(ragged)
    # Fluid hardly crosses the midline.
    whole += 1.5 * np.maximum(-np.sign(tumour.centre[2]) * points[2], 0)
    whole += tumour.spared * fractions[Tissue.GREY]
    soaked = fractions[PARENCHYMA] * cover(whole, 2 * pixel)
    fractions[PARENCHYMA] -= soaked
    fractions[Tissue.OEDEMA] = soaked.sum(axis=0)
    labels = np.where(fractions[Tissue.OEDEMA] > 0.5, 2, 0).astype(np.uint8)
    if tumour.bulk:
        brain = cover(brain_surface(points) + 1, pixel)
        bulk = ellipsoid(away, (0, 0, 0), tumour.axes * tumour.bulk)
        bulk -= 0.2 * tumour.bulk * size * tumour.ragged(1.3 * points)
        rim = brain * cover(bulk, pixel)
        core = brain * cover(bulk + tumour.rim * np.clip(1 + 0.3 * ragged, 0.7, 1.4), pixel)
        paint(fractions, Tissue.RIM, rim)
        paint(fractions, Tissue.CORE, core)
        labels[rim > 0.5] = 4
        labels[core > 0.5] = 1
    return labels
