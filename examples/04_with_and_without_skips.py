"""With and without skips
======================

A U-Net is trained on phantoms with its skips, and the same one with its skips cut::

    python examples/04_with_and_without_skips.py [FIGURE.png]

In about ten seconds you see what the skips carry: position. Without them the network finds the
tumours, but draws smooth blobs, even on slices it was trained on, from a map of 8×8 pixels. Four
times the steps raise both (held out: 0.90 and 0.79) and leave the gap. A network that has learnt
with skips needs the finest: cut it to predict, and nothing is found. Distances are medians (HD95).

Expected output (last digits may differ by 5: training amplifies rounding)::

                                    with skips   without
    Dice, slices trained on               0.88      0.80
    Dice, held-out slices                 0.85      0.74
    95 % Hausdorff distance, pixels        1.6       2.6
    Dice, skip 1 cut to predict: 0.00; skip 2: 0.81
"""

from copy import deepcopy

import numpy as np

from minunet import UNet, optim
from minunet.data.loader import load_slices
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.metrics import dice, hausdorff95
from minunet.predict import predict_slices
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script
from minunet.train import train_step

SIZE, DEPTH, BATCH = 64, 3, 8


def tumour_slices(patients):
    """The slices that show tumour, prepared: images (S, H, W, 4) and masks (S, H, W)."""
    slices = load_slices(patients, Preprocessing(size=SIZE))
    shows = np.flatnonzero(slices.marked)
    return tuple(np.stack([part[i] for i in shows]) for part in (slices.images, slices.masks))

# %%
# The first convolution of a decoder level reads [skip, up]: the first half of its channels is the
# skip's. With zero weights nothing passes, neither forward (w · skip) nor backward (w · dy).
def cut_skips(net, levels=range(1, DEPTH + 1)):
    """Set the weights to zero that read what the skips bring; give the network back."""
    for level in levels:
        w = net.params[f"dec{level}.conv1.w"]  # (KH, KW, C, F)
        w[:, :, : w.shape[2] // 2] = 0
    return net


def train(images, masks, cut, steps):
    net = UNet(in_channels=4, base_channels=8, depth=DEPTH, seed=0)
    net.params["head.b"][:] = -np.log(1 / masks.mean() - 1)  # begin with the tumour's share
    optimiser, rng = optim.Adam(net.params), np.random.default_rng(0)
    for step in range(steps):
        cut_skips(net, cut)  # at every step, for dw = skip · dy is not zero
        optimiser.lr = optim.warmup_cosine(step, steps, peak=1e-2)
        drawn = rng.choice(len(images), BATCH, replace=False)
        target = masks[drawn, ..., np.newaxis].astype(np.float32)  # (N, H, W, 1)
        train_step(net, optimiser, images[drawn], target)
    return cut_skips(net, cut)

# %%
# Compare the two; and the first with one skip cut. The figure is of two slices with large tumours.
def main(path="04_with_and_without_skips.png", steps=80):
    patients = phantom_patients(30, size=SIZE, slices=8, seed=0)
    seen, held_out = tumour_slices(patients[:20]), tumour_slices(patients[20:])
    nets = [train(*seen, cut, steps) for cut in ((), (1, 2, 3))]
    nets += [cut_skips(deepcopy(nets[0]), [level]) for level in (1, 2)]
    print("                                with skips   without")
    for text, (images, masks) in (("slices trained on", seen), ("held-out slices", held_out)):
        found = np.array([predict_slices(net, images)[..., 0] for net in nets]) > 0.5
        score = [dice(f, masks) for f in found]
        print(f"Dice, {text:24}{score[0]:12.2f}{score[1]:10.2f}")
    far = [np.median([hausdorff95(*pair) for pair in zip(f, masks, strict=True)]) for f in found]
    print(f"95 % Hausdorff distance, pixels{far[0]:11.1f}{far[1]:10.1f}")
    print(f"Dice, skip 1 cut to predict: {score[2]:.2f}; skip 2: {score[3]:.2f}")
    return draw(path, *held_out, found)


def draw(path, images, masks, found):
    names, panels = ("with skips", "without", "skip 1 cut", "skip 2 cut"), []
    for i in np.argsort(-masks.sum(axis=(1, 2)))[[0, 6]]:
        corner = (np.clip(int(place.mean()), 16, SIZE - 16) - 16 for place in np.nonzero(masks[i]))
        close = tuple(slice(c, c + 32) for c in corner)
        image, truth = images[i, ..., 0][close], {"truth": masks[i][close]}
        panels.append(("FLAIR and truth", image, truth))
        for name, f in zip(names, found[:, i], strict=True):
            text = f"{name}: Dice {dice(f, masks[i]):.2f}, HD95 {hausdorff95(f, masks[i]):.1f}"
            panels.append((text, image, truth | {"prediction": f[close], "errors": True}))
    return plot_grid(panels, path, 5, "Held-out slices; green: found, blue: missed, orange: false")

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
