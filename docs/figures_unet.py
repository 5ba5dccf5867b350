"""The picture of the page "What a U-Net is": a U of the maps that one slice really makes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from minunet import UNet, ops, optim, plain
from minunet.data.phantom import phantom_slice
from minunet.data.preprocess import Preprocessing, prepare

DEPTH, SIZE = 3, 96
INK, BLUE, ORANGE, GREEN = "#1f2933", "#2f7fc1", "#d98200", "#2e9e63"
# Of the maps by level, in parts of the canvas: side, lower edge, left edge in the encoder.
SIDES = {1: 15.0, 2: 12.0, 3: 9.5, 4: 8.0}
BOTTOMS = {1: 51.5, 2: 33.0, 3: 17.0, 4: 2.0}
LEFTS = {1: 19.5, 2: 22.5, 3: 25.0}


def phantom_through_the_u(steps=120):
    """Train a small U-Net for some seconds; draw what it makes of a slice that it never saw."""
    rng = np.random.default_rng(3)
    slices = [phantom_slice(SIZE, rng) for _ in range(40)]
    x = np.concatenate([prepare(image[np.newaxis], Preprocessing(size=SIZE))
                        for image, _ in slices])  # (N, H, W, 4)
    target = np.stack([labels > 0 for _, labels in slices])[..., np.newaxis].astype(x.dtype)
    net = UNet(4, 1, base_channels=8, depth=DEPTH)
    optimiser = optim.Adam(net.params, lr=1e-2)
    for _ in range(steps):
        batch = rng.choice(np.arange(8, 40), size=8)
        logits, cache = net.forward(x[batch], training=True)
        _, cross_entropy = ops.sigmoid_cross_entropy(logits, target[batch])
        _, dice = ops.dice_loss(logits, target[batch])
        _, grads = net.backward(cross_entropy + dice, cache)
        optimiser.step(grads)
    shown = max(range(8), key=lambda i: target[i].sum())
    maps = {name: a[shown] for name, a in _maps(x[:8], net.params).items()}
    return _draw(x[shown], maps, target[shown, ..., 0])


def _maps(x, p):
    """What `plain.forward` computes on the way, by name."""
    maps = {}
    for level in range(1, DEPTH + 1):
        x, _ = plain.double_conv_forward(x, f"enc{level}", p)
        maps[f"enc{level}"] = x
        x, _ = plain.max_pool_forward(x)
    x, _ = plain.double_conv_forward(x, "bottom", p)
    maps["bottom"] = x
    for level in range(DEPTH, 0, -1):
        up, _ = plain.conv_transpose_forward(x, p[f"dec{level}.up.w"], p[f"dec{level}.up.b"])
        x, _ = plain.concat_forward(maps[f"enc{level}"], up)
        x, _ = plain.double_conv_forward(x, f"dec{level}", p)
        maps[f"dec{level}"] = x
    maps["logits"], _ = plain.conv_forward(x, p["head.w"], p["head.b"])
    return maps


def _draw(image, maps, truth):
    """Lay the maps out as a U: two channels of each level, with their pixels as they are."""
    figure = Figure(figsize=(9.5, 6.22))
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 110), ylim=(0, 72))
    canvas.axis("off")
    for x, text in ((34.9, "encoder: what is in the picture?"), (75.1, "decoder: where exactly?")):
        canvas.text(x, 70, text, ha="center", size=11, weight="bold", color=INK)
    middle = BOTTOMS[1] + SIDES[1] / 2
    _show(canvas, image[..., 0], 1, 1, "one slice, 96 × 96")
    _arrow(canvas, (16.4, middle), (19.1, middle), INK)
    _arrow(canvas, (90.9, middle), (93.6, middle), INK)
    answer = _show(canvas, image[..., 0], 94, 1, "head: logit above 0")
    answer.contourf(maps["logits"][..., 0] > 0, [0.5, 1], colors=[ORANGE], alpha=0.5)
    answer.contour(truth, [0.5], colors=["white"], linewidths=0.9)
    for level, left in LEFTS.items():
        side, bottom = SIDES[level], BOTTOMS[level]
        right = 110 - left - 2 * side - 0.8
        _pair(canvas, f"enc{level}", maps, truth, left, level)
        _pair(canvas, f"dec{level}", maps, truth, right, level)
        across = bottom + side / 2
        _arrow(canvas, (left + 2 * side + 1.4, across), (right - 0.6, across), GREEN, "skip")
        if level < DEPTH:
            below = BOTTOMS[level + 1] + SIDES[level + 1] + 2.4
            above = bottom - 0.4
            _arrow(canvas, (35, above), (35, below), BLUE, "pool: half the size", (7.6, -0.8))
            _arrow(canvas, (75, below), (75, above), BLUE, "up: twice the size", (7.6, -0.8))
    _pair(canvas, "bottom", maps, truth, 55 - SIDES[4] - 0.4, 4)
    middle, above = BOTTOMS[4] + SIDES[4] / 2, BOTTOMS[3] - 0.4
    _arrow(canvas, (38, above), (45.2, middle), BLUE, bend="angle,angleA=-90,angleB=0,rad=0")
    _arrow(canvas, (64.8, middle), (72, above), BLUE, bend="angle,angleA=0,angleB=-90,rad=0")
    return figure


def _show(canvas, picture, left, level, caption="", **how):
    bottom, side = BOTTOMS[level], SIDES[level]
    axes = canvas.figure.add_axes((left / 110, bottom / 72, side / 110, side / 72))
    axes.imshow(picture, **{"cmap": "gray", "vmin": -2, "vmax": 3} | how)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color=INK, linewidth=0.6)
    _caption(canvas, left + side / 2, level, caption)
    return axes


def _caption(canvas, x, level, text):
    canvas.text(x, BOTTOMS[level] + SIDES[level] + 0.5, text, ha="center", va="bottom", size=8.5,
                color=INK)


def _pair(canvas, name, maps, truth, left, level):
    for k, channel in enumerate(_telling(maps[name], truth)):
        _show(canvas, channel, left + k * (SIDES[level] + 0.8), level, cmap="viridis", vmin=None,
              vmax=None, interpolation="nearest")
    h, w, c = maps[name].shape
    _caption(canvas, left + SIDES[level] + 0.4, level, f"{name}: {h} × {w} pixels, {c} channels")


def _arrow(canvas, start, end, colour, text="", offset=(0, 0.6), bend="arc3"):
    canvas.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, color=colour,
                                     linewidth=1.8, shrinkA=0, shrinkB=0, connectionstyle=bend))
    x, y = (np.add(start, end) / 2) + offset
    canvas.text(x, y, text, ha="center", va="bottom", size=9, color=colour)


def _telling(maps, truth):
    """Two channels: one that is varied and unlike the tumour, and the one that is most like it."""
    step = len(truth) // len(maps)
    tumour = truth.reshape(len(maps), step, -1, step).mean(axis=(1, 3)).ravel()
    flat = maps.reshape(-1, maps.shape[-1])
    spread = flat.std(axis=0) + 1e-6
    alike = ((flat - flat.mean(axis=0)).T @ (tumour - tumour.mean())) / spread
    alike /= len(tumour) * tumour.std()
    return [maps[..., np.argmax(spread * (1 - np.abs(alike)))], maps[..., np.argmax(alike)]]
