"""Reading one image or mask file, with everything checked that can be wrong with it."""

import numpy as np

from minunet.data.formats.decode import decode
from minunet.engine.files import InputError

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def read_image(path):
    """Read an image of one page: grey or RGB.

    It is read the way up, and with black and white, as viewers show it. Decoders are chosen by
    what the file holds, not by its name.

    Parameters
    ----------
    path : str or Path
        PNG, TIFF, JPEG, BMP, GIF or WebP.

    Returns
    -------
    ndarray (H, W, C), uint8, uint16 or float32
        C is 1 or 3. 8- and 16-bit unsigned integers stay what they are; any other type becomes
        float32. Pixels that are wholly transparent are black, whatever colour lies below; other
        alpha, and alpha of one value, is dropped.

    Raises
    ------
    InputError
        If the file cannot be read, holds several pages, other colours, NaN or infinity.
    """
    picture = decode(path)
    pixels = picture.pixels
    if _varies(picture.alpha):
        pixels = pixels * (picture.alpha != 0)[..., np.newaxis]
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
        If the file cannot be read, holds other values than 0 and one more, says another thing by
        alpha than by grey, or calls white 0, by which programs mean different things.
    """
    picture = decode(path)
    pixels = picture.pixels
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise InputError(f"the mask {path} is in colour; save it in grey, with 0 and one "
                         "other value")
    pixels = pixels[..., 0]
    if _varies(picture.alpha) and ((picture.alpha != 0) != (pixels != 0)).any():
        raise InputError(f"the mask {path} is transparent elsewhere than where it is black, so "
                         "which of the two is the mask is not clear; save it in grey without "
                         "alpha")
    if picture.inverted:
        raise InputError(f"the mask {path} is a TIFF in which white is 0, and programs differ in "
                         "which of the two marks the tumour; save it so that black is 0")
    values = np.unique(pixels)
    foreground = values[values != 0]
    if foreground.size > 1 or not np.isfinite(foreground).all():
        listed = ", ".join(f"{value:g}" for value in values[:5])
        more = ", …" if values.size > 5 else ""
        raise InputError(f"the mask {path} holds {values.size} values ({listed}{more}); expected "
                         f"0 and one other: {_advice(values, picture.kind)}")
    value = foreground[0].item() if foreground.size else None
    return (pixels != 0).astype(np.uint8), value


def _varies(alpha):
    return alpha is not None and (alpha != alpha.flat[0]).any()


def _advice(values, kind):
    """What to do about a mask of several values."""
    if kind == "JPEG":
        return "JPEG changes values round every edge; save the mask anew as PNG"
    if not np.isfinite(values).all():
        return "replace what is no number"
    if 0 not in values:
        return "give the background 0"
    return ("a mask of several classes is read from NIfTI only (docs/volumes.md), and soft edges "
            "must be made hard")
