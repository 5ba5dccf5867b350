"""What is wrong with a picture is said in one line: a line for each cause."""

import gzip
import os
import struct
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from image_files import message, noise, png16, square, write, write_lzw
from PIL import Image

from minunet.data.formats import decode
from minunet.data.formats.decode_tiff import pillow_knows
from minunet.data.formats.images import read_image, read_mask
from minunet.data.formats.kinds import MOST_PIXELS

RGB = noise((20, 24, 3))
GREY = RGB[..., 0]
without_imagecodecs = pytest.mark.skipif(
    find_spec("imagecodecs") is not None, reason="with imagecodecs, tifffile reads more")


def cause(path, reader=read_image):
    """What follows "cannot read PATH: " in the line."""
    text = message(reader, path)
    assert text.startswith(f"cannot read {path}: ")
    return text.removeprefix(f"cannot read {path}: ")


# Pages

@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("reader", [read_image, read_mask])
def test_pages_of_a_tiff_are_never_colours(tmp_path, count, reader):
    pages = [Image.fromarray(square(value=k + 1)) for k in range(count)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert cause(tmp_path / "a.tif", reader) == (
        f"it holds {count} pages; save each slice as a file of its own")


def test_pages_need_not_be_alike(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for pixels in (GREY, GREY[:2, :2], RGB):
            tiff.write(pixels, photometric="rgb" if pixels.ndim > 2 else "minisblack")
    assert "it holds 3 pages" in cause(tmp_path / "a.tif")


@pytest.mark.parametrize("options", [
    {"imagej": True}, {"ome": True, "metadata": {"axes": "ZYX"}},
    {"ome": True, "metadata": {"axes": "CYX"}}, {"metadata": None}, {"truncate": True},
    {"volumetric": True, "tile": (4, 16, 16)}, {"compression": "deflate"},
    {"imagej": True, "truncate": True}])
@pytest.mark.parametrize("count", [3, 4, 5])
def test_a_stack_is_refused_whoever_wrote_it(tmp_path, options, count):
    stack = np.stack([GREY] * count)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", **options)
    assert f"it holds {count} pages" in cause(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_a_film_is_no_slice(tmp_path, name):
    frames = [Image.fromarray(noise(seed=k)) for k in range(3)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    assert "it holds 3 pages" in cause(tmp_path / name)


# Colours

@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
@pytest.mark.parametrize("reader", [read_image, read_mask])
def test_the_colours_of_print_are_refused(tmp_path, name, reader):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / name)
    assert "its colours are CMYK, the colours of print; save it" in cause(tmp_path / name, reader)


def test_other_colours_are_refused_by_name(tmp_path):
    Image.fromarray(RGB).convert("LAB").save(tmp_path / "a.tif")
    assert cause(tmp_path / "a.tif") == "its colours are CIELAB; save it in grey or RGB"
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="minisblack", planarconfig="contig")
    assert "it has 3 values per pixel, called MINISBLACK" in cause(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", noise((20, 24, 5)), photometric="rgb")
    assert "it has 5 values per pixel, called RGB" in cause(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_palette_that_hides_what_the_file_holds_is_refused(tmp_path, name):
    image = Image.fromarray(square(value=1)).convert("P")
    image.putpalette([0, 0, 0] * 256)
    image.save(tmp_path / name)
    assert "its palette has one colour for all of its values" in cause(tmp_path / name, read_mask)


def test_numbers_of_other_kinds_are_no_pixels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.complex64))
    assert "its pixels are of type complex64; save them as" in cause(tmp_path / "a.tif")
    write(tmp_path / "a.tif", GREY)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        tiff.pages[0].tags[258].overwrite(200)
    assert "its pixels are of type unknown (200 bits)" in cause(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", GREY - 9., photometric="miniswhite")
    assert "white is zero in it, and its pixels are of type float64" in cause(tmp_path / "a.tif")


# What is no picture

NIFTI = bytes(344) + b"n+1\0" + bytes(200)


@pytest.mark.parametrize("content, said", [
    (b"", "it is empty; copy it again or remove it"),
    (b"\x89PNG\r", "it is the beginning of a PNG file; copy it again or remove it"),
    (NIFTI, "it is a NIfTI volume, no picture; docs/volumes.md says"),
    (gzip.compress(NIFTI, mtime=0), "it is a NIfTI volume, no picture"),
    (struct.pack("<i4s", 540, b"n+2\0") + bytes(600), "it is a NIfTI volume, no picture"),
    (gzip.compress(b"a letter", mtime=0), "it is compressed with gzip; unpack it"),
    (b"\x1f\x8b" + bytes(90), "it is compressed with gzip; unpack it"),
    (bytes(128) + b"DICM" + bytes(90), "it is a DICOM file; convert the series with: dcm2niix"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "it is a Git LFS pointer"),
    (b"\n <!DOCTYPE html><html>", "it is a web page; download it again"),
    (b"<HTML><body>", "it is a web page"), (b"PK\x03\x04" + bytes(90), "it is a ZIP archive"),
    (b"%PDF-1.7 \xff", "it is a PDF document; save it as PNG or TIFF"),
    (b"P6 2 2 65535\n" + bytes(24), "it is a Netpbm image; save it as PNG or TIFF"),
    (bytes(4096), "it is all zeros, as after a copy that did not end; copy it again"),
    ("Dear diary, čtyřicet řezů\n".encode() * 99, "it is text; replace or remove it"),
    (b"\xd0\xcf\x11\xe0" + bytes(range(256)), "it is of no kind that minunet knows"),
])
def test_a_file_that_is_no_picture_is_called_what_it_is(tmp_path, content, said):
    for name in ("a.png", "a.tif"):
        (tmp_path / name).write_bytes(content)
        assert cause(tmp_path / name).startswith(said)


def test_a_folder_is_no_picture(tmp_path):
    assert cause(tmp_path) == "it is a folder; give a picture"
    if hasattr(os, "mkfifo"):  # not on Windows
        os.mkfifo(tmp_path / "a.png")
        assert cause(tmp_path / "a.png") == "it is no file; give a picture"


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.png", GREY)
    monkeypatch.setattr(Path, "open", refuse)
    assert cause(path) == "Permission denied"


# What is damaged

@pytest.mark.parametrize("kind, options", [
    ("PNG", {}), ("JPEG", {}), ("BMP", {}), ("GIF", {}), ("WEBP", {}), ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_deflate"}),
    ("TIFF", {"compression": "jpeg"}), ("TIFF", {"compression": "lzma"})])
def test_a_truncated_file_is_called_so(tmp_path, capfd, kind, options):
    Image.fromarray(noise((50, 60))).save(tmp_path / "a", kind, **options)
    content = (tmp_path / "a").read_bytes()
    for kept in (20, len(content) // 2, len(content) - 20):
        (tmp_path / "a").write_bytes(content[:kept])
        assert cause(tmp_path / "a") == (
            f"it is a {kind} file, but truncated or damaged; copy it again or remove it")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{"rowsperstrip": 4}, {"tile": (16, 16)}])
@pytest.mark.parametrize("tags, value", [((273, 324), 0), ((279, 325), 0), ((257,), 60)])
def test_a_tiff_that_lacks_a_part_is_not_filled_with_zeros(tmp_path, options, tags, value):
    tifffile.imwrite(tmp_path / "a.tif", GREY, compression="deflate", **options)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        [tag] = (tag for number in tags if (tag := tiff.pages[0].tags.get(number)))
        tag.overwrite(value if tag.count == 1 else [*tag.value[:-1], value])
    assert "it is a TIFF file, but truncated or damaged" in cause(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "lzma"])
def test_what_libtiff_writes_about_a_damaged_file_is_not_shown(tmp_path, capfd, compression):
    Image.fromarray(noise((50, 60)) // 64).save(tmp_path / "a.tif", compression=compression)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[100:300] = b"\xff" * 200
    (tmp_path / "a.tif").write_bytes(content)
    assert "truncated or damaged" in cause(tmp_path / "a.tif")
    os.write(2, b"heard")
    print(" still", file=sys.stderr)
    assert capfd.readouterr() == ("", "heard still\n")


def test_a_change_that_decoding_alone_would_miss_is_noticed(tmp_path):
    content = bytearray(png16(np.full((20, 24, 3), 7, np.uint16)))
    content[-20] ^= 1  # of the checksum of the pixels
    (tmp_path / "a.png").write_bytes(content)
    assert "it is a PNG file, but truncated or damaged" in cause(tmp_path / "a.png")


@without_imagecodecs
@pytest.mark.parametrize("compression", [34887, 50001, 50002, 1234])
def test_an_unknown_compression_is_named(tmp_path, capfd, compression):
    if pillow_knows(compression):
        pytest.skip("this Pillow was built with it")
    path = write(tmp_path / "a.tif", GREY)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[259].overwrite(compression)
    name = {34887: "LERC", 50001: "WEBP", 50002: "JPEGXL"}.get(compression, compression)
    assert cause(path) == (f"unknown compression {name} of 1 × 8 bits per pixel; save it with "
                           "Deflate or uncompressed")
    assert capfd.readouterr() == ("", "")


@without_imagecodecs
@pytest.mark.parametrize("dtype, byteorder", [
    ("float64", "<"), ("float16", "<"), ("int16", ">"), ("float32", ">")])
def test_a_type_that_would_change_with_a_compression_is_refused(tmp_path, dtype, byteorder):
    path = write_lzw(tmp_path / "a.tif", GREY.astype(dtype), byteorder)
    assert f"unknown compression LZW of 1 × {8 * np.dtype(dtype).itemsize} bits" in cause(path)


@pytest.mark.parametrize("side", [30000, 2**31 - 1])
def test_more_pixels_than_fit_are_refused_before_memory_is_taken(tmp_path, side):
    png = bytearray(png16(np.ones((3, 3, 1), np.uint16)))
    png[16:24] = struct.pack(">II", side, side)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "a.png").write_bytes(png)
    path = write(tmp_path / "a.tif", GREY)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag in (256, 257):
            tiff.pages[0].tags[tag].overwrite(side)
    for name in ("a.png", "a.tif"):
        assert f"{MOST_PIXELS:,}" in cause(tmp_path / name)


def test_too_little_memory_is_called_so(tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(decode, "decode_pillow", fail)
    path = write(tmp_path / "a.png", GREY)
    assert cause(path) == "it needs more memory than there is; save it smaller"
