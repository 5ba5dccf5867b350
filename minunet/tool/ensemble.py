"""Several models as one: the mean of their probabilities, made by something like a network."""

from minunet.engine import checkpoint
from minunet.engine.files import InputError
from minunet.tool.model import open_model


class Ensemble:
    """Several networks for one: its probabilities are the mean of theirs.

    Every network makes errors of its own, and in the mean they are smaller. What is decided after
    that, as which pieces are the surest, is decided once, on the mean.

    Parameters
    ----------
    nets : list of UNet
        Alike as `open_models` checks it, on one device.
    """

    def __init__(self, nets):
        self.nets, self.config, self.device = nets, nets[0].config, nets[0].device

    def folded(self):
        """As `UNet.folded`."""
        return Ensemble([net.folded() for net in self.nets])

    def predict(self, x):
        """Give the mean probabilities, as `UNet.predict`."""
        total = self.nets[0].predict(x)
        for net in self.nets[1:]:
            total += net.predict(x)
        return total / len(self.nets)


def open_models(models, device="cpu"):
    """Open models that can be used as one.

    Parameters
    ----------
    models : list of str or Path
    device : {"cpu", "cuda"}

    Returns
    -------
    nets : list of UNet
    preprocessing : Preprocessing
        The same for all.
    scheme : Scheme
        With the names of the channels, if one of the models knows them.
    metas : list of dict

    Raises
    ------
    InputError
        If one is given twice, or one takes other images than the first, prepares them otherwise or
        knows other classes.
    """
    files = [checkpoint.find(model).resolve() for model in models]
    for model, file in zip(models, files, strict=True):
        if files.count(file) > 1:
            raise InputError(f"{model} is given twice, and would count twice; give it once")
    nets, preparings, schemes, metas = zip(
        *(open_model(model, device, volumes=True) for model in models), strict=True)
    for i, model in enumerate(models[1:], 1):
        kinds = [_kind(nets[k], preparings[k], schemes[k], schemes[i - k]) for k in (0, i)]
        for name, value in kinds[0].items():
            if value != kinds[1][name]:
                raise InputError(f"{model} is of another kind than {models[0]}: {name} "
                                 f"{kinds[1][name]}, not {value}; give models that were trained "
                                 "alike")
    named = max(schemes, key=lambda scheme: len(scheme.modalities))
    return list(nets), preparings[0], named, list(metas)


def open_mean(models, device="cpu"):
    """Open models as one network; else as `open_models`."""
    nets, *others = open_models(models, device)
    return (Ensemble(nets) if len(nets) > 1 else nets[0]), *others


def _kind(net, preprocessing, scheme, other):
    """What models must have in common, by what it is called."""
    both = scheme.modalities and other.modalities  # else their number is all that is known
    return {"it takes the channels": ", ".join(scheme.modalities) if both
            else net.config["in_channels"],
            "its classes are": ", ".join(scheme.classes), "its labels are": scheme.values,
            **{f"its {name} is": value for name, value in preprocessing.to_dict().items()},
            **{f"its {name} is": net.config[name] for name in ("axes", "depth", "padding",
                                                                  "dtype")}}
