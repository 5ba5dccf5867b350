"""A U-Net by hand: nine tasks. Replace each `raise NotImplementedError` by code of your own.

    minunet grade unet_by_hand.py        grade all tasks
    minunet grade unet_by_hand.py 3      grade task 3

Use NumPy alone. N images of H × W pixels with C channels are x (N, H, W, C); F channels come out;
KH × KW is the kernel, S the stride, P the padding; y is (N, OH, OW, F). Every operation is a pair:

    y, cache = op_forward(x, …)       the cache is yours: keep in it what backward needs
    dx, …    = op_backward(dy, cache)

dy is the gradient of the loss with respect to y and has its shape; dx is the same for x. No
function changes what it is given, and none keeps anything but its cache. In the grading inputs are
float64, and results must be exact but for rounding, so keep the dtype of x (only the learning in
task 9 is in float32). Backward may be called twice with one cache: do not empty or change it.
"""

import numpy as np

# Task 1: ReLU. Read docs/ops/relu.md.


def relu_forward(x):
    """y = x where x > 0, else 0. x and y have any shape.

    >>> relu_forward(np.array([-2., 0, 3]))[0].tolist()
    [0.0, 0.0, 3.0]
    """
    raise NotImplementedError("task 1: relu_forward")


def relu_backward(dy, cache):
    """dx: what dy is where x > 0, else 0 (so at x = 0, too).

    x = (−2, 0, 3) and dy = (10, 20, 30) give dx = (0, 0, 30).
    """
    raise NotImplementedError("task 1: relu_backward")


# Task 2: max pooling. Read docs/ops/max_pooling.md.


def max_pool_forward(x):
    """y[n, oh, ow, c] = the largest of the 2 × 2 pixels x[n, 2·oh + (0 or 1), 2·ow + (0 or 1), c].

    x is (N, H, W, C), y (N, ⌊H/2⌋, ⌊W/2⌋, C): if H or W is odd, the last row or column is in no
    window.

    >>> x = np.array([[1., 2, 0, 7], [4, 3, 7, 5]]).reshape(1, 2, 4, 1)
    >>> max_pool_forward(x)[0].ravel().tolist()
    [4.0, 7.0]
    """
    raise NotImplementedError("task 2: max_pool_forward")


def max_pool_backward(dy, cache):
    """dx (N, H, W, C): each dy goes to the pixel that was the largest, all others get 0.

    Of equal pixels the first, row by row, gets it all. In the example above dy = (10, 20) gives
    dx = ((0, 0, 0, 20), (10, 0, 0, 0)).
    """
    raise NotImplementedError("task 2: max_pool_backward")


# Tasks 3, 4 and 5: the convolution. Read docs/ops/convolution.md.


def conv_forward(x, w, b=None, *, stride=1, padding=0):
    """Task 3: y[n, oh, ow, f] = b[f] + Σ x[n, oh·S + kh − P, ow·S + kw − P, c] · w[kh, kw, c, f].

    The sum runs over kh, kw and c; x counts as 0 outside the image; the kernel is not turned.
    x (N, H, W, C), w (KH, KW, C, F), b (F,) or None, S and P whole numbers, the same for both axes.
    y (N, OH, OW, F) with OH = ⌊(H + 2P − KH) / S⌋ + 1, and OW likewise.

    >>> x = np.array([[1., 2, 0], [0, 1, 3], [2, 0, 1]]).reshape(1, 3, 3, 1)
    >>> w = np.array([[1., 2], [0, -1]]).reshape(2, 2, 1, 1)
    >>> conv_forward(x, w)[0].ravel().tolist()  # the first: 1·1 + 2·2 + 0·0 + 1·(−1)
    [4.0, -1.0, 2.0, 6.0]
    """
    raise NotImplementedError("task 3: conv_forward")


def conv_backward(dy, cache):
    """The gradients dx, dw, db: for each of x, w and b how the loss changes with it.

    Task 4: db[f] = Σ dy[n, oh, ow, f], over n, oh and ow; None if b was None. And
    dw[kh, kw, c, f] = Σ x[n, oh·S + kh − P, ow·S + kw − P, c] · dy[n, oh, ow, f], over the same.

    Task 5: dx[n, h, w, c] = Σ w[kh, kw, c, f] · dy[n, oh, ow, f], over f and over all kh, kw, oh,
    ow that meet the pixel: oh·S + kh − P = h and ow·S + kw − P = w.

    A row x = (1, 2, 3), w = (5, 7) and dy = (1, 10) give dw = (21, 32) and dx = (5, 57, 70).
    """
    dx = dw = db = None  # a dx of None means: task 5 is not written yet
    raise NotImplementedError("task 4: dw and db")
    # Task 5: write dx in the same function, here, before return.
    return dx, dw, db


# Task 6: the up-convolution. Read docs/ops/transposed_convolution.md.


def conv_transpose_forward(x, w, b=None, *, stride=1, padding=0):
    """Each pixel paints the kernel, times its value, on a finer grid. Where they meet, paint adds:

        y[n, h·S + kh − P, w·S + kw − P, f] += Σ over c of x[n, h, w, c] · w[kh, kw, f, c]

    What falls outside y is dropped; then b[f] is added, once. x (N, H, W, C), w (KH, KW, F, C): F
    stands before C. y (N, OH, OW, F) with OH = (H − 1)·S + KH − 2P, and OW likewise.

    >>> x, w = np.array([1., 2]).reshape(1, 1, 2, 1), np.array([1., 2, 3]).reshape(1, 3, 1, 1)
    >>> conv_transpose_forward(x, w, stride=2)[0].ravel().tolist()  # 5 = 1·3 + 2·1
    [1.0, 2.0, 5.0, 4.0, 6.0]
    """
    raise NotImplementedError("task 6: conv_transpose_forward")


def conv_transpose_backward(dy, cache):
    """The gradients dx, dw, db (None if b was None). What painted where, collects there.

    In the example above dy = (1, 0, −1, 2, 1) gives dx = (−2, 6) and dw = (−1, 4, 1).
    """
    raise NotImplementedError("task 6: conv_transpose_backward")


# Task 7: batch normalisation. Read docs/ops/batch_normalisation.md.


def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    """y = γ x̂ + β with x̂ = (x − μ) / √(σ² + ε).

    For each channel μ is the mean of x and σ² the mean of (x − μ)², over all M = N·H·W of its
    numbers in this batch. x and y (N, H, W, C), gamma and beta (C,).

    >>> x = np.array([5., 1, 5, 1]).reshape(1, 2, 2, 1)  # μ = 3, σ² = 4
    >>> batch_norm_forward(x, np.array([2.]), np.array([1.]), eps=0)[0].ravel().tolist()
    [3.0, -1.0, 3.0, -1.0]
    """
    raise NotImplementedError("task 7: batch_norm_forward")


def batch_norm_backward(dy, cache):
    """The gradients dx, dgamma, dbeta.

    dx has three terms, for the three ways from x to y: directly, through μ, and through σ². In the
    example above dy = (1, 0, 0, 0) gives dx = (0.5, 0, −0.5, 0), dgamma = 1 and dbeta = 1.
    """
    raise NotImplementedError("task 7: batch_norm_backward")


# Task 8: the skip. Read docs/ops/concatenation.md and docs/skip.md.


def concat_forward(skip, up):
    """y = [centre of skip, up], side by side along the channels.

    skip (N, H, W, C), up (N, OH, OW, F) with OH ≤ H and OW ≤ W, y (N, OH, OW, C + F). The centre
    begins at row ⌊(H − OH) / 2⌋ and column ⌊(W − OW) / 2⌋ of skip.

    >>> skip, up = np.array([1., 2, 3, 4]).reshape(1, 1, 4, 1), np.full((1, 1, 2, 1), 9.)
    >>> concat_forward(skip, up)[0].tolist()
    [[[[2.0, 9.0], [3.0, 9.0]]]]
    """
    raise NotImplementedError("task 8: concat_forward")


def concat_backward(dy, cache):
    """The gradients dskip (N, H, W, C) and dup (N, OH, OW, F)."""
    raise NotImplementedError("task 8: concat_backward")


def level_forward(x, w, b):
    """One level of the U, made of your own operations: x goes two ways, across and down.

    Down: max pooling, then the up-convolution with w (2, 2, F, C), b (F,), S = 2 and P = 0.
    Across: x itself, as the skip. y (N, 2⌊H/2⌋, 2⌊W/2⌋, C + F) is the concatenation of the two.
    """
    raise NotImplementedError("task 8: level_forward")


def level_backward(dy, cache):
    """The gradients dx, dw, db. x was used twice: what comes back on its two ways adds."""
    raise NotImplementedError("task 8: level_backward")


# Task 9: the U-Net, made of your own operations. Read docs/what_is_a_unet.md and docs/unet.md.


def forward(x, p, depth):
    """logits, cache: down, across, up. x (N, H, W, C), logits (N, H, W, 1). Write helpers freely.

    p holds the parameters by name; no function may change them. A block, "enc1" for example, is
    twice convolution, normalisation, ReLU: a 3×3 convolution with w = p["enc1.conv1.w"], padding 1
    and no b, then p["enc1.norm1.gamma"] and p["enc1.norm1.beta"]; then conv2 and norm2.

        for level 1, 2, …, depth:     block enc{level}; its output is the skip; max pooling
        then                          block bottom
        for level depth, …, 2, 1:     up-convolution with stride 2, p["dec{level}.up.w"] and
                                      p["dec{level}.up.b"]; concatenation [skip, up];
                                      block dec{level}
        then                          a 1×1 convolution with p["head.w"] and p["head.b"]
    """
    raise NotImplementedError("task 9: forward")


def backward(dlogits, cache, depth):
    """dx, grads: the same way back. grads is a dict with the names of p and the gradients."""
    raise NotImplementedError("task 9: backward")
