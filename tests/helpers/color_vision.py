"""What eyes tell apart: simulated colour blindness, differences and contrasts of colours."""

import numpy as np
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

# Machado, Oliveira and Fernandes 2009, full severity, of linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                        [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                        [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                        [0.004733, 0.691367, 0.303900]])}
GREYS = np.linspace(0, 1, 11)


def linear(rgb):
    """Linear intensities of sRGB values, both 0 … 1."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def seen(rgb, sight):
    """What sRGB colours (…, 3) look like to an eye, as sRGB."""
    light = np.clip(linear(rgb) @ SIGHTS[sight].T, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def differences(colors, others, sight):
    """CIEDE2000 of each colour (n, 3) to each of others (m, 3), as an eye sees them."""
    a, b = (rgb2lab(seen(np.asarray(c, float), sight)) for c in (colors, others))
    return deltaE_ciede2000(a[:, np.newaxis], b[np.newaxis])


def least_difference(names, alpha, sight, greys=GREYS):
    """The least CIEDE2000 between two of these colours, laid as tints over the same grey."""
    tints = np.array([to_rgb(name) for name in names])
    pairs = np.triu_indices(len(tints), 1)
    return min(differences(*[alpha * tints + (1 - alpha) * grey] * 2, sight)[pairs].min()
               for grey in greys)


def contrast(one, other):
    """The contrast of two colours by WCAG 2: 1 … 21."""
    dark, light = sorted(float(linear(np.array(to_rgb(c))) @ (0.2126, 0.7152, 0.0722))
                         for c in (one, other))
    return (light + 0.05) / (dark + 0.05)
