"""A run's folder: what it was made with, how far it is, and how to go on after a kill."""

import csv
import math
from pathlib import Path

import numpy as np

from minunet import __version__
from minunet.engine import checkpoint, mpi
from minunet.engine.backend import array_module, to_host
from minunet.engine.files import InputError, replacing
from minunet.optim import Adam, follow
from minunet.train import record
from minunet.train.watched import mean_defined
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
        For the ``training`` and the ``validation`` patients the digest of each by its name.
    data : str
        A digest of all slices: a resumed run must see the same.
    scheme : Scheme
        What channels and classes mean; the network has an output for each class, or one for two.
    fold : str, optional
        Which fold the validation patients are, as ``"2/5"``.
    start : dict, optional
        What the run began with, see `start.Start.record`.

    Attributes
    ----------
    net : UNet
        What is trained.
    averaged : UNet
        The running mean of its weights, see `optim.follow`: this one is scored and kept.
    epoch : int
        Whole epochs done.
    best : float
        The mean Dice by which the kept epoch was chosen, see `finish_epoch`; nan before the first,
        and if there is nothing to choose by.
    history : list of dict
        A row for each epoch.
    """

    def __init__(self, settings, preprocessing, channels, out, device, patients, data,
                 scheme, fold=None, start=None):
        self.settings, self.preprocessing, self.out = settings, preprocessing, Path(out)
        self.patients, self.data, self.scheme = patients, data, scheme
        self.fold, self.begun_with = fold, start
        self.net, self.averaged = (
            UNet(channels, scheme.outputs, settings.base_channels, settings.depth,
                 seed=settings.seed, device=device, axes=settings.axes) for _ in range(2))
        self.optimiser = Adam(self.net.params, settings.learning_rate, settings.weight_decay)
        # A stream of its own: data is drawn in another thread than dropout.
        self.rng = np.random.default_rng([settings.seed, 1])
        self.epoch, self.best, self.history = 0, math.nan, []

    @property
    def config(self):
        """What a resumed run must share with this one."""
        return {"settings": self.settings.to_dict(), "preprocessing": self.preprocessing.to_dict(),
                "channels": self.net.config["in_channels"],
                "patients": {part: list(digests) for part, digests in self.patients.items()},
                "data": self.data, "scheme": self.scheme.to_dict(), "fold": self.fold,
                "start": self.begun_with}

    def start(self):
        """Write ``config.json`` into the folder, which is there; forget a run that was.

        Of several ranks, only the first writes, here and below.
        """
        if not mpi.first():
            return
        for name in ("last.npz", "model.npz", "history.csv", "history.png", "predictions.png"):
            (self.out / name).unlink(missing_ok=True)
        record.write(self.out, self.config, self.net.device)

    def resume(self):
        """Take up the state after the last whole epoch.

        Raises
        ------
        InputError
            If there is no run in the folder, or it was made with other settings or patients, or
            by another version.
        """
        record.check_same(record.read(self.out), self.config, self.out)
        path = self.out / "last.npz"
        if not path.exists():  # killed in its first epoch
            return
        arrays, meta = checkpoint.load(path)
        record.check_format(meta.get("run_format", 1), path)
        for name, target in self._arrays().items():
            checkpoint.fill(target, checkpoint.take(arrays, name), path)
        try:
            self.optimiser.steps = meta["optimiser_steps"]
            self.rng.bit_generator.state = meta["data_random_state"]
            self.net.rng.bit_generator.state = meta["network_random_state"]
            self.epoch, self.best, self.history = meta["epoch"], meta["best"], meta["history"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}); begin again in another --out"
                             ) from error

    def follow(self, step):
        """Let the averaged network follow the trained one, after its step number `step`, from 0."""
        follow(self.averaged.params, self.net.params, step)
        follow(self.averaged.buffers, self.net.buffers, step)

    def agree(self):
        """Take the state of the first rank, if there are several: processors round differently."""
        for arrays in self._arrays().values() if mpi.size() > 1 else ():
            for array in arrays.values():
                array[...] = array_module(array).asarray(mpi.spread(to_host(array)))

    def finish_epoch(self, loss, scores, seconds, compared=None, *, validation_loss=math.nan,
                     training_dice=math.nan):
        """Record an epoch, keep the averaged network if it is the best, and write that down.

        Epochs are compared by the mean of `compared`, over the patients for whom it is a number:
        since that depends on the truth alone, it is the same patients in every epoch. Of equals
        the later is kept; and every epoch, so in the end the last, if there are no such patients.

        Parameters
        ----------
        loss : float
        scores : list of float
            Dice of each validation patient; nan where there is nothing to find and nothing found.
        seconds : float
        compared : list of float, optional
            Dice of each over what the truth marks; nan where that is nothing. `scores` by default.
        validation_loss, training_dice : float, optional
            The mean loss over the held-out patients, and the mean Dice over some of the others.

        Returns
        -------
        dict
            The new row of the history.
        """
        score = mean_defined(scores if compared is None else compared)
        kept = not score < self.best  # as well if either is nan
        self.epoch += 1
        row = {"epoch": self.epoch, "loss": loss, "validation_loss": validation_loss,
               "training_dice_mean": training_dice, "validation_dice_mean": mean_defined(scores),
               "validation_dice_median": mean_defined(scores, np.median),
               "learning_rate": self.optimiser.lr, "seconds": round(seconds, 1), "kept": int(kept)}
        self.history.append(row)
        if kept:
            self.best = score
        if kept and mpi.first():
            self.averaged.save(self.out / "model.npz", preprocessing=self.preprocessing.to_dict(),
                               scheme=self.scheme.to_dict(), patients=self._seen(),
                               epoch=self.epoch, validation_dice=row["validation_dice_mean"],
                               fold=self.fold)
        if mpi.first():
            self._save_state()  # last: until it is there, a resumed run repeats the epoch
        return row

    def write_history(self):
        """Write ``history.csv``."""
        with replacing(self.out / "history.csv") as temporary, \
                open(temporary, "w", newline="", encoding="utf-8") as file:
            # An older version's rows have fewer columns than those that come after them.
            table = csv.DictWriter(file, list(self.history[-1]), restval="")
            table.writeheader()
            table.writerows(self.history)

    def best_net(self) -> UNet:
        """Load the best network so far."""
        return UNet.load(self.out / "model.npz", self.net.device)

    def _seen(self):
        """The patients as the model file holds them: with those that the run's start has seen."""
        return self.patients | ({"before": self.begun_with["seen"]} if self.begun_with else {})

    def _save_state(self):
        arrays = {f"{name}/{key}": to_host(array) for name, part in self._arrays().items()
                  for key, array in part.items()}
        checkpoint.save(self.out / "last.npz", arrays, {
            "run_format": record.FORMAT, "minunet": __version__, "fold": self.fold,
            "conditions": record.conditions(self.net.device),
            "epoch": self.epoch, "best": self.best, "history": self.history,
            "optimiser_steps": self.optimiser.steps,
            "data_random_state": self.rng.bit_generator.state,
            "network_random_state": self.net.rng.bit_generator.state})

    def _arrays(self):
        return {"params": self.net.params, "buffers": self.net.buffers,
                "averaged_params": self.averaged.params, "averaged_buffers": self.averaged.buffers,
                "optimiser": self.optimiser.state}
