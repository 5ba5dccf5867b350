"""See a convolution: four filters drawn by hand on a slice of a head, then the three gradients.

    python examples/01_see_a_convolution.py [FIGURE.png]

In two seconds you see what each filter w makes of the image x; and then, for two choices of dy,
which pixels had a say and which way (dx), and how the filter (dw) and its bias (db) would have
to change. The slice is a phantom. Draw a filter of your own and run it again.

Expected output::

    x  (1, 96, 96, 1)  one image, one channel
    w  (5, 5, 1, 4)    four filters
    y  (1, 96, 96, 4)  one image, four channels

    dy is 1 at one pixel of "brighter right", and 0 elsewhere
      dx around that pixel is the filter         True
      dw is the patch of x around that pixel     True
      db = Σ dy                                  [0. 1. 0. 0.]
      Σ dy y, Σ dx x, Σ dw w                     0.27, 0.27, 0.27

    dy is y in a disc, and 0 elsewhere: the gradient of L = ½ Σ y²
      correlation of dw and the filter           0.96
      L of x, and of x + dx                      5.3, 27.1
"""

import numpy as np

from minunet import ops
from minunet.data.phantom import phantom_slice
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script

NAMES = "mean", "brighter right", "brighter below", "centre − mean"
RIGHT = 1  # the filter whose gradients are shown
ROW, COLUMN = 44, 26  # a pixel on the left edge of the tumour
CLOSE = np.s_[24:64, 16:56]  # the tumour and its surroundings


def draw_filters():
    """Four filters of 5×5 pixels and one channel: (KH, KW, C, F) = (5, 5, 1, 4)."""
    step = np.array([-1, -1, 0, 1, 1]) / 10
    w = np.zeros((5, 5, 1, 4))
    w[..., 0, 0] = 1 / 25  # all pixels alike: noise averages out, edges blur
    w[..., 0, 1] = step  # what is on the right, minus what is on the left
    w[..., 0, 2] = step[:, np.newaxis]  # what is below, minus what is above
    w[..., 0, 3] = -1 / 25  # the pixel, minus the mean around it: spots and lines
    w[2, 2, 0, 3] += 1
    return w


def main(path="01_see_a_convolution.png"):
    images, _ = phantom_slice(96, np.random.default_rng(6))  # (H, W, 4)
    x = images[np.newaxis, ..., :1].astype(float)  # (1, H, W, 1): FLAIR, where tumours are bright
    w = draw_filters()
    y, cache = ops.conv_forward(x, w, np.zeros(4), padding=2)  # (1, H, W, 4)
    print(f"x  {x.shape}  one image, one channel\nw  {w.shape}    four filters")
    print(f"y  {y.shape}  one image, four channels")

    dy1 = np.zeros_like(y)
    dy1[0, ROW, COLUMN, RIGHT] = 1
    dx1, dw1, db = ops.conv_backward(dy1, cache)
    around = np.s_[0, ROW - 2 : ROW + 3, COLUMN - 2 : COLUMN + 3]
    sums = [f"{np.sum(a * b):.2f}" for a, b in ((dy1, y), (dx1, x), (dw1, w))]
    print('\ndy is 1 at one pixel of "brighter right", and 0 elsewhere')
    print("  dx around that pixel is the filter        ", np.allclose(dx1[around], w[..., RIGHT]))
    print("  dw is the patch of x around that pixel    ", np.allclose(dw1[..., RIGHT], x[around]))
    print("  db = Σ dy                                 ", db)
    print("  Σ dy y, Σ dx x, Σ dw w                    ", ", ".join(sums))  # y is linear in each

    row, column = np.indices(x.shape[1:3])
    disc = (row - ROW) ** 2 + (column - 36) ** 2 <= 13.5**2
    dy2 = np.zeros_like(y)
    dy2[0, disc, RIGHT] = y[0, disc, RIGHT]
    dx2, dw2, _ = ops.conv_backward(dy2, cache)
    likeness = np.corrcoef(dw2[..., RIGHT].flat, w[..., RIGHT].flat)[0, 1]
    y2, _ = ops.conv_forward(x + dx2, w, padding=2)
    losses = [f"{np.sum(a[0, disc, RIGHT] ** 2) / 2:.1f}" for a in (y, y2)]
    print("\ndy is y in a disc, and 0 elsewhere: the gradient of L = ½ Σ y²")
    print(f"  correlation of dw and the filter           {likeness:.2f}")
    print(f"  L of x, and of x + dx                      {', '.join(losses)}")
    draw(path, x, w, y, [("1 at one pixel", dy1, "the filter", dx1, "a patch of x", dw1),
                         ("y in a disc", dy2, "edges", dx2, "a step, as w", dw2)])


def draw(path, x, w, y, gradients):
    x, signed = x[0, ..., 0], {"signed": True}
    panels = [("x", x, {})] + [(f"w: {name}", w[..., 0, f], signed) for f, name in enumerate(NAMES)]
    panels += [("x, close up", x[CLOSE], {}), ("y: mean", y[0, ..., 0], {})]
    panels += [(f"y: {NAMES[f]}", y[0, ..., f], signed) for f in (1, 2, 3)]
    for dy_is, dy, dx_is, dx, dw_is, dw in gradients:
        dy, dx = dy[0, ..., RIGHT][CLOSE], dx[0, ..., 0][CLOSE]
        panels += [("x, and where dy is not 0", x[CLOSE], {"prediction": dy != 0}),
                   (f"dy: {dy_is}", dy, signed), (f"dx: {dx_is}", dx, signed),
                   (f"dw: {dw_is}", dw[..., 0, RIGHT], signed), ("x + dx", x[CLOSE] + dx, {})]
    plot_grid(panels, path, columns=5)


if __name__ == "__main__":
    run_script(main, __doc__)
