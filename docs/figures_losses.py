"""The picture of the page on losses: value and slope over the logit."""

import numpy as np
from matplotlib.figure import Figure

from minunet import ops

CROSS_ENTROPY, DICE = "#2f7fc1", "#b56b00"


def loss_curves():
    """Cross-entropy and Dice of tumour pixels that all have the logit z; nothing else is found."""
    z = np.linspace(-8, 8, 161)
    target = np.ones((1, 1, 1, 1))
    curves = {}
    for name, loss in (("cross-entropy", ops.sigmoid_cross_entropy),
                       ("Dice", lambda z, t: ops.dice_loss(z, t, smooth=0.0))):
        pairs = [loss(value * target, target) for value in z]
        curves[name] = [[float(np.sum(part)) for part in parts]
                        for parts in zip(*pairs, strict=True)]
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    for axes, part, title in zip(figure.subplots(1, 2), (0, 1),
                                 ("loss", "slope: what backward is given"), strict=True):
        for values, colour in zip(curves.values(), (CROSS_ENTROPY, DICE), strict=True):
            axes.plot(z, values[part], color=colour)
        axes.axvspan(-8, -4, color="#e8ebef", zorder=0)
        axes.set(title=title, xlabel="logit z of pixels that are tumour", xlim=(-8, 8))
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color="#52606d", linewidth=0.8)
    value, slope = figure.axes
    value.text(-3.4, 4.2, "cross-entropy", color=CROSS_ENTROPY)
    value.text(-3.6, 1.15, "Dice", color=DICE)
    value.text(-6, 2.4, "certain\nand wrong", ha="center", va="bottom", size=9)
    slope.text(-7.7, -0.96, "cross-entropy:\nstill −1", color=CROSS_ENTROPY, va="bottom")
    slope.text(-7.7, -0.06, "Dice:\nhardly any", color=DICE, va="top")
    return figure
