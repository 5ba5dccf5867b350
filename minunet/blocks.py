"""The block that the U repeats: two times 3×3 convolution, normalisation, ReLU.

``y, cache = double_conv_forward(x, …)`` and ``dx, grads = double_conv_backward(dy, cache)``:
the convention of the ops, one scale up.
"""

from minunet import ops

MOMENTUM = 0.1  # the share of the newest batch in the running statistics, PyTorch's rule


def double_conv_forward(x, name, params, buffers, *, padding, training):
    """Compute y = ReLU(norm(conv(ReLU(norm(conv(x)))))), without norm if `params` hold none.

    Parameters
    ----------
    x : array (N, H, W, C), float
    name : str
        The block's, such as ``"enc1"``: its parameters are ``enc1.conv1.w`` and so on.
    params, buffers : dict of arrays
        The network's. With `training` the running statistics in `buffers` are updated.
    padding : int
        1 keeps the size, 0 drops two pixels a side.
    training : bool

    Returns
    -------
    y : array (N, OH, OW, F)
    cache : list
        For each of the two halves its name and the caches of its three ops.
    """
    cache = []
    for i in (1, 2):
        w, b = params[f"{name}.conv{i}.w"], params.get(f"{name}.conv{i}.b")
        x, conv_cache = ops.conv_forward(x, w, b, padding=padding)
        x, norm_cache = _norm_forward(x, f"{name}.norm{i}", params, buffers, training)
        x, relu_cache = ops.relu_forward(x)
        cache.append((f"{name}.conv{i}", f"{name}.norm{i}", conv_cache, norm_cache, relu_cache))
    return x, cache


def double_conv_backward(dy, cache):
    """Give dx, and the gradients of the block's parameters by name.

    Parameters
    ----------
    dy : array (N, OH, OW, F)
    cache : list
        From `double_conv_forward` with ``training=True``.

    Returns
    -------
    dx : array (N, H, W, C)
    grads : dict of arrays
    """
    grads = {}
    for conv, norm, conv_cache, norm_cache, relu_cache in reversed(cache):
        dy = ops.relu_backward(dy, relu_cache)
        if norm_cache is not None:
            dy, grads[f"{norm}.gamma"], grads[f"{norm}.beta"] = ops.batch_norm_backward(
                dy, norm_cache)
        dy, grads[f"{conv}.w"], grads[f"{conv}.b"] = ops.conv_backward(dy, conv_cache)
    return dy, grads


def _norm_forward(x, name, params, buffers, training):
    """Normalise: with the batch's statistics while training, else with the running ones."""
    if f"{name}.gamma" not in params:
        return x, None
    gamma, beta = params[f"{name}.gamma"], params[f"{name}.beta"]
    mean, var = buffers[f"{name}.mean"], buffers[f"{name}.var"]
    if not training:
        return ops.batch_norm_inference(x, gamma, beta, mean, var), None
    y, cache = ops.batch_norm_forward(x, gamma, beta)
    pixels = x.size // x.shape[-1]
    mean += MOMENTUM * (cache.mean - mean)
    # One less than the number of pixels: the running variance is the unbiased one.
    var += MOMENTUM * (cache.var * (pixels / max(pixels - 1, 1)) - var)
    return y, cache
