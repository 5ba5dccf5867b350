"""Training from patients to a run: they are read, and a run is begun or taken up."""

import hashlib

from tqdm import tqdm

from minunet.data.loader import load_slices
from minunet.data.preprocess import Preprocessing
from minunet.data.seen import noting
from minunet.data.shelf import Shelf
from minunet.engine.lock import holding
from minunet.train import record
from minunet.train.epochs import run_epochs, tell
from minunet.train.held_out import HeldOut
from minunet.train.run import Run
from minunet.train.step import train_step


def train(training, validation, settings, out, *, device="cpu", resume=False, step=None,
          watch=()):
    """Train a U-Net on some patients and watch it on others.

    After every epoch the held-out patients are segmented at their original resolution by the
    network with the running mean of the weights (`optim.follow`). Kept is the epoch with the best
    mean Dice over the held-out patients that have a tumour, of equals the later one; if none has,
    there is nothing to choose by, and the last is kept. The folder `out` then holds
    ``config.json``, ``history.csv``, ``model.npz`` (the epoch kept so far) and ``last.npz`` (to
    resume from), and what `watch` puts there.

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
        processor are the same as before; otherwise sums are rounded in another way. (The way of
        convolving, which follows from the machine, is taken from the run.)
    step : callable, optional
        What makes a step: takes the arguments of `train_step`, which is the default, and gives
        the loss.
    watch : sequence of callables
        After each epoch ``each(run, held_out)`` is called, with the `Run` and a list of `HeldOut`:
        ``minunet train`` draws the run so, see `minunet.tool.watch`.

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
    with holding(out), record.as_begun(out, resume) as begun:
        if resume:  # before the data is read, which can take minutes
            record.check_same(begun, {"settings": settings.to_dict(), "patients": names}, out)
            if note := record.rounding_note(begun, device):
                tell(note)
        digests = {}
        training, validation = (noting(part, digests) for part in (training, validation))
        slices, held_out, data = _read(training, validation, settings)
        patients = {part: {name: digests[name] for name in names[part]} for part in names}
        run = Run(settings, _preprocessing(settings), slices.images.shape[-1], out, device,
                  patients, data, slices.scheme)
        run.resume() if resume else run.start()
        run_epochs(run, slices, held_out, step or train_step, watch)
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
