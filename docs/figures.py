"""The pictures of the docs, drawn from what the code computes: ``python docs/figures.py``.

They are written to `docs/_static/figures`, and kept there with the pages that show them. After
``minunet bench`` has measured anew, ``python docs/figures.py bench`` draws its pictures alone.
"""

import sys
from pathlib import Path

import numpy as np
from figures_card import agreement
from figures_look import look_inside
from figures_losses import loss_curves
from figures_ranks import scaling
from figures_tricks import bending, grafting, overlap_tiles, weight_map
from figures_unet import phantom_through_the_u
from figures_volumes import orientation, report_pages
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from refresh import MEASURED, shown

from minunet import ops
from minunet.ops.fast.im2col import _patches
from minunet.ops.fast.winograd import _put_tiles, _windows
from minunet.tool.bench.machines import load_all, machines_figure
from minunet.tool.bench.plots import figure_of, learning_figure

TINTS = np.array(["#cfe3f5", "#fde0b8", "#cdebd9", "#f5d3e2"])  # four windows, four colours
EDGES = ["#2f7fc1", "#d98200", "#2e9e63", "#c2437f"]  # the same colours, to draw lines with
INK, LINE = "#1f2933", "#52606d"
SHARED = "#d7dce1"
# The examples of the pages on convolution, transposed convolution and max pooling.
X = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]])
W = np.array([[1, 2], [0, -1]])
SMALL = np.array([[1, 2], [3, -1]])
POOLED = np.array([[1, 3, 2, 2], [0, 2, 2, 1], [5, 1, 0, 4], [2, 5, 6, 1]])
POOLED_DY = np.array([[10, 20], [30, 40]])
# The pictures of what `minunet bench` measured, with their parts of it.
BENCH = {"bench_roofline": ["roofline"], "bench_times": ["step", "inference"],
         "bench_convolution": ["convolution"], "bench_memory_growth": ["memory", "growth"]}
# The history.csv of one training made by both.
HISTORIES = {name: Path(__file__).parent / "_static" / f"lgg_{name.lower()}.csv"
             for name in ("minunet", "PyTorch")}


STYLE = {"font.size": 10, "text.color": INK, "axes.edgecolor": LINE,
         "mathtext.fontset": "dejavusans"}


def draw_all(folder, **options):
    """Write every picture to `folder` as PNG; `options` go to those that train a network."""
    with rc_context(STYLE):
        pictures = {draw.__name__: draw() for draw in (patches, tiles, painting, pooling, steps,
                                                       loss_curves, weight_map, bending, grafting,
                                                       overlap_tiles, orientation, agreement)}
        pictures["phantom_through_the_u"] = phantom_through_the_u(**options)
        pictures |= look_inside(**options)
        pictures["learning"] = learning_figure(HISTORIES)
        _save(pictures, folder)
    report_pages(folder)
    for name in ("report", "change"):
        _shrink(folder / f"{name}.png")
    draw_bench(folder)


def draw_bench(folder):
    """Write the pictures of what `minunet bench` measured, on one machine and on all."""
    with rc_context(STYLE):
        pictures = {name: figure_of(shown(), parts) for name, parts in BENCH.items()}
        pictures["bench_machines"] = machines_figure(load_all(MEASURED))
        pictures["ranks_scaling"] = scaling(shown()["ranks"][0])
        _save(pictures, folder)


def _save(pictures, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures.items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.12)
        _shrink(path)


def _shrink(path):
    """Few colours: a third of the bytes, and no eye sees it."""
    Image.open(path).convert("RGB").quantize(200).save(path, optimize=True)


def patches():
    """im2col: the image, its patches as the rows of a matrix, the weight as a column."""
    x, w = _batch(X), _weight(W)
    y, _ = ops.conv_forward(x, w)
    rows = _patches(x, slice(0, 1), slice(0, 2), (2, 2), (2, 2), (1, 1), (0, 0))
    figure, axes = _canvas(8.4, 3.0, 14.2, 5)
    _grid(axes, X, (0, 3.5), "x  (3 × 3)")
    for place, colour in enumerate(EDGES):
        row, column = divmod(place, 2)
        inset = 0.05 * place
        axes.add_patch(Rectangle((column + inset, 1.5 - row + inset), 2 - 2 * inset,
                                 2 - 2 * inset, fill=False, edgecolor=colour, linewidth=1.8))
    _arrow(axes, (3.25, 2), (4.15, 2), "one row\na patch")
    _grid(axes, rows, (4.4, 4), "patches  (4 × 4)", TINTS[:, None])
    axes.text(8.75, 2, "·", ha="center", va="center", size=18)
    _grid(axes, W.reshape(-1, 1), (9.1, 4), "w  (4 × 1)")
    axes.text(10.55, 2, "=", ha="center", va="center", size=14)
    _grid(axes, y.reshape(-1, 1), (11, 4), "y  (4 × 1)", TINTS[:, None])
    axes.text(12.25, 2, "that is, as\nan image,\n2 × 2", ha="left", va="center", size=8.5)
    return figure


def tiles():
    """Winograd: windows of x overlap, tiles of y do not; between them, a product a place."""
    pixels, out = np.arange(100).reshape(1, 10, 10, 1), (8, 8)
    windows = _windows(pixels, slice(0, 1), slice(0, 2), out, (0, 0))[..., 0]  # (6, 6, T)
    y = np.empty((1, *out, 1), dtype=int)
    _put_tiles(y, slice(0, 1), slice(0, 2), np.broadcast_to(np.arange(4)[:, None], (4, 4, 4, 1)))
    x_tints = np.empty(100, dtype=object)
    for window, tint in zip(np.moveaxis(windows, -1, 0), TINTS, strict=True):
        x_tints[window] = tint
    x_tints[np.bincount(windows.ravel()) > 1] = SHARED
    figure, axes = _canvas(8.8, 3.1, 45.5, 15.6)
    _squares(axes, x_tints.reshape(10, 10), (0, 11))
    axes.text(5, 11.3, "x: windows d", ha="center", va="bottom")
    for place, (window, colour) in enumerate(zip(np.moveaxis(windows, -1, 0), EDGES, strict=True)):
        top, left = np.divmod(window[0, 0], 10)
        inset = 0.08 + 0.1 * place
        axes.add_patch(Rectangle((left + inset, 5 - top + inset), 6 - 2 * inset, 6 - 2 * inset,
                                 fill=False, edgecolor=colour, linewidth=1.6))
    place = np.full((6, 6), "#ffffff", dtype=object)
    place[1, 3] = INK
    for left, name, size in ((13.5, "V", "T × C"), (20.75, "U", "C × F"), (28, "M", "T × F")):
        _squares(axes, place, (left, 9))
        axes.text(left + 3, 2.6, f"{name}[i, j]\n{size}", ha="center", va="top")
    axes.text(20.12, 6, "·", ha="center", va="center", size=18)
    axes.text(27.37, 6, "=", ha="center", va="center", size=14)
    _squares(axes, np.full((3, 3), "#ffffff"), (22.25, 15.5))
    axes.text(25.6, 14, "w", va="center")
    _arrow(axes, (23.75, 12.3), (23.75, 9.3))
    axes.text(24.2, 10.8, "G w Gᵀ", va="center", size=8.5)
    _arrow(axes, (10.4, 6), (13.2, 6), "Bᵀ d B")
    _arrow(axes, (34.3, 6), (37.1, 6), "Aᵀ M A")
    _squares(axes, TINTS[y[0, :, :, 0]], (37.4, 10))
    axes.text(41.4, 10.3, "y: tiles", ha="center", va="bottom")
    return figure


def painting():
    """Transposed convolution: stamps side by side, and stamps that overlap."""
    figure, axes = _canvas(8.6, 2.9, 21.1, 6.4)
    three = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    _grid(axes, SMALL, (0, 3.5), "x", TINTS.reshape(2, 2))
    for w, left, title in ((W, 3, "S = 2: the stamps tile"),
                           (three, 11.3, "S = 2: they overlap, and add")):
        y, _ = ops.conv_transpose_forward(_batch(SMALL), _weight(w), stride=2)
        y, k = y[0, :, :, 0], len(w)
        stamps, _ = ops.conv_transpose_forward(
            _batch(np.ones((2, 2))), _weight(np.ones((k, k))), stride=2)
        tints = np.empty(y.shape, dtype=object)
        for i, j in np.ndindex(2, 2):
            tints[2 * i : 2 * i + k, 2 * j : 2 * j + k] = TINTS[2 * i + j]
        tints[stamps[0, :, :, 0] > 1] = SHARED  # painted on more than once
        _grid(axes, w, (left, 2.5 + k / 2), "w")
        _arrow(axes, (left + k + 0.2, 2.5), (left + k + 1, 2.5))
        _grid(axes, y, (left + k + 1.2, 2.5 + len(y) / 2), title, tints)
    return figure


def pooling():
    """Max pooling: forward keeps the winners, backward sends each dy to its winner."""
    y, cache = ops.max_pool_forward(_batch(POOLED))
    dx = ops.max_pool_backward(_batch(POOLED_DY), cache)[0, :, :, 0]
    y = y[0, :, :, 0]
    tints = np.kron(np.arange(4).reshape(2, 2), np.ones((2, 2), dtype=int))
    figure, axes = _canvas(8.4, 2.7, 16.6, 5)
    won = dx != 0
    _grid(axes, POOLED, (0, 4), "x", TINTS[tints], bold=won)
    _arrow(axes, (4.2, 2), (5.3, 2), "keep the\nlargest")
    _grid(axes, y, (5.5, 3), "y", TINTS.reshape(2, 2), bold=np.ones((2, 2)))
    _grid(axes, POOLED_DY, (8.9, 3), "dy", TINTS.reshape(2, 2))
    _arrow(axes, (11.1, 2), (12.2, 2), "back to\nthe winner")
    _grid(axes, dx, (12.4, 4), "dx", np.where(won, TINTS[tints], "#ffffff"), bold=won)
    return figure


def steps():
    """The error of a central difference against its step, in two precisions."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    h = np.logspace(-13, 0.5, 109)
    for dtype, colour, at in (("float64", "#2f7fc1", (4e-9, 1e-6)),
                              ("float32", "#b56b00", (4e-5, 3e-2))):
        x = np.linspace(-2, 2, 41).astype(dtype)
        s = ops.sigmoid(x)
        exact = s * (1 + x * (1 - s))
        error = []
        for step in h.astype(dtype):
            above, below = x + step, x - step
            slope = (above * ops.sigmoid(above) - below * ops.sigmoid(below)) / (2 * step)
            error.append(np.abs(slope - exact).max() / np.abs(exact).max())
        axes.loglog(h, error, color=colour)
        axes.text(*at, dtype, color=colour, ha="left", va="bottom")
        best = np.cbrt(np.finfo(dtype).eps)
        axes.axvline(best, color=colour, linestyle=":", linewidth=1)
        axes.text(best * 0.8, 2e-12, "∛ε", color=colour, ha="right", va="bottom")
    axes.axhline(1e-7, color=LINE, linewidth=0.8)
    axes.text(1.3e-13, 1.3e-7, "allowed, 1e-7", ha="left", va="bottom", size=9)
    axes.set(xlabel="step h", ylabel="relative error", ylim=(1e-12, 10), xlim=(h[0], h[-1]))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _canvas(width, height, columns, rows):
    """A figure whose unit is one pixel of a drawn array, both ways; y points up."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set(xlim=(-0.1, columns), ylim=(-0.2, rows), aspect="equal")
    axes.axis("off")
    return figure, axes


def _grid(axes, values, corner, title, tints=None, bold=None):
    """Draw a matrix as squares with numbers, its upper left corner at `corner`."""
    tints = np.broadcast_to("#ffffff" if tints is None else tints, values.shape)
    left, top = corner
    for (i, j), value in np.ndenumerate(values):
        axes.add_patch(Rectangle((left + j, top - i - 1), 1, 1, facecolor=tints[i, j],
                                 edgecolor=LINE, linewidth=0.8))
        heavy = bold is not None and bold[i, j]
        axes.text(left + j + 0.5, top - i - 0.53, f"{value:g}".replace("-", "−"), ha="center",
                  va="center", weight="bold" if heavy else "normal")
    axes.text(left + values.shape[1] / 2, top + 0.2, title, ha="center", va="bottom")


def _squares(axes, tints, corner):
    """Draw the pixels of an image as squares without numbers."""
    left, top = corner
    for (i, j), tint in np.ndenumerate(tints):
        axes.add_patch(Rectangle((left + j, top - i - 1), 1, 1, facecolor=tint, edgecolor=LINE,
                                 linewidth=0.6))


def _arrow(axes, start, end, text=""):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": LINE, "lw": 1.4})
    axes.text((start[0] + end[0]) / 2, start[1] + 0.25, text, ha="center", va="bottom", size=8.5)


def _batch(image):
    return image[None, :, :, None].astype(float)


def _weight(kernel):
    return kernel[:, :, None, None].astype(float)


if __name__ == "__main__":
    FOLDER = Path(__file__).parent / "_static" / "figures"
    draw_bench(FOLDER) if sys.argv[1:] == ["bench"] else draw_all(FOLDER)
