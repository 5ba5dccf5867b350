"""The block that the U repeats: two times 3×3 convolution, normalisation, ReLU.

``y, cache = double_conv_forward(x, …)`` and ``dx, grads = double_conv_backward(dy, cache)``:
the convention of the ops, one scale up.
"""

from minunet import ops

MOMENTUM = 0.1  # the share of the newest batch in the running statistics, PyTorch's rule


def double_conv_forward(x, name, params, buffers, *, padding):
    """Compute y = ReLU(norm(conv(ReLU(norm(conv(x)))))), without norm if `params` hold none.

    norm takes the batch's own statistics; for inference there is `minunet.inference`.

    Parameters
    ----------
    x : array (N, H, W, C), float
    name : str
        The block's, such as ``"enc1"``: its parameters are ``enc1.conv1.w`` and so on.
    params, buffers : dicts of arrays
        The network's. The running statistics in `buffers` are updated.
    padding : int
        1 keeps the size, 0 drops two pixels at each border.

    Returns
    -------
    y : array (N, OH, OW, F)
    cache : list
        For each of the two halves its names and the caches of its ops.
    """
    cache, relu_cache = [], None
    for conv, norm in ((f"{name}.conv{i}", f"{name}.norm{i}") for i in (1, 2)):
        x, conv_cache = ops.conv_forward(  # (N, OH, OW, F)
            x, params[f"{conv}.w"], params.get(f"{conv}.b"), padding=padding)
        if f"{norm}.gamma" in params:
            if cache:  # conv2: its x is norm1's y, made again when needed; a fifth less memory
                conv_cache = (relu_cache.output, *conv_cache[1:])
            # norm and then ReLU, in one op because that is faster: see ops/fast/norm_relu.py
            x, relu_cache = ops.batch_norm_relu_forward(
                x, params[f"{norm}.gamma"], params[f"{norm}.beta"])
            _update_running(buffers[f"{norm}.mean"], buffers[f"{norm}.var"], relu_cache)
        else:
            norm = None
            x, relu_cache = ops.relu_forward(x)
        cache.append((conv, norm, [conv_cache, relu_cache]))
    return x, cache


def double_conv_backward(dy, cache, input_gradient=True):
    """Give dx, and the gradients of the block's parameters by name.

    Parameters
    ----------
    dy : array (N, OH, OW, F)
    cache : list
        From `double_conv_forward`. It is emptied on the way, to free memory early.
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


def _update_running(mean, var, cache):
    """Move the running statistics, in place, towards those of the batch."""
    mean += MOMENTUM * (cache.mean - mean)
    # One less than the number of pixels: the running variance is the unbiased one.
    var += MOMENTUM * (cache.var * (cache.pixels / max(cache.pixels - 1, 1)) - var)
