"""The command line: each command reads its arguments, calls the library, and prints."""

import math
from pathlib import Path

from tqdm import tqdm

from minunet.data import open_dataset
from minunet.data.patient import split_patients
from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import Scheme
from minunet.data.seen import Seen
from minunet.engine import checkpoint
from minunet.engine.backend import check_device
from minunet.engine.files import InputError, WriteError
from minunet.engine.threads import using_threads
from minunet.engine.words import plural
from minunet.proofs import prove_networks, prove_ops
from minunet.tool.arguments import VALIDATION, parse
from minunet.tool.bench import bench
from minunet.tool.demo import demo
from minunet.tool.ending import finish, no_memory
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.evaluate_results import TABLE, ScoreResults
from minunet.tool.exercises import grade, write_exercises
from minunet.tool.look_page import look_page
from minunet.tool.patient_page import INDEX
from minunet.tool.predict_inputs import is_volume, list_patients
from minunet.tool.predict_pictures import predict_pictures
from minunet.tool.predict_volumes import describe_volume, predict_volumes
from minunet.tool.report.command import run_report
from minunet.tool.summary import summarise
from minunet.tool.watch import WATCH
from minunet.train import Settings, record, train
from minunet.unet import UNet


def main(arguments=None, commands=None):
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.
    commands : dict of str to callable, optional
        What to run for each command; `COMMANDS` by default.

    Returns
    -------
    int
        The exit code: 1 if ``gradcheck`` found a wrong gradient or ``grade`` a task that does
        not pass, else as `ending.finish` says.
    """
    return finish(lambda: run(arguments, commands))


def run(arguments=None, commands=None):
    """Run one command, as `main`; what ends it early is raised."""
    options = parse(arguments, commands or COMMANDS)
    try:
        with using_threads(getattr(options, "threads", None)):
            return options.run(options)
    except MemoryError as error:
        smaller = [f"--{name}" for name in ("batch-size", "size", "base-channels")
                   if hasattr(options, name.replace("-", "_"))]
        raise InputError(no_memory(error, f"a smaller {' or '.join(smaller)} needs less")
                         if smaller else no_memory(error)) from error
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        raise InputError("the system allows no more threads; use fewer --threads") from error


def _demo(options):
    check_device(options.device)
    run = demo(options.out, seed=options.seed, device=options.device)
    print(f"held-out Dice {run.best:.3f}: the mean over {len(run.patients['validation'])} "
          f"synthetic patients that the network never saw\n"
          f"look at {run.out / 'predictions.png'} and {run.out / 'history.png'}")


def _train(options, step=None):
    check_device(options.device)
    out = Path(options.out)
    begun = record.read(out) if options.resume else {}
    if not begun and any((out / name).exists() for name in ("last.npz", "model.npz")):
        raise InputError(f"{out} holds a run already; go on with --resume, or choose another --out")
    given = {name: getattr(options, name) for name in Settings().to_dict()}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        settings = Settings(**begun.get("settings", {}) | given)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    training, validation = _split(options, settings.seed, begun)
    print(f"patients: {len(training)} to train on, {len(validation)} held out")
    try:
        run = train(training, validation, settings, out, device=options.device,
                    resume=options.resume, step=step, watch=WATCH)
    except (KeyboardInterrupt, WriteError) as error:
        if (out / "last.npz").exists():
            error.args = ("; ".join([*error.args, "minunet train goes on with --resume"]),)
        raise
    print(f"{_scored(run)}; the model is in {out / 'model.npz'}")


def _split(options, seed, begun):
    """The patients to train on and those held out: as the run to go on with has them."""
    patients = open_dataset(options.data)
    if not begun or options.validation:
        return split_patients(patients, options.validation or VALIDATION, seed)
    held_out = begun["patients"].get("validation", ())
    return ([patient for patient in patients if patient.name not in held_out],
            [patient for patient in patients if patient.name in held_out])


def _scored(run):
    if math.isnan(run.best):
        return "no held-out patient has a tumour to compare epochs by: the last one was kept"
    return f"best mean validation Dice {run.best:.3f}"


def _evaluate(options):
    net, preprocessing, scheme, meta = _load(options)
    patients = open_dataset(options.data)
    seen = Seen(meta.get("patients", {}).get("training", ()))
    results = None
    if options.out:
        results = ScoreResults(options.out, patients, _model_name(options), seen.names)
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme,
                      results and results.show)
    print_scores(scored, len(patients), seen.names, results)
    if note := seen.note(len(patients), options.held_out):
        print(note)
    if results:
        print(f"look at {Path(options.out) / INDEX}; all digits are in {TABLE}")


def _predict(options):
    net, preprocessing, scheme, _ = _load(options)
    inputs = list_patients(options.input)
    volumes = [path for path in inputs if is_volume(path)]
    if volumes and len(volumes) < len(inputs):
        raise InputError(f"{volumes[0]} is a volume and another input is not; predict volumes "
                         "and pictures one after the other")
    if volumes:
        for name, slices, voxels, volume in predict_volumes(
                net, preprocessing, scheme, volumes, options.out, options.probabilities):
            tqdm.write(f"{name}: {plural(slices, 'slice')}, {describe_volume(voxels, volume)}")
        print(f"masks are in {options.out}; look at {Path(options.out) / INDEX}")
        return
    for name, slices, pixels in predict_pictures(net, preprocessing, inputs, options.out, scheme):
        found = f"{plural(pixels, 'pixel')} of tumour" if pixels else "no tumour found"
        tqdm.write(f"{name}: {plural(slices, 'slice')}, {found}")
    print(f"masks and probabilities are in {options.out}; look at {Path(options.out) / INDEX}")


def _look(options):
    net, preprocessing, scheme, _ = _load(options)
    with tqdm(desc="looking", unit="map", leave=False, disable=None) as bar:
        file, slices = look_page(net, preprocessing, scheme, _model_name(options), options.scan,
                                 options.out, options.truth, bar.update)
    print(f"open {file} in a browser: {plural(slices, 'slice')}, "
          f"{file.stat().st_size / 1e6:.1f} MB, nothing else is needed")


def _gradcheck(options):
    reports = [prove_ops(options.seed), prove_networks(options.seed)]
    print(*reports, sep="\n\nwhole networks, each by its worst array:\n")
    wrong = sum(not row.ok for report in reports for row in report)
    print(f"\n{wrong} gradients are WRONG" if wrong else "\nall gradients are right")
    return 1 if wrong else 0


def _exercises(options):
    path = write_exercises(options.dir)
    print(f"{path} holds nine tasks; write code, then: minunet grade {path}")


def _grade(options):
    return 0 if grade(options.file, options.tasks, options.json) else 1


def _summary(options):
    size = options.size or (572 if options.paper else 256)
    try:
        if options.model:
            net, *_ = _load(options)
        elif options.paper:
            net = UNet.paper()
        else:
            net = UNet(options.in_channels, 1, options.base_channels, options.depth)
        print(summarise(net.config, (size, size)))
    except ValueError as error:
        raise InputError(f"cannot summarise: {error}") from error
    print("sees: side of the square of image pixels that a pixel of the layer depends on")


def _load(options):
    """Give the network, its preprocessing, its scheme, and what else was saved with them."""
    net, meta = checkpoint.load_model(options.model, UNet, getattr(options, "device", "cpu"))
    try:
        return (net, Preprocessing.from_dict(meta.get("preprocessing", {})),
                Scheme.from_dict(meta.get("scheme", {})), meta)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{options.model} holds unknown settings ({error}); "
                         "it is from another version: train it again") from error


def _model_name(options):
    return Path(options.model).resolve().name if Path(options.model).exists() else options.model


def _bench(options):
    bench(options.parts or ["all"], options.out, runs=options.runs, device=options.device)
    print(f"\nthe same as figures: {Path(options.out) / 'bench.png'}, and as numbers: bench.json")


COMMANDS = {"demo": _demo, "train": _train, "evaluate": _evaluate, "predict": _predict,
            "look": _look, "report": run_report, "gradcheck": _gradcheck, "summary": _summary,
            "bench": _bench, "exercises": _exercises, "grade": _grade}
