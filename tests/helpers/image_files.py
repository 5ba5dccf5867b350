"""Small image files for the tests of the loaders: noise, with a square tumour as mask.

And what tests of bad ones share.
"""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from minunet.data import open_dataset
from minunet.engine.files import InputError

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))  # the seven passes of an interlaced PNG: x, y and steps of both


def write(path, pixels):
    """Save pixels in the format that the name says, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        colour = pixels.ndim == 3 and pixels.shape[-1] in (3, 4)
        tifffile.imwrite(path, pixels, photometric="rgb" if colour else "minisblack")
    else:
        Image.fromarray(pixels).save(path)
    return path


def imread(path):
    """The pixels of a picture that minunet wrote, as Pillow sees them."""
    with Image.open(path) as image:
        return np.asarray(image)


def noise(shape=(20, 24), seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


def square(shape=(20, 24), value=255, dtype=np.uint8):
    """A mask with its tumour in rows 5 to 9 and columns 8 to 13."""
    mask = np.zeros(shape, dtype)
    mask[5:10, 8:14] = value
    return mask


def write_lgg(root, name="TCGA_AA_1", numbers=(1, 2, 10)):
    """A patient's folder in the LGG layout; slice K is filled with the value K."""
    for k in numbers:
        write(root / name / f"{name}_{k}.tif", np.full((20, 24, 3), k, np.uint8))
        write(root / name / f"{name}_{k}_mask.tif", square())
    return root


def write_pair(root, stem="1", image=None, mask=None, suffix=".png"):
    """One file each in `images` and `masks` below `root`."""
    write(root / "images" / f"{stem}{suffix}", noise() if image is None else image)
    write(root / "masks" / f"{stem}{suffix}", square() if mask is None else mask)
    return root


def message(function, *arguments):
    """The message of the InputError that the call raises: one line."""
    with pytest.raises(InputError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def load_only(folder):
    """The pixels of a folder's only patient."""
    [patient] = open_dataset(folder)
    return patient.load()


def png16(pixels, interlaced=False, key=None):
    """The bytes of a PNG of 16 bits, its rows filtered in all five ways by turns.

    `pixels` is (H, W, C), uint16, C from 1 (grey) to 4 (RGBA); `key` is a transparent value.
    """
    height, width, channels = pixels.shape
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(_filtered(pixels[y::dy, x::dx]) for x, y, dx, dy in passes)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, interlaced)
    transparent = b"" if key is None else _chunk(b"tRNS", np.array(key, ">u2").tobytes())
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + transparent
            + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b""))


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(pixels):
    """The rows of a PNG's pass, each after the number of its filter."""
    if not pixels.size:
        return b""
    height, width, channels = pixels.shape
    step = 2 * channels
    rows = np.frombuffer(pixels.astype(">u2").tobytes(), np.uint8).reshape(height, -1).astype(int)
    padded = np.pad(rows, ((1, 0), (step, 0)))
    left, above, corner = padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step]
    far = [abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)]
    paeth = np.choose(np.argmin(far, axis=0), (left, above, corner))
    guesses = (0 * rows, left, above, (left + above) // 2, paeth)
    filtered = (bytes([y % 5, *(rows[y] - guesses[y % 5][y]) % 256]) for y in range(height))
    return b"".join(filtered)


def write_lzw(path, pixels, byteorder="<"):
    """Save a TIFF of any type with LZW: tifffile has no such encoder, and Pillow few types."""
    packed = BytesIO()
    stored = pixels.astype(pixels.dtype.newbyteorder(byteorder)).tobytes()
    Image.frombytes("L", (len(stored), 1), stored).save(packed, "TIFF", compression="tiff_lzw")
    with tifffile.TiffFile(BytesIO(packed.getvalue())) as tiff:
        [start], [count] = tiff.pages[0].dataoffsets, tiff.pages[0].databytecounts
    colour = pixels.ndim == 3
    tifffile.imwrite(path, pixels, photometric="rgb" if colour else "minisblack",
                     byteorder=byteorder, metadata=None)
    plain = path.read_bytes()
    path.write_bytes(plain + packed.getvalue()[start:start + count])
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag, value in ((259, 5), (273, len(plain)), (279, count)):
            tiff.pages[0].tags[tag].overwrite(value)
    return path
