"""See a convolution
=================

Three filters drawn by hand on a slice of a head, and the gradients of one output pixel::

    python examples/01_see_a_convolution.py [FIGURE.png]

In two seconds you see what each filter w makes of the image x. Then the gradient of the loss is 1
at one output pixel and 0 elsewhere: it paints the filter on the image (dx), and collects the patch
of the image that the pixel has seen (dw). The slice is a phantom. Draw a filter of your own and
run it again.

Expected output::

    x  (1, 96, 96, 1)  one image, one channel
    w  (5, 5, 1, 3)    three filters
    y  (1, 96, 96, 3)  one image, three channels

    dy is 1 at one pixel of "brighter right", and 0 elsewhere
      dx around that pixel is the filter         True
      dw is the patch of x around that pixel     True
      db = Σ dy                                  [0. 1. 0.]
      Σ dy y, Σ dx x, Σ dw w                     0.27, 0.27, 0.27
"""

import numpy as np

from minunet import ops
from minunet.data.phantom import phantom_slice
from minunet.tool.plots import plot_grid
from minunet.tool.script import run_script

NAMES = "mean", "brighter right", "centre − mean"
RIGHT = 1  # the filter whose gradients are shown
ROW, COLUMN = 44, 26  # a pixel on the left edge of the tumour
AROUND = np.s_[ROW - 2 : ROW + 3, COLUMN - 2 : COLUMN + 3]  # what the filter sees there
CLOSE = np.s_[ROW - 7 : ROW + 8, COLUMN - 7 : COLUMN + 8]  # and its surroundings

# %%
# A filter is a small array of weights. Its response is large where the image looks like it.
def draw_filters():
    """Three filters of 5×5 pixels and one channel: (KH, KW, C, F) = (5, 5, 1, 3)."""
    w = np.zeros((5, 5, 1, 3))
    w[..., 0, 0] = 1 / 25  # all pixels alike: noise averages out, edges blur
    w[..., 0, 1] = np.array([-1, -1, 0, 1, 1]) / 10  # what is on the right, minus on the left
    w[..., 0, 2] = -1 / 25  # the pixel, minus the mean around it: spots and lines
    w[2, 2, 0, 2] += 1
    return w

# %%
# Forward, all three filters at once; then backward, from one pixel of what the second one gave.
def main(path="01_see_a_convolution.png"):
    images, _ = phantom_slice(96, np.random.default_rng(6))  # (H, W, 4)
    x = images[np.newaxis, ..., :1].astype(float)  # (1, H, W, 1): FLAIR, where tumours are bright
    w = draw_filters()
    y, cache = ops.conv_forward(x, w, np.zeros(3), padding=2)  # (1, H, W, 3)
    print(f"x  {x.shape}  one image, one channel\nw  {w.shape}    three filters")
    print(f"y  {y.shape}  one image, three channels")

    dy = np.zeros_like(y)
    dy[0, ROW, COLUMN, RIGHT] = 1
    dx, dw, db = ops.conv_backward(dy, cache)
    sums = [f"{np.sum(a * b):.2f}" for a, b in ((dy, y), (dx, x), (dw, w))]
    print('\ndy is 1 at one pixel of "brighter right", and 0 elsewhere')
    print("  dx around that pixel is the filter        ",
          np.allclose(dx[0][AROUND], w[..., RIGHT]))
    print("  dw is the patch of x around that pixel    ",
          np.allclose(dw[..., RIGHT], x[0][AROUND]))
    print("  db = Σ dy                                 ", db)
    print("  Σ dy y, Σ dx x, Σ dw w                    ", ", ".join(sums))  # y is linear in each
    return draw(path, x[0, ..., 0], w[..., 0, :], y[0], dy[0, ..., RIGHT], dx[0, ..., 0],
                dw[..., 0, RIGHT])

# %%
# The filters and what they make of the slice; below, one pixel's part in it, and its gradients.
def draw(path, x, w, y, dy, dx, dw):
    filters, maps = {"signed": True, "numbers": True}, {"signed": True}
    seen = np.zeros(x.shape)  # the window that the pixel sees
    seen[AROUND] = 1
    panels = [("x: a slice, and one window of 5×5", x, {"prediction": seen})]
    panels += [(f"w: {name}", w[..., f], filters) for f, name in enumerate(NAMES)]
    panels += [("x: around the window", x[CLOSE], {"prediction": seen[CLOSE]})]
    panels += [(f"y: {name}", y[..., f], maps if f else {}) for f, name in enumerate(NAMES)]
    panels += [("x: the patch in the window", x[AROUND], {"numbers": True, "limits": (0, 1)}),
               ("dy: 1 at the pixel in its middle", dy[CLOSE], maps),
               ('dx paints w, "brighter right", there', dx[CLOSE], maps),
               ("dw collects the patch of x", dw, {"numbers": True, "limits": (0, 1)})]
    return plot_grid(panels, path, columns=4)

# %%
if __name__ == "__main__":
    figure = run_script(main, __doc__)
