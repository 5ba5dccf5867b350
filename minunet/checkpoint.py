"""Models and runs as files: arrays and JSON in one ``.npz``, written whole, never unpickled."""

import json
import zipfile
from pathlib import Path

import numpy as np

from minunet.backend import array_module
from minunet.files import InputError, replacing
from minunet.models import find

FORMAT = 1  # goes up when older files can no longer be read


def save(path, arrays, meta):
    """Write `arrays` and the JSON-able dict `meta` to `path`, whole or not at all.

    The same content gives the same bytes: NumPy writes no dates into the archive.

    Parameters
    ----------
    path : str or Path
    arrays : dict of NumPy arrays
    meta : dict
    """
    text = json.dumps({"format": FORMAT, **meta}, sort_keys=True)
    path = Path(path)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{"meta.json": np.array(text)}, **arrays)


def load(path):
    """Read what `save` wrote.

    Returns
    -------
    arrays : dict of NumPy arrays
    meta : dict

    Raises
    ------
    InputError
        If the file is missing, truncated, pickled or not from `save`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no model file at {path}; give a run's folder or its model.npz")
    try:
        # NumPy would leave a file open that it opened itself and then could not read.
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, AttributeError,
            TypeError, RuntimeError) as error:  # an .npy file; an archive encrypted or too new
        raise InputError(f"{path} is truncated or not a minunet model "
                         f"({type(error).__name__}); copy or train it again") from error
    try:
        meta = json.loads(str(arrays.pop("meta.json")))
        found = meta.pop("format")
    except (KeyError, TypeError, json.JSONDecodeError, AttributeError) as error:
        raise InputError(f"{path} is an .npz file but not a minunet model; "
                         "give one that minunet train wrote") from error
    if found != FORMAT:
        raise InputError(f"{path} has format {found}, this version reads {FORMAT}; train it again")
    return arrays, meta


def take(arrays, prefix):
    """Give the part of `arrays` whose names begin with ``prefix/``, without the prefix."""
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items()
            if name.startswith(f"{prefix}/")}


def fill(target, source, path):
    """Copy the arrays of `source` into `target`'s, in place.

    Raises
    ------
    InputError
        If names or shapes differ: the file `path` is of another network.
    """
    for name in sorted(target.keys() | source.keys()):
        if (name not in target or name not in source or source[name].dtype.kind != "f"
                or target[name].shape != source[name].shape):
            raise InputError(f"{path} does not fit its own configuration at {name!r}; "
                             "the file is damaged or was edited")
        array = target[name]  # an optimiser holds it, so it has to stay the same
        array[...] = array_module(array).asarray(source[name].astype(array.dtype))


def load_model(path, network, device="cpu"):
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file, a run's folder, or a shipped model's name: see `models.find`.
    network : type
        `UNet`: what to build from the configuration.
    device : {"cpu", "cuda"}

    Returns
    -------
    net : UNet
    meta : dict
        What was saved beside the weights: ``config``, ``preprocessing`` and others.
    """
    path = find(path)
    arrays, meta = load(path)
    try:
        net = network(**meta["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no usable network configuration ({error}); "
                         "give a model that minunet train wrote") from error
    fill(net.params, take(arrays, "params"), path)
    fill(net.buffers, take(arrays, "buffers"), path)
    return net.to(device), meta


def publish(model, path):
    """Write a model at half its size: parameters as float16, running statistics as they are.

    `fill` makes float32 of them again. A weight keeps 11 of its 24 bits, which changes
    probabilities by some thousandths; a running variance may be beyond float16's range.

    Parameters
    ----------
    model : str or Path
        As for `load_model`.
    path : str or Path
        The new ``.npz`` file.

    Raises
    ------
    InputError
        If there is no such model, or a parameter is too large for float16.
    """
    arrays, meta = load(find(model))
    with np.errstate(over="ignore"):  # checked below
        halved = {name: array.astype(np.float16) for name, array in arrays.items()
                  if name.startswith("params/")}
    for name, array in halved.items():
        if not np.isfinite(array).all():
            raise InputError(f"{model}: {name} has values beyond float16's; train with more "
                             "--weight-decay")
    save(path, arrays | halved, meta)
