"""Convolution as one matrix product: lay out the patch that each output pixel sees as a row.

::

    patches   (pixels, KH·KW·C)      a row: the KH × KW × C inputs under one output pixel
    w         (KH·KW·C, F)
    y       = patches · w            (pixels, F)
    dw      = patchesᵀ · dy          (KH·KW·C, F)
    dpatches = dy · wᵀ               added back to where the patches were taken

The patch matrix of a whole batch is KH·KW times the input. So it is made a few rows of the
image at a time, small enough to stay in cache until the product has read it.
"""

import math
from itertools import groupby

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, row_blocks, workers


def forward(x, w, b, out, stride, padding, relu=False):
    """y = patches · w + b, block by block."""
    xp = array_module(x)
    kernel, f = w.shape[:-2], w.shape[-1]
    w_matrix = w.reshape(-1, f)  # (KH·KW·C, F)
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)
    row = math.prod(out[1:])  # pixels in a row of y; 1 if there is only one spatial axis
    bias = None if b is None else xp.tile(b, row)

    def block(images, rows):
        patches = _patches(x, images, rows, kernel, out, stride, padding)
        pixels = y[images, rows].reshape(-1, f)  # a view: a block is one stretch of memory
        xp.matmul(patches, w_matrix, out=pixels)
        finish(pixels.reshape(-1, row * f), bias, relu)

    parallel(xp, block, _blocks(x, w.shape, out))
    return y


def finish(rows, bias, relu):
    """Add the bias, and cut off at zero where a ReLU comes next, while the block is in cache.

    `rows` (…, L) are changed in place; `bias` (L,) is b, repeated for all pixels of a row: NumPy
    is slow on short rows, and its maximum on a mere 0.
    """
    if bias is not None:
        rows += bias
    if relu:
        xp = array_module(rows)
        xp.maximum(rows, xp.zeros(rows.shape[-1], dtype=rows.dtype), out=rows)


def weight_gradient(x, dy, kernel, stride, padding):
    """dw = Σ patchesᵀ · dy over the blocks; each share of them is added up in a fixed order."""
    xp = array_module(x)
    out, c, f = dy.shape[1:-1], x.shape[-1], dy.shape[-1]
    blocks = _blocks(x, (*kernel, c, f), out)
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, rows in blocks[first : first + share]:
            patches = _patches(x, images, rows, kernel, out, stride, padding)
            yield patches.T @ dy[images, rows].reshape(-1, f)  # (KH·KW·C, F)

    dw = add_up(parallel(xp, lambda first: add_up(products(first)),
                         [(first,) for first in range(0, len(blocks), share)]))
    return dw.reshape(*kernel, c, f)


def data_gradient(dy, w, x_shape, stride, padding, b=None):
    """dx: every row of dpatches = dy · wᵀ, added back to the pixels its patch was taken from.

    With stride 1 (and P < K) that sum is a convolution again: of `dy`, with the kernel turned by
    half a turn, C and F exchanged, and padding K − 1 − P. It needs no scattered additions. A
    transposed convolution, which computes this forwards, has a bias `b` (C,) to add.
    """
    turned, turned_padding = turn(w, padding)
    if max(stride) == 1 and min(turned_padding) >= 0:
        return forward(dy, turned, b, x_shape[1:-1], stride, turned_padding)
    dx = _scatter(dy, w, x_shape, stride, padding)
    return dx if b is None else dx + b


def turn(w, padding):
    """Give the kernel and the padding of the convolution that leads from dy back to dx."""
    spatial = tuple(range(w.ndim - 2))
    turned = array_module(w).flip(w, axis=spatial).swapaxes(-1, -2)  # (KH, KW, F, C)
    return turned, tuple(k - 1 - p for k, p in zip(w.shape, padding, strict=False))


def _scatter(dy, w, x_shape, stride, padding):
    """Add dy · wᵀ to where it belongs, an offset of the kernel at a time: no pixel comes twice."""
    xp = array_module(dy)
    kernel, out, (c, f) = w.shape[:-2], dy.shape[1:-1], w.shape[-2:]
    w_matrix = w.reshape(-1, f)  # (KH·KW·C, F)
    size = _padded_size(x_shape[1:-1], padding)
    dx = xp.zeros((len(dy), *size, c), dtype=dy.dtype)  # (N, H + 2P, W + 2P, C)
    row_bytes = math.prod(out[1:]) * w_matrix.shape[0] * dy.dtype.itemsize

    def some(blocks):  # of the same images, one after the other: their rows of dx overlap
        for images, rows in blocks:
            dpatches = dy[images, rows].reshape(-1, f) @ w_matrix.T
            ends = (rows.stop, *out[1:])
            dpatches = dpatches.reshape(-1, rows.stop - rows.start, *out[1:], *kernel, c)
            for k in np.ndindex(*kernel):
                window = [slice(a + b * s, a + (e - 1) * s + 1, s) for a, b, e, s in
                          zip(k, (rows.start,) + (0,) * len(out[1:]), ends, stride, strict=True)]
                dx[(images, *window)] += dpatches[(..., *k, slice(None))]

    blocks = groupby(row_blocks(xp, len(dy), out[0], row_bytes), key=lambda block: block[0].start)
    parallel(xp, some, [(list(of_images),) for _, of_images in blocks])
    return dx[(slice(None), *(slice(p, p + h)
                              for p, h in zip(padding, x_shape[1:-1], strict=True)))]


def _blocks(x, w_shape, out):
    """Blocks whose patches stay in cache, and at least half as large as `w`, which each reads."""
    row_bytes = math.prod(out[1:]) * math.prod(w_shape[:-1]) * x.dtype.itemsize
    w_bytes = math.prod(w_shape) * x.dtype.itemsize
    return row_blocks(array_module(x), len(x), out[0], row_bytes, at_least=w_bytes // 2)


def _patches(x, images, rows, kernel, out, stride, padding):
    """The patch matrix of a block, (pixels, KH·KW·C): a strided view, and one copy."""
    start = rows.start * stride[0] - padding[0]
    stop = (rows.stop - 1) * stride[0] + kernel[0] - padding[0]
    pixels = strip(x, images, (start, stop), padding[1:],
                   _padded_size(x.shape[2:-1], padding[1:]))  # (n, rows in, W + 2P, C)
    n, *pixel_strides, c_stride = pixels.strides
    shape = (len(pixels), rows.stop - rows.start, *out[1:], *kernel, x.shape[-1])
    strides = (n, *(a * s for a, s in zip(pixel_strides, stride, strict=True)),
               *pixel_strides, c_stride)
    windows = array_module(x).lib.stride_tricks.as_strided(pixels, shape, strides)
    return windows.reshape(-1, math.prod(kernel) * x.shape[-1])


def strip(x, images, rows, before, size):
    """Cut some rows out of some images, with zeros where rows or columns lie outside.

    Parameters
    ----------
    x : array (N, H, W, C)
    images : slice
    rows : (int, int)
        The first, and the one after the last; they may be negative, or beyond H.
    before : tuple of int
        For W (and further axes): how many zeros stand before the first pixel.
    size : tuple of int
        For W (and further axes): how many pixels to give; what is too much is cut off.

    Returns
    -------
    array (n, rows, *size, C)
        A view where nothing lies outside.
    """
    start, stop = rows
    height, across = x.shape[1], x.shape[2:-1]
    if start >= 0 and stop <= height and across == tuple(size) and not any(before):
        return x[images, start:stop]
    n = images.stop - images.start
    pixels = array_module(x).empty((n, stop - start, *size, x.shape[-1]), dtype=x.dtype)
    first = min(max(start, 0), height)
    last = max(min(stop, height), first)
    pixels[:, : first - start] = pixels[:, last - start :] = 0
    inside = [slice(first - start, last - start)]  # what is x's own; the rest of it is zeroed
    for b, w, s in zip(before, across, size, strict=True):
        end = min(b + w, s)
        pixels[(slice(None), *inside, slice(0, b))] = 0
        pixels[(slice(None), *inside, slice(end, s))] = 0
        inside.append(slice(b, end))
    shown = (slice(0, place.stop - place.start) for place in inside[1:])
    pixels[(slice(None), *inside)] = x[(images, slice(first, last), *shown)]
    return pixels


def _padded_size(size, padding):
    return tuple(h + 2 * p for h, p in zip(size, padding, strict=True))
