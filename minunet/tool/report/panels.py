"""The panels of a report's page: slice, diameters, location, histogram, shape numbers."""

import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import binary_fill_holes, distance_transform_edt
from skimage.measure import find_contours

from minunet.tool.drawing import GRID, INK, MUTED, PREDICTION, SHADE, TINT, shade
from minunet.tool.report.border import outlines
from minunet.tool.report.canvas import ON_IMAGE, short, shorten

TILES = (  # key, name, what it says, the full length of its gauge
    ("sphericity", "Sphericity", "1: a ball. Lower: longer,\nflatter or rougher", 1),
    ("solidity", "Solidity", "1: convex. Lower: bays\nand lobes", 1),
    ("bounding_ellipsoid_ratio", "Fills its ellipsoid",
     "Share of the smallest\nellipsoid around it", 1),
    ("bounding_ellipse_ratio", "Fills its ellipse", "Share of the smallest\nellipse around it", 1),
    ("circularity", "Circularity", "1: a disc. In the slice where\nit is largest", 1),
    ("margin_fluctuation", "Margin fluctuation", "0: a smooth outline.\nHigher: rougher", 0.1),
    ("angular_deviation", "Angular deviation", "0: a round outline.\nHigher: long or lobed", 0.2),
)


FILE = 26  # letters of a file's name
FEW_LABELS = 4  # more tints than these are too alike to be told apart by colour alone


def draw_slice(axes, mask, image, level, window=None, colors=None):
    """Draw an axial slice with what is marked in it, all of it or a window of it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    mask : Mask
    image : ndarray (D, H, W) or None
    level : int
    window : (slice, slice), optional
        Rows and columns to show.
    colors : dict of int to str, optional
        Labels to tint, each in its colour: over the image, or opaque where there is none, so
        that the colour is that of the legend. More than `FEW_LABELS` are numbered as well.
    """
    inside = mask.labels[level] > 0
    draw_background(axes, image, level, inside.shape)
    if image is None:
        shade(axes, (0.0 if colors else 0.55) * inside, PREDICTION)
    for label, color in (colors or {}).items():
        shade(axes, (1.0 if image is None else TINT) * (mask.labels[level] == label), color)
    if window is None:
        outline(axes, inside, PREDICTION)
        sides(axes, mask, on_image=image is not None)
    height, width = inside.shape
    rows, columns = window or (slice(0, height), slice(0, width))
    axes.set(xlim=(columns.start - 0.5, columns.stop - 0.5),
             ylim=(rows.stop - 0.5, rows.start - 0.5),
             aspect=aspect(mask, 1, 2), anchor="NW")
    if colors and len(colors) > FEW_LABELS:
        _number_labels(axes, mask.labels[level], rows, columns)


def draw_background(axes, image, level, shape):
    """Draw a slice of a scan, or where there is none a light panel of the `shape` (H, W)."""
    if image is None:
        axes.imshow(np.ones((*shape, 3)) * to_rgb(SHADE))
        axes.set_facecolor(SHADE)
        return
    low, high = np.percentile(image, (1, 99.7))
    axes.imshow(image[level], cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    axes.set_facecolor("black")


def _number_labels(axes, labels, rows, columns):
    """Write each label of a slice (H, W) where it is widest in the window."""
    top, left = max(rows.start, 0), max(columns.start, 0)
    seen = labels[top:rows.stop, left:columns.stop]
    for label in np.unique(seen[seen > 0]):
        depth = distance_transform_edt(np.pad(seen == label, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        axes.text(left + x, top + y, str(label), color="white", fontsize=8, ha="center",
                  va="center", path_effects=ON_IMAGE, clip_on=True)


def slice_name(mask, level):
    """What a reader finds the slice by: its number, counted from 1, and its file if it has one."""
    if mask.flat:
        return "The picture"
    file = f": {shorten(mask.files[level], FILE)}" if mask.files else ""
    return f"Slice {level + 1} of {len(mask.labels)}{file}"


def outline(axes, inside, color, width=1.4):
    """Draw the outlines of a mask (H, W) of bool."""
    for y, x in (line.T - 1 for line in find_contours(np.pad(inside, 1) * 1.0, 0.5)):
        axes.plot(x, y, color=color, linewidth=width)


def draw_border(axes, mask, inside):
    """Draw the smooth border of a tumour's slice (H, W): the one that is measured."""
    lengths = mask.spacing[1:] if mask.spacing else (1.0, 1.0)
    for y, x in ((line / lengths).T for line in outlines(inside, lengths)):
        axes.plot(x, y, color=PREDICTION, linewidth=1.6)


def aspect(mask, rows, columns):
    """How much longer than wide a voxel is, seen with these axes of (D, H, W)."""
    return mask.spacing[rows] / mask.spacing[columns] if mask.spacing else 1.0


def window_around(mask, inside, level):
    """A square window of the slice (in mm) around a tumour, with a margin."""
    spans = []
    for axis, length in ((0, mask.labels.shape[1]), (1, mask.labels.shape[2])):
        hit = np.flatnonzero(inside[level].any(axis=1 - axis))
        spans.append((hit[0], hit[-1] + 1, length))
    scale = aspect(mask, 1, 2)
    side = 1.25 * max((spans[0][1] - spans[0][0]) * scale, spans[1][1] - spans[1][0]) + 6
    window = []
    for (first, last, _), wide in zip(spans, (side / scale, side), strict=True):
        start = int(np.floor((first + last - wide) / 2))
        window.append(slice(start, start + int(np.ceil(wide))))
    return tuple(window)


def draw_diameters(axes, diameters):
    """Draw the largest diameter, and the one across it dashed."""
    for name, dashes in (("ends", "-"), ("perpendicular_ends", (0, (3, 2)))):
        y, x = np.array(diameters[name]).T
        axes.plot(x, y, color="white", linewidth=1.6, linestyle=dashes, path_effects=ON_IMAGE,
                  marker="o", markersize=3)


def draw_box(axes, window):
    """Show on the whole slice what the window shows."""
    rows, columns = window
    axes.add_patch(Rectangle((columns.start, rows.start), columns.stop - columns.start,
                             rows.stop - rows.start, fill=False, edgecolor="white", linewidth=0.8,
                             path_effects=ON_IMAGE))


def sides(axes, mask, on_image=False):
    """Write on which side the patient's right and left are."""
    if mask.to_patient is None:
        return
    style = {"color": "white", "path_effects": ON_IMAGE} if on_image else {"color": INK}
    for x, letter in ((0.02, "R"), (0.98, "L")):
        axes.text(x, 0.98, letter, transform=axes.transAxes, fontsize=9, va="top",
                  ha="left" if x < 0.5 else "right", **style)


def draw_location(axes, mask, tissue, parts, number, midline, across):
    """Draw the silhouette of the head and the tumours in it, as seen along one axis.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    mask : Mask
    tissue : ndarray (D, H, W) of bool or None
        The head; the whole frame if None.
    parts : ndarray (D, H, W), int
        Numbered tumours.
    number : int
        The one to show; the others are grey.
    midline : dict
    across : int
        The axis to look along: 0 from the feet, 1 from the front, 2 from the left.
    """
    rows, columns = (axis for axis in range(3) if axis != across)
    shape = mask.labels.shape[rows], mask.labels.shape[columns]
    body = (np.ones(shape, bool) if tissue is None else
            binary_fill_holes(tissue.any(axis=across)))
    axes.imshow(body, cmap=ListedColormap(["white", "#DDDDDD"]), vmin=0, vmax=1)
    shade(axes, 0.5 * (parts > 0).any(axis=across), MUTED)
    shade(axes, 0.9 * (parts == number).any(axis=across), PREDICTION)
    centre = np.argwhere(parts == number).mean(axis=0)
    axes.axhline(centre[rows], color=INK, linewidth=0.6)
    axes.axvline(centre[columns], color=INK, linewidth=0.6)
    if across != 2:
        axes.axvline(midline_column(mask, midline), color=INK, linewidth=1, linestyle=":")
    seen = body | (parts > 0).any(axis=across)
    (top, bottom), (left, right) = (np.flatnonzero(seen.any(axis=axis))[[0, -1]] + [-1, 1]
                                    for axis in (1, 0))
    axes.set(xlim=(left, right), ylim=(bottom, top) if across == 0 else (top, bottom),
             aspect=aspect(mask, rows, columns))


def midline_column(mask, midline):
    """The column of a slice where the midline meets the middle of the volume."""
    middle = (np.array(mask.labels.shape) - 1) / 2
    here, next_one = (float(mask.rightwards(middle + [0, 0, step])) for step in (0, 1))
    return middle[2] + (midline["x"] - here) / (next_one - here)


def draw_histogram(axes, appearance):
    """Draw the shares of intensities inside the tumour and around it."""
    histogram = appearance["histogram"]
    edges = np.array(histogram["edges"])
    for name, color in (("around", MUTED), ("inside", PREDICTION)):
        if appearance[name] is None:
            continue
        mean, spread = appearance[name]["mean"], appearance[name]["spread"]
        axes.stairs(histogram[name], edges, fill=True, color=color, alpha=0.55,
                    label=f"{name}: {short(mean)} ± {short(spread)}")
    axes.spines["bottom"].set(visible=True, color=MUTED)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.3 * axes.dataLim.y1))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.tick_params(labelsize=8, colors=MUTED)
    axes.legend(loc="upper right", frameon=False, fontsize=8.5, handlelength=1)


def draw_tiles(page, left, top, width, shape):
    """Draw the shape numbers in a row: value, gauge, name, and what it says."""
    tiles = [tile for tile in TILES if tile[0] in shape]
    step = width / 6
    for place, (key, name, meaning, full) in enumerate(tiles):
        x, value = left + place * step, shape[key]
        line = {"va": "baseline", "fontsize": 8, "color": MUTED}
        page.text(x, top + 0.14, name, **line | {"fontsize": 9, "color": INK, "weight": "bold"})
        page.text(x, top + 0.46, f"{value:.2f}" if full == 1 else f"{value:.3f}",
                  **line | {"fontsize": 17, "color": INK})
        gauge = page.axes(x, top + 0.55, step - 0.25, 0.07)
        gauge.set(xlim=(0, full), ylim=(0, 1))
        gauge.barh(0.5, full, 1, color=GRID)
        gauge.barh(0.5, min(value, full), 1, color=PREDICTION)
        for row, words in enumerate(meaning.split("\n")):
            page.text(x, top + 0.8 + 0.16 * row, words, **line)
