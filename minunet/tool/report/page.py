"""The page of a report: a block for each tumour, to be looked at rather than read."""

import math

import numpy as np

from minunet.engine.words import plural
from minunet.tool.drawing import INK, MUTED, label_colors
from minunet.tool.report.canvas import (
    EDGE,
    WIDTH,
    Page,
    frame,
    short,
    shorten,
    size_text,
)
from minunet.tool.report.panels import (
    FILE,
    draw_border,
    draw_box,
    draw_diameters,
    draw_histogram,
    draw_location,
    draw_slice,
    draw_tiles,
    sides,
    slice_name,
    window_around,
)
from minunet.tool.report.size import diameters
from minunet.tool.report.tumours import head

MOST_BLOCKS = 6
HEADER, REGIONS, BLOCK, PANEL, EMPTY = 1.3, 0.24, 5.05, 2.75, 3.6  # inches
LEGEND, LINE, COLUMNS = 6.4, 0.21, 3  # inches wide, inches a line, entries a line
INNER = WIDTH - 2 * EDGE
REGIONS_IN_WORDS = ("whole tumour", "tumour core")  # the third is a label of its own


def draw_page(report, mask, parts, image, path):
    """Write the page of a report as PNG.

    Parameters
    ----------
    report : dict
        From `minunet.tool.report.report`.
    mask : Mask
    parts : ndarray (D, H, W), int
    image : ndarray (D, H, W) or None
    path : str or Path
    """
    shown = report["tumours"][:MOST_BLOCKS]
    colors = label_colors([int(n) for n in np.unique(mask.labels) if n])
    colors = colors if len(colors) > 1 else {}
    header = HEADER + (REGIONS + LINE * math.ceil(len(colors) / COLUMNS) if colors else 0)
    page = Page(header + (BLOCK * len(shown) or EMPTY) + 0.45)
    _draw_header(page, report, mask, colors)
    tissue = None if image is None else head(image)
    for place, tumour in enumerate(shown):
        _draw_block(page, header + place * BLOCK, tumour, report, mask, parts, image, tissue,
                    colors)
    if not shown:
        _draw_no_tumour(page, header, mask, image, colors)
    more = len(report["tumours"]) - len(shown)
    page.footer(" ".join(words for words, true in (
        (f"{plural(more, 'more tumour')} in report.json.", more),
        (f"Midline: {report['midline']['from']}.", shown),
        ("Slices are counted from the feet.", mask.spacing),
        ("The file holds no pixel size: lengths are in pixels, taken to be square.",
         not mask.spacing)) if true))
    page.save(path)


def _draw_no_tumour(page, top, mask, image, colors):
    """The slice where most is marked, which is specks or nothing."""
    marked = np.count_nonzero(mask.labels, axis=(1, 2))
    level = int(marked.argmax()) if marked.any() else len(mask.labels) // 2
    axes = page.axes(EDGE, top + 0.2, INNER, EMPTY - 0.4)
    draw_slice(axes, mask, image, level, colors=colors)
    axes.set_anchor("C")
    what = "only specks are marked" if marked.any() else "nothing is marked"
    axes.set_title(f"{slice_name(mask, level)}: {what}", fontsize=9, color=MUTED,
                   parse_math=False)


def _draw_header(page, report, mask, colors):
    total = report["total"]
    page.text(EDGE, 0.3, "Tumour report", fontsize=20, weight="bold")
    files = shorten(report["mask"]) + (f" on {shorten(report['image'])}" if report["image"] else
                                       ", no image given")
    shape = " × ".join(map(str, mask.labels.shape[mask.flat:]))
    grid = f"{shape} {'pixels' if mask.flat else 'voxels'}"
    if mask.spacing:
        grid += " of " + " × ".join(f"{s:.3g}" for s in mask.spacing[mask.flat:]) + " mm"
    page.text(EDGE, 0.78, f"{files}\n{grid}", color=MUTED, linespacing=1.5)
    marked = total["tumours"] + total["specks"]
    page.text(WIDTH - EDGE, 0.26, size_text(total) if marked else "Nothing marked", fontsize=26,
              ha="right", weight="bold")
    specks = f", {plural(total['specks'], 'speck')} too small to measure" * bool(total["specks"])
    page.text(WIDTH - EDGE, 0.78, (plural(total["tumours"], "tumour") + specks) * bool(marked),
              ha="right", color=MUTED)
    if colors:
        _draw_regions(page, total["regions"], colors.values())


def _draw_regions(page, regions, colors):
    """A bar of the labels' shares, its legend, and below it BraTS's regions in words."""
    labels = {name: sizes for name, sizes in regions.items() if name.startswith("label")}
    sizes = [next(iter(amount.values())) for amount in labels.values()]
    left = WIDTH - EDGE - LEGEND
    bar = page.axes(left, 1.04, LEGEND, 0.12)
    bar.set(xlim=(0, sum(sizes)), ylim=(0, 1))
    start = 0
    for place, ((name, amount), size, color) in enumerate(
            zip(labels.items(), sizes, colors, strict=True)):
        bar.barh(0.5, size, 1, left=start, color=color, edgecolor="white", linewidth=0.5)
        start += size
        row, column = divmod(place, COLUMNS)
        page.key(left + column * LEGEND / COLUMNS, 1.24 + LINE * row,
                 f"{name.partition(', ')[2] or name} {size_text(amount)}", color)
    words = [f"{name} {size_text(regions[name])}" for name in REGIONS_IN_WORDS if name in regions]
    page.text(left, 1.25 + LINE * (row + 1), ", ".join(words), fontsize=8.5, color=MUTED)


def _draw_block(page, top, tumour, report, mask, parts, image, tissue, colors):
    page.rule(top)
    name = f"Tumour {tumour['number']}" if len(report["tumours"]) > 1 else "The tumour"
    title = page.text(EDGE, top + 0.14, name, fontsize=13, weight="bold")
    page.text(EDGE + title.get_window_extent().width / page.figure.dpi + 0.2, top + 0.18,
              _summary(tumour, mask), color=INK, fontsize=10)
    level, inside = tumour["size"]["diameters"]["slice"] - 1, parts == tumour["number"]
    window = window_around(mask, inside, level)
    panel, gap = {"top": top + 0.82, "height": PANEL}, 0.35
    places = EDGE + np.array([0, 1, 2, 3.05]) * (PANEL + gap)

    page.text(places[0], top + 0.56, slice_name(mask, level), color=MUTED)
    axes = page.axes(places[0], panel["top"], PANEL, PANEL)
    draw_slice(axes, mask, image, level)
    draw_box(axes, window)

    length, width, unit = diameters(tumour["size"])
    page.text(places[1], top + 0.56, f"Largest diameter {short(length)} {unit}, "
              f"across {short(width)} {unit}", color=MUTED)
    axes = page.axes(places[1], panel["top"], PANEL, PANEL)
    draw_slice(axes, mask, image, level, window, colors)
    draw_border(axes, mask, inside[level])
    draw_diameters(axes, tumour["size"]["diameters"])
    _draw_places(page, places[2], top, tumour, report, mask, parts, tissue)
    _draw_appearance(page, places[3], top, tumour, report)
    draw_tiles(page, EDGE, top + 3.82, INNER, tumour["shape"])


def _draw_places(page, left, top, tumour, report, mask, parts, tissue):
    """The location: a silhouette from the front and one from the side, or the picture's frame."""
    views = [(1, "From the front"), (2, "From the left")]
    if not mask.spacing or len(mask.labels) == 1:
        # Seen from the side, slices of unknown distance mislead, and one slice is a line.
        views = [(0, "In the picture" if mask.flat else "In the slice" if len(mask.labels) == 1
                  else "All slices, one upon the other")]
    height = PANEL / len(views) - 0.12 * (len(views) - 1)
    for place, (across, name) in enumerate(views):
        y = top + 0.82 + place * (height + 0.24)
        page.text(left, y - 0.26 if place == 0 else y - 0.2, name, color=MUTED)
        axes = page.axes(left, y, PANEL, height)
        draw_location(axes, mask, tissue, parts, tumour["number"], report["midline"], across)
        axes.set_anchor("NW")
        if across < 2:
            sides(axes, mask)


def _draw_appearance(page, left, top, tumour, report):
    width = WIDTH - EDGE - left
    appearance = tumour["appearance"]
    page.text(left, top + 0.56, "Intensities inside and around", color=MUTED)
    axes = page.axes(left, top + 0.82, width, PANEL - 0.22 * bool(appearance))
    if appearance:
        draw_histogram(axes, appearance)
    else:
        frame(axes)
        axes.text(0.5, 0.5, "give an image as well\nto see them", transform=axes.transAxes,
                  ha="center", va="center", color=MUTED, fontsize=9)


def _summary(tumour, mask):
    """The tumour in a line."""
    place = tumour["location"]
    side, share = place["side"], place["right_share"]
    share = share if side == "right" else 1 - share
    words = [size_text(tumour["size"]),
             f"{100 * share:.0f} % in the {place['side_of']}’s {side} half"]
    if not mask.flat:
        words.append(_slices(place))
        if mask.spacing:
            words.append(f"{short(tumour['size']['largest_diameter_3d_mm'])} mm at its longest")
    if place["centroid_mm"]:
        words.append("centre at x, y, z = "
                     + ", ".join(f"{round(v)}".replace("-", "−") for v in place["centroid_mm"])
                     + " mm")
    return "   ·   ".join(words)


def _slices(place):
    """The slices that a tumour lies in, and their files."""
    first, last = place["first_slice"], place["last_slice"]
    words = f"slice {first}" if first == last else f"slices {first} to {last}"
    files = [shorten(place[name], FILE) for name in ("first_file", "last_file") if name in place]
    return words + f" ({' to '.join(dict.fromkeys(files))})" * bool(files)

