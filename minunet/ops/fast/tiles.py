"""Convolution whose kernel is as large as its stride: patches tile the image, and never overlap.

That is the U-Net's up-convolution, with KH = KW = S = 2, and its head, with 1. Every pixel is in
one patch, so to lay the patches out as a matrix only puts the pixels into another order (for a
kernel of 1, not even that), and one matrix product does the rest::

    y = patches(x) · w            (pixels of y, KH·KW·C) times (KH·KW·C, F)

A row of the kernel meets one row of the image, cut into pieces of KW pixels: KW·C numbers side
by side. So patches are copied, and the gradient is put back, in pieces as long as that.
"""

import math

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, row_blocks, workers


def fits(kernel, stride, padding):
    """Tell whether the method applies."""
    return kernel == stride and max(padding) == 0


def forward(x, w, b, out, stride, padding, relu=False):
    """y = patches · w, and the bias."""
    xp, f = array_module(x), w.shape[-1]
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)
    patches, w_matrix = _patches(x, stride, out), w.reshape(-1, f)

    def block(images, rows):
        here = y[images, rows].reshape(-1, f)  # a view: a block is one stretch of memory
        xp.matmul(patches[images, rows].reshape(-1, len(w_matrix)), w_matrix, out=here)
        if b is not None:
            here += b
        if relu:
            xp.maximum(here, 0, out=here)

    parallel(xp, block, _blocks(y, w))
    return y


def data_gradient(dy, w, x_shape, stride, padding, b=None):
    """dx: patches = dy · wᵀ, written to where they lie. With `b` (C,) added: see im2col."""
    xp, out, f = array_module(dy), dy.shape[1:-1], dy.shape[-1]
    covered = all(h == o * s for h, o, s in zip(x_shape[1:-1], out, stride, strict=True))
    dx = (xp.empty if covered else xp.zeros)(x_shape, dtype=dy.dtype)  # (N, H, W, C)
    patches, axes = _patches(dx, stride, out), len(stride)
    rows_first = (*range(axes + 1, 2 * axes), *range(axes + 1), -1)  # rows of the kernel
    w_rows = w.reshape(-1, stride[-1] * w.shape[-2], f).swapaxes(1, 2)  # (KH, F, KW·C)
    bias = None if b is None else xp.tile(b, stride[-1])  # (KW·C,)

    def block(images, rows):
        here = patches[images, rows].transpose(rows_first)  # (KH, n, rows, OW, KW·C)
        pieces = xp.matmul(dy[images, rows].reshape(-1, f), w_rows).reshape(here.shape)
        if b is None:
            here[...] = pieces
        else:
            xp.add(pieces, bias, out=here)

    parallel(xp, block, _blocks(dy, w))
    return dx


def weight_gradient(x, dy, kernel, stride, padding):
    """dw = Σ patchesᵀ · dy over the blocks; each share is added up in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    patches, size = _patches(x, stride, dy.shape[1:-1]), math.prod(kernel) * c
    blocks = _blocks(dy, xp.empty((*kernel, c, f), dtype=dy.dtype))
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, rows in blocks[first : first + share]:
            yield patches[images, rows].reshape(-1, size).T @ dy[images, rows].reshape(-1, f)

    dw = add_up(parallel(xp, lambda first: add_up(products(first)),
                         [(first,) for first in range(0, len(blocks), share)]))
    return dw.reshape(*kernel, c, f)


def _patches(x, stride, out):
    """All patches, (N, OH, OW, KH, KW·C): a view of x, which may be written through."""
    *lead, last = stride
    covered = x[(slice(None), *(slice(0, o * s) for o, s in zip(out, stride, strict=True)))]
    cut = [n for o, s in zip(out, lead, strict=False) for n in (o, s)]
    pieces = covered.reshape(len(x), *cut, out[-1], last * x.shape[-1])
    axes = len(cut)  # N, OH, KH, OW, KW·C: first those of the image, then those of the kernel
    return pieces.transpose(0, *range(1, axes + 1, 2), axes + 1, *range(2, axes + 1, 2), axes + 2)


def _blocks(small, w):
    """Cut `small`, the array that has one pixel for each patch, into blocks of rows.

    A block's product, of patches and pixels, stays in cache, and is at least half as large as
    `w`, which each reads.
    """
    row_bytes = math.prod(small.shape[2:-1]) * small.itemsize * (w.size // small.shape[-1]
                                                                  + small.shape[-1])
    return row_blocks(array_module(small), len(small), small.shape[1], row_bytes,
                      at_least=w.nbytes // 2)
