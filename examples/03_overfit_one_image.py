"""Overfit one image
=================

A small U-Net learns a single slice by heart, to a Dice above 0.99::

    python examples/03_overfit_one_image.py [FIGURE.png]

In about four seconds you see the first thing to try with a network that you have written. If it
cannot learn one image by heart, nothing else can work: it is not for want of data, but a gradient,
the loss, the optimiser or the mask is at fault. Turn a sign in `ops/dice.py`, or take a learning
rate of 1e-6, and it fails. That it succeeds proves less: without the skips' gradient in
`UNet.backward` it still does. What proves a gradient is example 2. The pattern of squares that
the figure shows before the first step is from the up-convolutions: each of the 2×2 pixels that a
kernel paints has random weights of its own. Later the convolutions have learnt to smooth it.

Expected output (last digits may differ by 5: training amplifies rounding)::

    step   loss   Dice
       0   1.53   0.07
      10   0.86   0.01
      20   0.51   0.47
      40   0.17   0.94
     100   0.00   1.00
    Dice > 0.99: network, loss, gradients and optimiser work together
"""

import numpy as np

from minunet import UNet, optim
from minunet.data.phantom import phantom_slice
from minunet.data.preprocess import Preprocessing, prepare
from minunet.metrics import dice
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script
from minunet.train import segmentation_loss, train_step

SIZE = 96
SHOWN = 0, 10, 20, 40, 100  # steps

# %%
# One image, one hundred steps with it.
def main(path="03_overfit_one_image.png", steps=100):
    image, labels = phantom_slice(SIZE, np.random.default_rng(8))  # (H, W, 4) and (H, W)
    truth = labels > 0  # all parts of the tumour alike
    x = prepare(image[np.newaxis], Preprocessing(size=SIZE))  # (1, H, W, 4)
    target = truth[np.newaxis, ..., np.newaxis].astype(np.float32)  # (1, H, W, 1)

    # No batch normalisation: its running statistics, which predict uses, would lag behind.
    net = UNet(in_channels=4, out_channels=1, base_channels=8, depth=3, norm=None, seed=0)
    optimiser = optim.Adam(net.params, lr=1e-3)
    panels = [("FLAIR, and the truth", image[..., 0], {"truth": truth})]
    print("step   loss   Dice")
    for step in range(steps + 1):
        if step in SHOWN:
            loss, _ = segmentation_loss(net.forward(x)[0], target)
            probability = net.predict(x)[0, ..., 0]  # (H, W)
            score = dice(probability > 0.5, truth)
            print(f"{step:4d}{loss:7.2f}{score:7.2f}")
            seen = f"Dice {score:.2f}" if step else "a chequered pattern"
            panels.append((f"after {step} steps: {seen}", probability,
                           {"cmap": "magma", "limits": (0, 1), "truth": truth}))
        train_step(net, optimiser, x, target)
    if score > 0.99:
        print("Dice > 0.99: network, loss, gradients and optimiser work together")
    else:
        print(f"Dice {score:.2f}: something is at fault")
    return plot_grid(panels, path, columns=3,
                     suptitle="Probability of tumour in a slice learnt by heart")

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
