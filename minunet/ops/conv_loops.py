"""Convolution by its definition, in loops: slow, and what the other methods must equal.

Output pixel o meets input pixel i = o·S + k − P through the weight at k, for every k in the
kernel. Three arrays meet there, and each of the three functions computes one from the others::

    y[o] += x[i] · w[k]        dx[i] += w[k] · dy[o]        dw[k] += x[i] ⊗ dy[o]
"""

import numpy as np

from minunet.engine.backend import array_module


def forward(x, w, b, out, stride, padding, relu=False):
    """y[n, o, f] = b[f] + Σₖ Σ_c x[n, o·S + k − P, c] w[k, c, f], zeros outside the image.

    With `relu`, which only inference asks for, max(y, 0).
    """
    y = array_module(x).zeros((len(x), *out, w.shape[-1]), dtype=x.dtype)  # (N, OH, OW, F)
    for o, k, i in _meetings(x.shape, out, w.shape[:-2], stride, padding):
        y[o] += x[i] @ w[k]
    y = y if b is None else y + b
    return array_module(x).maximum(y, 0) if relu else y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx[n, i, c] = Σ over all (o, k) that meet i: Σ_f w[k, c, f] dy[n, o, f]."""
    dx = array_module(dy).zeros(x_shape, dtype=dy.dtype)  # (N, H, W, C)
    for o, k, i in _meetings(x_shape, dy.shape[1:-1], w.shape[:-2], stride, padding):
        dx[i] += w[k] @ dy[o]
    return dx


def weight_gradient(x, dy, kernel, stride, padding):
    """dw[k, c, f] = Σₙ Σₒ x[n, o·S + k − P, c] dy[n, o, f]."""
    dw = array_module(x).zeros((*kernel, x.shape[-1], dy.shape[-1]), dtype=x.dtype)
    for o, k, i in _meetings(x.shape, dy.shape[1:-1], kernel, stride, padding):
        dw[k] += x[i][:, None] * dy[o]
    return dw


def _meetings(x_shape, out, kernel, stride, padding):
    """Yield the indices (n, o), (k) and (n, i) of every meeting inside the image."""
    n_images, *size, _ = x_shape
    for n in range(n_images):
        for o in np.ndindex(*out):
            for k in np.ndindex(*kernel):
                i = tuple(a * s + b - p for a, b, s, p in zip(o, k, stride, padding, strict=True))
                if all(0 <= a < h for a, h in zip(i, size, strict=True)):
                    yield (n, *o), k, (n, *i)
