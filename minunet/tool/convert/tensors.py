"""Networks from and to safetensors files: names, numbers and a text, and nothing to be run."""

import json

import numpy as np

from minunet.data.preprocess import Preprocessing
from minunet.engine.files import InputError, replacing
from minunet.engine.words import printable
from minunet.layers import array_shapes
from minunet.tool.convert import library
from minunet.tool.convert.names import NAMINGS
from minunet.unet import UNet

OURS = "minunet"  # what the file's own text about the network is called
# What is known of the networks of a naming: how large their slices are, and what channels show.
SIZES = {"brain-segmentation": 256}
MODALITIES = {"brain-segmentation": ["T1", "FLAIR", "T1ce"]}


def write(path, net, meta, naming="minunet"):
    """Write a network to a safetensors file.

    Parameters
    ----------
    path : str or Path
    net : UNet
    meta : dict
        What a model has beside its weights; it goes into the file as a text.
    naming : str
        One of `names.NAMINGS`: how arrays are called, and how their axes lie.
    """
    way, depth = NAMINGS[naming], net.config["depth"]
    arrays = {way.name(name, depth): np.ascontiguousarray(way.give(name, array))
              for name, array in (net.params | net.buffers).items()}
    if naming == "pytorch":  # it counts, and asks for the count
        arrays |= {name.replace("running_mean", "num_batches_tracked"): np.array(0, np.int64)
                   for name in arrays if name.endswith("running_mean")}
    content = library("safetensors.numpy").save(arrays, {OURS: json.dumps(meta, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read(path):
    """Read a network from a safetensors file of any naming that `names` knows.

    Returns
    -------
    net : UNet
    meta : dict
        What the file says of it; where it says nothing, what its shapes and its naming tell.
    naming : str
        Of `names.NAMINGS`.
    told : bool
        Whether minunet wrote the file, so that it says how images are prepared.

    Raises
    ------
    InputError
        If it cannot be read, or holds another network. One line says which array is at fault.
    """
    arrays, meta = _content(path)
    naming = next((name for name, way in NAMINGS.items() if way.mark in arrays), None)
    if naming is None:
        some = ", ".join(map(printable, sorted(arrays)[:3])) or "none"
        raise InputError(f"{path}: its arrays are called as in no network that minunet knows "
                         f"({some}, …); the page on converting lists the names")
    if naming == "milesial" and "up1.up.weight" not in arrays:
        raise InputError(f"{path} is milesial's network with bilinear=True, which enlarges by "
                         "interpolation; minunet learns how to enlarge: train it with "
                         "bilinear=False")
    way = NAMINGS[naming]
    try:
        config = meta.get("config") or _config(arrays, way)
        params, buffers = array_shapes(config)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path}: its shapes are not those of a U-Net ({error})") from error
    arrays = _without_biases(arrays, way, config)
    taken = {name: _take(arrays, way, name, shape, config["depth"], path)
             for name, shape in (params | buffers).items()}
    known = {way.name(name, config["depth"]) for name in taken}
    unknown = sorted(name for name in arrays.keys() - known if "num_batches" not in name)
    if unknown:
        raise InputError(f"{path} holds {printable(unknown[0])}, for which this network has no "
                         "place")
    net = UNet(**config)
    for place in (net.params, net.buffers):
        for name, array in place.items():
            array[...] = taken[name]
    return net, {**_usual(naming, net.config), **meta, "config": net.config}, naming, bool(meta)


def _usual(naming, config):
    """What a model has beside its weights, if a file does not say it."""
    classes = ["background", *(f"class {k}" for k in range(1, config["out_channels"]))]
    scheme = {} if len(classes) < 3 else {"classes": classes, "values": [*range(len(classes))]}
    if naming in MODALITIES and config["in_channels"] == len(MODALITIES[naming]):
        scheme["modalities"] = MODALITIES[naming]
    return {"preprocessing": Preprocessing(SIZES.get(naming)).to_dict(), "scheme": scheme}


def _content(path):
    """The arrays of the file, and what minunet wrote about them, if it did."""
    try:
        with library("safetensors").safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = json.loads((file.metadata() or {}).get(OURS, "{}"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the library's own, and what it makes of kinds NumPy has not
        if isinstance(error, (InputError, MemoryError)):
            raise
        raise InputError(f"{path} is damaged, no safetensors file, or of numbers that NumPy does "
                         f"not have, as bfloat16 ({error})") from error
    if not isinstance(meta, dict):
        raise InputError(f"{path}: what it says of itself is damaged")
    prefix = "module."  # of a network that PyTorch spread over several GPUs
    if arrays and all(name.startswith(prefix) for name in arrays):
        arrays = {name.removeprefix(prefix): array for name, array in arrays.items()}
    return arrays, meta


def _config(arrays, way):
    """The configuration of a network, from the shapes of its arrays."""
    def shape(name, depth=1):
        return way.take(name, arrays[way.name(name, depth)]).shape

    depth = max((depth for depth in range(1, 6) if all(
        way.name(f"dec{level}.up.w", depth) in arrays for level in range(1, depth + 1))), default=1)
    *kernel, c, f = shape("enc1.conv1.w")
    normed = way.name("enc1.norm1.gamma", depth) in arrays
    return {"in_channels": c, "out_channels": shape("head.w", depth)[-1], "base_channels": f,
            "depth": depth, "padding": "same", "norm": "batch" if normed else None,
            "dropout": 0.0, "seed": 0, "dtype": "float32", "axes": len(kernel)}


def _without_biases(arrays, way, config):
    """Let the running mean of a normalisation take up the bias of the convolution before it.

    norm(z + b) with the mean m is norm(z) with the mean m − b: minunet has no such biases.
    """
    if not config["norm"]:
        return arrays
    arrays, depth = dict(arrays), config["depth"]
    for name in array_shapes(config)[1]:
        layer, _, part = name.rpartition(".")
        bias = way.name(f"{layer.replace('norm', 'conv')}.b", depth)
        mean = way.name(name, depth)
        if (part == "mean" and bias in arrays and mean in arrays
                and arrays[bias].shape == arrays[mean].shape):
            arrays[mean] = arrays[mean] - arrays.pop(bias)
    return arrays


def _take(arrays, way, name, shape, depth, path):
    """One array, as minunet has it; `InputError` if it is missing or has another shape."""
    there = way.name(name, depth)
    if there not in arrays:
        raise InputError(f"{path} lacks {there}; give all of the network's arrays")
    array = arrays[there]
    if array.ndim != len(shape) or way.take(name, array).shape != shape or array.dtype.kind != "f":
        expected = way.give(name, np.empty(shape, np.int8)).shape
        raise InputError(f"{path}: {there} is {array.dtype} {array.shape}; expected numbers with "
                         f"a point, {expected}")
    return way.take(name, array)
