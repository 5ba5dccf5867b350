"""A run's folder: what it was made with, how far it is, and how to go on after a kill."""

import csv
import json
import math
from pathlib import Path

import numpy as np

from minunet import checkpoint
from minunet.backend import to_host
from minunet.files import InputError, output_folder, replacing
from minunet.optim import Adam, follow
from minunet.unet import UNet


class Run:
    """The state of a training: network, optimiser, random numbers, history.

    Parameters
    ----------
    settings : train.Settings
    preprocessing : Preprocessing
    channels : int
        Of the images.
    out : str or Path
        The run's folder.
    device : {"cpu", "cuda"}
    patients : dict
        The names of the ``training`` and the ``validation`` patients.
    data : str
        A digest of all slices: a resumed run must see the same.
    scheme : Scheme
        What channels and classes mean; the network has an output for each class, or one for two.

    Attributes
    ----------
    net : UNet
        What is trained.
    averaged : UNet
        The running mean of its weights, see `optim.follow`: this one is scored and kept.
    epoch : int
        Whole epochs done.
    best : float
        Best mean validation Dice so far; nan before the first.
    history : list of dict
        A row an epoch.
    """

    def __init__(self, settings, preprocessing, channels, out, device, patients, data,
                 scheme):
        self.settings, self.preprocessing, self.out = settings, preprocessing, Path(out)
        self.patients, self.data, self.scheme = patients, data, scheme
        try:
            self.net, self.averaged = (
                UNet(channels, scheme.outputs, settings.base_channels, settings.depth,
                     seed=settings.seed, device=device) for _ in range(2))
            self.net.output_shape((settings.size, settings.size))
        except ValueError as error:
            raise InputError(f"--size {settings.size} --depth {settings.depth}: {error}") from error
        self.optimiser = Adam(self.net.params, settings.learning_rate, settings.weight_decay)
        # A stream of its own: data is drawn in another thread than dropout.
        self.rng = np.random.default_rng([settings.seed, 1])
        self.epoch, self.best, self.history = 0, math.nan, []

    @property
    def config(self):
        """What a resumed run must share with this one."""
        return {"settings": self.settings.to_dict(), "preprocessing": self.preprocessing.to_dict(),
                "channels": self.net.config["in_channels"], "patients": self.patients,
                "data": self.data, "scheme": self.scheme.to_dict()}

    def start(self):
        """Make the folder and write ``config.json``; forget a run that was there."""
        output_folder(self.out)
        for name in ("last.npz", "model.npz", "history.csv", "history.png", "predictions.png"):
            (self.out / name).unlink(missing_ok=True)
        with replacing(self.out / "config.json") as temporary:
            temporary.write_text(json.dumps(self.config, indent=1) + "\n")

    def resume(self):
        """Take up the state after the last whole epoch.

        Raises
        ------
        InputError
            If there is no run in the folder, or it was made with other settings or patients.
        """
        found = read_config(self.out)
        for part, values in self.config.items():
            known = found.get(part)
            for name, value in (values.items() if isinstance(values, dict) else [(part, values)]):
                old = known.get(name) if isinstance(known, dict) else known
                if old != value:
                    raise InputError(f"cannot resume {self.out}: {name} was {_brief(old)} and is "
                                     f"now {_brief(value)}; use the same settings or another --out")
        if not (self.out / "last.npz").exists():  # killed in its first epoch
            return
        arrays, meta = checkpoint.load(self.out / "last.npz")
        for name, target in self._arrays().items():
            checkpoint.fill(target, checkpoint.take(arrays, name), self.out / "last.npz")
        self.optimiser.steps = meta["optimiser_steps"]
        self.rng.bit_generator.state = meta["data_random_state"]
        self.net.rng.bit_generator.state = meta["network_random_state"]
        self.epoch, self.best, self.history = meta["epoch"], meta["best"], meta["history"]

    def follow(self, step):
        """Let the averaged network follow the trained one, after its step number `step`, from 0."""
        follow(self.averaged.params, self.net.params, step)
        follow(self.averaged.buffers, self.net.buffers, step)

    def finish_epoch(self, loss, scores, seconds):
        """Record an epoch, keep the averaged network if it is the best, and write everything down.

        Parameters
        ----------
        loss : float
        scores : list of float
            Dice of each validation patient; nan where there is nothing to find.
        seconds : float

        Returns
        -------
        dict
            The new row of the history.
        """
        defined = [score for score in scores if not math.isnan(score)]
        mean = float(np.mean(defined)) if defined else math.nan
        self.epoch += 1
        row = {"epoch": self.epoch, "loss": loss, "validation_dice_mean": mean,
               "validation_dice_median": float(np.median(defined)) if defined else math.nan,
               "learning_rate": self.optimiser.lr, "seconds": round(seconds, 1)}
        self.history.append(row)
        if math.isnan(self.best) or mean >= self.best:
            self.best = mean
            self.averaged.save(self.out / "model.npz", preprocessing=self.preprocessing.to_dict(),
                               scheme=self.scheme.to_dict(), patients=self.patients,
                               epoch=self.epoch, validation_dice=mean)
        with replacing(self.out / "history.csv") as temporary, open(temporary, "w") as file:
            table = csv.DictWriter(file, list(row))
            table.writeheader()
            table.writerows(self.history)
        self._save_state()  # last: until it is there, a resumed run repeats the epoch
        return row

    def best_net(self):
        """Load the best network so far."""
        return UNet.load(self.out / "model.npz", self.net.device)

    def _save_state(self):
        arrays = {f"{name}/{key}": to_host(array) for name, part in self._arrays().items()
                  for key, array in part.items()}
        checkpoint.save(self.out / "last.npz", arrays, {
            "epoch": self.epoch, "best": self.best, "history": self.history,
            "optimiser_steps": self.optimiser.steps,
            "data_random_state": self.rng.bit_generator.state,
            "network_random_state": self.net.rng.bit_generator.state})

    def _arrays(self):
        return {"params": self.net.params, "buffers": self.net.buffers,
                "averaged_params": self.averaged.params, "averaged_buffers": self.averaged.buffers,
                "optimiser": self.optimiser.state}


def read_config(folder):
    """Read the ``config.json`` of a run.

    Raises
    ------
    InputError
        If there is none, or it is no JSON.
    """
    path = Path(folder) / "config.json"
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"no run to resume in {folder} (there is no config.json); "
                         "leave out --resume, or give the run's folder as --out") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged; start again without --resume") from error


def _brief(value):
    return f"{len(value)} patients" if isinstance(value, list) else repr(value)
