"""Convolution whose kernel is as large as its stride: patches tile the image, and never overlap.

That is the U-Net's up-convolution, with KH = KW = S = 2, and its head, with 1. A row of the
kernel meets one row of the image, cut into pieces of KW pixels: KW·C numbers side by side::

    y[h, w] = Σ over kh of  x[h·S + kh] cut at w · w[kh]        (KW·C) times (KW·C, F)

So each of the KH matrix products takes or gives rows of the image as they lie in memory, where
`im2col` would have to copy patches out and to add them back.
"""

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, row_blocks, workers


def fits(kernel, stride, padding):
    """Tell whether the method applies."""
    return kernel == stride and max(padding) == 0


def forward(x, w, b, out, stride, padding, relu=False):
    """y = Σ over the rows k of the kernel: pieces(k) · w[k], and the bias."""
    xp = array_module(x)
    y = xp.empty((len(x), *out, w.shape[-1]), dtype=x.dtype)  # (N, OH, OW, F)
    pieces = [(_pieces(x, k, stride, out), _flat(w[k])) for k in np.ndindex(*stride[:-1])]

    def block(images, rows):
        here, total = y[images, rows], 0 if b is None else b
        for source, w_k in pieces:
            total = total + source[images, rows].reshape(-1, len(w_k)) @ w_k
        here[...] = (xp.maximum(total, 0) if relu else total).reshape(here.shape)

    parallel(xp, block, _blocks(y))
    return y


def data_gradient(dy, w, x_shape, stride, padding, b=None):
    """dx: pieces(k) = dy · w[k]ᵀ, written to where they lie. With `b` (C,) added: see im2col."""
    xp, out = array_module(dy), dy.shape[1:-1]
    covered = all(h == o * s for h, o, s in zip(x_shape[1:-1], out, stride, strict=True))
    dx = (xp.empty if covered else xp.zeros)(x_shape, dtype=dy.dtype)  # (N, H, W, C)
    pieces = [(_pieces(dx, k, stride, out), _flat(w[k])) for k in np.ndindex(*stride[:-1])]
    bias = None if b is None else xp.tile(b, stride[-1])  # (KW·C,)

    def block(images, rows):
        gradient = dy[images, rows].reshape(-1, dy.shape[-1])
        for target, w_k in pieces:
            piece, here = gradient @ w_k.T, target[images, rows]
            if b is not None:
                piece += bias
            here[...] = piece.reshape(here.shape)

    parallel(xp, block, _blocks(dy))
    return dx


def weight_gradient(x, dy, kernel, stride, padding):
    """dw[k] = Σ pieces(k)ᵀ · dy over the blocks; each share is added up in a fixed order."""
    xp, out, f = array_module(x), dy.shape[1:-1], dy.shape[-1]
    blocks = _blocks(dy)
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, rows in blocks[first : first + share]:
            gradient = dy[images, rows].reshape(-1, f)
            pieces = [_pieces(x, k, stride, out)[images, rows].reshape(len(gradient), -1)
                      for k in np.ndindex(*stride[:-1])]
            yield xp.stack([piece.T @ gradient for piece in pieces])  # (KH, KW·C, F)

    dw = add_up(parallel(xp, lambda first: add_up(products(first)),
                         [(first,) for first in range(0, len(blocks), share)]))
    return dw.reshape(*kernel, x.shape[-1], f)


def _pieces(x, k, stride, out):
    """Row k of every patch, (N, OH, OW, KW·C): a view of x, which may be written through."""
    *lead, last = stride
    begin = [slice(a, a + (o - 1) * s + 1, s) for a, o, s in zip(k, out, lead, strict=False)]
    rows = x[(slice(None), *begin, slice(0, out[-1] * last))]
    return rows.reshape(*rows.shape[:-2], out[-1], last * x.shape[-1])


def _flat(w_k):
    """One row of the kernel as a matrix (KW·C, F)."""
    return w_k.reshape(-1, w_k.shape[-1])


def _blocks(small):
    """Cut `small`, the array that has one pixel for each patch, into blocks of rows.

    A block needs four times its bytes: itself, as much of the other array, and two products.
    """
    return row_blocks(array_module(small), len(small), small.shape[1], 4 * small[:1, :1].nbytes)
