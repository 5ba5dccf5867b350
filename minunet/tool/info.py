"""What ``minunet info`` says: of the machine, and of a model."""

import math
import platform

import numpy as np

from minunet import __version__
from minunet.engine.backend import cuda_problem
from minunet.engine.checkpoint import SHIPPED, find
from minunet.engine.files import InputError
from minunet.engine.threads import threads
from minunet.engine.words import plural, printable
from minunet.layers import array_shapes
from minunet.tool.model import open_model

LICENCES = {"lgg": "take it as non-commercial: its data is generally given as CC BY-NC-SA 4.0"}


def describe_machine():
    """Describe what computes.

    Returns
    -------
    dict of str to str
        A text by its name, for a line each.
    """
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"minunet": __version__,
            "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            "NumPy": f"{np.__version__} with {blas.get('name')} {blas.get('version')}",
            "threads": f"{threads()}",
            "GPU": f"none: {cuda_problem()}" if cuda_problem() else "one that CuPy can use"}


def describe_model(model):
    """Describe a model: what it takes and gives, what it was trained on, and how well it did.

    Parameters
    ----------
    model : str
        As for `open_model`.

    Returns
    -------
    dict of str to str
        A text by its name, for a line each.

    Raises
    ------
    InputError
        If there is no such model, or it cannot be read.
    """
    net, preprocessing, scheme, meta = open_model(model, volumes=True)
    config, file = net.config, find(model)
    parameters = sum(math.prod(shape) for shape in array_shapes(config)[0].values())
    shipped = file.stem if file.parent == SHIPPED else None
    try:
        names = ", ".join(map(printable, scheme.modalities)) or "their names are not known"
        classes, history = ", ".join(map(printable, scheme.classes)), _history(meta)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{model} holds unknown notes ({error}); "
                         "it is from another version: train it again") from error
    return {"model": f"{file}, {file.stat().st_size / 1e6:.1f} MB",
            "channels": f"{config['in_channels']}: {names}",
            "classes": classes,
            "network": f"depth {config['depth']}, {config['base_channels']} channels at the first "
                       f"level, {parameters:,} parameters{', for volumes' * (config['axes'] == 3)}",
            "images": _preparation(preprocessing), **history,
            "licence": LICENCES.get(shipped, "that which the data it was trained on allows")}


def _preparation(preprocessing):
    size = f"{preprocessing.size} × {preprocessing.size}" if preprocessing.size else "their own"
    one = "; of what is found, the surest pieces are kept" if preprocessing.one_tumour else ""
    return (f"size {size}; brightness clipped at the percentiles {preprocessing.low:g} and "
            f"{preprocessing.high:g}{one}")


def _history(meta):
    """Who was trained on, and the score by which the epoch was chosen, as far as it is known."""
    patients, dice = meta.get("patients", {}), meta.get("validation_dice")
    held_out = len(patients.get("validation", ()))
    counts = f"{len(patients.get('training', ()))} trained on, {held_out} held out"
    score = (f"mean Dice {dice:.3f} in epoch {meta.get('epoch')}, over the "
             f"{plural(held_out, 'patient')} held out" if dice is not None and dice == dice
             else "not known")
    return {"patients": counts if patients else "not known", "score": score}
