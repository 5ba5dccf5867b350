"""What a file is, told by its first bytes since names are often wrong, and what is refused."""

import zlib
from dataclasses import dataclass

import numpy as np

MOST_PIXELS = 2**27  # 134 million: what claims more is likelier damaged than a slice
TIFF = "TIFF"
_PICTURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF",
             b"GIF89a": "GIF", b"BM": "BMP", b"II*\0": TIFF, b"MM\0*": TIFF, b"II+\0": TIFF,
             b"MM\0+": TIFF}

_SAVE = "save it as PNG or TIFF"
_VOLUME = ("a NIfTI volume, no picture", "docs/volumes.md says how volumes are laid out")
_DICOM = ("a DICOM file", "convert the series with: dcm2niix -z y -o nifti dcm/")
_OTHERS = (  # offset, first bytes in lower case, what it is, what to do
    (344, b"n+1\0", *_VOLUME), (344, b"ni1\0", *_VOLUME), (4, b"n+2\0", *_VOLUME),
    (128, b"dicm", *_DICOM), (0, b"\x08\0\x05\0", *_DICOM), (0, b"\x08\0\x08\0", *_DICOM),
    (0, b"\x1f\x8b", "compressed with gzip", "unpack it"),
    (0, b"pk\x03\x04", "a ZIP archive", "unpack it"),
    (0, b"version https://git-lfs", "a Git LFS pointer", "fetch the file with: git lfs pull"),
    (0, b"/annex/objects/", "a git-annex pointer", "fetch the file with: git annex get"),
    (0, b"<!doctype html", "a web page", "download it again"),
    (0, b"<html", "a web page", "download it again"),
    (0, b"%pdf", "a PDF document", _SAVE), (0, b"\x93numpy", "a NumPy array", _SAVE),
    (0, b"\0\0\0\x0cjp  ", "a JPEG 2000 image", _SAVE), (0, b"8bps", "a Photoshop file", _SAVE),
    (4, b"ftyp", "an AVIF or HEIC image", _SAVE), (0, b"nrrd", "an NRRD volume", _SAVE),
    *((0, b"p%d" % k, "a Netpbm image", _SAVE) for k in range(1, 8)),
)


class Unreadable(ValueError):
    """Why a picture is not read and what to do about it, without the file's name."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of one page.

    Attributes
    ----------
    pixels : ndarray (H, W, C), bool, integer or float
        C is 1 or 3. Black is 0.
    alpha : ndarray (H, W) or None
    kind : str
        The file's format: "PNG", "TIFF", "JPEG", "BMP", "GIF" or "WEBP".
    orientation : int
        The number, in EXIF and TIFF, that says how viewers turn it.
    inverted : bool
        Whether 0 was white in the file.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    kind: str
    orientation: int = 1
    inverted: bool = False


def check_size(width, height):
    """Raise `Unreadable` if a picture claims more than `MOST_PIXELS`, before memory is taken."""
    if width * height > MOST_PIXELS:
        raise Unreadable(f"it claims {height} × {width} pixels, more than {MOST_PIXELS:,}; "
                         "copy it again if it is damaged, or cut it into parts")


def check_pages(count):
    """Raise `Unreadable` unless there is one page."""
    if count != 1:
        raise Unreadable(f"it holds {count} pages; save each slice as a file of its own")


def picture_kind(content):
    """Name the format of a picture that can be read, or None: "PNG", "TIFF", "WEBP" and so on.

    Parameters
    ----------
    content : bytes
        The whole file, or its beginning.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for start, kind in _PICTURES.items() if content.startswith(start)), None)


def describe(content):
    """Say what a file is that is no picture, and what to do, in half a sentence each.

    Parameters
    ----------
    content : bytes
        The whole file, or its first kilobyte.

    Returns
    -------
    what, advice : str
        For example ``"a web page"`` and ``"download it again"``.
    """
    if not content:
        return "empty", "copy it again or remove it"
    for first, kind in _PICTURES.items():
        if first.startswith(content):
            return f"the beginning of a {kind} file", "copy it again or remove it"
    start = content[:1024]
    folded = start.lstrip().lower() if start[:64].strip()[:1] == b"<" else start.lower()
    unpacked = _unpacked(start)
    for offset, first, what, advice in _OTHERS:
        if (folded[offset:].startswith(first)
                or what == _VOLUME[0] and unpacked[offset:].startswith(first)):
            return what, advice
    if not start.strip(b"\0"):
        return "all zeros, as after a copy that did not end", "copy it again"
    if _is_text(start):
        return "text", "replace or remove it"
    return "of no kind that minunet knows", _SAVE + ", or remove it"


def _unpacked(start):
    """The first bytes of a gzip file, unpacked; nothing if it is none, or damaged."""
    try:
        return zlib.decompressobj(31).decompress(start, 1024)
    except zlib.error:
        return b""


def _is_text(start):
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # else a letter is cut in two at the end
            return False
        text = start[:error.start].decode("utf-8")
    return all(letter.isprintable() or letter.isspace() for letter in text)
