"""One convolution in steps: meet, paint, collect
==============================================

A convolution small enough for pencil and paper, and one of its four places in all directions::

    python examples/06_one_convolution_in_steps.py [FIGURE.png]

In two seconds you see all that a convolution does. Forward, the filter w *meets* the patch of x
that lies below it: y is the sum of nine products. Backward, the gradient dy of that one number
*paints* w on the patch (dx), for each pixel counted as much as its weight; and it *collects* the
patch (dw), for each weight counted as much as its pixel. The other places do the same, and what
they paint and collect adds up. Change a number and do the sums by hand.

Expected output::

    meet     y[1, 0] = 0·1 + 1·0 + 3·-1 + 3·2 + 0·0 + 1·-2 + 1·1 + 1·0 + 0·-1 = 2
    paint    dx[1:4, 0:3] += 2 · w
    collect  dw += 2 · x[1:4, 0:3]

    after all four places
    y   [[-3, -2], [2, -4]]
    dx  [[1, 0, -1, 0], [4, -1, -4, 1], [5, -2, -5, 2], [2, -1, -2, 1]]
    dw  [[0, 1, 4], [6, 0, 4], [4, 2, -1]]
    as ops.conv_forward and ops.conv_backward have it: True
"""

import numpy as np

from minunet import ops
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script

X = np.array([[1, 2, 0, 1],
              [0, 1, 3, 2],
              [3, 0, 1, 1],
              [1, 1, 0, 2]])
W = np.array([[1, 0, -1],
              [2, 0, -2],
              [1, 0, -1]])
DY = np.array([[1, 0],
               [2, -1]])
SHOWN = 1, 0  # the place in y that the figure shows

# %%
# Forward and backward, one place after the other.
def patch_of(place):
    """The rows and columns of x that the filter covers at a place of y."""
    return tuple(slice(p, p + 3) for p in place)


def in_steps():
    """Give y, dx and dw by the three verbs."""
    y, dx, dw = np.zeros_like(DY), np.zeros_like(X), np.zeros_like(W)
    for place in np.ndindex(DY.shape):
        patch = patch_of(place)
        y[place] = (X[patch] * W).sum()  # meet
        dx[patch] += DY[place] * W  # paint
        dw += DY[place] * X[patch]  # collect
    return y, dx, dw

# %%
# The same from the package: arrays there are (N, H, W, C), and the filter is (KH, KW, C, F).
def main(path="06_one_convolution_in_steps.png"):
    y, dx, dw = in_steps()
    patch, dy = patch_of(SHOWN), DY[SHOWN]
    products = " + ".join(f"{a}·{b}" for a, b in zip(X[patch].flat, W.flat, strict=True))
    rows, columns = (f"{s.start}:{s.stop}" for s in patch)
    print(f"meet     y[{SHOWN[0]}, {SHOWN[1]}] = {products} = {y[SHOWN]}")
    print(f"paint    dx[{rows}, {columns}] += {dy} · w")
    print(f"collect  dw += {dy} · x[{rows}, {columns}]\n\nafter all four places")
    for name, a in ("y ", y), ("dx", dx), ("dw", dw):
        print(f"{name}  {a.tolist()}")
    theirs, cache = ops.conv_forward(X[None, ..., None] * 1.0, W[..., None, None] * 1.0)
    their_dx, their_dw, _ = ops.conv_backward(DY[None, ..., None] * 1.0, cache)
    same = [np.allclose(a.ravel(), b.ravel())
            for a, b in ((theirs, y), (their_dx, dx), (their_dw, dw))]
    print("as ops.conv_forward and ops.conv_backward have it:", all(same))
    return draw(path, y)

# %%
# A row for each verb, at one place: what is outlined takes part.
def draw(path, y):
    patch, dy = patch_of(SHOWN), DY[SHOWN]
    seen, one, painted = np.zeros(X.shape), np.zeros(DY.shape), np.zeros(X.shape)
    seen[patch], one[SHOWN], painted[patch] = 1, 1, dy * W
    style = {"signed": True, "numbers": True, "limits": (-8, 8)}
    at_patch, at_place = style | {"prediction": seen}, style | {"prediction": one}
    return plot_grid([
        ("MEET: this patch of x …", X, at_patch), ("… times w, summed …", W, style),
        ("… is this number of y", y, at_place),
        ("PAINT: this number of dy …", DY, at_place), ("… times w …", W, style),
        ("… is painted on dx", painted, at_patch),
        ("COLLECT: this number of dy …", DY, at_place), ("… times this patch of x …", X, at_patch),
        ("… is collected in dw", dy * X[patch], style)], path, columns=3)

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
