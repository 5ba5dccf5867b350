"""The pictures of the pages that look inside: small networks, trained for some seconds."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minunet import UNet, ops, optim
from minunet.data.loader import load_slices
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.look import field, gauges, look, predict_without
from minunet.metrics import dice
from minunet.train.step import segmentation_loss, train_step

SIZE, LARGE, DEPTH = 64, 128, 3
INK, BLUE, ORANGE, GREEN, GREY = "#1f2933", "#2f7fc1", "#d98200", "#2e9e63", "#8a94a0"
# Of a pixel by truth + 2 · prediction: nothing, missed, a false alarm, a hit.
VERDICTS = ListedColormap(["#00000000", BLUE, ORANGE, GREEN])


def look_inside(steps=160):
    """Draw all pictures, by name; `steps` are those of the network that is looked into."""
    patients = phantom_patients(40, size=SIZE, slices=8, seed=0)
    x, target = slices_with_tumour(patients[:30], SIZE)
    held_out = slices_with_tumour(patients[30:], SIZE)
    net = trained(x, target, steps)
    large, _ = slices_with_tumour(phantom_patients(4, size=LARGE, slices=8, seed=2), LARGE)
    return {"feature_maps": feature_maps(net, held_out[0]),
            "skips_cut": skips_cut(net, *held_out),
            "receptive_fields": receptive_fields(net, large[:16]),
            "gradient_flow": gradient_flow(x, target, min(steps, 40)),
            "checkerboard": checkerboard(net, *held_out)}


def slices_with_tumour(patients, size):
    """The slices that show tumour: x (N, H, W, 4) and target (N, H, W, 1)."""
    slices = load_slices(patients, Preprocessing(size=size))
    x, target = (np.stack([part[i] for i in np.flatnonzero(slices.marked)])
                 for part in (slices.images, slices.masks))
    return x, target[..., np.newaxis].astype(x.dtype)


def trained(x, target, steps):
    net = fresh()
    optimiser, rng = optim.Adam(net.params), np.random.default_rng(0)
    for step in range(steps):
        optimiser.lr = optim.warmup_cosine(step, steps, peak=1e-2)
        batch = rng.choice(len(x), size=8, replace=False)
        train_step(net, optimiser, x[batch], target[batch])
    return net


def fresh():
    return UNet(4, 1, base_channels=8, depth=DEPTH, seed=1)


def feature_maps(net, x):
    """One channel on its way through a block: four ops, and pooling."""
    maps = look(net, x[:1])
    # The channel that changes most from where it is to where it is not.
    channel = maps["enc1.relu2"][0].std(axis=(0, 1)).argmax()
    figure, axes = _row(11, 2.6, 5)
    _picture(axes[0], x[0, ..., 0], "x, FLAIR: 64 × 64", cmap="gray")
    for panel, (name, words) in zip(axes[1:], (("conv2", "conv2: any number"),
                                               ("norm2", "norm2: centred"),
                                               ("relu2", "relu2: none below 0"),
                                               ("pool", "pool: 32 × 32")), strict=True):
        a = maps[f"enc1.{name}"][0, ..., channel]
        top = abs(a).max()
        _picture(panel, a, f"enc1.{words}", cmap="RdBu_r", vmin=-top, vmax=top)
    return figure


def skips_cut(net, x, target):
    """What the network says of one slice, with some of its skips cut; the Dice is of all slices."""
    cuts = {"all skips": (), "without skip 1": (1,), "without skip 2": (2,),
            "without skip 3": (3,), "without any": (1, 2, 3)}
    truth = target[..., 0] > 0
    shown = truth.sum(axis=(1, 2)).argsort()[-6]  # a large one
    close = _around(truth[shown])
    figure, axes = _row(12.4, 2.75, 6)
    _picture(axes[0], x[shown, ..., 0][close], "a slice,\nand the truth", cmap="gray")
    axes[0].contour(truth[shown][close], [0.5], colors=[BLUE], linewidths=2)
    for panel, (text, cut) in zip(axes[1:], cuts.items(), strict=True):
        mask = predict_without(net, x, cut)[..., 0] > 0.5
        _picture(panel, x[shown, ..., 0][close], f"{text}:\nDice {dice(mask, truth):.2f}",
                 cmap="gray")
        verdict = (truth[shown] + 2 * mask[shown])[close]
        panel.imshow(verdict, cmap=VERDICTS, vmin=0, vmax=3, alpha=0.75)
    for text, colour, at in (("found", GREEN, 0.42), ("missed", BLUE, 0.5),
                             ("false alarm", ORANGE, 0.59)):
        figure.text(at, -0.02, f"■ {text}", color=colour, ha="center", va="top")
    return figure


def receptive_fields(net, x):
    """The field of the middle pixel: untrained, trained, and how much a square holds."""
    pixel, sides = (LARGE // 2, LARGE // 2), np.arange(1, LARGE, 2)
    figure, axes = _row(10.5, 3.6, 3)
    for panel, (name, colour, of) in zip(axes, (("before training", GREY, fresh()),
                                                ("trained", BLUE, net)), strict=False):
        seen = field(of, x, pixel)
        mean = seen.effect.mean(axis=0)
        _picture(panel, np.sqrt(mean / mean.max()), name, cmap="magma")
        rows, columns = seen.box
        theory, half = rows.stop - rows.start, seen.side(0.5)
        _square(panel, columns.start, rows.start, theory, "white")
        panel.text(LARGE / 2, rows.start - 3, f"in theory {theory} × {theory}", color="white",
                   ha="center")
        _square(panel, pixel[1] - half // 2, pixel[0] - half // 2, half, ORANGE)
        panel.text(LARGE / 2, rows.stop + 11, f"half of the effect {half} × {half}", color=ORANGE,
                   ha="center")
        held = [mean[_about(pixel, side)].sum() / mean.sum() for side in sides]
        axes[2].plot(sides, held, color=colour, linewidth=2)
        axes[2].text(seen.side(0.6) + 4, 0.6, name, color=colour)
    axes[2].axvline(theory, color=INK, linestyle=":")
    axes[2].text(theory - 2, 0.08, "in theory", ha="right")
    axes[2].set(title="share of the effect in a square", xlabel="side of the square, pixels",
                xlim=(0, LARGE * 0.8), ylim=(0, 1.03), box_aspect=1)
    axes[2].title.set_size(10)
    axes[2].spines[["top", "right"]].set_visible(False)
    return figure


def gradient_flow(x, target, steps):
    """Two trainings, with normalisation and without: gradients and zeros, level by level."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    shades = {"enc1": "#f0a830", "enc2": "#d9662b", "enc3": "#a3355f", "bottom": "#3b1c6b"}
    for (above, below), norm in zip(axes.T, (None, "batch"), strict=True):
        net = UNet(4, 1, base_channels=8, depth=DEPTH, norm=norm)
        optimiser, rng, history = optim.Adam(net.params, lr=1e-2), np.random.default_rng(0), []
        for _ in range(steps + 1):
            batch = rng.choice(len(x), size=8, replace=False)
            read = gauges(net, x[batch], target[batch], segmentation_loss)
            history.append({gauge.layer: gauge for gauge in read})
            train_step(net, optimiser, x[batch], target[batch])
        for name, colour in shades.items():
            layer = [row[f"{name}.conv2"] for row in history]
            above.semilogy([max(gauge.dw, 1e-12) for gauge in layer], color=colour, linewidth=2)
            below.plot([gauge.zeros for gauge in layer], color=colour, linewidth=2, label=name)
        above.set_title("with batch normalisation" if norm else "without normalisation")
        below.set(xlabel="step", ylim=(0, 1.03))
    axes[0, 0].set_ylabel("gradient, |dw| / |w|")
    axes[1, 0].set_ylabel("share of zeros after ReLU")
    axes[1, 1].legend(loc="lower right", ncols=4, fontsize=8.5)
    for panel in axes.flat:
        panel.grid(color="#e3e7eb", linewidth=0.8)
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def checkerboard(net, x, target):
    """A constant map through a fresh up-convolution; the same op trained; and what follows it."""
    w, b = (fresh().params[f"dec3.up.{name}"] for name in "wb")
    y, _ = ops.conv_transpose_forward(np.ones((1, 3, 3, w.shape[3]), w.dtype), w, b, stride=2)
    y = y[0, ..., 0]
    figure, axes = _row(11, 3.0, 4)
    _picture(axes[0], np.ones((3, 3)), "a map that is 1 everywhere", cmap="RdBu_r", vmin=-3, vmax=3)
    _picture(axes[1], y, "after a fresh dec3.up", cmap="RdBu_r", vmin=-3, vmax=3)
    for panel, a in ((axes[0], np.ones((3, 3))), (axes[1], y)):
        for edge in range(1, len(a)):
            panel.axhline(edge - 0.5, color="white", linewidth=1.5)
            panel.axvline(edge - 0.5, color="white", linewidth=1.5)
        for (row, column), value in np.ndenumerate(a):
            panel.text(column, row, f"{value:.1f}".replace("-", "−"), ha="center", va="center",
                       size=9)
    shown = target.sum(axis=(1, 2, 3)).argmax()
    maps = look(net, x[shown : shown + 1])
    channel = checkered(maps["dec1.up"][0]).argmax()
    close = _around(target[shown, ..., 0])
    _picture(axes[2], maps["dec1.up"][0, ..., channel][close], "after a trained dec1.up")
    logits = maps["head"][0, ..., 0][close]
    _picture(axes[3], logits, "two convolutions and the head later")
    return figure


def checkered(a):
    """The share of the variance of maps (H, W, C) that one repeated square of 2 × 2 makes."""
    h, w, c = a.shape
    square = a.reshape(h // 2, 2, w // 2, 2, c).mean(axis=(0, 2))  # (2, 2, C)
    return square.var(axis=(0, 1)) / a.var(axis=(0, 1))


def _around(mask, side=32):
    """A square of pixels about the middle of a mask."""
    middle = (int(places.mean()) for places in np.nonzero(mask))
    return tuple(slice(m, m + side) for m in
                 np.clip([*middle], side // 2, len(mask) - side // 2) - side // 2)


def _about(pixel, side):
    return tuple(slice(max(p - side // 2, 0), p + side // 2 + 1) for p in pixel)


def _square(axes, left, top, side, colour):
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour,
                             linewidth=1.8))


def _picture(axes, a, title, **how):
    axes.imshow(a, **{"interpolation": "nearest"} | how)
    axes.set_title(title, size=10)
    axes.set(xticks=[], yticks=[])


def _row(width, height, count):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, count)
