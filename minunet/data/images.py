"""Reading one image or mask file, with everything checked that can be wrong with it."""

import logging
import warnings
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from skimage.io import imread

from minunet.files import InputError


def read_image(path):
    """Read an image of one page: grey or RGB, with or without an alpha channel.

    Parameters
    ----------
    path : str or Path
        PNG, TIFF, JPEG or another format that scikit-image reads.

    Returns
    -------
    ndarray (H, W, C), uint8, uint16 or float32
        C is 1 or 3: alpha is dropped. 8- and 16-bit unsigned integers stay what they are;
        any other type becomes float32.

    Raises
    ------
    InputError
        If the file cannot be read, holds several pages, or NaN or infinity.
    """
    pixels = _pixels(path)
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    with np.errstate(over="ignore"):  # beyond float32: infinity, caught below
        pixels = pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise InputError(f"{path} holds NaN or infinity; mend or remove it")
    return pixels


def read_mask(path):
    """Read a mask: a file of two values, of which 0 means background.

    Common files are understood: 0/1, 0/255, boolean, and grey masks saved as RGB or RGBA.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    mask : ndarray (H, W), uint8
        0 or 1.
    value : int or float or None
        What marked the foreground in the file; None if all is background.

    Raises
    ------
    InputError
        If the file cannot be read, or holds other values than 0 and one more.
    """
    pixels = _pixels(path)
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise InputError(f"the mask {path} is in colour; save it in grey, with 0 and one "
                         "other value")
    values = np.unique(pixels)
    foreground = values[values != 0]
    if foreground.size > 1 or not np.isfinite(foreground).all():
        # A JPEG has such values round every edge; a label map has one for each class.
        listed = ", ".join(f"{value:g}" for value in values[:5])
        more = ", …" if values.size > 5 else ""
        raise InputError(f"the mask {path} holds {values.size} values ({listed}{more}); "
                         "expected 0 and one other, in a lossless format such as PNG")
    value = foreground[0].item() if foreground.size else None
    return (pixels[..., 0] != 0).astype(np.uint8), value


def _pixels(path):
    """The pixels of a file as (H, W, C) without alpha, of whatever type it stores."""
    pixels = _decoded(Path(path))
    if pixels.ndim == 4 and pixels.shape[0] == 1:  # a GIF has an axis of pages, even for one
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[-1] > 4:
        raise InputError(f"{path} is no single image: its shape is {pixels.shape}; "
                         "save each slice as a file of its own, grey or RGB")
    return pixels[..., :-1] if pixels.shape[-1] in (2, 4) else pixels


def _decoded(path):
    """What scikit-image makes of the file, or one InputError for all that can go wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        with _silence():
            # TIFF goes by name, to tifffile, which knows every type and page. The rest goes
            # by content: imageio leaves a file that it cannot read open.
            tiff = path.suffix.lower() in (".tif", ".tiff")
            pixels = np.asarray(imread(path if tiff else BytesIO(content)))
        if pixels.dtype.kind not in "buif" or not pixels.size:  # a truncated TIFF may be empty
            raise ValueError(f"pixels of type {pixels.dtype} and shape {pixels.shape}")
    except Exception as error:  # each decoder has errors of its own, SyntaxError among them
        raise InputError(f"cannot read {path}: it is truncated or no image; "
                         "replace or remove it") from error
    return pixels


@contextmanager
def _silence():
    """Keep decoders from writing about a damaged file: our one line says enough."""
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
