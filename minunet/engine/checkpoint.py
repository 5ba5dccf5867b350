"""Models and runs as files: arrays and JSON in one ``.npz``, written whole, never unpickled."""

import json
import math
import zipfile
from pathlib import Path

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.files import InputError, replacing

FORMAT = 1  # goes up when older files can no longer be read
SHIPPED = Path(__file__).parents[1] / "models"  # those that the package brings


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
        If the file is missing, truncated, pickled, not from `save`, or claims more than its own
        size can hold. That is found out before memory is asked for.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no model file at {path}; give a run's folder or its model.npz")
    try:
        # NumPy would leave a file open that it opened itself and then could not read.
        with open(path, "rb") as opened:
            _check_sizes(opened, path)
            with np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except PermissionError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, AttributeError, TypeError,
            RuntimeError, SyntaxError) as error:  # an .npy file; encrypted, too new, no header
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is truncated or not a minunet model "
                         f"({type(error).__name__}); copy or train it again") from error
    try:
        meta = json.loads(str(arrays.pop("meta.json")))
        found = meta.pop("format")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is an .npz file but not a minunet model; "
                         "give one that minunet train wrote") from error
    if found != FORMAT:
        raise InputError(f"{path} has format {found}, this version of minunet reads {FORMAT}; "
                         "use the version that wrote it, or train it again")
    return arrays, meta


def _check_sizes(file, path):
    """Raise `InputError` if the arrays of an ``.npz`` claim other sizes than their bytes have."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        whole = file.seek(0, 2)
        if sum(entry.file_size for entry in entries) > whole:  # `save` does not compress
            raise InputError(f"{path} has {whole:,} bytes and claims to hold more; it is damaged, "
                             "or another program has compressed it: copy or train it again")
        for entry in entries:
            with archive.open(entry) as member:
                shape, kind = _read_header(member)
                if math.prod(shape) * kind.itemsize != entry.file_size - member.tell():
                    raise InputError(f"{path} is damaged: {entry.filename} claims the shape "
                                     f"{shape} and has not its bytes; copy or train it again")
    file.seek(0)


def _read_header(member):
    """The shape and the dtype of an array in NumPy's format, from the head of its file."""
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, kind = read(member)
    if kind.hasobject:
        raise ValueError("objects, which would have to be unpickled")
    return shape, kind


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
    _check_fit({name: array.shape for name, array in target.items()}, source, path)
    for name, array in target.items():  # an optimiser holds it, so it has to stay the same
        array[...] = array_module(array).asarray(source[name].astype(array.dtype))


def _check_fit(shapes, source, path):
    for name in sorted(shapes.keys() | source.keys()):
        if (name not in shapes or name not in source or source[name].dtype.kind != "f"
                or shapes[name] != source[name].shape):
            raise InputError(f"{path} does not fit its own configuration at {name!r}; "
                             "the file is damaged or was edited")


def names():
    """The names of the shipped models."""
    return sorted(path.stem for path in SHIPPED.glob("*.npz"))


def find(model):
    """Give the file that a MODEL stands for.

    Parameters
    ----------
    model : str or Path
        A run's folder, whose ``model.npz`` is taken; a model's ``.npz`` file; or the name of a
        shipped model. What lies on disk comes first.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If it is none of these.
    """
    path = Path(model)
    for candidate in (path, path / "model.npz", SHIPPED / f"{model}.npz"):
        if candidate.is_file():
            return candidate
    raise InputError(f"no model at {model}; give a run's folder, its model.npz, or the name of a "
                     f"shipped model ({', '.join(names())})")


def load_model(path, network, device="cpu"):
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file, a run's folder, or a shipped model's name: see `find`.
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
    params, buffers = take(arrays, "params"), take(arrays, "buffers")
    try:
        # Before it is built: a few bytes can ask for a network that fills the memory.
        shapes = network.array_shapes(meta["config"])
        for expected, found in zip(shapes, (params, buffers), strict=True):
            _check_fit(expected, found, path)
        net = network(**meta["config"])
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{path} holds no usable network configuration ({reason}); "
                         "give a model that minunet train wrote") from error
    fill(net.params, params, path)
    fill(net.buffers, buffers, path)
    return net.to(device), meta
