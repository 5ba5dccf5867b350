"""The network without a way back: the same logits sooner. Skip this at first reading.

With stored statistics a normalisation is one scale and one shift, which the convolution before it
can do as well; its ReLU is done while the numbers are in cache; and nothing is kept.
"""

from minunet import ops
from minunet.engine.blas import blas_on_one_thread


@blas_on_one_thread()
def infer(x, params, *, depth, padding):
    """Compute the logits as `UNet.forward` does, with stored statistics and without dropout.

    Parameters
    ----------
    x : array (N, H, W, C)
    params : dict of arrays
        Of a network without normalisation: see `fold_norms`.
    depth, padding : int

    Returns
    -------
    logits : array (N, OH, OW, classes)
    """
    skips = {}
    for level in range(1, depth + 1):  # H, W and F are those of the level
        x = _double_conv(x, f"enc{level}", params, padding)  # (N, H, W, F)
        skips[level] = x
        x = ops.max_pool_inference(x)  # (N, H/2, W/2, F)
    x = _double_conv(x, "bottom", params, padding)  # (N, H/2, W/2, 2F)
    for level in range(depth, 0, -1):
        w, b = params[f"dec{level}.up.w"], params[f"dec{level}.up.b"]
        x, _ = ops.conv_transpose_forward(x, w, b, stride=2)  # (N, H, W, F)
        x, _ = ops.concat_forward(skips.pop(level), x)  # (N, H, W, 2F)
        x = _double_conv(x, f"dec{level}", params, padding)  # (N, H, W, F)
    return ops.conv_forward(x, params["head.w"], params["head.b"])[0]


def _double_conv(x, name, params, padding):
    """What `blocks.double_conv_forward` computes, with the normalisations folded in."""
    for i in (1, 2):
        w, b = params[f"{name}.conv{i}.w"], params[f"{name}.conv{i}.b"]
        x = ops.conv_relu_inference(x, w, b, padding=padding)
    return x


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
