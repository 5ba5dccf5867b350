"""Training: patients are read, a run is begun or taken up; a step; and the loss."""

import hashlib
from dataclasses import asdict, dataclass

from tqdm import tqdm

from minunet import ops
from minunet.data.loader import load_slices
from minunet.data.preprocess import Preprocessing
from minunet.data.seen import noting
from minunet.data.shelf import Shelf
from minunet.engine.blas import blas_on_one_thread
from minunet.engine.files import InputError
from minunet.engine.lock import holding
from minunet.engine.values import put, real, truth, whole
from minunet.layers import trace
from minunet.train import record
from minunet.train.epochs import run_epochs, tell
from minunet.train.held_out import HeldOut
from minunet.train.run import Run


@dataclass(frozen=True)
class Settings:
    """What a run is made with; ``config.json`` holds it, and a resumed run has the same.

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
    network with the running mean of the weights (`optim.follow`). Kept is the epoch with the best
    mean Dice over the held-out patients that have a tumour, of equals the later one; if none has,
    there is nothing to choose by, and the last is kept. The folder `out` then holds
    ``config.json``, ``history.csv``, ``history.png``, ``predictions.png``, ``model.npz`` (the epoch
    kept so far) and ``last.npz`` (to resume from).

    A table or a picture that cannot be written is told of on standard error, and training goes on.

    Parameters
    ----------
    training, validation : list of Patient
    settings : Settings
    out : str or Path
        The run's folder. A run that it holds is replaced, unless `resume`; another run that is at
        work there is not.
    device : {"cpu", "cuda"}
    resume : bool
        Go on after the last whole epoch of the run in `out`. The result is bit for bit that of
        a run that was never interrupted, if the number of threads, NumPy and the kind of
        processor are the same as before; otherwise sums are rounded in another way.
    step : callable, optional
        What makes a step: takes the arguments of `train_step`, which is the default, and gives
        the loss.

    Returns
    -------
    Run
        With ``run.net`` as trained, its mean ``run.averaged``, ``run.history``, and the kept
        epoch's ``run.best_net()``.

    Raises
    ------
    InputError
        If data, settings or folder are unusable, or the loss is no longer a number.
    """
    names = {"training": [p.name for p in training], "validation": [p.name for p in validation]}
    with holding(out):
        if resume:  # before the data is read, which can take minutes
            begun = record.read(out)
            record.check_same(record.without_digests(begun),
                              {"settings": settings.to_dict(), "patients": names}, out)
            if note := record.rounding_note(begun, device):
                tell(note)
        digests = {}
        training, validation = (noting(part, digests) for part in (training, validation))
        slices, held_out, data = _read(training, validation, settings)
        patients = {part: {name: digests[name] for name in names[part]} for part in names}
        run = Run(settings, _preprocessing(settings), slices.images.shape[-1], out, device,
                  patients, data, slices.scheme)
        run.resume() if resume else run.start()
        run_epochs(run, slices, held_out, step or train_step)
    return run


def _preprocessing(settings):
    return Preprocessing(settings.size, one_tumour=settings.one_tumour)


def _read(training, validation, settings):
    """Read and prepare all patients: slices to train on, `HeldOut` ones, and a digest of both."""
    # disable=None: no bars where nobody watches, as in a log file.
    reading = tqdm(training, "reading", unit="patient", leave=False, disable=None)
    slices = load_slices(reading, _preprocessing(settings))
    shelves = Shelf(), Shelf()
    held_out = [HeldOut(patient, _preprocessing(settings), *shelves) for patient in validation]
    return slices, held_out, _digest(slices.images, slices.masks, *shelves)


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
