"""Look inside a network: its feature maps, what skips carry, what a pixel sees, what flows back.

Nothing here changes the network. Every op has a name, in the order in which data meets them::

    enc1.conv1  enc1.norm1  enc1.relu1  enc1.conv2  …  enc1.pool  enc2.conv1  …  bottom.relu2
    dec2.up  dec2.concat  dec2.conv1  …  dec1.relu2  head

The examples in the docstrings know ``np`` and a small network with an image::

    net = UNet(1, 1, base_channels=4, depth=2)
    x = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
"""

from copy import copy
from typing import NamedTuple

import numpy as np

from minunet import ops
from minunet.engine.backend import array_module, to_host
from minunet.engine.blas import blas_on_one_thread
from minunet.layers import list_layers, reach


def wiring(net):
    """List the ops of a network in the order in which data meets them, and what each is given.

    Returns
    -------
    list of (str, list of str)
        The op's name and the names of those whose maps it takes; the image is ``"x"``.

    Examples
    --------
    Two ops take the map that the block enc1 ends with: one on the way down, one across.

    >>> [name for name, sources in wiring(net) if "enc1.relu2" in sources]
    ['enc1.pool', 'dec1.concat']
    """
    wires, source, skips = [], "x", []
    for layer in list_layers(net.config):
        if layer.kind == "pool":
            skips.append(source)  # for the way up
        wires.append((layer.name, [skips.pop(), source] if layer.kind == "concat" else [source]))
        source = layer.name
        if layer.kind == ("norm" if net.norm else "conv"):
            source = source.replace(layer.kind, "relu")
            wires.append((source, [layer.name]))
    return wires


@blas_on_one_thread()
def look(net, x, without=()):
    """Give the map that every op makes of `x`, when the network predicts.

    Parameters
    ----------
    net : UNet
        It stays as it is, to the bit.
    x : array (N, H, W, C)
        As for `UNet.forward`.
    without : collection of int
        Levels whose skip is cut: instead of the encoder's map zeros come across. 1 is the level of
        the image's size.

    Returns
    -------
    dict of arrays (N, H', W', F)
        By the names of the ops. ``"head"`` holds the logits.

    Examples
    --------
    >>> maps = look(net, x)
    >>> print(list(maps)[:4], maps["enc2.relu1"].shape, maps["dec1.concat"].shape)
    ['enc1.conv1', 'enc1.norm1', 'enc1.relu1', 'enc1.conv2'] (1, 8, 8, 8) (1, 16, 16, 8)
    """
    maps, _ = _forward(net, x, without)
    del maps["x"]
    return maps


def predict_without(net, x, skips):
    """Compute probabilities as `UNet.predict` does, but with some skips cut.

    Parameters
    ----------
    net : UNet
    x : array (N, H, W, C)
    skips : collection of int
        Levels, see `look`.

    Returns
    -------
    array (N, OH, OW, out_channels)

    Examples
    --------
    >>> print(abs(predict_without(net, x, []) - net.predict(x)).max() < 1e-5)
    True
    >>> print(abs(predict_without(net, x, [1]) - net.predict(x)).max() > 0.01)
    True
    """
    logits = look(net, x, skips)["head"]
    if logits.shape[-1] == 1:
        return ops.sigmoid(logits)
    return array_module(logits).exp(ops.log_softmax(logits))


class Field(NamedTuple):
    """What one pixel of the output sees of the image."""

    box: tuple  # in theory: two slices, the rows and the columns of the image
    centre: tuple  # where in the image the pixel lies: row, column
    effect: np.ndarray  # in effect: |d logit / d x|, summed over the channels, (N, H, W)

    def side(self, share):
        """Give the side of the smallest square about the pixel that holds `share` of the effect."""
        rows, columns = (abs(np.arange(h) - c)
                         for h, c in zip(self.effect.shape[1:], self.centre, strict=True))
        distance = np.maximum(rows[:, np.newaxis], columns)  # (H, W)
        held = np.bincount(distance.ravel(), self.effect.sum(axis=0).ravel()).cumsum()
        return 2 * int(np.searchsorted(held, share * held[-1])) + 1


@blas_on_one_thread()
def field(net, x, pixel, of=None):
    """Find the receptive field of a pixel of the output: in theory, and in effect.

    In theory it is a box: outside of it a change of the image changes nothing there. In effect a
    pixel counts as much as the logit's slope |d logit / d x| says, and that is far from even.
    Normalisations are folded into the convolutions, so that they do not couple all pixels.

    Parameters
    ----------
    net : UNet
    x : array (N, H, W, C)
    pixel : (int, int)
        Row and column in the output.
    of : int, optional
        Whose logit, of several classes. Without it each image's likeliest class at that pixel.

    Returns
    -------
    Field
        Where rounding alone is left, the effect is 0.

    Raises
    ------
    ValueError
        If the output has no such pixel or class.

    Examples
    --------
    >>> seen = field(net, x, (3, 8))
    >>> print(seen.box, seen.side(0.5) < seen.side(1) <= 31)
    (slice(0, 16, None), slice(0, 16, None)) True
    """
    net = copy(net.folded())
    net.dropout = 0.0
    logits, cache = net.forward(x, training=True)  # folded, it has no statistics to take or update
    _, h, w, classes = logits.shape
    row, column = pixel
    if not (0 <= row < h and 0 <= column < w) or of not in (None, *range(classes)):
        raise ValueError(f"pixel and class must lie within the output, {h} × {w} pixels and "
                         f"{classes} classes; got {tuple(pixel)} and {of}")
    dlogits = array_module(logits).zeros_like(logits)
    for image, scores in enumerate(to_host(logits[:, row, column])):  # (classes,)
        dlogits[image, row, column, scores.argmax() if of is None else of] = 1
    dx, _ = net.backward(dlogits, cache)
    effect = abs(to_host(dx)).sum(axis=-1)  # (N, H, W)
    # Fast convolutions add and subtract what does not belong: some roundings of the largest.
    effect[effect < 100 * np.finfo(effect.dtype).eps * effect.max()] = 0
    seen = [reach(net.config, size)[-1] for size in x.shape[1:3]]
    box = tuple(slice(int(lo[i]), int(hi[i]) + 1)
                for (lo, hi), i in zip(seen, pixel, strict=True))
    centre = (row + (x.shape[1] - h) // 2, column + (x.shape[2] - w) // 2)
    return Field(box, centre, effect)


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
    maps, caches = _forward(net, x, training=True)
    _, dlogits = loss(maps["head"], target)
    found, gradients = [], {"head": dlogits}
    for name, sources in reversed(wiring(net)):
        back = BACKWARD[_kind(name)](gradients.pop(name), caches.pop(name))
        back = back if isinstance(back, tuple) else (back,)
        for source, dx in zip(sources, back, strict=False):  # the rest of back is dw and db
            # One value that went two ways, down and across: the gradients of both ways add.
            gradients[source] = gradients[source] + dx if source in gradients else dx
        if _kind(name) in ("conv", "up", "head"):
            relu = maps.get(name.replace("conv", "relu") if "conv" in name else None)
            zeros = float("nan") if relu is None else float((relu == 0).mean())
            w = net.params[f"{name}.w"]
            found.append(Gauge(name, zeros, _norm(back[1]) / _norm(w), _norm(back[0])))
    return found[::-1]


# Each kind of op, with the network and its parameters p: y, cache.
FORWARD = {
    "conv": lambda net, p, x: ops.conv_forward(x, p["w"], p.get("b"), padding=net.pad),
    "norm": lambda net, p, x: ops.batch_norm_forward(x, p["gamma"], p["beta"]),
    "relu": lambda net, p, x: ops.relu_forward(x),
    "pool": lambda net, p, x: ops.max_pool_forward(x),
    "up": lambda net, p, x: ops.conv_transpose_forward(x, p["w"], p["b"], stride=2),
    "concat": lambda net, p, skip, up: ops.concat_forward(skip, up),
    "head": lambda net, p, x: ops.conv_forward(x, p["w"], p["b"]),
}
BACKWARD = {
    "conv": ops.conv_backward, "norm": ops.batch_norm_backward, "relu": ops.relu_backward,
    "pool": ops.max_pool_backward, "up": ops.conv_transpose_backward,
    "concat": ops.concat_backward, "head": ops.conv_backward,
}


def _forward(net, x, without=(), training=False):
    """Give the maps of all ops, the image among them, and, of training, the caches by name."""
    net.output_shape(x.shape[1:-1])  # or an error that names the nearest sizes that go through
    levels = range(1, net.depth + 1)
    if wrong := [level for level in without if level not in levels]:
        raise ValueError(f"there is no skip {wrong[0]!r}; the network's are {[*levels]}")
    cut = {f"dec{level}.concat" for level in without}
    maps, caches = {"x": x}, {}
    for name, sources in wiring(net):
        inputs = [maps[source] for source in sources]
        if name in cut:
            inputs[0] = array_module(x).zeros_like(inputs[0])
        arrays = net.params if training else net.params | net.buffers
        p = {key.rpartition(".")[2]: a for key, a in arrays.items() if key.startswith(f"{name}.")}
        if _kind(name) == "norm" and not training:
            maps[name] = ops.batch_norm_inference(*inputs, **p)
        else:
            maps[name], cache = FORWARD[_kind(name)](net, p, *inputs)
            if training:
                caches[name] = cache
    return maps, caches


def _kind(name):
    """The kind of an op: ``"conv"`` of ``"enc1.conv2"``."""
    return name.rpartition(".")[2].rstrip("12")


def _norm(a):
    return float((a * a).sum() ** 0.5)
