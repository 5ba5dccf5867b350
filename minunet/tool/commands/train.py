"""``minunet train``."""

import math
from pathlib import Path

from minunet.data import open_dataset
from minunet.data.folds import split_fold
from minunet.data.patient import split_patients
from minunet.engine import mpi
from minunet.engine.backend import check_device
from minunet.engine.files import InputError, WriteError
from minunet.tool.arguments.train import VALIDATION, VOLUMES
from minunet.tool.watch import WATCH
from minunet.train import Settings, record, train
from minunet.train.start import Start


def run(options, step=None):
    """Run the command; give its exit code, if it has one."""
    check_device(options.device)
    out = Path(options.out)
    begun = record.read(out) if options.resume else {}
    if not begun and any((out / name).exists() for name in ("last.npz", "model.npz")):
        raise InputError(f"{out} holds a run already; go on with --resume, or choose another --out")
    start = Start(options.start) if options.start else None
    settings = _settings(options, begun, start)
    fold = str(options.fold) if options.fold else begun.get("fold")
    if begun:  # before masks are read for another fold
        record.check_same(begun, {"fold": fold}, out)
    training, validation = _split(options, settings.seed, begun)
    held_out = f"{len(validation)} held out" + f", fold {fold}" * bool(fold)
    if mpi.first():
        print(f"patients: {len(training)} to train on, {held_out}")
    try:
        run = train(training, validation, settings, out, device=options.device,
                    resume=options.resume, step=step, watch=WATCH, fold=fold, start=start)
    except (KeyboardInterrupt, WriteError, mpi.LostRank) as error:
        if (out / "last.npz").exists():
            error.args = ("; ".join([*error.args, "minunet train goes on with --resume"]),)
        raise
    if mpi.first():
        print(f"{_scored(run)}; the model is in {out / 'model.npz'}")


def _settings(options, begun, start):
    """What was given, else what the run to go on with has, else the model to start from."""
    given = {name: getattr(options, name) for name in Settings().to_dict()}
    given = {name: value for name, value in given.items() if value is not None}
    known = begun.get("settings") or (start.settings if start else
                                      VOLUMES if given.get("axes") == 3 else {})
    try:
        return Settings(**known | given)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error


def _split(options, seed, begun):
    """The patients to train on and those held out: as the run to go on with has them."""
    patients = open_dataset(options.data)
    if begun and options.validation is None:
        held_out = begun["patients"].get("validation", ())
        return ([patient for patient in patients if patient.name not in held_out],
                [patient for patient in patients if patient.name in held_out])
    if options.fold:
        return split_fold(patients, options.fold)
    share = VALIDATION if options.validation is None else options.validation
    return split_patients(patients, share, seed)


def _scored(run):
    if not run.patients["validation"]:
        return "nobody was held out: the last epoch was kept"
    if math.isnan(run.best):
        return "no held-out patient has a tumour to compare epochs by: the last one was kept"
    return f"best mean validation Dice {run.best:.3f}"
