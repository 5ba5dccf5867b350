"""Fine-tuning: a run that begins with the weights of another model, as far as they fit."""

import hashlib
from pathlib import Path

import numpy as np

from minunet.data.scheme import Scheme
from minunet.data.seen import Seen
from minunet.engine import checkpoint
from minunet.engine.backend import array_module
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.unet import UNet

LISTED = 6  # arrays that start anew, a line each


class Start:
    """A model to begin with.

    Parameters
    ----------
    model : str or Path
        As for `checkpoint.find`.
    digest : str, optional
        Of the model's arrays, if it must be one that is known.

    Attributes
    ----------
    record : dict
        What the run keeps of it: ``model``, where it was; ``digest``, of its arrays; ``seen``, the
        patients that it was trained on, as `Seen` takes them.

    Raises
    ------
    InputError
        If there is no such model, or its arrays are others than those of `digest`.
    """

    def __init__(self, model, digest=None):
        path = checkpoint.find(model)
        net, meta = checkpoint.load_model(path, UNet)
        self.name, self.config = str(model), net.config
        self.arrays = {"params": net.params, "buffers": net.buffers}
        self.scheme = Scheme.from_dict(meta.get("scheme", {}))
        self.size = meta.get("preprocessing", {}).get("size")
        found = _digest(self.arrays)
        if digest not in (None, found):
            raise InputError(f"the run began with another model than {model} has now; put the old "
                             "one back, or begin again in another --out")
        patients = meta.get("patients", {})
        self.record = {"model": str(Path(model).resolve() if Path(model).exists() else model),
                       "digest": found,
                       "seen": [patients.get("training", []), *patients.get("before", [])]}

    @property
    def settings(self):
        """The settings that a run must share with the model, for all of its weights to fit."""
        known = {name: self.config[name] for name in ("base_channels", "depth", "axes")}
        return known | ({"size": self.size} if self.size else {})

    def fill(self, nets, scheme):
        """Copy into networks what fits by name and shape, and has the same meaning.

        The first convolution starts anew if the model takes other channels, and the head if it
        knows other classes; so does what has another shape, as in a network of another depth.

        Parameters
        ----------
        nets : list of UNet
            Of one shape; changed in place.
        scheme : Scheme
            Of the data to train on.

        Returns
        -------
        list of str
            What was kept and what is new, a line each.

        Raises
        ------
        InputError
            If no convolution fits.
        """
        misfits, kept, count = self._misfits(nets[0], scheme), [], 0
        for kind, source in self.arrays.items():
            for name in getattr(nets[0], kind).keys() - misfits.keys():
                kept.append(name)
                count += source[name].size * (kind == "params")
                for net in nets:
                    target = getattr(net, kind)[name]
                    target[...] = array_module(target).asarray(source[name].astype(target.dtype))
        if not any(name.endswith(".w") for name in kept):
            raise InputError(f"no convolution of {self.name} fits this run: it has "
                             f"{_shape(self.config)}, the run {_shape(nets[0].config)}; leave "
                             "those options out, and they will be the model's")
        total = sum(array.size for array in nets[0].params.values())
        return [f"from {self.name}: {count:,} of {total:,} parameters kept", *_news(misfits)]

    def _misfits(self, net, scheme):
        """Why arrays of a network are not kept, by name."""
        found = self._other_meanings(scheme)
        for kind, source in self.arrays.items():
            for name, array in getattr(net, kind).items():
                if name not in source:
                    found[name] = "the model has none"
                elif array.shape != source[name].shape:
                    found[name] = f"{array.shape}, the model's is {source[name].shape}"
        return found

    def _other_meanings(self, scheme):
        """Why arrays are not kept though they may have the right shape, by name."""
        found, (known, given) = {}, (self.scheme.modalities, scheme.modalities)
        if known and given and known != given:
            found["enc1.conv1.w"] = f"for {', '.join(given)}, the model's for {', '.join(known)}"
        known, given = self.scheme.classes, scheme.classes
        if known != given and max(len(known), len(given)) > 2:
            found |= dict.fromkeys(("head.w", "head.b"), f"for {', '.join(given)}, the model's "
                                   f"for {', '.join(known)}")
        return found

    def leaked(self, patients):
        """Say in a line which of the held-out `patients`, digest by name, it was trained on.

        None if there are none.
        """
        seen = Seen(*self.record["seen"])
        if not (names := [name for name, digest in patients.items() if seen.has(name, digest)]):
            return None
        return (f"{self.name} was trained on {plural(len(names), 'patient')} that the run holds out"
                f"{' (told by name)' * seen.by_name}: {_listed(names)}; their scores say "
                "nothing about new patients")


def start_again(begun, start, out):
    """Give the `Start` of a run that goes on, and its record; None for what is not needed.

    After the first epoch the run's own weights are there, and the model may be gone.

    Parameters
    ----------
    begun : dict or None
        The `Start.record` that the run has, if it began with a model.
    start : Start or None
        What was asked for now.
    out : str or Path
        The run's folder.

    Raises
    ------
    InputError
        If the run did not begin with `start`, or with what its model's file is now.
    """
    if start and (begun or {}).get("digest") != start.record["digest"]:
        raise InputError(f"cannot resume {out}: it did not begin with {start.name}; leave out "
                         "--from, or choose another --out")
    if not begun or Path(out, "last.npz").exists():
        return None, begun
    return Start(begun["model"], begun["digest"]), begun


def _digest(arrays):
    found = hashlib.blake2b(digest_size=8)
    for part in arrays.values():
        for name, array in part.items():
            found.update(f"{name} {array.shape}".encode())
            found.update(np.ascontiguousarray(array, "<f4"))
    return found.hexdigest()


def _shape(config):
    return f"{config['base_channels']} base channels and depth {config['depth']}"


def _news(misfits):
    lines = [f"new: {name}, {reason}" for name, reason in misfits.items()]
    more = len(lines) - LISTED
    return lines[:LISTED] + ([f"new: {plural(more, 'array')} more"] if more > 0 else [])


def _listed(names, most=20):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
