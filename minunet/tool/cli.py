"""The command line: each command reads its arguments, calls the library, and prints."""

from pathlib import Path

from tqdm import tqdm

from minunet.data import open_dataset
from minunet.data.seen import Seen
from minunet.engine.backend import check_device
from minunet.engine.files import InputError
from minunet.engine.threads import using_threads
from minunet.engine.words import plural
from minunet.proofs import prove_networks, prove_ops
from minunet.tool.agreement import describe_agreement
from minunet.tool.arguments import parse
from minunet.tool.bench import bench
from minunet.tool.demo import demo
from minunet.tool.ending import finish, no_memory
from minunet.tool.ensemble import Ensemble, load, load_one
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.evaluate_runs import HeldOutScores
from minunet.tool.exercises import grade, write_exercises
from minunet.tool.look_page import look_page
from minunet.tool.predict_inputs import is_volume, list_patients
from minunet.tool.predict_pictures import predict_pictures
from minunet.tool.predict_volumes import describe_volume, predict_volumes
from minunet.tool.report import report, report_change, summarise_change, summarise_report
from minunet.tool.summary import summarise
from minunet.tool.train_command import train_by
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
    train_by(options, step)


def _evaluate(options):
    if len(options.models) > 1 and options.held_out:
        return _evaluate_held_out(options)
    net, preprocessing, scheme, metas = _load_all(options.models, options)
    patients = open_dataset(options.data)
    seen = Seen.of(*metas)
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme)
    print_scores(scored, len(patients), seen.names, options.csv)
    if note := seen.note(len(patients), options.held_out):
        print(note)


def _evaluate_held_out(options):
    patients = open_dataset(options.data)
    scores = HeldOutScores(options.models, *load(options.models, options.device))
    print_scores(scores.score(patients), len(patients), csv=options.csv, marks=scores.marks)
    print(*scores.notes(), sep="\n")


def _predict(options):
    net, preprocessing, scheme, _ = _load_all([options.model, *options.others], options)
    inputs = list_patients(options.input)
    volumes = [path for path in inputs if is_volume(path)]
    if volumes and len(volumes) < len(inputs):
        raise InputError(f"{volumes[0]} is a volume and another input is not; predict volumes "
                         "and pictures one after the other")
    if volumes:
        for name, slices, voxels, volume, agreement in predict_volumes(
                net, preprocessing, scheme, volumes, options.out, options.probabilities):
            tqdm.write(f"{name}: {plural(slices, 'slice')}, {describe_volume(voxels, volume)}"
                       + describe_agreement(agreement))
        print(f"masks and overlays are in {options.out}")
        return
    for name, slices, pixels, agreement in predict_pictures(net, preprocessing, inputs,
                                                            options.out, scheme):
        found = f"{plural(pixels, 'pixel')} of tumour" if pixels else "no tumour found"
        tqdm.write(f"{name}: {plural(slices, 'slice')}, {found}{describe_agreement(agreement)}")
    print(f"masks, probabilities and overlays are in {options.out}")


def _look(options):
    net, preprocessing, scheme, _ = _load(options)
    model = Path(options.model).resolve().name if Path(options.model).exists() else options.model
    with tqdm(desc="looking", unit="map", leave=False, disable=None) as bar:
        file, slices = look_page(net, preprocessing, scheme, model, options.scan, options.out,
                                 options.truth, bar.update)
    print(f"open {file} in a browser: {plural(slices, 'slice')}, "
          f"{file.stat().st_size / 1e6:.1f} MB, nothing else is needed")


def _report(options):
    scans = [options.before, options.after]
    if not any(scans + [options.mask]):
        raise InputError("nothing to report on; give a MASK, or --before A and --after B")
    if any(scans) and (options.mask or not all(scans)):
        raise InputError("a change needs both --before A and --after B, and no MASK beside them")
    if all(scans):
        print(summarise_change(report_change(*scans, options.out)))
    else:
        print(summarise_report(report(options.mask, options.image, options.out)))
    print(f"look at {Path(options.out) / 'report.png'}; all numbers are in report.json and "
          "report.csv")


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
    return load_one(options.model, getattr(options, "device", "cpu"))


def _load_all(models, options):
    """As `_load`, of several models that are used as one."""
    nets, *others = load(models, options.device)
    return (Ensemble(nets) if len(nets) > 1 else nets[0]), *others


def _bench(options):
    bench(options.parts or ["all"], options.out, runs=options.runs, device=options.device)
    print(f"\nthe same as figures: {Path(options.out) / 'bench.png'}, and as numbers: bench.json")


COMMANDS = {"demo": _demo, "train": _train, "evaluate": _evaluate, "predict": _predict,
            "look": _look, "report": _report, "gradcheck": _gradcheck, "summary": _summary,
            "bench": _bench, "exercises": _exercises, "grade": _grade}
