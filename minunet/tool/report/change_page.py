"""The page of a change: before, after, where they differ, and bars of what it comes to."""

import numpy as np
from matplotlib.colors import to_rgb

from minunet.engine.words import plural
from minunet.tool.drawing import HIT, INK, MUTED, PREDICTION, SHADE, TINT, TRUTH, shade
from minunet.tool.report.canvas import EDGE, WIDTH, Page, short, shorten, size_text
from minunet.tool.report.panels import aspect, draw_background, sides, window_around
from minunet.tool.report.tumours import without_doubles

HEADER, PANEL, GAP, ROW = 1.5, 2.8, 0.3, 0.42  # inches
MOST_LESIONS = 8
BEFORE, AFTER, KEPT = TRUTH, PREDICTION, HIT


def draw_change_page(report, masks, images, parts, path):
    """Write the page of a change as PNG.

    Parameters
    ----------
    report : dict
        From `minunet.tool.report.report_change`.
    masks : (Mask, Mask)
        Before and after.
    images : (ndarray or None, ndarray or None)
        The scans (D, H, W), drawn below the masks.
    parts : (ndarray, ndarray)
        The numbered tumours, (D, H, W) each.
    path : str or Path
    """
    lesions = report["lesions"][:MOST_LESIONS]
    sizes = without_doubles(report["regions"]) or {"all tumours": report["total"]}
    page = Page(HEADER + PANEL + 1.35 + max(len(sizes), len(lesions)) * ROW + 0.55)
    _draw_header(page, report)
    old, new = (labels > 0 for labels in parts)
    _draw_maps(page, masks, images, old, new)
    top = HEADER + PANEL + 0.95
    page.rule(top - 0.28)
    _draw_bars(page, EDGE + 1.75, top, "Regions" if report["regions"] else "In total",
               [(name.partition(", ")[2] or name, row, change_text(row))
                for name, row in sizes.items()])
    _draw_bars(page, WIDTH / 2 + 1.75, top, "Tumours",
               [(change_numbers(row), row, row["fate"]) for row in lesions])
    notes = [f"{plural(count, thing)} {where}." for count, thing, where in (
        (report["specks_left_out"], "speck", "left out of the tumours"),
        (len(report["lesions"]) - len(lesions), "more tumour", "in report.json")) if count]
    notes += ["Slices are counted from the feet."] * bool(masks[0].spacing)
    page.footer(" ".join([*notes, "Numbers are those of reports on each scan alone."]))
    page.save(path)


def _draw_header(page, report):
    total = report["total"]
    page.text(EDGE, 0.3, "Change between two scans", fontsize=20, weight="bold")
    for place, (name, color) in enumerate((("before", BEFORE), ("after", AFTER))):
        page.key(EDGE, 0.78 + 0.22 * place, name, color, fontsize=9)
        page.text(EDGE + 0.75, 0.78 + 0.22 * place, shorten(report[name]), color=MUTED)
    old, new = (size_text(side_of(total, side)) for side in ("before", "after"))
    marked = any(_value(total, side) for side in ("before", "after"))
    page.text(WIDTH - EDGE, 0.26, change_text(total) if marked else "Nothing marked", fontsize=26,
              ha="right", weight="bold")
    page.text(WIDTH - EDGE, 0.82, f"{old} before, {new} after", ha="right", color=MUTED,
              fontsize=11)


def _draw_maps(page, masks, images, old, new):
    """Before, after and the difference in one slice, and the difference as seen from the front."""
    both, mask = old | new, masks[0]
    level = int(both.sum(axis=(1, 2)).argmax())
    window = (slice(0, both.shape[1]), slice(0, both.shape[2]))
    if both.any():
        seen = both.any(axis=0, keepdims=True)
        window = window_around(mask, seen, 0)
    place = "" if mask.flat else f", slice {level + 1} of {len(both)}"
    first, last = images
    panels = [(f"Before{place}", first, ((old, BEFORE),)), (f"After{place}", last, ((new, AFTER),)),
              (f"Difference{place}", first if last is None else last,
               ((old & ~new, BEFORE), (new & ~old, AFTER), (old & new, KEPT)))]
    for column, (name, image, colors) in enumerate(panels):
        left = EDGE + column * (PANEL + GAP)
        page.text(left, HEADER, name, color=MUTED)
        axes = page.axes(left, HEADER + 0.26, PANEL, PANEL)
        draw_background(axes, image, level, both.shape[1:])
        for where, color in colors:
            shade(axes, (1.0 if image is None else TINT) * where[level], color)
        rows, columns = window
        axes.set(xlim=(columns.start - 0.5, columns.stop - 0.5),
                 ylim=(rows.stop - 0.5, rows.start - 0.5), aspect=aspect(mask, 1, 2), anchor="NW")
        sides(axes, mask, on_image=image is not None)
    for column, files in enumerate(mask.files for mask in masks):
        page.text(EDGE + column * (PANEL + GAP), HEADER + PANEL + 0.34,
                  shorten(files[level], 38) if files else "", color=MUTED, fontsize=8.5)
    _draw_overview(page, EDGE + 3 * (PANEL + GAP), mask, old, new)
    for place, (name, color) in enumerate((("gone", BEFORE), ("gained", AFTER), ("kept", KEPT))):
        page.key(EDGE + 2 * (PANEL + GAP) + 0.8 * place, HEADER + PANEL + 0.34, name, color)


def _draw_overview(page, left, mask, old, new):
    """The difference in the whole frame: each line of sight in the colour that fills most of it."""
    views = [(1, "Whole volume, from the front"), (2, "From the left")]
    if not mask.spacing or len(old) == 1:
        views = [(0, "In the whole picture" if mask.flat else "In the whole slice" if len(old) == 1
                  else "All slices, one upon the other")]
    height = (PANEL - 0.24 * (len(views) - 1)) / len(views)
    for place, (across, name) in enumerate(views):
        top = HEADER + 0.26 + place * (height + 0.24)
        page.text(left, top - (0.2 if place else 0.26), name, color=MUTED)
        axes = page.axes(left, top, WIDTH - EDGE - left, height)
        depths = np.stack([part.sum(axis=across) for part in (old & ~new, new & ~old, old & new)])
        color = np.array([to_rgb(c) for c in (BEFORE, AFTER, KEPT)])[depths.argmax(axis=0)]
        color[depths.sum(axis=0) == 0] = to_rgb(SHADE)
        axes.imshow(color, origin="lower" if across else "upper")
        rows, columns = (axis for axis in range(3) if axis != across)
        axes.set(aspect=aspect(mask, rows, columns), anchor="NW")
        if across < 2:
            sides(axes, mask)


def _draw_bars(page, left, top, title, rows):
    """A pair of bars a row, before above after, on one scale; what it comes to at the right."""
    page.text(left - 1.75, top - 0.1, title, fontsize=12, weight="bold")
    width = WIDTH / 2 - EDGE - 1.75 - 1.45
    most = max((max(_value(row, side) for side in ("before", "after")) for _, row, _ in rows),
               default=0) or 1
    for place, (name, row, comment) in enumerate(rows):
        y = top + 0.26 + place * ROW
        page.text(left - 0.12, y + 0.04, name, ha="right")
        axes = page.axes(left, y, width, ROW - 0.12)
        axes.set(xlim=(0, most), ylim=(2, 0))
        for line, (side, color) in enumerate((("before", BEFORE), ("after", AFTER))):
            axes.barh(line + 0.5, _value(row, side), 0.9, color=color)
        page.text(left + width + 0.12, y - 0.02, comment, weight="bold")
        sizes = _from_to(*(size_text(side_of(row, side)) for side in ("before", "after")))
        page.text(left + width + 0.12, y + 0.15, sizes, color=MUTED, fontsize=7.5)
    if not rows:
        page.text(left - 1.75, top + 0.26, "no tumour is marked in either scan", color=INK)


def _from_to(before, after):
    """Two sizes, with their unit once if it is the same."""
    number, _, unit = before.partition(" ")
    return f"{number if after.endswith(f' {unit}') else before} → {after}"


def side_of(row, side):
    """The sizes before or after, under the names that `tumours.amount` gives them."""
    return {name.removesuffix(f"_{side}"): value for name, value in row.items()
            if name.endswith(f"_{side}")}


def _value(row, side):
    return next(iter(side_of(row, side).values()))


def change_text(row):
    """The change in per cent of the size before, or a word where that says nothing."""
    if row["change_percent"] is None:
        return "new" if _value(row, "after") else "none in either"
    if not _value(row, "after"):
        return "vanished"
    return f"{'+' if row['change_percent'] > 0 else ''}{short(row['change_percent'])} %"


def change_numbers(row):
    """The numbers of a lesion before and after, for example "1 → 1, 2"."""
    return " → ".join(", ".join(map(str, row[side])) or "–" for side in ("before", "after"))
