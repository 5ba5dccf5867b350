"""Contact sheets: slices with the outline of what was found, in orange as in `drawing`.

They are composed pixel by pixel, since Matplotlib takes longer to draw a slice than the network
to segment it. A picture has 254 greys and two colours, so that its file holds a byte a pixel.
"""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from minunet.engine.files import replacing
from minunet.engine.words import printable
from minunet.tool.drawing import PREDICTION, TRUTH

WHITE, TRUE, FOUND = 253, 254, 255  # numbers of the brightest grey and of the colours of lines
TEXT = 14      # pixels
SMALLEST, LARGEST = 192, 1024  # pixels of a slice's longer side, as drawn
SHOWN, COLUMNS, GAP = 12, 4, 8  # slices of a volume, in a row, and pixels between them


def shown_channel(count, modalities=()):
    """Choose the channel that is drawn: FLAIR, where tumour and oedema are bright, or the middle.

    Parameters
    ----------
    count : int
    modalities : sequence of str
        Names of the channels; empty if nobody knows them.
    """
    names = [name.upper() for name in modalities]
    return names.index("FLAIR") if "FLAIR" in names else count // 2


def window(images):
    """Choose what is drawn black and what white, for all slices (D, H, W) of a patient.

    Returns
    -------
    low, high : float
        The 1st and the 99.9th percentile, or the ends if those are one.
    """
    for low, high in (np.percentile(images[:, ::2, ::2], (1, 99.9)),
                      (images.min(), images.max())):
        if low < high:
            return float(low), float(high)
    return float(low), float(low) + 1


def draw_volume(path, images, mask, spacing, text="", sides=True, truth=None):
    """Draw slices of a volume with the outline of the mask: up to 12 with tumour, evenly picked.

    The slice with most tumour is among them. If nothing was found, they are picked from the whole.

    Parameters
    ----------
    path : str or Path
        Of a PNG.
    images : ndarray (D, H, W)
        In the canonical orientation.
    mask : ndarray (D, H, W), bool
    spacing : (float, float, float)
        Between voxels along D, H, W: they are drawn with their true proportions.
    text : str
        To write above.
    sides : bool
        Write R and L where the patient's right and left are.
    truth : ndarray (D, H, W), bool, optional
        Another mask, in blue. Where the two agree, its line runs around that of the first.
    """
    limits = window(images)
    panels = []
    for d in pick_slices(mask if truth is None else mask | truth):
        grey = _grey(images[d], limits, spacing[1:])
        if sides:
            grey = _with_sides(grey)
        outlined = _outlined(grey, mask[d], None if truth is None else truth[d])
        panels.append(_titled(outlined, f"slice {d + 1} of {len(mask)}"))
    columns = min(COLUMNS, len(panels))
    panels += [np.zeros_like(panels[0])] * (-len(panels) % columns)
    spaced = [np.pad(panel, ((0, GAP), (0, GAP))) for panel in panels]
    rows = [np.hstack(spaced[i:i + columns]) for i in range(0, len(panels), columns)]
    _save(path, _titled(np.vstack(rows)[:-GAP, :-GAP], text))


def pick_slices(mask, most=SHOWN):
    """Choose the slices to show of a mask (D, H, W), at most `most`; give their numbers from 0."""
    area = mask.sum(axis=(1, 2))
    candidates = np.flatnonzero(area) if area.any() else np.arange(len(area))
    if len(candidates) > most:
        picked = candidates[np.linspace(0, len(candidates) - 1, most).round().astype(int)]
        if (largest := area.argmax()) not in picked and area.any():
            picked[np.abs(picked - largest).argmin()] = largest
        candidates = picked
    return candidates.tolist()


def _grey(image, limits, spacing):
    """A slice as greys (rows, columns), uint8, its pixels as long and wide as they are."""
    low, high = limits
    scaled = (image - np.float32(low)) * (WHITE / (high - low))
    grey = np.rint(np.clip(scaled, 0, WHITE)).astype(np.uint8)
    lengths = np.array(image.shape) * spacing / np.min(spacing)
    longest = lengths.max()
    scale = -(-SMALLEST // longest) if longest < SMALLEST else min(1, LARGEST / longest)
    rows, columns = (max(1, round(length * scale)) for length in lengths)
    if (rows, columns) == grey.shape:
        return grey
    return np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BILINEAR))


def _outlined(grey, mask, truth):
    """The greys with a line along the border of the mask, a pixel on either side of it.

    Beside a truth it is the pixel inside alone.
    """
    found, drawn = _enlarged(mask, grey.shape), grey.copy()
    if truth is None:
        drawn[outline_of(found)] = FOUND
    else:
        drawn[outline_of(_enlarged(truth, grey.shape))] = TRUE
        drawn[outline_of(found) & found] = FOUND
    return drawn


def _enlarged(mask, shape):
    """A mask (H, W) with the shape of its picture."""
    if mask.shape == shape:
        return mask
    # A box filter: where the picture is smaller than the mask, no piece of it gets lost.
    return np.asarray(Image.fromarray(mask * np.uint8(255)).resize(
        shape[::-1], Image.Resampling.BOX)) > 0


def outline_of(mask):
    """Where the border of a mask (H, W) runs: the pixels on either side of it."""
    padded = np.pad(mask, 1)
    beside = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return np.where(mask, ~np.logical_and.reduce(beside), np.logical_or.reduce(beside))


def _with_sides(grey):
    picture = Image.fromarray(grey)
    draw = ImageDraw.Draw(picture)
    for letter, x, anchor in (("R", 4, "la"), ("L", picture.width - 4, "ra")):
        draw.text((x, 3), letter, WHITE, _font(), anchor, stroke_width=2, stroke_fill=0)
    return np.asarray(picture)


def _titled(pixels, text):
    """Pixels below a strip with a line of text, and wide enough for it."""
    if not text:
        return pixels
    text = printable(text)
    width = max(pixels.shape[1], int(_font().getlength(text)) + 9)
    strip = Image.new("L", (width, TEXT + 8))
    ImageDraw.Draw(strip).text((4, 3), text, WHITE, _font())
    return np.vstack([np.asarray(strip), np.pad(pixels, ((0, 0), (0, width - pixels.shape[1])))])


@cache
def _font():
    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), TEXT)


def _save(path, pixels):
    picture = Image.fromarray(pixels)
    picture.putpalette([value for grey in range(WHITE + 1) for value in (grey,) * 3]
                       + [*ImageColor.getrgb(TRUTH), *ImageColor.getrgb(PREDICTION)])
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", compress_level=1)
