"""From a picture's file to its pixels: which decoder, which way up, and why not.

TIFF goes to tifffile, which knows every type and page, the rest to Pillow. No value may change on
the way: what a decoder would make smaller is read around it, or refused.
"""

import logging
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from minunet.data.formats.decode_pillow import decode_pillow
from minunet.data.formats.decode_tiff import decode_tiff
from minunet.data.formats.kinds import TIFF, Unreadable, describe, picture_kind
from minunet.engine.files import InputError


def decode(path):
    """Read a picture of one page; its content, not its name, says how.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Picture
        The way up that the file's orientation tag says, with its palette's colours.

    Raises
    ------
    InputError
        If the file cannot be opened, is no picture or truncated, or holds several pages, colours
        that are neither grey nor RGB, or more pixels than `minunet.data.formats.kinds.MOST_PIXELS`.
    """
    path = Path(path)
    try:
        kind, content = _content(path)
        try:
            with _silence():
                picture = decode_tiff(content) if kind == TIFF else decode_pillow(content, kind)
        except (Unreadable, MemoryError):
            raise
        except Exception as error:  # each decoder has errors of its own, SyntaxError among them
            raise Unreadable(f"it is a {kind} file, but truncated or damaged; copy it again or "
                             "remove it") from error
    except Unreadable as error:
        raise InputError(f"cannot read {path}: {error}") from error
    except MemoryError as error:
        raise InputError(f"cannot read {path}: it needs more memory than there is; "
                         "save it smaller") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    pixels, alpha = picture.pixels, picture.alpha
    return replace(picture, orientation=1, pixels=_turned(pixels, picture.orientation),
                   alpha=None if alpha is None else _turned(alpha, picture.orientation))


def _content(path):
    """The kind of a picture and its bytes."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise Unreadable(f"it is {what}; give a picture")
    with path.open("rb") as file:
        start = file.read(1024)
        kind = picture_kind(start)
        if kind is None:
            raise Unreadable("it is {}; {}".format(*describe(start)))
        return kind, start + file.read()


def _turned(array, orientation):
    """An array (H, W, …) the way up that viewers show it; the numbers are EXIF's and TIFF's."""
    if orientation in (5, 6, 7, 8):  # stored by columns
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


@contextmanager
def _silence():
    """Keep decoders from writing about a damaged file: our one line says enough."""
    loggers = [logging.getLogger(name) for name in ("tifffile", "PIL")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
