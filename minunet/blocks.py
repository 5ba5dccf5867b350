"""The block that the U repeats: two times 3×3 convolution, normalisation, ReLU.

``y, cache = double_conv_forward(x, …)`` and ``dx, grads = double_conv_backward(dy, cache)``:
the convention of the ops, one scale up.
"""

from minunet import ops

MOMENTUM = 0.1  # the share of the newest batch in the running statistics, PyTorch's rule


def double_conv_forward(x, name, params, buffers, *, padding, training):
    """Compute y = ReLU(norm(conv(ReLU(norm(conv(x)))))), without norm if `params` hold none.

    While training, norm takes the batch's own statistics; else the running ones, folded into
    the convolution's weights.

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
    for conv, norm in ((f"{name}.conv{i}", f"{name}.norm{i}") for i in (1, 2)):
        w, b = params[f"{conv}.w"], params.get(f"{conv}.b")
        gamma, beta = params.get(f"{norm}.gamma"), params.get(f"{norm}.beta")
        mean, var = buffers.get(f"{norm}.mean"), buffers.get(f"{norm}.var")
        norm_cache = None
        if gamma is not None and not training:
            w, b = ops.fold_batch_norm(w, gamma, beta, mean, var)
        x, conv_cache = ops.conv_forward(x, w, b, padding=padding)
        if gamma is not None and training:
            x, norm_cache = ops.batch_norm_forward(x, gamma, beta)
            _update_running(mean, var, norm_cache)
        x, relu_cache = ops.relu_forward(x)
        cache.append((conv, norm, conv_cache, norm_cache, relu_cache))
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


def _update_running(mean, var, cache):
    """Move the running statistics, in place, towards those of the batch."""
    pixels = cache.x.size // cache.x.shape[-1]
    mean += MOMENTUM * (cache.mean - mean)
    # One less than the number of pixels: the running variance is the unbiased one.
    var += MOMENTUM * (cache.var * (pixels / max(pixels - 1, 1)) - var)
