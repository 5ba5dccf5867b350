"""Join and split channels in blocks: ``concatenate`` on all cores."""

from minunet.engine.backend import array_module
from minunet.engine.threads import parallel, row_blocks


def join(a, b):
    """Give [a, b], joined along the channels.

    Parameters
    ----------
    a, b : arrays (N, H, W, C) and (N, H, W, F)

    Returns
    -------
    array (N, H, W, C + F)
    """
    xp, channels = array_module(a), a.shape[-1]
    y = xp.empty((*b.shape[:-1], channels + b.shape[-1]), dtype=b.dtype)

    def block(images, rows):
        y[images, rows, ..., :channels] = a[images, rows]
        y[images, rows, ..., channels:] = b[images, rows]

    parallel(xp, block, row_blocks(xp, *y.shape[:2], 2 * y[:1, :1].nbytes))
    return y


def split(y, a, b):
    """Copy the channels of `y` into `a` and `b`: `join` backwards.

    Parameters
    ----------
    y : array (N, H, W, C + F)
    a, b : arrays (N, H, W, C) and (N, H, W, F)
        Written to.
    """
    channels = a.shape[-1]

    def block(images, rows):
        a[images, rows] = y[images, rows, ..., :channels]
        b[images, rows] = y[images, rows, ..., channels:]

    parallel(array_module(y), block, row_blocks(array_module(y), *y.shape[:2],
                                                2 * y[:1, :1].nbytes))
