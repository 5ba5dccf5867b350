"""PNG, JPEG, BMP, GIF and WebP by Pillow, and its colours of 16 bits, which it cannot hold."""

from io import BytesIO

import numpy as np
from PIL import Image

from minunet.data.formats.kinds import MOST_PIXELS, Picture, Unreadable, check_pages, check_size

ORIENTATION = 274  # the tag's number, in EXIF as in TIFF
PLAIN = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "RGB")  # modes without alpha
ALPHA = ("LA", "RGBA")
CONVERTED = {"P": "RGB", "PA": "RGBA", "YCbCr": "RGB"}


def decode_pillow(content, kind):
    """Decode a picture of one page.

    Parameters
    ----------
    content : bytes
    kind : str
        The format's name, as Pillow has it.

    Returns
    -------
    Picture

    Raises
    ------
    Unreadable
        If it has several pages, or colours that are neither grey nor RGB.
    Exception
        Of many kinds, if it is damaged.
    """
    if kind == "PNG":
        with open_picture(content, kind) as image:
            image.verify()  # checksums: decoding ends before it has seen the last of them
    with open_picture(content, kind) as image:
        check_pages(getattr(image, "n_frames", 1))
        wide = wide_colours(content, kind, "BL") if kind == "PNG" else None
        pixels, alpha = split_alpha(image, wide)
        return Picture(pixels, alpha, kind, image.getexif().get(ORIENTATION, 1))


def open_picture(content, kind):
    """Open a picture with Pillow, if it claims no more than `MOST_PIXELS`."""
    try:
        image = Image.open(BytesIO(content), formats=[kind])
    except Image.DecompressionBombError as error:  # beyond Pillow's limit, which is higher
        raise Unreadable(f"it claims more than {MOST_PIXELS:,} pixels; copy it again if it is "
                         "damaged, or cut it into parts") from error
    check_size(*image.size)
    return image


def wide_colours(content, kind, orders):
    """Read a picture's colours if they have 16 bits; Pillow itself makes 8 of them.

    It keeps the first byte of each value that it takes for big-endian and the second of each that
    it takes for little-endian. Told first the one and then the other, it gives all 16 bits.

    Parameters
    ----------
    content : bytes
    kind : str
    orders : {"BL", "LB"}
        The byte orders, big or little endian, to name for a value's high byte and for its low
        one: "BL" if values come out of the decompression in big-endian order.

    Returns
    -------
    ndarray (H, W, C), uint16, or None
        C is 2 (grey and alpha), 3 or 4. None for colours of another depth.
    """
    halves = []
    for order in orders:
        with open_picture(content, kind) as image:
            tile = image.tile[0]
            raw, *rest = (tile.args,) if isinstance(tile.args, str) else tile.args
            if raw == "LA;16B":  # as many bytes as RGBA has, and those are passed on as they are
                image.tile = [tile._replace(args="RGBA")]
                return _loaded(image).view(">u2").astype(np.uint16)
            name, _, depth = raw.partition(";")
            if depth not in ("16B", "16L", "16N") or name not in ("RGB", "RGBA"):
                return None
            raw = f"{name};16{order}"
            image.tile = [tile._replace(args=(raw, *rest) if rest else raw)]
            halves.append(_loaded(image))
    return halves[0].astype(np.uint16) << 8 | halves[1]


def split_alpha(image, wide=None):
    """Split an opened picture into its pixels (H, W, C), C being 1 or 3, and alpha or None.

    Parameters
    ----------
    image : PIL.Image.Image
    wide : ndarray (H, W, C) or None
        Its pixels, if they were read by `wide_colours`.

    Raises
    ------
    Unreadable
        If its colours are neither grey nor RGB.
    """
    key = image.info.get("transparency")  # a value, or a palette's alpha
    several = image.mode == "P" and np.ptp(_loaded(image)) > 0
    if image.mode in CONVERTED:
        image, key = image.convert(CONVERTED[image.mode] if key is None else "RGBA"), None
    if image.mode not in PLAIN + ALPHA:
        name = "CMYK, the colours of print" if image.mode == "CMYK" else image.mode
        raise Unreadable(f"its colours are {name}; save it in grey or RGB")
    array = _loaded(image) if wide is None else wide
    array = np.atleast_3d(array)
    if several and (array == array[0, 0]).all():  # a label map whose colours nobody has set
        raise Unreadable("its palette has one colour for all of its values; save it in grey")
    if array.shape[-1] in (2, 4):
        return array[..., :-1], array[..., -1]
    if key is None:
        return array, None
    return array, (array != np.asarray(key).astype(array.dtype)).any(axis=-1)


def _loaded(image):
    image.load()  # NumPy would hide what goes wrong
    array = np.asarray(image)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
