"""Check a gradient, break it, see it caught
=========================================

Average pooling, an op that minunet does not have, is given a right backward and a wrong one::

    python examples/02_check_a_gradient.py [FIGURE.png]

In two seconds you see `check` pass a backward that is right, and say what is wrong with one that
forgets a "+". Both make a loss fall: watching it would not have told. Put an op of your own here.

Expected output ("..." stands for rounding errors, which differ between computers)::

    right: dx[window] += dy / 9
    argument  shape            error  allowed         worst at          backward  differences
    x         (1, 9, 9, 1)   ...      1e-11    ok     ...
    ½ Σ (y − target)² after 0, 10, 100 steps: [9.649, 2.049, 0.001]

    wrong: dx[window] = dy / 9
    argument  shape            error  allowed         worst at          backward  differences
    x         (1, 9, 9, 1)   8.7e-01  1e-11    WRONG  0,4,4,0          0.0052995     -0.46784
    x: of the 144 ways from one element of the argument to one of y, 63 are missing in backward,
      and the others are right. Where ways meet, gradients add: is it = where it must be +=?
    ½ Σ (y − target)² after 0, 10, 100 steps: [9.649, 3.211, 0.009]
"""

import numpy as np

from minunet.gradcheck import check
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script

SIZE, STRIDE = 3, 2  # neighbouring windows share a row or a column

# %%
# Forward, and two ways back.
def windows(oh, ow):
    """For each place in the window, the slices that pick it out of all windows at once."""
    for kh, kw in np.ndindex(SIZE, SIZE):
        yield np.s_[:, kh : kh + STRIDE * oh : STRIDE, kw : kw + STRIDE * ow : STRIDE]


def forward(x):
    """y[n, oh, ow, c] = mean over kh, kw < SIZE of x[n, oh·STRIDE + kh, ow·STRIDE + kw, c]."""
    n, h, w, c = x.shape
    y = np.zeros((n, (h - SIZE) // STRIDE + 1, (w - SIZE) // STRIDE + 1, c))
    for window in windows(*y.shape[1:3]):
        y += x[window] / SIZE**2
    return y, x.shape  # the cache: all that backward needs is the shape


def right_backward(dy, cache):
    """A pixel adds up what it gets from all windows that it is in."""
    dx = np.zeros(cache)
    for window in windows(*dy.shape[1:3]):
        dx[window] += dy / SIZE**2
    return dx


def wrong_backward(dy, cache):
    """Where windows overlap, the last one alone counts."""
    dx = np.zeros(cache)
    for window in windows(*dy.shape[1:3]):
        dx[window] = dy / SIZE**2
    return dx

# %%
# Watching the loss: the wrong gradient is good enough to make it fall.
def descend(backward, target):
    """½ Σ (y − target)² after 0, 1, …, 100 steps from x = 0 against its gradient."""
    x, losses = np.zeros((1, 9, 9, 1)), []
    for _ in range(101):
        y, cache = forward(x)
        losses.append(np.sum((y - target) ** 2) / 2)
        x -= backward(y - target, cache)
    return losses

# %%
# Checking: `check` compares each element of dx with a difference of two forward passes.
def main(path="02_check_a_gradient.png"):
    x = np.random.default_rng(7).normal(size=(1, 9, 9, 1))
    y, cache = forward(x)
    dy = np.random.default_rng((7, 1)).normal(size=y.shape)  # as check(seed=7) draws it
    counts = right_backward(np.full(y.shape, SIZE**2), cache)  # each window gives each pixel a 1
    errors, curves, scale = [], {}, {"signed": True, "limits": (-0.4, 0.4)}
    for name, sign, backward in ("right", "+=", right_backward), ("wrong", "=", wrong_backward):
        print(f"{name}: dx[window] {sign} dy / 9")
        print(check(forward, backward, {"x": x}, linear=["x"], seed=7))
        curves[f"dx[window] {sign} dy / 9"] = losses = descend(backward, target=dy)
        shown = np.round(losses, 3)[[0, 10, 100]].tolist()
        print("½ Σ (y − target)² after 0, 10, 100 steps:", shown, "\n")
        error = (backward(dy, cache) - right_backward(dy, cache))[0, ..., 0]
        errors.append((f"error of dx[window] {sign} dy / 9", error, scale))
    panels = [("in how many windows a pixel is", counts[0, ..., 0], {"numbers": True}), *errors,
              ("½ Σ (y − target)²: both fall", curves, {"log": True})]
    return plot_grid(panels, path, suptitle="Average pooling of 9×9 pixels by windows of 3×3, "
                     "stride 2: without the + dx is wrong where they overlap")

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
