"""A model as the commands open it: by a run's folder, a file, or a shipped model's name."""

from pathlib import Path

from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import Scheme
from minunet.engine import checkpoint
from minunet.engine.files import InputError
from minunet.unet import UNet


def open_model(model, device="cpu", volumes=False):
    """Open a model.

    Parameters
    ----------
    model : str
        A run's folder, a model's file, or a shipped model's name.
    device : {"cpu", "cuda"}
    volumes : bool
        Whether a network for volumes will do.

    Returns
    -------
    net : UNet
    preprocessing : Preprocessing
    scheme : Scheme
    meta : dict
        What else was saved with them.

    Raises
    ------
    InputError
        If there is no such model, it cannot be read, or it is for volumes.
    """
    net, meta = checkpoint.load_model(model, UNet, device)
    if net.config["axes"] == 3 and not volumes:
        raise InputError(f"{model} is a network for volumes, which this command does not take; "
                         "use it in Python, as minunet.UNet.load")
    try:
        return (net, Preprocessing.from_dict(meta.get("preprocessing", {})),
                Scheme.from_dict(meta.get("scheme", {})), meta)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{model} holds unknown settings ({error}); "
                         "it is from another version: train it again") from error


def model_name(model):
    """What to call a model that was given as `open_model` takes it."""
    return Path(model).resolve().name if Path(model).exists() else model
