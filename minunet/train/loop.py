"""Training from patients to a run: they are read, and a run is begun or taken up."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from tqdm import tqdm

from minunet.data.loader import load_slices
from minunet.data.patient import Patient
from minunet.data.preprocess import Preprocessing
from minunet.data.seen import noting, settle
from minunet.data.shelf import Shelf
from minunet.engine import mpi
from minunet.engine.files import InputError, tell, warn
from minunet.engine.lock import holding
from minunet.train import record
from minunet.train.epochs import run_epochs
from minunet.train.run import Run
from minunet.train.settings import Settings
from minunet.train.start import Start, start_again
from minunet.train.step import train_step
from minunet.train.watched import Watched

KNOWN = 6  # patients of those trained on that are scored like held-out ones, at most


def train(training: list[Patient], validation: list[Patient], settings: Settings, out: str | Path,
          *, device: str = "cpu", resume: bool = False, step: Callable | None = None,
          watch: Sequence[Callable] = (), fold: str | None = None, start: Start | None = None
          ) -> Run:
    """Train a U-Net on some patients and watch it on others.

    After every epoch the held-out patients are segmented at their original resolution by the
    network with the running mean of the weights (`optim.follow`). Kept is the epoch with the best
    mean Dice over the held-out patients that have a tumour, of equals the later one; if none has,
    or nobody is held out, there is nothing to choose by, and the last is kept. For comparison some
    of the patients that are trained on are scored in the same way: as many as are held out (if
    nobody is, `KNOWN`), `KNOWN` at most, evenly picked. The folder `out` then holds
    ``config.json``, ``history.csv``, ``model.npz`` (the epoch kept so far) and ``last.npz`` (to
    resume from), and what `watch` puts there.

    A table or a picture that cannot be written is told of on standard error, and training goes on.

    Of several ranks (`engine.mpi.using_ranks`) each computes its share of every batch, reads its
    share of the patients and scores its share of those held out; the first writes. The result is
    that of one process, but for rounding: see `engine.ranks`.

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
        After each epoch ``each(run, held_out)`` is called, with the `Run` and a list of `Watched`:
        ``minunet train`` draws the run so, see `minunet.tool.watch`.
    fold : str, optional
        Which fold `validation` is, as ``"2/5"``: the run's files say it.
    start : train.start.Start, optional
        A model to begin with. A run that is resumed needs none.

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
    if settings.batch_size < mpi.size():
        raise InputError(f"{mpi.size()} ranks cannot share batches of {settings.batch_size}; give "
                         f"a --batch-size of {mpi.size()} or more, or start fewer")
    with holding(out) if mpi.first() else nullcontext(), \
            record.as_begun(out, resume, device) as begun:
        if resume:  # before the data is read, which can take minutes
            record.check_same(begun, {"settings": settings.to_dict(), "patients": names,
                                      "fold": fold}, out)
            if (note := record.rounding_note(begun, device)) and mpi.first():
                tell(note)
            start, origin = start_again(begun.get("start"), start, out)
        else:
            origin = start and start.record
        noted: dict[str, str] = {}
        training, validation = (noting(part, noted) for part in (training, validation))
        slices, held_out, known, data = _read(training, validation, settings)
        digests = settle(noted)
        patients = {part: {name: digests[name] for name in names[part]} for part in names}
        run = Run(settings, _preprocessing(settings), slices.images.shape[-1], out, device,
                  patients, data, slices.scheme, fold, origin)
        run.resume() if resume else run.start()
        if start:
            _begin_with(start, run)
        run_epochs(run, slices, held_out, known, step or train_step, watch)
    return run


def _begin_with(start, run):
    """Give the run the weights that it starts from, and say what that means."""
    lines = start.fill([run.net, run.averaged], run.scheme)
    if not mpi.first():
        return
    for line in lines:
        tqdm.write(line)
    if leaked := start.leaked(run.patients["validation"]):
        warn(leaked)


def _preprocessing(settings):
    return Preprocessing(settings.size, one_tumour=settings.one_tumour)


def _read(training, validation, settings):
    """Read and prepare all patients.

    Gives the slices to train on; of the held-out patients, and of some of the others, this rank's
    share, to be scored; and a digest of slices and held-out patients.
    """
    slices = load_slices(training, _preprocessing(settings))
    held_out = _watched(mpi.share(validation), settings)
    count = min(len(validation) or KNOWN, KNOWN, len(training))
    picked = np.unique(np.linspace(0, len(training) - 1, count).round().astype(int))
    known = _watched(mpi.share(training[i] for i in picked), settings)
    # Of slice by slice, patient by patient: it does not depend on who reads what.
    data = [_digest(slices.images[i], slices.masks[i]) for i in range(len(slices.masks))]
    data += mpi.gather([_digest(*patient.kept()[:2]) for patient in held_out])
    return slices, held_out, known, _digest(*(found.encode() for found in data))


def _watched(patients, settings):
    shelves = Shelf(), Shelf(), Shelf()
    return [Watched(patient, _preprocessing(settings), *shelves) for patient in patients]


def _digest(*parts):
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
