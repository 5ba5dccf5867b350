"""What one pixel of the output sees of the image: in theory, and in effect."""

from copy import copy
from typing import NamedTuple

import numpy as np

from minunet.engine.backend import array_module, to_host
from minunet.engine.blas import blas_on_one_thread
from minunet.layers import reach


class Field(NamedTuple):
    """What one pixel of the output sees of the image."""

    box: tuple  # in theory: two slices, the rows and the columns of the image
    centre: tuple  # where in the image the pixel lies: row, column
    effect: np.ndarray  # in effect: |d logit / d x|, summed over the channels, (N, H, W)

    def side(self, share):
        """Give the side of the smallest square about the pixel that holds `share` of the effect."""
        rows, columns = (abs(np.arange(h) - c)
                         for h, c in zip(self.effect.shape[1:], self.centre, strict=True))
        distance = np.maximum(rows[:, np.newaxis], columns)  # (H, W)
        held = np.bincount(distance.ravel(), self.effect.sum(axis=0).ravel()).cumsum()
        return 2 * int(np.searchsorted(held, share * held[-1])) + 1


@blas_on_one_thread()
def field(net, x, pixel, of=None):
    """Find the receptive field of a pixel of the output: in theory, and in effect.

    In theory it is a box: outside of it a change of the image changes nothing there. In effect a
    pixel counts as much as the logit's slope |d logit / d x| says, and that is far from even.
    Normalisations are folded into the convolutions, so that they do not couple all pixels.

    Parameters
    ----------
    net : UNet
    x : array (N, H, W, C)
    pixel : (int, int)
        Row and column in the output.
    of : int, optional
        Whose logit, of several classes. Without it each image's likeliest class at that pixel.

    Returns
    -------
    Field
        Where rounding alone is left, the effect is 0.

    Raises
    ------
    ValueError
        If the output has no such pixel or class.

    Examples
    --------
    >>> seen = field(net, x, (3, 8))
    >>> print(seen.box, seen.side(0.5) < seen.side(1) <= 31)
    (slice(0, 16, None), slice(0, 16, None)) True
    """
    net = copy(net.folded())
    net.dropout = 0.0
    logits, cache = net.forward(x, training=True)  # folded, it has no statistics to take or update
    _, h, w, classes = logits.shape
    row, column = pixel
    if not (0 <= row < h and 0 <= column < w) or of not in (None, *range(classes)):
        raise ValueError(f"pixel and class must lie within the output, {h} × {w} pixels and "
                         f"{classes} classes; got {tuple(pixel)} and {of}")
    dlogits = array_module(logits).zeros_like(logits)
    for image, scores in enumerate(to_host(logits[:, row, column])):  # (classes,)
        dlogits[image, row, column, scores.argmax() if of is None else of] = 1
    dx, _ = net.backward(dlogits, cache)
    effect = abs(to_host(dx)).sum(axis=-1)  # (N, H, W)
    # Fast convolutions add and subtract what does not belong: some roundings of the largest.
    effect[effect < 100 * np.finfo(effect.dtype).eps * effect.max()] = 0
    seen = [reach(net.config, size)[-1] for size in x.shape[1:3]]
    box = tuple(slice(int(lo[i]), int(hi[i]) + 1)
                for (lo, hi), i in zip(seen, pixel, strict=True))
    centre = (row + (x.shape[1] - h) // 2, column + (x.shape[2] - w) // 2)
    return Field(box, centre, effect)
