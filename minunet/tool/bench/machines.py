"""Several machines' results together: a table with a row a machine, and a picture."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from minunet.engine.words import plural
from minunet.tool.bench.clock import better
from minunet.tool.bench.machine import label
from minunet.tool.bench.report import size_text, time_text
from minunet.tool.plots import GRID, INK, MUTED

COLORS = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"  # Okabe and Ito's
WORDS = {"step": "training step", "inference": "inference", "memory": "peak memory of a step"}


def load_all(folder):
    """Load the results of all machines in `folder`: ``bench-*.json``, by their files' names."""
    return [json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("bench-*.json"), key=lambda path: path.stem)]


def ratios(results):
    """Give the ratios to the better PyTorch of what users wait for.

    Returns
    -------
    dict
        For each (part, case's name) a list: lowest, median and highest; of memory its one
        ratio. On a GPU PyTorch's float32 counts.
    """
    found = {}
    for part in WORDS:
        for row in results.get(part, ()):
            if part == "memory":
                sizes = row["bytes"]
                best = sizes.get(better(sizes, "PyTorch"))
                values = [sizes["minunet"] / best] if best else []
            else:
                values = next(iter(row["ratio"].values()), [])
            if values:
                found[part, row["name"]] = values
    return found


def format_machines(machines):
    """Give the ratios of all machines as a table in Markdown, a row a machine.

    Parameters
    ----------
    machines : list of dict
        From `load_all`.
    """
    rows = [ratios(results) for results in machines]
    cases = list(dict.fromkeys(case for row in rows for case in row))
    head = ["", *(f"{WORDS[part]}, {name}".replace(", ", "<br>") for part, name in cases)]
    lines = [[label(results["machine"]), *(_range(row.get(case)) for case in cases)]
             for results, row in zip(machines, rows, strict=True)]
    return "\n".join("| " + " | ".join(cells) + " |"
                     for cells in (head, ["---"] * len(head), *lines)).replace("|  |", "| |")


def format_summary(results):
    """Give one machine's times and ratios as Markdown: a sentence, and a table."""
    machine = results["machine"]
    lines = ["| | minunet | PyTorch | ratio |", "|---|---|---|---|"]
    found = ratios(results)
    for part, word in WORDS.items():
        for row in results[part]:
            if (part, row["name"]) in found:
                values = row.get("seconds") or row["bytes"]
                ours, best = values["minunet"], values[better(values, _rival(values))]
                text = size_text if part == "memory" else time_text
                lines.append(f"| {word}, {row['name']} | {text(ours)} | {text(best)} | "
                             f"{_range(found[part, row['name']])} |")
    for row in results.get("image", ()):
        lines.append(f"| inference by tiles, {row['name']} | "
                     f"{time_text(row['seconds']['minunet'])} | | |\n| its peak memory | "
                     f"{size_text(row['bytes']['minunet'])} | | |")
    return (f"Measured on: {label(machine)}; {plural(machine['threads'], 'thread')} each, "
            f"NumPy {machine['numpy']}, PyTorch {machine['torch'].partition('+')[0]}, "
            f"medians of {plural(results['runs'], 'round')}:\n\n" + "\n".join(lines))


def _rival(values):
    """The first of PyTorch's precisions: on a GPU that is float32."""
    return next(name.split(", ")[0] for name in values if ", " in name)


def _range(values):
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.2f}"
    low, middle, high = values
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def machines_figure(machines):
    """Draw the ratios of all machines, a colour a machine; a line from lowest to highest.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = [ratios(results) for results in machines]
    cases = list(dict.fromkeys(case for row in rows for case in row))
    height = 0.7 / max(len(machines), 1)
    figure = Figure(figsize=(8.4, 1.3 + len(cases) * (0.25 + 0.2 * len(machines))),
                    layout="constrained")
    axes = figure.subplots()
    for i, (results, row) in enumerate(zip(machines, rows, strict=True)):
        values = [row.get(case, [np.nan]) for case in cases]
        middle = [each[len(each) // 2] for each in values]
        at = np.arange(len(cases)) + (i - (len(machines) - 1) / 2) * height
        axes.barh(at, middle, 0.9 * height, color=COLORS[i % len(COLORS)],
                  label=label(results["machine"]))
        axes.hlines(at, [min(each) for each in values], [max(each) for each in values],
                    color=INK, linewidth=1.2)
        for y, each, x in zip(at, values, middle, strict=True):
            if x == x:  # measured
                axes.text(max(each) + 0.02, y, f"{x:.2f}", va="center", fontsize=8, color=INK)
    axes.axvline(1, color=MUTED, linewidth=1)
    axes.text(1, -0.8, "as PyTorch", ha="center", fontsize=8, color=MUTED)
    axes.set_yticks(range(len(cases)), [f"{WORDS[part]}\n{name}" for part, name in cases],
                    fontsize=8)
    axes.set(xlabel="minunet's time or memory, in multiples of the better PyTorch's",
             ylim=(len(cases) - 0.4, -0.75))
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8, frameon=False)
    return figure
