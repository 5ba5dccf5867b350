"""What ``python -m minunet.plain`` shows: the plain U-Net's gradients are right, and it learns."""

import sys

import numpy as np

from minunet import UNet, plain
from minunet.data.phantom import phantom_slice
from minunet.data.preprocess import Preprocessing, prepare
from minunet.engine.blas import blas_on_one_thread
from minunet.metrics import dice
from minunet.tool.ending import finish

DEPTH = 2


def prove(directions=10, step=1e-6):
    """Compare the slopes that `plain.backward` gives with differences of the loss.

    Along a random direction v of all parameters p (and of x) together::

        Σ gradient · v   =   (L(p + ε v) − L(p − ε v)) / 2ε   + O(ε²)

    Parameters
    ----------
    directions : int
        How many random directions to try.
    step : float
        ε.

    Returns
    -------
    float
        The largest relative difference of the two sides.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 8, 12, 3))  # (N, H, W, C)
    target = rng.integers(0, 2, size=(2, 8, 12, 1))
    p = UNet(3, 1, base_channels=2, depth=DEPTH, dtype="float64").params

    def loss_at(x, p):
        logits, cache = plain.forward(x, p, DEPTH)
        loss, dlogits = plain.sigmoid_cross_entropy(logits, target)
        return loss, dlogits, cache

    _, dlogits, cache = loss_at(x, p)
    dx, grads = plain.backward(dlogits, cache, DEPTH)
    worst = 0.0
    for _ in range(directions):
        vx, v = rng.normal(size=x.shape), {k: rng.normal(size=a.shape) for k, a in p.items()}
        ahead, behind = (loss_at(x + e * vx, {k: a + e * v[k] for k, a in p.items()})[0]
                         for e in (step, -step))
        by_differences = (ahead - behind) / (2 * step)
        by_backward = (dx * vx).sum() + sum((grads[k] * v[k]).sum() for k in p)
        worst = max(worst, abs(by_backward - by_differences) / abs(by_differences))
    return worst


def learn(steps=150, size=96, show=print):
    """Learn one synthetic slice by heart, with nothing but `plain`.

    Parameters
    ----------
    steps : int
    size : int
        Side of the slice, in pixels.
    show : callable
        Takes a line of text at every 25th step.

    Returns
    -------
    float
        The Dice of what was learnt with the truth.
    """
    image, labels = phantom_slice(size, np.random.default_rng(8))  # (H, W, 4), (H, W)
    x = prepare(image[np.newaxis], Preprocessing(size=size))  # (1, H, W, 4)
    target = (labels > 0)[np.newaxis, ..., np.newaxis]  # (1, H, W, 1)
    p, velocity = UNet(4, 1, base_channels=8, depth=DEPTH).params, {}
    show("step   loss   Dice")
    for step in range(steps + 1):
        loss, logits = plain.train_step(x, target, p, DEPTH, velocity)
        score = dice(logits[0, ..., 0] > 0, labels > 0)  # logit > 0: probability > ½
        if step % 25 == 0:
            show(f"{step:4d}{loss:7.3f}{score:7.2f}")
    return score


@blas_on_one_thread()  # its products are too small to share
def main():
    """Prove, learn, and say what came out."""
    print(f"gradients against differences, along 10 random directions: "
          f"largest relative error {prove():.0e}")
    print(f"one slice learnt by heart: Dice {learn():.3f}")


if __name__ == "__main__":
    sys.exit(finish(main))
