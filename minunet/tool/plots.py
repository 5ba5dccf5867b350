"""Figures by Matplotlib: a run's history, predictions beside the truth, a grid of arrays.

One colour language, safe for colour-blind eyes (Okabe and Ito's palette, its green darkened):
blue is the truth, orange the prediction; so a missed pixel (truth only) is blue, a false alarm
(prediction only) orange, and a hit green. Signed arrays run from blue over white at zero to red.

Figures are never pyplot's, so no window system and no global state is touched. Each is returned,
and a notebook shows it. If a path is given it is written, too: whole, in the format that the
suffix names, or not at all, which raises `InputError`.
"""

import io
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from minunet.engine.files import replacing
from minunet.tool import drawing
from minunet.tool.drawing import GRID, HIT, INK, MUTED, PANEL, PREDICTION, SHADE, TRUTH
from minunet.tool.glyphs import box_what_fonts_lack

DPI = 120


class _NotebookFigure(Figure):
    """A figure that a notebook shows, though it is not pyplot's."""

    def _repr_png_(self):
        png = io.BytesIO()
        self.savefig(png, dpi=DPI, format="png")
        return png.getvalue()


def plot_history(history, path=None):
    """Draw loss and learning rate (shaded, to its own scale) and Dice by epoch.

    Black is what is trained on, orange the held-out patients: where the two part, the network
    learns by heart.

    Parameters
    ----------
    history : list of dict
        A row for each epoch, with ``epoch``, ``loss``, ``learning_rate``, ``validation_dice_mean``
        and ``validation_dice_median``; if known, ``validation_loss`` and ``training_dice_mean``,
        and ``kept``: the last such epoch is marked, or that with the best mean. All but ``epoch``
        and ``learning_rate`` may be nan.
    path : str or Path, optional
        Where to write it; nowhere if None.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `history` is empty.
    """
    if not history:
        raise ValueError("history is empty; expected a row for each epoch")
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    epoch = _column(history, "epoch")
    _draw_losses(left, history)
    _draw_dice(right, history)
    for axes in (left, right):
        axes.set(xlabel="epoch", xlim=(epoch[0] - 0.5, epoch[-1] + 0.5))
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return _finish(figure, path)


def _column(history, name):
    return np.array([row.get(name, math.nan) for row in history], float)


def _draw_losses(axes, history):
    epoch, rate = (_column(history, name) for name in ("epoch", "learning_rate"))
    losses = np.array([_column(history, name) for name in ("loss", "validation_loss")])
    top = 1.05 * np.max(losses[np.isfinite(losses)], initial=1e-6)
    axes.fill_between(epoch, rate / (rate.max() or 1) * top, color=SHADE,
                      label=f"learning rate, at most {rate.max():.1e}")
    _draw_column(axes, history, "loss", color=INK, label="training")
    _draw_column(axes, history, "validation_loss", color=PREDICTION, label="held out")
    axes.set(title="Loss", ylim=(0, top))


def _draw_dice(axes, history):
    _draw_column(axes, history, "training_dice_mean", color=INK, label="trained on, mean")
    _draw_column(axes, history, "validation_dice_median", color=PREDICTION, linewidth=1,
                 linestyle="--", label="held out, median")
    _draw_column(axes, history, "validation_dice_mean", color=PREDICTION, label="held out, mean")
    axes.set(title="Dice per patient", ylim=(-0.02, 1.02))
    mean = _column(history, "validation_dice_mean")
    if np.isfinite(mean).any():
        best = max((i for i, row in enumerate(history) if row.get("kept")),
                   default=np.nanargmax(mean))
        score = "kept" if np.isnan(mean[best]) else f"best: {mean[best]:.3f}"
        epoch = history[best]["epoch"]
        axes.plot(epoch, mean[best], "o", color=PREDICTION, markersize=8, markeredgecolor=INK,
                  label=f"{score}, epoch {epoch}")
    elif np.isfinite(_column(history, "validation_loss")).any():
        axes.set_title("Dice of the held-out: nothing to find, nothing found")


def _draw_column(axes, history, name, **how):
    """Draw a column of the history, if it has one: an older version's may not."""
    if name in history[-1] and not np.isnan(_column(history, name)).all():
        axes.plot(_column(history, "epoch"), _column(history, name), markersize=3,
                  marker="o" if len(history) <= 40 else "", **how)


def plot_predictions(rows, path=None, title=None):
    """Draw image, truth, prediction and errors side by side, a row for each patient.

    The prediction's shade is its probability, its outline where that exceeds 0.5.

    Parameters
    ----------
    rows : list of dict
        ``name`` (str); ``image`` (H, W), any float; ``truth`` (H, W), 0 and 1;
        ``probability`` (H, W) in [0, 1]; ``dice``, written at the row (nan as "–");
        and if pixels may not be square ``spacing``, how long (H) and wide (W) they are, or None.
    path : str or Path, optional
        Where to write it; nowhere if None.
    title : str, optional

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `rows` is empty, or the shapes in a row differ.
    """
    if not rows:
        raise ValueError("rows is empty; expected a row for each patient")
    figure = _figure(4 * PANEL + 1.8, len(rows) * PANEL + 0.8, title)
    panels = figure.subplots(len(rows), 4, squeeze=False)
    names = ("Image", "Truth", "Prediction (probability)", "Errors")
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(name)
    for axes, row in zip(panels, rows, strict=True):
        image, truth, probability = (np.asarray(row[key])
                                     for key in ("image", "truth", "probability"))
        truth, prediction = truth > 0, probability > 0.5
        drawing.draw_image(axes[0], image)
        drawing.draw_image(axes[1], image, truth=truth)
        drawing.shade(axes[1], 0.3 * truth, TRUTH)
        drawing.draw_image(axes[2], image, prediction=prediction)
        drawing.shade(axes[2], 0.5 * probability, PREDICTION)
        drawing.draw_image(axes[3], image)
        drawing.shade_errors(axes[3], truth, prediction)
        high, wide = row.get("spacing") or (1, 1)
        for panel in axes:
            panel.set_aspect(high / wide)
        _label_row(axes[0], row["name"], row["dice"])
    legend = {"hit": HIT, "missed": TRUTH, "false alarm": PREDICTION}
    figure.legend(handles=[Patch(color=color, label=name) for name, color in legend.items()],
                  loc="outside lower right", ncols=3, frameon=False)
    return _finish(figure, path)


def plot_grid(panels, path=None, columns=None, suptitle=None):
    """Draw arrays as images, and numbers as curves, in a grid.

    Parameters
    ----------
    panels : list of (title, image, options)
        `image` is (H, W), any float, or a dict of curves: for each name the numbers, drawn from
        left to right. Curves have one option, ``log`` (False), a logarithmic scale. For an image,
        `options` is a dict that may hold

        * ``signed`` (False): blue below zero, white at zero, red above, on one scale;
        * ``cmap`` ("gray"): Matplotlib's name of another colour map;
        * ``limits``: what is drawn (darkest, brightest); by default the 1st and the 99th
          percentile, or if signed ± the 99.5th percentile of the magnitudes;
        * ``colorbar`` (False);
        * ``numbers`` (False): write each value into its pixel;
        * ``truth``, ``prediction``: masks (H, W), outlined in their colours;
        * ``errors`` (False): instead, shade where both are (hit), and either alone.
    path : str or Path, optional
        Where to write it; nowhere if None.
    columns : int, optional
        Panels in a row; all in one row if None.
    suptitle : str, optional

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `panels` is empty, an image is not 2-D, or a mask's shape is not its image's.
    """
    if not panels:
        raise ValueError("panels is empty; expected (title, image, options) for each")
    columns = columns or len(panels)
    rows = math.ceil(len(panels) / columns)
    first = next((image for _, image, _ in panels if not isinstance(image, dict)), np.zeros((1, 1)))
    height, width = drawing.as_image(first).shape
    height = 1.2 * PANEL * np.clip(height / width, 0.3, 3)  # inches
    figure = _figure(1.3 * columns * PANEL, rows * (height + 0.4), suptitle)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(panels):]:
        axes.set_axis_off()
    for axes, (title, image, options) in zip(grid, panels, strict=False):
        draw = drawing.draw_curves if isinstance(image, dict) else drawing.draw_image
        draw(axes, image, **options)
        axes.set_title(title, fontsize=10, parse_math=False)
    return _finish(figure, path)


def _label_row(axes, name, dice):
    short = name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"
    score = "–" if math.isnan(dice) else f"{dice:.2f}"
    beside = {"transform": axes.transAxes, "ha": "right", "parse_math": False}
    axes.text(-0.05, 0.54, short, va="bottom", fontsize=8, color=MUTED, **beside)
    axes.text(-0.05, 0.5, f"Dice {score}", va="top", fontsize=12, color=INK, **beside)


def _figure(width, height, title=None):
    figure = _NotebookFigure(figsize=(width, height + 0.3 * bool(title)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # inches
    if title:
        figure.suptitle(title, parse_math=False)  # a "$" in a file's name is no formula
    return figure


def _finish(figure, path):
    box_what_fonts_lack(figure)
    if path is not None:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=DPI, format=Path(path).suffix[1:] or "png")
    return figure
