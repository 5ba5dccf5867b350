"""TIFF by tifffile, and by Pillow where tifffile has no decoder for the compression."""

import math
import os
import sys
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from threading import Lock

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import COMPRESSION_INFO
from tifffile import PHOTOMETRIC, TIFF, TiffFile

from minunet.data.formats.decode_pillow import ORIENTATION, open_picture, split_alpha, wide_colours
from minunet.data.formats.kinds import Picture, Unreadable, check_pages, check_size

LITTLE = sys.byteorder == "little"
BITS = (1, 8, 16, 32, 64)  # that tifffile can unpack
COLOURS = {PHOTOMETRIC.MINISWHITE: 1, PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.RGB: 3}
BY_PILLOW = (PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR)  # it makes RGB of them
_libtiff = Lock()


def decode_tiff(content):
    """Decode a TIFF file of one page.

    Pages, planes and slices in depth are never taken for colours.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    Picture

    Raises
    ------
    Unreadable
        If it has several pages, colours that are neither grey nor RGB, or an unknown compression.
    Exception
        Of many kinds, if it is damaged.
    """
    with TiffFile(BytesIO(content)) as tiff:
        page = _only_page(tiff)
        _check_colours(page)
        _check_strips(page)
        try:
            pixels, alpha = _with_tifffile(page)
            orientation = page.tags.valueof(ORIENTATION, 1)
        except (_NoDecoder, ImportError):
            pixels, alpha = _with_pillow(content, page, tiff.byteorder)
            orientation = 1  # Pillow has turned it
        inverted = page.photometric == PHOTOMETRIC.MINISWHITE
        if inverted and page.dtype == bool and tiff.is_shaped:
            # tifffile itself calls 1 black where it writes what is true or false.
            pixels, inverted = ~pixels, False
        return Picture(pixels, alpha, "TIFF", orientation, inverted)


def _only_page(tiff):
    """The one page of a file, of one plane."""
    if not tiff.pages:
        raise ValueError("no page is left")
    check_pages(len(tiff.pages))
    page = tiff.pages[0]
    check_size(page.imagewidth, page.imagelength)
    # Stacks of ImageJ and others have one directory for all planes.
    check_pages(sum(series.size for series in tiff.series) // (page.size // page.imagedepth))
    return page


def _check_colours(page):
    """Raise `Unreadable` unless a page is grey or RGB, with or without alpha, in real numbers."""
    if page.photometric == PHOTOMETRIC.SEPARATED:
        raise Unreadable("its colours are CMYK, the colours of print; save it in grey or RGB")
    name = getattr(page.photometric, "name", page.photometric)
    if page.photometric not in (*COLOURS, *BY_PILLOW):
        raise Unreadable(f"its colours are {name}; save it in grey or RGB")
    count = COLOURS.get(page.photometric)
    if count and page.samplesperpixel not in (count, count + 1):
        raise Unreadable(f"it has {page.samplesperpixel} values per pixel, called {name}; "
                         "save it in grey or RGB")
    if page.dtype is None or page.dtype.kind not in "buif":
        kind = page.dtype or f"unknown ({page.bitspersample} bits)"
        raise Unreadable(f"its pixels are of type {kind}; save them as integers or floats")


def _check_strips(page):
    """Raise ValueError if strips or tiles of a page are not there: tifffile makes them zeros."""
    starts, lengths = page.dataoffsets, page.databytecounts
    if not len(starts) == len(lengths) == math.prod(page.chunked) or 0 in starts + lengths:
        raise ValueError("parts are missing")


class _NoDecoder(Exception):
    """tifffile cannot decode a page."""


def _with_tifffile(page):
    """Pixels and alpha of a page."""
    if (page.photometric in BY_PILLOW or page.compression not in TIFF.DECOMPRESSORS
            or page.predictor not in TIFF.UNPREDICTORS or page.bitspersample not in BITS):
        raise _NoDecoder
    pixels = page.asarray(maxworkers=1)
    if page.planarconfig == 2 and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        pixels = _black_is_zero(pixels)
    pixels = np.atleast_3d(pixels)
    count = COLOURS[page.photometric]
    return pixels[..., :count], pixels[..., count] if pixels.shape[-1] > count else None


def _black_is_zero(pixels):
    if pixels.dtype.kind not in "bu":
        raise Unreadable(f"white is zero in it, and its pixels are of type {pixels.dtype}; "
                         "save it so that black is zero")
    return ~pixels


def _with_pillow(content, page, byteorder):
    """Pixels and alpha of a page, if Pillow keeps every value."""
    name = getattr(page.compression, "name", page.compression)
    unknown = Unreadable(f"unknown compression {name} of {page.samplesperpixel} × "
                         f"{page.bitspersample} bits per pixel; save it with Deflate or "
                         "uncompressed")
    if not pillow_knows(page.compression):
        raise unknown
    with _silent_libtiff():
        try:
            image = open_picture(content, "TIFF")
        except OSError as error:
            raise unknown from error
        with image:
            bits, colours, wide = page.bitspersample, page.samplesperpixel > 1, None
            if bits > 8 and colours and page.planarconfig == 1:
                wide = wide_colours(content, "TIFF", "LB" if LITTLE else "BL")
            # Pillow forgets the byte order of what libtiff gives it, but for unsigned 16 bits.
            kept = (byteorder == "<") == LITTLE or page.dtype == np.uint16
            if bits > 8 and wide is None and (colours or not kept):
                raise unknown
            pixels, alpha = split_alpha(image, wide)
    if page.photometric == PHOTOMETRIC.MINISWHITE and bits > 8:  # of fewer, Pillow takes care
        pixels = _black_is_zero(pixels)
    if page.photometric in COLOURS and page.dtype != bool:
        # Pillow has neither uint32 nor int16: int32 holds them.
        same = pixels.dtype.itemsize == page.dtype.itemsize
        pixels = pixels.view(page.dtype) if same else pixels.astype(page.dtype)
    return pixels, alpha


@cache
def pillow_knows(compression):
    """Whether Pillow, as it was built, knows a compression, given by TIFF's number for it."""
    for mode in ("1", "RGB"):  # fax machines know the one only, JPEG the other
        try:
            with _silent_libtiff():
                Image.new(mode, (8, 8)).save(BytesIO(), "TIFF",
                                             compression=COMPRESSION_INFO[compression])
        except (KeyError, OSError):
            continue
        return True
    return False


@contextmanager
def _silent_libtiff():
    """Keep libtiff from writing to standard error, which it does past Python."""
    with _libtiff, open(os.devnull, "wb") as nowhere:
        try:
            kept = os.dup(2)
        except OSError:  # closed
            yield
            return
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
