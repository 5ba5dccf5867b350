"""Shapes as signed distances, and random fields, for synthetic anatomy.

Points are arrays (3, …) of (z, y, x) in mm. A shape is a function that gives each point's distance
to its border, negative inside: the union of two shapes is the minimum of their distances, the
intersection the maximum, and a shape grows by r when r is subtracted.
"""

import numpy as np


def random_waves(rng, wavelength, count=10):
    """A smooth random field, f(p) = √(2/K) Σₖ cos(wₖ·p + φₖ), of mean 0 and variance 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws directions wₖ/|wₖ| on the sphere, and phases φₖ.
    wavelength : float
        2π/|wₖ| in mm, up to ±25 %.
    count : int
        Number of waves K.

    Returns
    -------
    callable
        Takes points (3, …) and returns float32 (…).
    """
    w = rng.normal(size=(count, 3))
    w *= 2 * np.pi / (wavelength * np.linalg.norm(w, axis=1, keepdims=True))
    w = (w * rng.uniform(0.8, 1.25, (count, 1))).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, count).astype(np.float32)

    def field(points):
        z, y, x = points
        total = np.zeros(z.shape, np.float32)
        for (wz, wy, wx), shift in zip(w, phase, strict=True):
            total += np.cos(wz * z + wy * y + wx * x + shift)
        return total * np.float32(np.sqrt(2 / count))

    return field


def ellipsoid(points, centre, axes):
    """Signed distance to an ellipsoid, to first order: d = k(k − 1)/|∇|, negative inside.

    With q = p − c: k = √Σ(qᵢ/aᵢ)² and |∇| = √Σ(qᵢ/aᵢ²)². Exact for a sphere.

    Parameters
    ----------
    points : ndarray or sequence, shape (3, …), float32
    centre, axes : sequence of float
        c and the half axes a, in mm.

    Returns
    -------
    ndarray, shape (…), float32
        Distance in mm.
    """
    k = g = np.float32(1e-6)
    for p, c, a in zip(points, centre, axes, strict=True):
        q = (p - np.float32(c)) / np.float32(a)
        k = k + q * q
        g = g + (q / np.float32(a)) ** 2
    k = np.sqrt(k)
    return k * (k - 1) / np.sqrt(g)


def tube(points, centreline, flat=1.0):
    """Signed distance to a tube along a polyline whose radius changes linearly, both sides alike.

    Parameters
    ----------
    points : ndarray, shape (3, …), float32
    centreline : sequence of (z, y, x, radius)
        Nodes on the side x ≥ 0, in mm; the other side mirrors them.
    flat : float
        Above 1, stretches the tube upwards into a sheet that many times as high as it is wide.

    Returns
    -------
    ndarray, shape (…), float32
        Distance in mm; for `flat` ≠ 1, as measured in the stretched space.
    """
    z, y, x = points[0] / np.float32(flat), points[1], np.abs(points[2])
    nodes = np.array(centreline, np.float32) / np.array([flat, 1, 1, 1], np.float32)
    nearest = np.float32(np.inf)
    for start, end in zip(nodes[:-1], nodes[1:], strict=True):
        (sz, sy, sx, radius), (ez, ey, ex, change) = start, end - start
        along = ((z - sz) * ez + (y - sy) * ey + (x - sx) * ex) / (ez * ez + ey * ey + ex * ex)
        along = np.clip(along, 0, 1)
        distance = np.sqrt((z - sz - along * ez) ** 2 + (y - sy - along * ey) ** 2
                           + (x - sx - along * ex) ** 2) - (radius + along * change)
        nearest = np.minimum(nearest, distance)
    return nearest


def cover(distance, voxel):
    """Part of a voxel that a structure fills, when its border is `distance` from the centre."""
    return np.clip(np.float32(0.5) - distance / np.float32(voxel), 0, 1)


def paint(fractions, tissue, coverage):
    """Lay a tissue over what is there, in place: fᵢ ← fᵢ(1 − a), then f_tissue ← f_tissue + a."""
    fractions *= 1 - coverage
    fractions[tissue] += coverage
