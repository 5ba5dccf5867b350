"""The whole U-Net in plain array code, every forward right above its backward. Read this first.

An image goes down the left side of the U, where `enc` blocks find what is in it while pooling
makes it smaller; then up the right side, where up-convolutions make it large again. At each level
a skip carries the fine details straight across. Here with `depth` 2:

    x (H, W, C)                                                logits (H, W, 1)
      │                                                           ↑ head
    enc1 ────────────── skip (H, W, F) ──────────────→ concat → dec1
      │ pool                                              ↑ up
    enc2 ─────────── skip (H/2, W/2, 2F) ────────────→ concat → dec2
      │ pool                                              ↑ up
      └────────────→ bottom (H/4, W/4, 4F) ───────────────┘

Shapes: N images of H × W pixels with C channels are x (N, H, W, C); a layer has F output channels.
Every op is a pair: `y, cache = op_forward(x, …)`, and `dx, … = op_backward(dy, cache)`, where dx is
the gradient of the loss with respect to x (how the loss changes with each number of x) and has the
shape of x. The cache is what the forward pass must remember for the way back. One rule explains all
sums in it: a number that is used in several places gets a gradient from each, and they add.
Nothing here is fast or checks its input; the rest does both. On volumes, windows become cubes.
"""

import numpy as np  # CuPy's arrays work, too: NumPy's functions call those of an array's library


def conv_forward(x, w, b=0.0):
    """y[pixel] = b + Σ over i, j of padded[pixel + (i, j)] @ w[i, j], where zeros surround x."""
    K, P = len(w), len(w) // 2  # w is (K, K, C, F), K = 3 (1 in the head); padding P keeps the size
    _, H, W, _ = x.shape
    padded = np.pad(x, ((0, 0), (P, P), (P, P), (0, 0)))  # (N, H + 2P, W + 2P, C)
    y = b
    for i, j in np.ndindex(K, K):  # each place of the kernel is a matrix product over the channels
        y = y + padded[:, i : i + H, j : j + W] @ w[i, j]  # (N, H, W, C) @ (C, F)
    return y, (padded, w)  # y is (N, H, W, F)


def conv_backward(dy, cache):
    padded, w = cache
    _, H, W, F = dy.shape
    K, P, C = len(w), len(w) // 2, padded.shape[-1]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(K, K):  # in y = padded @ w, each of the two gets dy times the other
        patch = padded[:, i : i + H, j : j + W]  # (N, H, W, C)
        dw[i, j] = patch.reshape(-1, C).T @ dy.reshape(-1, F)  # (C, F): sums over images and pixels
        dpadded[:, i : i + H, j : j + W] += dy @ w[i, j].T  # patches overlap: what they give adds
    # dx (the zeros around x are not x), dw, db
    return dpadded[:, P : P + H, P : P + W], dw, dy.sum(axis=(0, 1, 2))


def batch_norm_forward(x, gamma, beta, eps=1e-5):
    """y = γ x̂ + β with x̂ = (x − μ) / √(σ² + ε): μ, σ² of each channel over images and pixels."""
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))  # (C,) each
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std  # (N, H, W, C)
    return gamma * x_hat + beta, (x_hat, std, gamma)


def batch_norm_backward(dy, cache):
    x_hat, std, gamma = cache
    M = dy.size // dy.shape[-1]  # the numbers in a channel: N · H · W
    dbeta = dy.sum(axis=(0, 1, 2))  # (C,)
    dgamma = (dy * x_hat).sum(axis=(0, 1, 2))  # (C,)
    # Each x moves its own x̂, and all others of its channel: the mean by ∂μ/∂x = 1 / M, and the
    # standard deviation by ∂std/∂x = x̂ / M. So there are three terms.
    dx = gamma / std * (dy - dbeta / M - x_hat * dgamma / M)
    return dx, dgamma, dbeta


def relu_forward(x):
    """y = x where x > 0, else 0."""
    positive = x > 0
    return x * positive, positive


def relu_backward(dy, positive):
    return dy * positive


def max_pool_forward(x):
    """y = the largest of each 2 × 2 pixels."""
    corners = np.stack([x[:, i::2, j::2] for i, j in np.ndindex(2, 2)])  # (4, N, H/2, W/2, C)
    return corners.max(axis=0), corners.argmax(axis=0)  # argmax: which won; of equals the first


def max_pool_backward(dy, winner):
    N, H, W, C = dy.shape
    dx = np.zeros_like(dy, shape=(N, 2 * H, 2 * W, C))
    for k, (i, j) in enumerate(np.ndindex(2, 2)):  # the winner gets all, the other three nothing
        dx[:, i::2, j::2] = dy * (winner == k)
    return dx


def conv_transpose_forward(x, w, b):
    """The up-convolution: each pixel becomes 2 × 2 pixels, corner (i, j) = pixel @ w[i, j]ᵀ + b."""
    N, H, W, _ = x.shape
    y = np.zeros_like(x, shape=(N, 2 * H, 2 * W, w.shape[2]))  # w is (2, 2, F, C)
    for i, j in np.ndindex(2, 2):  # F before C, as in the convolution whose way back this is
        y[:, i::2, j::2] = x @ w[i, j].T + b  # (N, H, W, C) @ (C, F)
    return y, (x, w)


def conv_transpose_backward(dy, cache):
    x, w = cache
    F, C = w.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(2, 2):
        corner = dy[:, i::2, j::2]  # (N, H, W, F)
        dx += corner @ w[i, j]  # a pixel was used for four: (N, H, W, F) @ (F, C)
        dw[i, j] = corner.reshape(-1, F).T @ x.reshape(-1, C)  # sums over images and pixels
    return dx, dw, dy.sum(axis=(0, 1, 2))  # dx, dw, db


def concat_forward(skip, up):
    """y = the channels of the skip, then those of the up-convolution, side by side."""
    return np.concatenate([skip, up], axis=-1), skip.shape[-1]


def concat_backward(dy, channels):
    return dy[..., :channels], dy[..., channels:]  # dskip, dup


def double_conv_forward(x, name, p):
    """The block that the U repeats: twice convolution, normalisation, ReLU. `p`: see `forward`."""
    halves = []
    for i in (1, 2):
        x, conv = conv_forward(x, p[f"{name}.conv{i}.w"])  # no bias: norm would subtract it again
        x, norm = batch_norm_forward(x, p[f"{name}.norm{i}.gamma"], p[f"{name}.norm{i}.beta"])
        x, relu = relu_forward(x)
        halves.append((i, conv, norm, relu))
    return x, (name, halves)  # x is (N, H, W, F)


def double_conv_backward(dy, cache):
    (name, halves), grads = cache, {}
    for i, conv, norm, relu in halves[::-1]:  # the last op comes first; its dx is the next one's dy
        dy = relu_backward(dy, relu)
        dy, dgamma, dbeta = batch_norm_backward(dy, norm)
        dy, dw, _ = conv_backward(dy, conv)
        grads |= {f"{name}.conv{i}.w": dw,
                  f"{name}.norm{i}.gamma": dgamma, f"{name}.norm{i}.beta": dbeta}
    return dy, grads  # dx, and the gradients of the block's parameters


def forward(x, p, depth):
    """Down, across, up. `p` is a dict of arrays: `UNet(…).params` makes one, of random weights."""
    cache, skips = {}, {}
    for level in range(1, depth + 1):  # H, W, F: those of the level. The weights' shapes make F.
        x, cache[f"enc{level}"] = double_conv_forward(x, f"enc{level}", p)  # (N, H, W, F)
        skips[level] = x  # for the way up
        x, cache[f"pool{level}"] = max_pool_forward(x)  # (N, H/2, W/2, F); H and W must be even
    x, cache["bottom"] = double_conv_forward(x, "bottom", p)  # (N, H/2, W/2, 2F)
    for level in range(depth, 0, -1):
        w, b = p[f"dec{level}.up.w"], p[f"dec{level}.up.b"]
        up, cache[f"up{level}"] = conv_transpose_forward(x, w, b)  # (N, H, W, F)
        x, cache[f"concat{level}"] = concat_forward(skips[level], up)  # (N, H, W, 2F)
        x, cache[f"dec{level}"] = double_conv_forward(x, f"dec{level}", p)  # (N, H, W, F)
    logits, cache["head"] = conv_forward(x, p["head.w"], p["head.b"])  # (N, H, W, 1)
    return logits, cache


def backward(dlogits, cache, depth):
    """The same way back, from the last op to the first: dx, and a gradient for each of `p`."""
    grads, dskips = {}, {}
    dx, grads["head.w"], grads["head.b"] = conv_backward(dlogits, cache["head"])
    for level in range(1, depth + 1):  # dec1 came last, so it is first
        dx, block_grads = double_conv_backward(dx, cache[f"dec{level}"])
        dskips[level], dup = concat_backward(dx, cache[f"concat{level}"])
        dx, dw, db = conv_transpose_backward(dup, cache[f"up{level}"])
        grads |= block_grads | {f"dec{level}.up.w": dw, f"dec{level}.up.b": db}
    dx, block_grads = double_conv_backward(dx, cache["bottom"])
    grads |= block_grads
    for level in range(depth, 0, -1):
        # The output of enc went two ways, down and across: the gradients of both ways add.
        dx = max_pool_backward(dx, cache[f"pool{level}"]) + dskips[level]
        dx, block_grads = double_conv_backward(dx, cache[f"enc{level}"])
        grads |= block_grads
    return dx, grads


def sigmoid_cross_entropy(z, t):
    """−t log σ(z) − (1 − t) log(1 − σ(z)) = log(1 + eᶻ) − t z for logit z, truth t; their mean."""
    loss = np.maximum(z, 0) - t * z + np.log1p(np.exp(-abs(z)))  # the same, and nothing overflows
    sigmoid = (1 + np.tanh(z / 2)) / 2  # σ(z) = 1 / (1 + e⁻ᶻ): the probability that it is tumour
    return loss.mean(), (sigmoid - t) / z.size  # loss, dlogits


def train_step(x, target, p, depth, velocity, lr=0.3, momentum=0.9):
    """Forward, loss, backward; then gradient descent with momentum, which changes `p` in place."""
    logits, cache = forward(x, p, depth)
    loss, dlogits = sigmoid_cross_entropy(logits, target)
    _, grads = backward(dlogits, cache, depth)
    for name in p:
        velocity[name] = momentum * velocity.get(name, 0) + grads[name]
        p[name] -= lr * velocity[name]
    return loss, logits


if __name__ == "__main__":
    import runpy
    runpy.run_module("minunet.plain_demo", run_name="__main__")
