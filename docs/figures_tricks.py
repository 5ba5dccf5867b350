"""The pictures of the pages on the paper's three tricks and on few patients, as computed."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import distance_transform_edt

from minunet import UNet
from minunet.data.border_weights import border_weights, separate
from minunet.data.elastic import deform, random_displacement
from minunet.data.graft import graft
from minunet.data.phantom import phantom_volume
from minunet.data.phantom.cells import draw_cells
from minunet.data.preprocess import Preprocessing, prepare
from minunet.predict import _valid_windows

BLUE, ORANGE, MUTED = "#2f7fc1", "#d98200", "#52606d"
CELLS = (22, 24, 15), (24, 56, 17), (60, 30, 19), (58, 66, 17), (30, 92, 14)  # row, column, radius


def weight_map():
    """Cells that touch or nearly do; what the pixels between them weigh; weight by gap."""
    away = np.stack([np.hypot(*(np.indices((84, 112)) - np.array([[[r]], [[c]]]))) - radius
                     for r, c, radius in CELLS])
    labels = separate(np.where(away.min(axis=0) < 0, away.argmin(axis=0) + 1, 0))
    w = border_weights(labels)
    figure, (left, middle, right) = _row(11, 2.9, [1, 1.12, 1.1])
    left.imshow(np.where(labels > 0, labels + 1.0, np.nan), cmap="Pastel1", vmin=1, vmax=9)
    pixel = np.array([41, 46])
    for name, (distance, goal) in zip(("d₁", "d₂"), _nearest_two(labels, pixel), strict=True):
        left.plot(*np.stack([pixel, goal])[:, ::-1].T, color=MUTED, linewidth=1.2)
        row, column = (pixel + goal) / 2
        side = 4 if goal[1] > pixel[1] else -6
        left.text(column + side, row, f"{name} = {distance:.1f}", size=8.5, va="center",
                  ha="left" if side > 0 else "right")
    left.plot(*pixel[::-1], "o", color="black", markersize=4)
    left.text(pixel[1], pixel[0] + 2.2, "x", ha="center", va="top")
    shown = middle.imshow(w, cmap="magma")
    figure.colorbar(shown, ax=middle, shrink=0.85)
    gap = np.arange(1, 25)
    right.plot(gap, 1 + 10 * np.exp(-((gap + 1.0) ** 2) / (2 * 5**2)), "o-", color=ORANGE,
               markersize=3.5)
    right.axhline(1, color=MUTED, linewidth=0.8, linestyle=":")
    right.set(xlabel="gap between two straight borders, pixels", ylim=(0, 11))
    right.set_title("w in the gap, w₀ = 10, σ = 5", size=10)
    right.spines[["top", "right"]].set_visible(False)
    for axes, title in ((left, "objects"), (middle, "w")):
        axes.set_title(title, size=10)
        axes.set(xticks=[], yticks=[])
    return figure


def _nearest_two(labels, pixel):
    """Distance and nearest pixel of the two objects that are nearest to `pixel`."""
    found = []
    for number in np.unique(labels[labels > 0]):
        distance, goal = distance_transform_edt(labels != number, return_indices=True)
        found.append((distance[tuple(pixel)], goal[:, pixel[0], pixel[1]]))
    return sorted(found, key=lambda pair: pair[0])[:2]


def bending():
    """A displacement field, and what it makes of a grid, an image and its mask."""
    side = 129
    u = random_displacement((side, side), np.random.default_rng(4), std=9.0)
    lines = np.indices((side, side)) % 16 == 8
    images, masks = draw_cells(1, side, seed=2)
    grid, _ = deform((lines[0] | lines[1])[..., np.newaxis] * 1.0, masks[0], u)
    image, mask = deform(images[0].astype(float), masks[0], u)
    figure, axes = _row(11, 3.1, [1] * 4)
    axes[0].imshow(lines[0] | lines[1], cmap="Greys", vmax=5)
    for step, colour, width in ((16, BLUE, 0.004), (side // 2, ORANGE, 0.011)):
        at = np.mgrid[0:side:step, 0:side:step]  # 64 apart are the three drawn points a side
        axes[0].quiver(at[1], at[0], *u[::-1, at[0], at[1]], color=colour, angles="xy",
                       scale_units="xy", scale=1, width=width, zorder=3)
    axes[0].set(xlim=(-20, side + 20), ylim=(side + 20, -20))  # room for arrows at the edge
    axes[1].imshow(grid[..., 0], cmap="Greys", vmax=1.2)
    for panel, picture, outline in ((axes[2], images[0], masks[0]), (axes[3], image, mask)):
        panel.imshow(picture[..., 0], cmap="gray")
        panel.contour(outline, [0.5], colors=ORANGE, linewidths=0.8)
    for panel, title in zip(axes, ("u: whence each value comes", "a grid, bent",
                                   "an image and its mask", "both, bent alike"), strict=True):
        panel.set_title(title, size=10)
        panel.set(xticks=[], yticks=[])
    return figure


def grafting():
    """A slice without tumour, one with, and the tumour of that in this: opaque, and faint."""
    size, k = 160, 5
    own, _ = phantom_volume((9, size, size), np.random.default_rng(1), tumour=False)
    donor, labels = phantom_volume((9, size, size), np.random.default_rng(4))
    image, donor = (prepare(volume, Preprocessing(size))[k] for volume in (own, donor))
    mask = (labels[k] > 0).astype(np.uint8)
    # The seeds whose first draw, that of the opacity, is the largest and the smallest.
    seeds = sorted(range(20), key=lambda seed: -np.random.default_rng(seed).random())
    grafted = [graft(image, 0 * mask, donor, mask, np.random.default_rng(seed))
               for seed in (seeds[0], seeds[-1])]
    shown = [(image, None, "a slice without tumour"), (donor, mask, "another patient's, the donor"),
             (*grafted[0], "its tumour grafted"), (*grafted[1], "and at the lowest opacity")]
    figure, axes = _row(11, 3.1, [1] * 4)
    for panel, (picture, outline, title) in zip(axes, shown, strict=True):
        panel.imshow(picture[..., 0], cmap="gray", vmin=-2, vmax=3)
        if outline is not None:
            panel.contour(outline, [0.5], colors=ORANGE, linewidths=0.8)
        panel.set_title(title, size=10)
        panel.set(xticks=[], yticks=[])
    return figure


def overlap_tiles():
    """An image and its mirrored border, what is seen of it for a tile, and what comes out."""
    size, tile, net = 150, 52, UNet(1, 2, 2, 2, padding="valid")
    images, masks = draw_cells(1, size, seed=6)
    padded, (rows, columns) = _valid_windows(net, images, tile, 4)
    seen_rows, own_rows, _ = rows[1]
    seen_columns, own_columns, _ = columns[0]
    border = (seen_rows.stop - seen_rows.start - tile) // 2
    image = padded[0, : size + 2 * border, : size + 2 * border, 0]
    figure, (left, middle, right) = _row(9.5, 3.6, [image.shape[0], tile + 2 * border, tile])
    left.imshow(image, cmap="gray")
    _veil(left, image.shape, (border, border, size, size))
    _frame(left, (border, border, size, size), "white", ":", 1)
    for start in (own.start for _, own, _ in rows[1:]):
        for across in (left.axhline, left.axvline):
            ends = border / image.shape[0], (border + size) / image.shape[0]
            across(start + border - 0.5, *ends, color="white", linewidth=0.6)
    seen = seen_rows.start, seen_columns.start, tile + 2 * border, tile + 2 * border
    own = own_rows.start + border, own_columns.start + border, tile, tile
    _frame(left, seen, BLUE, "-", 2.2)
    _frame(left, own, ORANGE, "-", 2.2)
    middle.imshow(padded[0, seen_rows, seen_columns, 0], cmap="gray", vmin=0, vmax=255)
    _frame(middle, (0, 0, *seen[2:]), BLUE, "-", 2.2)
    _frame(middle, (border, border, tile, tile), ORANGE, "-", 2.2)
    right.imshow(masks[0, own_rows, own_columns], cmap="gray")
    _frame(right, (0, 0, tile, tile), ORANGE, "-", 2.2)
    titles = (f"{size}×{size} and {border} mirrored at each side",
              f"what the network sees, {seen[2]}×{seen[2]}", f"its answer, {tile}×{tile}")
    for axes, title in zip((left, middle, right), titles, strict=True):
        axes.set_title(title, size=10)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def _veil(axes, shape, inner):
    """Pale over all but a rectangle (row, column, height, width)."""
    veil = np.ones((*shape, 4)) * (1, 1, 1, 0.45)
    veil[inner[0] : inner[0] + inner[2], inner[1] : inner[1] + inner[3]] = 0
    axes.imshow(veil)


def _frame(axes, box, colour, style, width):
    top, left, height, across = box
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), across, height, fill=False, edgecolor=colour,
                             linestyle=style, linewidth=width, clip_on=False))


def _row(width, height, ratios):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, len(ratios), width_ratios=ratios)
