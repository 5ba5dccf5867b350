"""The benchmark's results as pictures. minunet is blue, PyTorch grey."""

import csv

import numpy as np
from matplotlib.figure import Figure

from minunet.engine.files import replacing
from minunet.engine.words import plural
from minunet.tool.bench.clock import better, slope
from minunet.tool.bench.machine import label
from minunet.tool.bench.report import GROWTH, by_op
from minunet.tool.plots import GRID, INK, MUTED

# Okabe and Ito's palette, as in `minunet.tool.plots`.
MINUNET, RIVALS = "#0072B2", ("#A8A8A8", "#D0D0D0", "#808080", "#C0C0C0")
METHOD_COLORS = {"im2col": "#56B4E9", "winograd_rows": "#009E73", "winograd": MINUNET}
OP_COLORS = {"conv": "#0072B2", "conv_transpose": "#56B4E9", "batch_norm_relu": "#E69F00",
             "add": "#D55E00", "max_pool": "#009E73", "concat": "#CC79A7", "loss": "#F0E442",
             "adam": "#999999"}
MARKERS = {"forward": ">", "backward": "<", "update": "o"}
PANEL = (5.6, 4)  # inches


def plot_bench(results, path):
    """Write a figure of every part that `results` hold; none if they are only words."""
    parts = [part for part in PANELS if part in results]
    if not parts:
        return
    figure = figure_of(results, parts)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def figure_of(results, parts):
    """Draw some parts of what `bench` returns, two panels in a row.

    Parameters
    ----------
    results : dict
    parts : list of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels = [(draw, results[part]) for part in parts for draw in PANELS[part]]
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(columns * PANEL[0], rows * PANEL[1] + 0.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # inches
    machine = results["machine"]
    figure.suptitle(f"{label(machine)}, {plural(machine['threads'], 'thread')}: "
                    f"{results['command']}",
                    fontsize=10, color=MUTED, parse_math=False)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(panels):]:
        axes.set_axis_off()
    for axes, (draw, part) in zip(grid, panels, strict=False):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        draw(axes, part)
    return figure


def learning_figure(histories):
    """Draw the loss and the validation Dice of runs by epoch, each run in its own colour.

    Parameters
    ----------
    histories : dict of str to Path
        For each run's name its ``history.csv``; minunet's run first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(2 * PANEL[0], PANEL[1]), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, path), color in zip(histories.items(), (MINUNET, *RIVALS[2:]), strict=False):
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        epoch, loss, mean = (np.array([row[key] for row in rows], float)
                             for key in ("epoch", "loss", "validation_dice_mean"))
        best = int(np.nanargmax(mean))
        line = {"color": color, "marker": "o", "markersize": 3}
        left.plot(epoch, loss, label=name, **line)
        right.plot(epoch, mean, label=f"{name}, best: {mean[best]:.3f}, epoch {best + 1}", **line)
        right.plot(epoch[best], mean[best], "o", color=color, markersize=8, markeredgecolor=INK)
    left.set(title="Training loss", ylim=(0, None))
    right.set(title="Mean Dice of the held-out patients", ylim=(0, 1))
    for axes in (left, right):
        axes.set(xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(color=GRID)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def _draw_times(title):
    def draw(axes, rows):
        _bars(axes, [row["name"] for row in rows], [row["seconds"] for row in rows],
              lambda seconds: f"{1e3 * seconds:.0f} ms")
        axes.set(title=title, xlabel="seconds")
    return draw


def _draw_memory(axes, rows):
    _bars(axes, [row["name"] for row in rows],
          [{name: size / 2**30 for name, size in row["bytes"].items() if size} for row in rows],
          lambda size: f"{size:.2f}")
    axes.set(title="Peak memory of a training step", xlabel="GiB")


def _bars(axes, labels, rows, text):
    """Horizontal bars in groups, the contenders of a row beside each other."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    height = 0.8 / max(len(names), 1)
    for i, name in enumerate(names):
        at = np.arange(len(rows)) + (i - (len(names) - 1) / 2) * height
        values = [row.get(name, 0) for row in rows]
        color = MINUNET if name == "minunet" else RIVALS[(i - 1) % len(RIVALS)]
        bars = axes.barh(at, values, 0.92 * height, color=color, label=name)
        axes.bar_label(bars, [text(value) for value in values], padding=3, fontsize=8, color=INK)
    axes.set_yticks(range(len(rows)), [label.replace(", ", "\n") for label in labels], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.grid(axis="x", color=GRID)
    if names:  # of memory there may be none: not every system tells it
        _legend(axes, 3)


def _draw_convolutions(direction):
    def draw(axes, rows):
        rivals = list(rows[0]["ratio"])
        rows = [row for row in rows if row["direction"] == direction
                and "loops" not in row["seconds"]]  # so slow that its bar would not be seen
        series = {name: [row["seconds"].get(name) for row in rows] for name in METHOD_COLORS}
        for rival in rivals:
            series[rival] = [row["seconds"][better(row["seconds"], rival)] for row in rows]
        at, width = np.arange(len(rows)), 0.8 / len(series)
        for i, (name, times) in enumerate(series.items()):
            speeds = [row["flop"] / t / 1e9 if t else 0
                      for row, t in zip(rows, times, strict=True)]
            color = METHOD_COLORS.get(name, RIVALS[(i - len(METHOD_COLORS)) % len(RIVALS)])
            axes.bar(at + (i - (len(series) - 1) / 2) * width, speeds, width, color=color,
                     label=name)
        axes.set_xticks(at, [f"{row['c']}→{row['f']}\n{row['side']}²" for row in rows], fontsize=8)
        axes.set(title=f"3×3 convolution, {direction}",
                 ylabel="GFLOP/s, by the definition's count")
        axes.grid(axis="y", color=GRID)
        _legend(axes, 3)
    return draw


def _draw_growth(axes, growth):
    for (axis, rows), color in zip(growth.items(), ("#0072B2", "#E69F00", "#009E73"),
                                   strict=True):
        sizes = np.array([GROWTH[axis](row) for row in rows])
        times = np.array([row["seconds"]["minunet"] for row in rows])
        exponent, factor = slope(sizes, times)
        axes.loglog(sizes / sizes[0], times / times[0], "o", color=color,
                    label=f"{axis}, from {rows[0]['name']}: slope {exponent:.2f}")
        axes.loglog(sizes / sizes[0], factor * sizes**exponent / times[0], color=color)
    ends = np.array(axes.get_xlim())
    axes.loglog(ends, ends, "--", color=MUTED, linewidth=1, label="slope 1: linear")
    axes.set(title="Growth of a training step", xlabel="size, in multiples of the smallest",
             ylabel="time, in multiples")
    axes.grid(color=GRID)
    _legend(axes, 1)


def _draw_roofline(axes, result):
    rows = [row for row in result["rows"] if row["flop"]]
    intensity = np.array([row["flop"] / row["bytes"] for row in rows])
    flop_rate, byte_rate = result["flop_rate"] / 1e9, result["byte_rate"] / 1e9
    corner = flop_rate / byte_rate
    roof = np.array([intensity.min() / 2, corner, 2 * max(intensity.max(), corner)])
    axes.loglog(roof, np.minimum(roof * byte_rate, flop_rate), color=INK, linewidth=1.5)
    axes.text(corner, 1.15 * flop_rate, f"matrix product, {flop_rate:.0f} GFLOP/s", fontsize=8,
              ha="right", color=INK)
    axes.text(0.9 * np.sqrt(roof[0] * corner), np.sqrt(roof[0] * corner) * byte_rate,
              f"copy, {byte_rate:.0f} GB/s", fontsize=8, ha="right", va="bottom", color=INK)
    for row, x in zip(rows, intensity, strict=True):
        axes.scatter(x, row["flop"] / row["seconds"] / 1e9, color=OP_COLORS[row["op"]],
                     marker=MARKERS[row["direction"]], alpha=0.8, linewidths=0,
                     s=15 + 1500 * row["seconds"] / result["seconds"])
    for op in dict.fromkeys(row["op"] for row in rows):
        axes.scatter([], [], color=OP_COLORS[op], label=op, linewidths=0)
    for direction, marker in MARKERS.items():
        axes.scatter([], [], color=MUTED, marker=marker, label=direction, linewidths=0)
    axes.set(title=f"Roofline of a training step: {result['name']}",
             xlabel="operations a byte of arrays in and out", ylabel="GFLOP/s")
    axes.title.set_fontsize(11)
    axes.grid(color=GRID)
    _legend(axes, 4)


def _draw_shares(axes, result):
    ops = by_op(result)
    for at, ((op, _), row) in enumerate(ops.items()):
        axes.barh(at, row["seconds"], color=OP_COLORS[op], height=0.75)
        axes.plot([row["bound"]] * 2, [at - 0.42, at + 0.42], color=INK, linewidth=2,
                  label="at the machine's rates, by the definition's count" if not at else None)
        axes.text(max(row["seconds"], row["bound"]) + 0.015 * result["seconds"], at,
                  f"{100 * row['seconds'] / result['seconds']:.0f} %", va="center", fontsize=8)
    axes.set_yticks(range(len(ops)), [f"{op} {direction}" for op, direction in ops], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.grid(axis="x", color=GRID)
    axes.set(title="Where its time goes", xlabel="seconds")
    _legend(axes, 1)


def _legend(axes, columns):
    """A legend below the axes, where it hides nothing."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns, fontsize=8,
                frameon=False, columnspacing=1, handletextpad=0.5)


PANELS = {"step": [_draw_times("Training step")], "inference": [_draw_times("Inference")],
          "convolution": [_draw_convolutions("forward"), _draw_convolutions("backward")],
          "memory": [_draw_memory], "growth": [_draw_growth],
          "roofline": [_draw_roofline, _draw_shares]}
