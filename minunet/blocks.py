"""The block that the U repeats: two times 3×3 convolution, normalisation, ReLU.

``y, cache = double_conv_forward(x, …)`` and ``dx, grads = double_conv_backward(dy, cache)``:
the convention of the ops, one scale up.
"""

from minunet import ops

MOMENTUM = 0.1  # the share of the newest batch in the running statistics, PyTorch's rule


def double_conv_forward(x, name, params, buffers, *, padding, training):
    """Compute y = ReLU(norm(conv(ReLU(norm(conv(x)))))), without norm if `params` hold none.

    While training, norm takes the batch's own statistics. Else there must be none: `fold_norms`
    has put it into the convolutions; and nothing is kept for a way back.

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
        For each of the two halves its names and the caches of its ops; empty without
        `training`.
    """
    cache = []
    for conv, norm in ((f"{name}.conv{i}", f"{name}.norm{i}") for i in (1, 2)):
        w, b = params[f"{conv}.w"], params.get(f"{conv}.b")
        gamma, beta = params.get(f"{norm}.gamma"), params.get(f"{norm}.beta")
        mean, var = buffers.get(f"{norm}.mean"), buffers.get(f"{norm}.var")
        if not training:
            x = ops.conv_relu_inference(x, w, b, padding=padding)
            continue
        x, conv_cache = ops.conv_forward(x, w, b, padding=padding)
        if gamma is None:
            x, relu_cache = ops.relu_forward(x)
        else:
            x, relu_cache = ops.batch_norm_relu_forward(x, gamma, beta)
            _update_running(mean, var, relu_cache)
        cache.append((conv, None if gamma is None else norm, [conv_cache, relu_cache]))
    return x, cache


def double_conv_backward(dy, cache, input_gradient=True):
    """Give dx, and the gradients of the block's parameters by name.

    Parameters
    ----------
    dy : array (N, OH, OW, F)
    cache : list
        From `double_conv_forward` with ``training=True``. It is emptied on the way.
    input_gradient : bool
        Whether dx is wanted.

    Returns
    -------
    dx : array (N, H, W, C), or None
    grads : dict of arrays
    """
    grads = {}
    while cache:
        conv, norm, caches = cache.pop()  # popped, so that each is freed when it has been used
        if norm:
            dy, grads[f"{norm}.gamma"], grads[f"{norm}.beta"] = ops.batch_norm_relu_backward(
                dy, caches.pop())
        else:
            dy = ops.relu_backward(dy, caches.pop())
        dy, grads[f"{conv}.w"], grads[f"{conv}.b"] = ops.conv_backward(
            dy, caches.pop(), input_gradient=bool(cache) or input_gradient)
    return dy, grads


def fold_norms(params, buffers):
    """Put every normalisation, with its running statistics, into the convolution before it.

    Parameters
    ----------
    params, buffers : dicts of arrays
        A network's.

    Returns
    -------
    dict of arrays
        The parameters of the same network without normalisation.
    """
    folded = {}
    for name, array in params.items():
        conv = name.removesuffix(".w")
        norm = conv.replace("conv", "norm")
        if f"{norm}.gamma" in params:
            folded[name], folded[f"{conv}.b"] = ops.fold_batch_norm(
                array, params[f"{norm}.gamma"], params[f"{norm}.beta"],
                buffers[f"{norm}.mean"], buffers[f"{norm}.var"])
        elif not name.endswith((".gamma", ".beta")):
            folded[name] = array
    return folded


def _update_running(mean, var, cache):
    """Move the running statistics, in place, towards those of the batch."""
    pixels = cache.x.size // cache.x.shape[-1]
    mean += MOMENTUM * (cache.mean - mean)
    # One less than the number of pixels: the running variance is the unbiased one.
    var += MOMENTUM * (cache.var * (pixels / max(pixels - 1, 1)) - var)


class NoCache(dict):
    """Forgets what it is given, so that each op's cache is freed at once."""

    def __setitem__(self, name, cache):
        pass
