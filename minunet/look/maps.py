"""The network as a list of who takes whose map; the maps, and what is left when skips are cut."""

from minunet import ops
from minunet.engine.backend import array_module
from minunet.engine.blas import blas_on_one_thread
from minunet.layers import list_layers

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
    maps, _ = maps_and_caches(net, x, without)
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


def maps_and_caches(net, x, without=(), training=False):
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
        if kind_of(name) == "norm" and not training:
            maps[name] = ops.batch_norm_inference(*inputs, **p)
        else:
            maps[name], cache = FORWARD[kind_of(name)](net, p, *inputs)
            if training:
                caches[name] = cache
    return maps, caches


def kind_of(name):
    """The kind of an op: ``"conv"`` of ``"enc1.conv2"``."""
    return name.rpartition(".")[2].rstrip("12")
