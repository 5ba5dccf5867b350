"""Pictures of every kind come out as what they are: each value, the right way up."""

import numpy as np
import pytest
import tifffile
from image_files import noise, png16, square, write, write_lzw
from PIL import Image

from minunet.data.formats.decode_tiff import pillow_knows
from minunet.data.formats.images import read_image, read_mask

RGB = noise((20, 24, 3))
GREY = RGB[..., 0]
WIDE = np.random.default_rng(1).integers(0, 65536, (20, 24, 4)).astype(np.uint16)
WIDE[..., 3] = 65535  # alpha


def read(path, expected):
    """Read an image and see that it is `expected`, (H, W) or (H, W, C)."""
    image = read_image(path)
    np.testing.assert_array_equal(image, np.atleast_3d(expected))
    return image


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", ([0], [0, 3], [0, 1, 2], [0, 1, 2, 3]))
def test_a_png_of_16_bits_keeps_them_all(tmp_path, channels, interlaced):
    (tmp_path / "a.png").write_bytes(png16(WIDE[..., channels], interlaced))
    assert read(tmp_path / "a.png", WIDE[..., [c for c in channels if c < 3]]).dtype == np.uint16


@pytest.mark.parametrize("compression", [
    None, "tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "lzma", "zstd"])
@pytest.mark.parametrize("pixels", [
    GREY, RGB, np.dstack([RGB, np.full_like(GREY, 255)]), np.dstack([GREY, np.full_like(GREY, 9)]),
    WIDE[..., 0], GREY.astype(np.int32) - 100, GREY / np.float32(7), GREY > 100])
def test_each_compression_of_tiff_gives_each_type_exactly(tmp_path, compression, pixels):
    if compression == "zstd" and not pillow_knows(50000):
        pytest.skip("this Pillow was built without zstd")
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    channels = {2: 1, 4: 3}.get(pixels.shape[-1], pixels.shape[-1])
    read(tmp_path / "a.tif", pixels[..., :channels] if pixels.ndim == 3 else pixels)


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("pixels", [WIDE[..., :3], WIDE, WIDE[..., 0]])
def test_16_bits_stay_in_a_tiff_with_lzw(tmp_path, pixels, byteorder):
    path = write_lzw(tmp_path / "a.tif", pixels, byteorder)
    assert read(path, pixels[..., :3] if pixels.ndim == 3 else pixels).dtype == np.uint16


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "float32"])
def test_a_tiff_with_lzw_keeps_negative_and_large_numbers(tmp_path, dtype):
    pixels = (GREY.astype(float) * 2**24 if dtype == "uint32" else GREY - 100.).astype(dtype)
    read(write_lzw(tmp_path / "a.tif", pixels), pixels.astype(np.float32))


def test_a_tiff_with_jpeg_is_read_to_within_its_loss(tmp_path):
    ramp = np.stack([np.tile(np.arange(0, 192, 8), (24, 1)).astype(np.uint8)] * 3, axis=-1)
    ramp[..., 1] = ramp[..., 0].T
    for pixels in (ramp, ramp[..., 0]):
        Image.fromarray(pixels).save(tmp_path / "a.tif", compression="jpeg")
        assert abs(read_image(tmp_path / "a.tif") - np.atleast_3d(pixels).astype(int)).max() < 10


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_masks_as_fax_machines_pack_them_are_read(tmp_path, compression):
    Image.fromarray(square() > 0).save(tmp_path / "m.tif", compression=compression)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif")[0], square(value=1))


@pytest.mark.parametrize("options", [
    {"bigtiff": True}, {"tile": (16, 16)}, {"rowsperstrip": 3}, {"byteorder": ">"},
    {"planarconfig": "separate"}, {"compression": "deflate", "tile": (16, 16)},
    {"compression": "deflate", "planarconfig": "separate", "rowsperstrip": 3},
    {"description": "colours", "resolution": (300, 300)}])
def test_a_tiff_may_be_laid_out_in_any_way(tmp_path, options):
    for pixels in (RGB, WIDE[..., :3]):
        stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
        assert read(tmp_path / "a.tif", pixels).dtype == pixels.dtype


@pytest.mark.parametrize("bits, values", [(4, 15), (12, 4095)])
def test_a_tiff_may_pack_its_pixels(tmp_path, bits, values):
    pixels = np.random.default_rng(0).integers(0, values + 1, (20, 24)).astype(np.uint16)
    pixels[0, :2] = 0, values
    numbers = pixels.astype(np.uint32).reshape(20, 12, 2)
    packed = (numbers[..., 0] << bits | numbers[..., 1]).astype(">u4")  # 8 or 24 bits each
    rows = packed.view(np.uint8).reshape(20, 12, 4)[..., -bits // 4:]
    write(tmp_path / "a.tif", rows.reshape(20, -1))
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        for tag, value in ((256, 24), (258, bits)):
            tiff.pages[0].tags[tag].overwrite(value)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image[..., 0], pixels * (17 if bits == 4 else 1))


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw"])
def test_bits_of_a_tiff_may_be_predicted(tmp_path, compression):
    Image.fromarray(RGB).save(tmp_path / "a.tif", compression=compression, tiffinfo={317: 2})
    read(tmp_path / "a.tif", RGB)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.gif", "a", "a.xyz"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_what_a_file_holds_says_how_it_is_read_not_its_name(tmp_path, name, kind):
    Image.fromarray(RGB).save(tmp_path / name, kind)
    read(tmp_path / name, RGB)


@pytest.mark.parametrize("name, options", [
    ("a.png", {}), ("a.tif", {}), ("a.tif", {"compression": "tiff_lzw"}), ("a.gif", {}),
    ("a.bmp", {})])
def test_a_palette_stands_for_its_colours(tmp_path, name, options):
    image = Image.fromarray((GREY > 100).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 200, 30, 10] + [0] * 762)
    image.save(tmp_path / name, **options)
    read(tmp_path / name, (GREY > 100)[..., np.newaxis] * np.uint8([200, 30, 10]))


def test_colours_that_a_tiff_stores_as_brightness_and_hue_are_rgb(tmp_path):
    Image.fromarray(RGB).convert("YCbCr").save(tmp_path / "a.tif", compression="tiff_lzw")
    assert abs(read_image(tmp_path / "a.tif") - RGB.astype(int)).max() < 6


def test_a_webp_without_loss_is_read_exactly(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.webp", lossless=True)
    read(tmp_path / "a.webp", RGB)


TURNED = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T,
          6: np.rot90(GREY, -1), 7: GREY[::-1, ::-1].T, 8: np.rot90(GREY)}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name, options", [
    ("a.png", {}), ("a.tif", {}), ("a.tif", {"compression": "tiff_lzw"}),
    ("a.webp", {"lossless": True}), ("a.jpg", {"quality": 100})])
def test_a_picture_is_turned_as_viewers_turn_it(tmp_path, name, options, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(GREY).save(tmp_path / name, exif=exif, **options)
    image = read_image(tmp_path / name)[..., 0]
    assert image.shape == TURNED[orientation].shape
    assert abs(image.astype(int) - TURNED[orientation]).max() <= (4 if name == "a.jpg" else 0)


def test_a_mask_is_turned_as_its_image_is_and_its_alpha_with_it(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.repeat(square()[..., np.newaxis], 4, axis=-1)
    Image.fromarray(pixels).save(tmp_path / "m.png", exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0],
                                  np.rot90(square(value=1), -1))


@pytest.mark.parametrize("pixels", [GREY, WIDE[..., 0]])
@pytest.mark.parametrize("writer", [
    lambda path, pixels: tifffile.imwrite(path, ~pixels, photometric="miniswhite"),
    lambda path, pixels: tifffile.imwrite(path, ~pixels, photometric="miniswhite", byteorder=">",
                                          compression="deflate"),
])
def test_black_is_zero_also_where_the_file_calls_white_zero(tmp_path, pixels, writer):
    writer(tmp_path / "a.tif", pixels)
    read(tmp_path / "a.tif", pixels)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "group4"])
def test_so_too_if_pillow_decodes_it(tmp_path, compression):
    pixels = GREY > 100 if compression == "group4" else GREY
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression, tiffinfo={262: 0})
    read(tmp_path / "a.tif", pixels)


def test_so_too_for_16_bits_with_lzw(tmp_path):
    write_lzw(tmp_path / "a.tif", ~WIDE[..., 0])
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        tiff.pages[0].tags[262].overwrite(0)
    read(tmp_path / "a.tif", WIDE[..., 0])


def test_true_is_1_in_what_tifffile_writes(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", square() > 0)  # it says that white is zero
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif")[0], square(value=1))


# Alpha

def test_alpha_of_one_value_is_dropped(tmp_path):
    for value in (0, 100, 255):
        pixels = np.dstack([RGB, np.full_like(GREY, value)])
        for name in ("a.png", "a.tif"):
            read(write(tmp_path / name, pixels), RGB)


@pytest.mark.parametrize("mask", [
    np.dstack([square()] * 4), np.dstack([square()] * 2),
    np.dstack([*[square()] * 3, square(value=90) + np.uint8(9) * (square() > 0)])])
def test_a_mask_that_is_transparent_where_it_is_black_is_understood(tmp_path, mask):
    Image.fromarray(mask).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], square(value=1))


def test_what_is_wholly_transparent_is_black_and_other_alpha_is_dropped(tmp_path):
    alpha = noise(seed=1) // 40  # 0 to 6
    for pixels in (RGB, GREY[..., np.newaxis], WIDE[..., :3]):
        stored = np.dstack([pixels, alpha.astype(pixels.dtype)])
        if pixels.dtype == np.uint16:
            (tmp_path / "a.png").write_bytes(png16(stored))
        else:
            Image.fromarray(stored).save(tmp_path / "a.png")
        assert read(tmp_path / "a.png", pixels * (alpha > 0)[..., np.newaxis]).dtype == pixels.dtype


@pytest.mark.parametrize("pixels, key", [
    (RGB, RGB[3, 4]), (RGB, (1, 2, 300)), (GREY[..., np.newaxis], GREY[3, 4])])
def test_a_colour_that_stands_for_transparent_counts_as_alpha(tmp_path, pixels, key):
    expected = pixels * (pixels != np.array(key)).any(axis=-1, keepdims=True)
    (tmp_path / "a.png").write_bytes(png16(pixels.astype(np.uint16), key=key))
    read(tmp_path / "a.png", expected)
    Image.fromarray(pixels.squeeze()).save(tmp_path / "a.png", transparency=(
        tuple(map(int, key)) if np.ndim(key) else int(key)))
    read(tmp_path / "a.png", expected)
