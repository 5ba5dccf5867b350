"""The training loop: data → network → loss → gradients → step, epoch by epoch."""

import hashlib
import time
import warnings
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from minunet import ops
from minunet.backend import to_device
from minunet.blas import blas_on_one_thread
from minunet.data.loader import batches, load_slices, one_ahead
from minunet.data.preprocess import Preprocessing
from minunet.data.shelf import Shelf
from minunet.files import InputError
from minunet.held_out import HeldOut
from minunet.layers import trace
from minunet.optim import warmup_cosine
from minunet.plots import plot_history, plot_predictions
from minunet.run import Run
from minunet.values import put, real, truth, whole

SHOWN_PATIENTS = 6  # in predictions.png


@dataclass(frozen=True)
class Settings:
    """What a run is made with; ``config.json`` holds it, and resuming needs the same.

    Attributes
    ----------
    size : int
        Side of the prepared slices in pixels.
    base_channels, depth : int
        Of the U-Net.
    epochs, batch_size : int
    learning_rate : float
        The peak of the warm-up and cosine schedule, for Adam.
    weight_decay : float
        Decoupled, on the convolutions' weights.
    seed : int
        Of the weights, the order of slices and their augmentation.
    one_tumour : bool
        Whether each patient has one tumour, in one piece.

    NumPy's numbers become Python's. `InputError` names a value that cannot be, and a size that
    does not go through a U-Net of this depth.
    """

    size: int = 96
    base_channels: int = 16
    depth: int = 4
    epochs: int = 16
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    seed: int = 0
    one_tumour: bool = False

    def __post_init__(self):
        for name, limits in {"size": (1,), "base_channels": (1,), "depth": (1, 5), "epochs": (1,),
                             "batch_size": (1,), "seed": (0,)}.items():
            put(self, **{name: whole(name, getattr(self, name), *limits, error=InputError)})
        put(self,
            learning_rate=real("learning_rate", self.learning_rate, above=True, error=InputError),
            weight_decay=real("weight_decay", self.weight_decay, error=InputError),
            one_tumour=truth("one_tumour", self.one_tumour, error=InputError))
        net = {"in_channels": 1, "out_channels": 1, "base_channels": self.base_channels,
               "depth": self.depth, "padding": "same", "norm": None}  # as far as sizes go
        try:
            trace(net, (self.size, self.size))
        except ValueError as error:
            raise InputError(f"size is {self.size} and depth {self.depth}: {error}") from error

    def to_dict(self):
        """The settings as a dict that JSON can hold."""
        return asdict(self)


def train(training, validation, settings, out, *, device="cpu", resume=False, step=None):
    """Train a U-Net on some patients and watch it on others.

    After every epoch the held-out patients are segmented at their original resolution by the
    network with the running mean of the weights (`optim.follow`); the one with the best mean
    Dice a patient is kept. The folder `out` then holds ``config.json``, ``history.csv``,
    ``history.png``, ``predictions.png``, ``model.npz`` (the best so far) and ``last.npz`` (to
    resume from).

    Parameters
    ----------
    training, validation : list of Patient
    settings : Settings
    out : str or Path
        The run's folder. A run that it holds is replaced, unless `resume`.
    device : {"cpu", "cuda"}
    resume : bool
        Go on after the last whole epoch of the run in `out`. With as many threads as before, and
        the same NumPy and processor, the result is bit for bit that of a run that was never
        interrupted.
    step : callable, optional
        What makes a step: takes the arguments of `train_step`, which is the default, and gives
        the loss.

    Returns
    -------
    Run
        With ``run.net`` as trained, its mean ``run.averaged``, ``run.history``, and the best
        epoch's ``run.best_net()``.

    Raises
    ------
    InputError
        If data, settings or folder are unusable, or the loss is no longer a number.
    """
    preprocessing = Preprocessing(settings.size, one_tumour=settings.one_tumour)
    # disable=None: no bars where nobody watches, as in a log file.
    reading = tqdm(training, "reading", unit="patient", leave=False, disable=None)
    slices = load_slices(reading, preprocessing)
    shelves = Shelf(), Shelf()
    held_out = [HeldOut(patient, preprocessing, *shelves) for patient in validation]
    run = Run(settings, preprocessing, slices.images.shape[-1], out, device,
              patients={"training": [p.name for p in training],
                        "validation": [p.name for p in validation]},
              data=_digest(slices.images, slices.masks, *shelves), scheme=slices.scheme)
    run.resume() if resume else run.start()
    steps = -(-len(slices.masks) // settings.batch_size)  # an epoch
    with tqdm(total=settings.epochs * steps, initial=run.epoch * steps, unit="batch",
              disable=None) as bar:
        while run.epoch < settings.epochs:
            began = time.perf_counter()
            with warnings.catch_warnings():  # of overflow: the epoch checks its numbers itself
                warnings.simplefilter("ignore", RuntimeWarning)
                loss = _train_epoch(run, slices, steps, bar, step or train_step)
                scores = [patient.score(run.averaged)[0] for patient in held_out]
            if not np.isfinite(loss) or None in scores:
                raise InputError(f"the numbers overflow in epoch {run.epoch + 1}; try a smaller "
                                 f"--learning-rate than {settings.learning_rate:g}")
            row = run.finish_epoch(loss, scores, time.perf_counter() - began)
            plot_history(run.history, run.out / "history.png")
            tqdm.write(f"epoch {row['epoch']:3d}   loss {loss:.3f}   validation Dice: mean "
                       f"{row['validation_dice_mean']:.3f}, median "
                       f"{row['validation_dice_median']:.3f}   {row['seconds']:.0f} s")
    _show_predictions(run, held_out)
    return run


def _digest(*shelves):
    digest = hashlib.blake2b(digest_size=8)
    for shelf in shelves:
        step = 2**20 // shelf[:1].nbytes + 1  # about 1 MiB at a time
        for first in range(0, len(shelf), step):
            digest.update(shelf[first : first + step])
    return digest.hexdigest()


@blas_on_one_thread()
def train_step(net, optimiser, images, target):
    """Make one step: forward, loss, backward, update. Nothing moves between host and device.

    Parameters
    ----------
    net : UNet
    optimiser : optim.Adam or optim.SGD
        Of ``net.params``.
    images : array (N, H, W, C)
    target : array (N, H, W, 1)
        The class of each pixel. Both on the network's device.

    Returns
    -------
    loss : 0-d array
        On the device still: ``float(loss)`` fetches it.
    """
    logits, cache = net.forward(images, training=True)
    loss, dlogits = segmentation_loss(logits, target)
    _, grads = net.backward(dlogits, cache, input_gradient=False)
    optimiser.step(grads)
    return loss


def segmentation_loss(logits, target):
    """Cross-entropy plus soft Dice: the one is right for every pixel, the other for the tumour.

    Cross-entropy alone is nearly content with an empty mask where the tumour is 1 % of the
    pixels; Dice alone has little slope where the network is far off. For one logit, both are the
    sigmoid's; for a logit a class, both are the softmax's, and the Dice is the mean over the
    classes but the background.

    Parameters
    ----------
    logits : array (N, H, W, 1) or (N, H, W, K)
    target : array (N, H, W, 1)
        The class of each pixel, a whole number of any dtype: 0 or 1, or 0 … K − 1.

    Returns
    -------
    loss : 0-d array
    dlogits : array like `logits`
    """
    if logits.shape[-1] == 1:
        cross_entropy, dlogits1 = ops.sigmoid_cross_entropy(logits, target)
        overlap, dlogits2 = ops.dice_loss(logits, target)
    else:
        labels = target[..., 0].astype("int32")
        cross_entropy, dlogits1 = ops.softmax_cross_entropy(logits, labels)
        overlap, dlogits2 = ops.softmax_dice_loss(logits, labels)
    return cross_entropy + overlap, dlogits1 + dlogits2


def _train_epoch(run, slices, steps, bar, step):
    """Walk once through the data; give the mean loss a slice, or at once one that is no number."""
    losses, total = 0.0, run.settings.epochs * steps
    data = one_ahead(batches(slices, run.settings.batch_size, run.rng))
    for i, (images, target) in enumerate(data, run.epoch * steps):
        run.optimiser.lr = warmup_cosine(i, total, run.settings.learning_rate)
        loss = float(step(run.net, run.optimiser, to_device(images, run.net.device),
                          to_device(target, run.net.device)))
        if not np.isfinite(loss):
            return loss
        run.follow(i)
        losses += loss * len(images)
        bar.set_postfix(epoch=run.epoch + 1, loss=f"{loss:.3f}", dice=f"{run.best:.3f}",
                        refresh=False)
        bar.update()
    return losses / len(slices.masks)


def _show_predictions(run, held_out):
    """Draw the best network's predictions: the patients from best to worst, evenly picked."""
    net = run.best_net()
    scored = sorted(((*patient.score(net), patient) for patient in held_out),
                    key=lambda item: -np.nan_to_num(item[0]))
    picked = np.unique(np.linspace(0, len(scored) - 1, SHOWN_PATIENTS).round().astype(int))
    rows = [{"name": p.name, "image": p.image, "truth": p.truth, "probability": probability,
             "dice": score} for score, probability, p in (scored[i] for i in picked)]
    plot_predictions(rows, run.out / "predictions.png",
                     "Held-out patients, the slice with most tumour; Dice of the whole volume")
