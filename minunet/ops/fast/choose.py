"""Which method computes a convolution, and from which size on.

Read `conv_loops` (the definition), then `im2col` (the same sums as one matrix product), then
`winograd_rows` (half the multiplications; for volumes by `winograd_slices`) and `winograd` (a
quarter). `tiles` is for kernels as large as their stride. (A transposed convolution is a data
gradient with a bias, so `im2col` and `tiles` take one there too.)
"""

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.rates import balance
from minunet.ops import conv_loops as loops
from minunet.ops.fast import im2col, tiles, winograd, winograd_rows, winograd_slices
from minunet.ops.fast.winograd_rows import TILE

METHODS = {"loops": loops, "im2col": im2col, "tiles": tiles, "winograd_rows": winograd_rows,
           "winograd": winograd}
# What a method can do, and by which module; the others do all.
FITS = {"tiles": [(tiles.fits, tiles)], "winograd": [(winograd_rows.fits, winograd)],
        "winograd_rows": [(winograd_rows.fits, winograd_rows),
                          (winograd_slices.fits, winograd_slices)]}
DOES = {"tiles": "kernels as large as the stride, without padding",
        "winograd": "3×3 kernels with stride 1 and padding up to 2",
        "winograd_rows": "3×3 and 3×3×3 kernels with stride 1 and padding up to 2"}
SLICE = 12  # pixels across: from there on `winograd_slices` is faster than `im2col`
# Multiplications per pair of channels and pixel, and how often a number of x, and one of y, is
# moved, transforms and all: fitted to times (see the docs, "Three ways to convolve").
COSTS = {"im2col": (9, 20, 14), "winograd_rows": (4.5, 4.5, 7.5), "winograd": (2.25, 8, 13.5)}


def choose(method, w_shape, stride, padding, out, like=None):
    """Give the module that computes a convolution.

    Winograd's two save multiplications and pay with transforms: a cost that grows with C + F where
    the saving grows with C · F. `cost` adds up both; "auto" takes what costs least. On a GPU it
    takes "im2col": multiplying is cheap there, and every operation must be launched. It was the
    fastest on an H100, forward and backward, for 32 to 512 channels.

    Parameters
    ----------
    method : str
        As for `conv_forward`.
    w_shape : tuple
        (KH, KW, C, F).
    stride, padding : tuple of int
    out : tuple of int
        (OH, OW).
    like : array, optional
        One that is computed with: is it on a GPU? By default it is not.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If there is no such method, or it cannot do this kernel, stride or padding.
    """
    kernel = tuple(w_shape[:-2])
    if method == "auto":
        if tiles.fits(kernel, stride, padding):
            return tiles
        on_a_gpu = like is not None and array_module(like) is not np
        if not on_a_gpu and winograd_slices.fits(kernel, stride, padding):
            return winograd_slices if min(out[1:]) >= SLICE else im2col
        if on_a_gpu or not winograd_rows.fits(kernel, stride, padding):
            return im2col
        moving = balance()
        return METHODS[min(COSTS, key=lambda name: cost(name, *w_shape[-2:], out, moving))]
    if method not in METHODS:
        raise ValueError(f"method must be 'auto' or one of {sorted(METHODS)}, got {method!r}")
    if method not in FITS:
        return METHODS[method]
    for fits, module in FITS[method]:
        if fits(kernel, stride, padding):
            return module
    raise ValueError(f"method {method!r} does {DOES[method]}; got kernel {kernel}, stride "
                     f"{stride}, padding {padding}")


def cost(method, c, f, out, moving):
    """Estimate the time of a 3×3 convolution from C to F channels.

    Parameters
    ----------
    method : str
        One of `COSTS`.
    c, f : int
        C and F.
    out : tuple of int
        (OH, OW).
    moving : int
        How many multiplications take as long as to move a number: see `engine.rates.balance`.

    Returns
    -------
    float
        Multiplications per pixel of y, moves included.
    """
    products, of_x, of_y = COSTS[method]
    height, width = out
    down, across = -(-height // TILE) * TILE, width  # with what lies beyond the edges
    if method == "winograd_rows":
        across = winograd_rows.row_width(out)
    elif method == "winograd":
        across = -(-width // TILE) * TILE
    else:
        down = height
    share = down * across / (height * width)
    return share * (products * c * f + moving * (of_x * c + of_y * f))
