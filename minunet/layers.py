"""The U-Net on paper: which layers it has, their parameters, sizes and receptive fields."""

from typing import NamedTuple

import numpy as np

from minunet.engine.values import real, whole

KERNEL = {"conv": 3, "up": 2, "head": 1}


class Layer(NamedTuple):
    """One row of the table: ``enc1.conv1`` is a 3×3 convolution from `c` to `f` channels."""

    name: str
    kind: str  # "conv", "norm", "pool", "up", "concat" or "head"
    c: int  # channels in
    f: int  # channels out


def list_layers(config):
    """List the layers in the order in which data meets them.

    On volumes channels are doubled before pooling rather than after it, and the way up keeps
    them: a narrow place loses what a wide one held (Çiçek et al. 2016, section 2). `config` is as
    `UNet.config`; what is given is a list of `Layer`.
    """
    depth, norm, flat = config["depth"], config["norm"], config.get("axes", 2) == 2
    widths = [config["base_channels"] * 2**level for level in range(depth + 1)]
    ends = widths if flat else [2 * f for f in widths]  # of the blocks on the way down

    def block(name, c, *channels):
        for i, f in enumerate(channels, start=1):
            yield Layer(f"{name}.conv{i}", "conv", c, f)
            if norm:
                yield Layer(f"{name}.norm{i}", "norm", f, f)
            c = f

    layers, c = [], config["in_channels"]
    for level, (first, f) in enumerate(zip(widths[:-1], ends, strict=False), start=1):
        layers += [*block(f"enc{level}", c, first, f), Layer(f"enc{level}.pool", "pool", f, f)]
        c = f
    layers += block("bottom", c, widths[-1], ends[-1])
    c = ends[-1]
    for level in range(depth, 0, -1):
        f = ends[level - 1]
        up = f if flat else c
        layers += [Layer(f"dec{level}.up", "up", c, up),
                   Layer(f"dec{level}.concat", "concat", f, f + up),
                   *block(f"dec{level}", f + up, f, f)]
        c = f
    return [*layers, Layer("head", "head", c, config["out_channels"])]


def check_config(config):
    """Give `config` in Python's own values; `ValueError` names one that a `UNet` cannot have."""
    checked = dict(config, dropout=real("dropout", config["dropout"], below=1))
    for name, limits in {"in_channels": (1,), "out_channels": (1,), "base_channels": (1,),
                         "depth": (1, 5), "seed": (0,)}.items():
        checked[name] = whole(name, config[name], *limits)
    dtype = config["dtype"]  # np.float32 and np.dtype("float32") mean the same as "float32"
    checked["dtype"] = getattr(dtype, "name", getattr(dtype, "__name__", dtype))
    checked["axes"] = whole("axes", config.get("axes", 2), 2, 3)  # older files do not say it
    for name, values in {"padding": ("same", "valid"), "norm": ("batch", None),
                         "dtype": ("float32", "float64")}.items():
        if checked[name] not in values:
            raise ValueError(f"{name} must be one of {values}, got {config[name]!r}")
        checked[name] = checked[name] and str(checked[name])
    return checked


def parameter_shapes(layer, norm, axes=2):
    """Give the shapes of the layer's parameters by their short names.

    A convolution that a normalisation follows has no bias: β would do the same a second time.

    Parameters
    ----------
    layer : Layer
    norm, axes
        Of `UNet.config`.

    Returns
    -------
    dict
        ``{"w": (KH, KW, C, F), "b": (F,)}`` of a convolution, for example.
    """
    if layer.kind == "norm":
        return {"gamma": (layer.f,), "beta": (layer.f,)}
    if layer.kind not in KERNEL:
        return {}
    k = KERNEL[layer.kind]
    channels = (layer.f, layer.c) if layer.kind == "up" else (layer.c, layer.f)
    bias = {} if layer.kind == "conv" and norm else {"b": (layer.f,)}
    return {"w": (*axes * (k,), *channels)} | bias


def array_shapes(config: dict) -> tuple[dict, dict]:
    """Give the shapes of all parameters and buffers of a network, by name.

    `ValueError` if no `UNet` can be built from `config`.

    Returns
    -------
    params, buffers : dicts of tuples of int
    """
    config = check_config(config)
    layers = list_layers(config)
    params = {f"{layer.name}.{name}": shape for layer in layers
              for name, shape in parameter_shapes(layer, config["norm"], config["axes"]).items()}
    buffers = {f"{layer.name}.{name}": (layer.f,) for layer in layers if layer.kind == "norm"
               for name in ("mean", "var")}
    return params, buffers


def initial_arrays(config, rng):
    """Draw the weights: He et al. 2015, eq. 10, as the paper (section 3).

    Normal with std √(2 / inputs), where `inputs` counts the numbers that one output is summed
    from: KH·KW·C; of an up-convolution C, since its stride is its kernel's size.

    Returns
    -------
    params, buffers : dicts of arrays
        In the order in which data meets them.
    """
    params, buffers, dtype = {}, {}, config["dtype"]
    for layer in list_layers(config):
        for name, shape in parameter_shapes(layer, config["norm"], config["axes"]).items():
            value = np.full(shape, 1.0 if name == "gamma" else 0.0)
            if name == "w":
                inputs = layer.c if layer.kind == "up" else np.prod(shape[:-1])
                value = rng.normal(0, np.sqrt(2 / inputs), shape)
            params[f"{layer.name}.{name}"] = value.astype(dtype)
        if layer.kind == "norm":
            buffers[f"{layer.name}.mean"] = np.zeros(layer.f, dtype)
            buffers[f"{layer.name}.var"] = np.ones(layer.f, dtype)
    return params, buffers


def trace(config, size):
    """Follow an image of `size` = (H, W), or a volume of (D, H, W), through the network.

    Returns
    -------
    list of tuples of int
        The size after each of `list_layers`.

    Raises
    ------
    ValueError
        If pooling meets an odd size, or nothing is left. The text names the nearest sizes
        that go through.
    """
    axes = "DHW"[-config.get("axes", 2):]
    if not isinstance(size, tuple | list) or len(size) != len(axes):
        raise ValueError(f"size must be ({', '.join(axes)}), got {size!r}")
    for axis, h in zip(axes, size, strict=True):
        if not _sizes(config, h):
            near = [n for n in (_nearest(config, h, -1), _nearest(config, h, 1)) if n]
            raise ValueError(
                f"an image with {axis} = {h} does not go through a U-Net of depth "
                f"{config['depth']} with {config['padding']} padding: every pooling must meet "
                f"an even size; the nearest that go are {' and '.join(map(str, near))}")
    return list(zip(*(_sizes(config, h) for h in size), strict=True))


def smallest_input(config, output):
    """Give the smallest side of an image whose result has at least `output` pixels on each side."""
    h = output
    while not (sizes := _sizes(config, h)) or sizes[-1] < output:
        h += 1
    return h


def _nearest(config, h, direction):
    """The first size above or below `h` that goes through, or None (sizes repeat every 2^depth)."""
    candidate = h + direction
    while candidate > 0 and not _sizes(config, candidate):
        candidate += direction
    return candidate if candidate > 0 else None


def _sizes(config, h):
    """The size along one axis after each layer; None if pooling would meet an odd one."""
    lost = 0 if config["padding"] == "same" else 2  # pixels that a 3×3 convolution drops
    sizes = []
    for layer in list_layers(config):
        if layer.kind == "conv":
            h -= lost
        elif layer.kind == "pool":
            if h % 2:
                return None
            h //= 2
        elif layer.kind == "up":
            h *= 2
        if h < 1:
            return None
        sizes.append(h)
    return sizes


def receptive_fields(config):
    """Give for each layer the side of the square of input pixels that one of its pixels sees.

    Above the bottom that depends on where in a pooling's window the pixel lies; the largest is
    given.

    Parameters
    ----------
    config : dict, as `UNet.config`

    Returns
    -------
    list of int
        One for each of `list_layers`.
    """
    # Long: its ends, where less is seen, don't matter; nor does padding, which only moves pixels.
    line = reach(config | {"padding": "same"}, 64 << config["depth"])
    return [int((hi - lo).max()) + 1 for lo, hi in line]


def reach(config, h):
    """Give for each layer which input pixels its pixels see, along an axis of `h` pixels.

    Parameters
    ----------
    config : dict, as `UNet.config`
    h : int
        A size that goes through.

    Returns
    -------
    list of (lo, hi)
        One for each of `list_layers`: pixel i of that layer sees the input from lo[i] to hi[i].
    """
    lo = hi = np.arange(h)
    seen, same = [], config["padding"] == "same"
    for layer in list_layers(config):
        if layer.kind == "conv" and same:  # beyond the border lie zeros, no pixels
            lo, hi = np.append(lo[0], lo[:-1]), np.append(hi[1:], hi[-1])
        elif layer.kind == "conv":
            lo, hi = lo[:-2], hi[2:]
        elif layer.kind == "pool":
            lo, hi = lo[::2], hi[1::2]
        elif layer.kind == "up":  # a skip adds nothing: what came up has seen the same, and more
            lo, hi = lo.repeat(2), hi.repeat(2)
        seen.append((lo, hi))
    return seen
