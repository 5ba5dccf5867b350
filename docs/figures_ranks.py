"""The picture of the page on several machines: how a training step would scale, by a formula."""

import numpy as np
from matplotlib.figure import Figure

NETWORKS = {"Gigabit Ethernet": (0.125e9, 50e-6), "10 Gigabit Ethernet": (1.25e9, 30e-6),
            "InfiniBand": (12.5e9, 3e-6)}  # bytes per second, seconds that a message takes
SMALL_SUMS, LEVELS = 2 * 18 + 2, 9  # of a step of a network of depth 4
BATCH, FASTER = 64, {"one core each": 1, "machines 16 times as fast": 16}
COLORS = "#D55E00", "#0072B2", "#009E73"
MUTED, GRID = "#8A8A8A", "#E4E4E4"


def step_seconds(machines, batch, image, gradients, bandwidth, latency):
    """T(R) of the page; `image` are the seconds of one, `gradients` the bytes of all."""
    computing = image * batch / machines
    sending = (2 * (machines - 1) / machines * gradients / bandwidth
               + 2 * LEVELS * (machines - 1) * latency)
    return (computing + SMALL_SUMS * latency * np.log2(machines)
            + np.maximum(0, sending - computing / 3))


def scaling(row):
    """The speed-up over 1 to 64 machines, from a row of ``minunet bench ranks``."""
    image = row["seconds"]["1 rank, 1 thread"] / row["batch"]
    machines = 2.0 ** np.arange(7)
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    for axes, (title, factor) in zip(figure.subplots(1, 2, sharey=True), FASTER.items(),
                                     strict=True):
        axes.loglog(machines, machines, color=MUTED, linewidth=1)
        for (name, how), color in zip(NETWORKS.items(), COLORS, strict=True):
            seconds = step_seconds(machines, BATCH, image / factor, row["gradients"], *how)
            axes.loglog(machines, seconds[0] / seconds, "o-", color=color, markersize=4,
                        label=f"{name}: {seconds[0] / seconds[-1]:.0f} of 64")
        axes.legend(frameon=False, fontsize=8)
        axes.set(title=title, xlabel="machines", xticks=machines, yticks=machines)
        axes.set_xticklabels([f"{m:.0f}" for m in machines])
        axes.set_yticklabels([f"{m:.0f}" for m in machines])
        axes.minorticks_off()
        axes.grid(color=GRID)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("times as fast as one")
    return figure
