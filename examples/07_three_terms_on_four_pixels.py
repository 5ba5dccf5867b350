"""Batch normalisation's three terms on four pixels
================================================

Four pixels, one channel, and a gradient that comes back at the first of them only::

    python examples/07_three_terms_on_four_pixels.py [FIGURE.png]

In two seconds you see why the gradient of batch normalisation has three terms. A pixel goes into y
directly, through the mean and through the standard deviation of all four. So although dy is 0 at
three pixels, their dx need not be; and dx never asks for what normalisation undoes anyway: to move
all pixels alike (Σ dx = 0), or to stretch them alike (Σ dx x̂ = 0).

Expected output::

    pixel                            1       2       3       4
    x                             1.00    1.00    5.00    5.00
    x̂ = (x − μ) / σ              -1.00   -1.00    1.00    1.00
    dy                            1.00    0.00    0.00    0.00
    − mean of dy                 -0.25   -0.25   -0.25   -0.25
    − x̂ · mean of dy x̂           -0.25   -0.25    0.25    0.25
    dx = γ/σ · sum                0.50   -0.50    0.00    0.00
    dx by differences             0.50   -0.50    0.00    0.00

    Σ dx and Σ dx x̂: 0.00, 0.00; as ops.batch_norm_backward has it: True
    largest error, a term left out: mean 0.25, spread 0.25, both 0.50
"""

import numpy as np

from minunet import ops
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script

X = np.array([1.0, 1, 5, 5])  # μ = 3, σ = 2
DY = np.array([1.0, 0, 0, 0])
GAMMA = 2.0
STEP = 1e-5

# %%
# Forward, and the three terms of backward.
def forward(x):
    """y = γ x̂, with the mean and the standard deviation of the four pixels."""
    return GAMMA * (x - x.mean()) / x.std()


def terms():
    """What each of the three ways from x to y adds, before γ / σ."""
    x_hat = (X - X.mean()) / X.std()
    return DY, np.full(4, -DY.mean()), -x_hat * (DY * x_hat).mean()


def differences():
    """The slope of Σ dy y with respect to each pixel, without any formula."""
    return np.array([(DY @ forward(X + e) - DY @ forward(X - e)) / (2 * STEP)
                     for e in STEP * np.eye(4)])

# %%
# All of it in numbers.
def main(path="07_three_terms_on_four_pixels.png"):
    x_hat, scale = (X - X.mean()) / X.std(), GAMMA / X.std()
    direct, mean, spread = terms()
    dx, slopes = scale * (direct + mean + spread), differences()
    print("pixel                     " + "".join(f"{k:8}" for k in (1, 2, 3, 4)))
    for name, row in (("x", X), ("x̂ = (x − μ) / σ", x_hat), ("dy", DY), ("− mean of dy", mean),
                      ("− x̂ · mean of dy x̂", spread), ("dx = γ/σ · sum", dx),
                      ("dx by differences", slopes)):
        # Of "x̂" the hat is a letter of its own, which takes no room.
        print(f"{name:{26 + name.count(chr(0x302))}}" + "".join(f"{a:8.2f}" for a in tidy(row)))
    _, cache = ops.batch_norm_forward(X.reshape(1, 2, 2, 1), np.array([GAMMA]), np.zeros(1))
    theirs, _, _ = ops.batch_norm_backward(DY.reshape(1, 2, 2, 1), cache)
    print(f"\nΣ dx and Σ dx x̂: {tidy(dx.sum()):.2f}, {tidy((dx * x_hat).sum()):.2f};",
          "as ops.batch_norm_backward has it:", np.allclose(theirs.ravel(), dx, atol=1e-4))
    wrong = [abs(scale * sum(kept) - slopes).max()
             for kept in ((direct, spread), (direct, mean), (direct,))]
    print("largest error, a term left out: mean {:.2f}, spread {:.2f}, both {:.2f}".format(*wrong))
    return draw(path, x_hat, (direct, mean, spread), dx, slopes)


def tidy(a):
    """Rounded, and no −0."""
    return np.round(a, 6) + 0.0

# %%
# The four pixels as an image of 2×2. Read the lower row as a sum.
def draw(path, x_hat, three, dx, slopes):
    style = {"signed": True, "numbers": True, "limits": (-1.5, 1.5)}
    titles = ("dy: the way through the pixel", "− mean of dy: through μ",
              "− x̂ · mean of dy x̂: through σ", "their sum, times γ/σ: dx")
    panels = [("x", X, {"numbers": True, "limits": (0, 6)}), ("x̂ = (x − μ) / σ", x_hat, style),
              ("y = γ x̂", GAMMA * x_hat, style | {"limits": (-3, 3)}),
              ("the slopes, by differences", slopes, style)]
    panels += [(title, a, style) for title, a in zip(titles, (*three, dx), strict=True)]
    return plot_grid([(title, tidy(a).reshape(2, 2), options) for title, a, options in panels],
                     path, columns=4)

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
