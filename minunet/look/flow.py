"""What flows back in a step of training: gauges at every convolution."""

from typing import NamedTuple

from minunet import ops
from minunet.engine.blas import blas_on_one_thread
from minunet.look.maps import kind_of, maps_and_caches, wiring

BACKWARD = {
    "conv": ops.conv_backward, "norm": ops.batch_norm_backward, "relu": ops.relu_backward,
    "pool": ops.max_pool_backward, "up": ops.conv_transpose_backward,
    "concat": ops.concat_backward, "head": ops.conv_backward,
}


class Gauge(NamedTuple):
    """What a step of training finds at one convolution."""

    layer: str
    zeros: float  # the share of zeros after its ReLU; NaN where there is none
    dw: float  # |dw| / |w|: how large the gradient is for the weights that it is to move
    dx: float  # the norm of the gradient that is handed on, to what comes before


@blas_on_one_thread()
def gauges(net, x, target, loss=ops.sigmoid_cross_entropy):
    """Read at every convolution what a step of training would find. No step is made.

    Call it in a loop of training, before the steps that you want to see: it costs about as much as
    one. Batch normalisation takes the batch's statistics; dropout is left out.

    Parameters
    ----------
    net : UNet
    x : array (N, H, W, C)
    target : array
        As `loss` takes it.
    loss : callable
        ``value, dlogits = loss(logits, target)``

    Returns
    -------
    list of Gauge
        In the order in which data meets them.

    Examples
    --------
    Behind a normalisation half of what a ReLU sees is negative, more or less:

    >>> for gauge in gauges(net, x, (x > 0).astype(x.dtype)):
    ...     if gauge.layer.startswith("bottom"):
    ...         print(gauge.layer, 0.4 < gauge.zeros < 0.6)
    bottom.conv1 True
    bottom.conv2 True
    """
    maps, caches = maps_and_caches(net, x, training=True)
    _, dlogits = loss(maps["head"], target)
    found, gradients = [], {"head": dlogits}
    for name, sources in reversed(wiring(net)):
        back = BACKWARD[kind_of(name)](gradients.pop(name), caches.pop(name))
        back = back if isinstance(back, tuple) else (back,)
        for source, dx in zip(sources, back, strict=False):  # the rest of back is dw and db
            # One value that went two ways, down and across: the gradients of both ways add.
            gradients[source] = gradients[source] + dx if source in gradients else dx
        if kind_of(name) in ("conv", "up", "head"):
            relu = maps.get(name.replace("conv", "relu") if "conv" in name else None)
            zeros = float("nan") if relu is None else float((relu == 0).mean())
            w = net.params[f"{name}.w"]
            found.append(Gauge(name, zeros, _norm(back[1]) / _norm(w), _norm(back[0])))
    return found[::-1]


def _norm(a):
    return float((a * a).sum() ** 0.5)
