"""The picture of the model card: how well agreement with the mirrored image tells the Dice."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from minunet.tool.agreement import DOUBTFUL

FOLDS = Path(__file__).parent / "_static" / "lgg_folds.csv"
POINT, LEVEL = "#2f7fc1", "#b56b00"


def agreement():
    """Dice over agreement, a point for each patient of the five folds."""
    with open(FOLDS, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["agreement"]]
    agreed, dice = (np.array([row[key] for row in rows], float) for key in ("agreement", "dice"))
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(agreed, dice, 26, POINT, alpha=0.6, linewidths=0)
    axes.axvline(DOUBTFUL, color=LEVEL, linewidth=1)
    for side, x, align in ((agreed < DOUBTFUL, DOUBTFUL - 0.01, "right"),
                           (agreed >= DOUBTFUL, DOUBTFUL + 0.01, "left")):
        axes.text(x, 0.04, f"{side.sum()} patients,\nmean Dice {dice[side].mean():.2f}",
                  color=LEVEL, ha=align)
    axes.set(xlabel="agreement with the mask of the mirrored image", ylabel="Dice",
             xlim=(min(agreed.min() - 0.03, 0.5), 1.01), ylim=(0, 1.01))
    axes.spines[["top", "right"]].set_visible(False)
    return figure
