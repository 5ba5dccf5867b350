"""Slices side by side in one picture, so that a page of 155 slices holds a few files, not 155.

The scan's sheets are compressed with loss, those of the masks without.
"""

import io
import math
from base64 import b64encode
from typing import NamedTuple

import numpy as np
from PIL import Image, features

from minunet.tool.overlays import window

MOST = 24_000_000  # pixels of all sheets of a scan: some 1 MB
AIR, MARGIN = 8, 2  # greys that count as air at the edges of a scan, and pixels left of it
# WebP is half of JPEG's size for what looks the same; a Pillow without it is rare.
FORMAT, MIME = ("WEBP", "image/webp") if features.check("webp") else ("JPEG", "image/jpeg")
QUALITY = {"quality": 60, "method": 2}


class Cut(NamedTuple):
    """What of each slice is shown: a window, and how many pixels become one along H and W."""

    rows: slice
    columns: slice
    step: int


def greys(images):
    """A scan (D, H, W, C) as greys, uint8 (C, D, H, W): one window for all slices of a channel."""
    result = np.empty((images.shape[-1], *images.shape[:3]), np.uint8)
    for grey, channel in zip(result, np.moveaxis(images, -1, 0), strict=True):
        low, high = window(channel)
        scaled = (channel - np.float32(low)) * np.float32(255 / (high - low))
        grey[...] = np.clip(scaled, 0, 255, out=scaled)
    return result


def choose_cut(grey, marked):
    """Leave out the air around the head, and make pixels larger if they are too many.

    Parameters
    ----------
    grey : ndarray (C, D, H, W), uint8
    marked : ndarray (D, H, W), bool
        It is kept whatever is there in the scan.

    Returns
    -------
    Cut
    """
    seen = marked.any(axis=0)  # (H, W)
    if len(grey):
        seen |= grey.max(axis=(0, 1)) > AIR
    if not (len(grey) and seen.any()):
        seen[:] = True
    windows = []
    for axis, length in enumerate(seen.shape):
        places = np.flatnonzero(seen.any(axis=1 - axis))
        windows.append(slice(max(places[0] - MARGIN, 0), min(places[-1] + 1 + MARGIN, length)))
    area = math.prod(part.stop - part.start for part in windows)
    count = max(len(grey), 1) * len(marked) * area
    return Cut(*windows, math.ceil(math.sqrt(count / MOST)))


def cut_out(array, cut, reduce):
    """Cut (D, H, W) as `cut` says; `reduce`, np.mean or np.max, makes one pixel of several."""
    array, step = array[:, cut.rows, cut.columns], cut.step
    if step == 1:
        return array
    missing = [(0, -length % step) for length in array.shape[1:]]
    array = np.pad(array, ((0, 0), *missing), mode="edge")
    depth, rows, columns = array.shape
    blocks = array.reshape(depth, rows // step, step, columns // step, step)
    return reduce(blocks, axis=(2, 4)).astype(array.dtype)


def across(count):
    """How many slices stand side by side in a sheet of so many."""
    return math.ceil(math.sqrt(count))


def sheet(slices):
    """Lay slices (D, H, W) out row by row, `across` in each; what is left over is 0."""
    depth, height, width = slices.shape
    columns = across(depth)
    rows = -(-depth // columns)
    filled = np.zeros((rows * columns, height, width), slices.dtype)
    filled[:depth] = slices
    return filled.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(
        rows * height, columns * width)


def scan_url(pixels):
    """Greys (H, W) or colours (H, W, 3), uint8, as an address that holds the picture."""
    return _url(pixels, MIME, FORMAT, **QUALITY)


def mask_url(labels):
    """Small numbers (H, W), uint8, kept as they are."""
    return _url(labels, "image/png", "PNG", compress_level=6)


def _url(pixels, mime, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return f"data:{mime};base64,{b64encode(file.getvalue()).decode('ascii')}"
