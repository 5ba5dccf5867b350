"""All nine tasks of `minunet exercises`, solved: for the tests, which grade it and spoil it."""

import numpy as np


def relu_forward(x):
    positive = x > 0
    return np.where(positive, x, 0), positive


def relu_backward(dy, cache):
    return np.where(cache, dy, 0)


def max_pool_forward(x):
    n, h, w, c = x.shape
    oh, ow = h // 2, w // 2
    windows = x[:, : 2 * oh, : 2 * ow].reshape(n, oh, 2, ow, 2, c)
    windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, oh, ow, c, 4)
    winner = windows.argmax(axis=-1)
    y = np.take_along_axis(windows, winner[..., None], axis=-1)[..., 0]
    return y, (winner, x.shape)


def max_pool_backward(dy, cache):
    winner, shape = cache
    dx = np.zeros(shape, dtype=dy.dtype)
    for n, h, w, c in np.ndindex(*dy.shape):
        i, j = divmod(winner[n, h, w, c], 2)
        dx[n, 2 * h + i, 2 * w + j, c] = dy[n, h, w, c]
    return dx


def conv_forward(x, w, b=None, *, stride=1, padding=0):
    n, h, width, c = x.shape
    kh, kw, _, f = w.shape
    s, p = stride, padding
    padded = np.zeros((n, h + 2 * p, width + 2 * p, c), dtype=x.dtype)
    padded[:, p : p + h, p : p + width] = x
    oh, ow = (h + 2 * p - kh) // s + 1, (width + 2 * p - kw) // s + 1
    y = np.zeros((n, oh, ow, f), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            y += padded[:, i : i + oh * s : s, j : j + ow * s : s][:, :oh, :ow] @ w[i, j]
    if b is not None:
        y += b
    return y, (padded, w, b, s, p)


def conv_backward(dy, cache):
    padded, w, b, s, p = cache
    oh, ow, f = dy.shape[1:]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            here = (slice(None), slice(i, i + (oh - 1) * s + 1, s),
                    slice(j, j + (ow - 1) * s + 1, s))
            dw[i, j] += np.tensordot(padded[here], dy, axes=((0, 1, 2), (0, 1, 2)))
            dpadded[here] += dy @ w[i, j].T
    h, width = padded.shape[1] - 2 * p, padded.shape[2] - 2 * p
    dx = dpadded[:, p : p + h, p : p + width]
    db = None if b is None else dy.sum(axis=(0, 1, 2))
    return dx, dw, db


def conv_transpose_forward(x, w, b=None, *, stride=1, padding=0):
    n, h, width, _ = x.shape
    kh, kw, f, _ = w.shape
    s, p = stride, padding
    size = ((h - 1) * s + kh, (width - 1) * s + kw)
    painted = np.zeros((n, *size, f), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            painted[:, i : i + (h - 1) * s + 1 : s, j : j + (width - 1) * s + 1 : s] += (
                x @ w[i, j].T)
    y = painted[:, p : size[0] - p, p : size[1] - p]
    if b is not None:
        y = y + b
    return y, (x, w, b, s, p)


def conv_transpose_backward(dy, cache):
    x, w, b, s, p = cache
    dx, (_, dw, _) = (conv_forward(dy, w, stride=s, padding=p)[0],
                      conv_backward(x, conv_forward(dy, w, stride=s, padding=p)[1]))
    return dx, dw, None if b is None else dy.sum(axis=(0, 1, 2))


def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    mean = x.mean(axis=(0, 1, 2))
    var = x.var(axis=(0, 1, 2))
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def batch_norm_backward(dy, cache):
    x_hat, std, gamma = cache
    m = dy[..., 0].size
    dbeta = dy.sum(axis=(0, 1, 2))
    dgamma = (dy * x_hat).sum(axis=(0, 1, 2))
    dx = gamma / std * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma, dbeta


def concat_forward(skip, up):
    oh, ow = up.shape[1:3]
    a, b = (skip.shape[1] - oh) // 2, (skip.shape[2] - ow) // 2
    y = np.concatenate([skip[:, a : a + oh, b : b + ow], up], axis=-1)
    return y, (skip.shape, a, b)


def concat_backward(dy, cache):
    shape, a, b = cache
    dskip = np.zeros(shape, dtype=dy.dtype)
    dskip[:, a : a + dy.shape[1], b : b + dy.shape[2]] = dy[..., : shape[-1]]
    return dskip, dy[..., shape[-1] :]


def level_forward(x, w, b):
    pooled, pool = max_pool_forward(x)
    up, conv = conv_transpose_forward(pooled, w, b, stride=2)
    y, concat = concat_forward(x, up)
    return y, (pool, conv, concat)


def level_backward(dy, cache):
    pool, conv, concat = cache
    dskip, dup = concat_backward(dy, concat)
    dpooled, dw, db = conv_transpose_backward(dup, conv)
    return dskip + max_pool_backward(dpooled, pool), dw, db


def block_forward(x, p, name):
    caches = []
    for k in ("1", "2"):
        x, conv = conv_forward(x, p[f"{name}.conv{k}.w"], padding=1)
        x, norm = batch_norm_forward(x, p[f"{name}.norm{k}.gamma"], p[f"{name}.norm{k}.beta"])
        x, relu = relu_forward(x)
        caches.append((k, conv, norm, relu))
    return x, caches


def block_backward(dy, caches, name, grads):
    for k, conv, norm, relu in reversed(caches):
        dy = relu_backward(dy, relu)
        dy, grads[f"{name}.norm{k}.gamma"], grads[f"{name}.norm{k}.beta"] = (
            batch_norm_backward(dy, norm))
        dy, grads[f"{name}.conv{k}.w"], _ = conv_backward(dy, conv)
    return dy


def forward(x, p, depth):
    caches, skips = [], []
    for level in range(1, depth + 1):
        x, block = block_forward(x, p, f"enc{level}")
        skips.append(x)
        x, pool = max_pool_forward(x)
        caches.append((block, pool))
    x, bottom = block_forward(x, p, "bottom")
    ups = []
    for level in range(depth, 0, -1):
        up, conv = conv_transpose_forward(x, p[f"dec{level}.up.w"], p[f"dec{level}.up.b"],
                                          stride=2)
        x, concat = concat_forward(skips[level - 1], up)
        x, block = block_forward(x, p, f"dec{level}")
        ups.append((level, conv, concat, block))
    logits, head = conv_forward(x, p["head.w"], p["head.b"])
    return logits, (caches, bottom, ups, head)


def backward(dlogits, cache, depth):
    caches, bottom, ups, head = cache
    grads, dskips = {}, {}
    dx, grads["head.w"], grads["head.b"] = conv_backward(dlogits, head)
    for level, conv, concat, block in reversed(ups):
        dx = block_backward(dx, block, f"dec{level}", grads)
        dskips[level], dup = concat_backward(dx, concat)
        dx, grads[f"dec{level}.up.w"], grads[f"dec{level}.up.b"] = (
            conv_transpose_backward(dup, conv))
    dx = block_backward(dx, bottom, "bottom", grads)
    for level in range(depth, 0, -1):
        block, pool = caches[level - 1]
        dx = dskips[level] + max_pool_backward(dx, pool)
        dx = block_backward(dx, block, f"enc{level}", grads)
    return dx, grads
