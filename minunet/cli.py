"""The command line: each command reads its arguments, calls the library, and prints."""

import argparse
import sys
from pathlib import Path

from minunet import __version__, checkpoint
from minunet.arguments import positive, share, whole
from minunet.backend import check_device
from minunet.bench import PARTS, bench
from minunet.data import open_dataset
from minunet.data.patient import split_patients
from minunet.data.preprocess import Preprocessing
from minunet.demo import demo
from minunet.evaluate import evaluate, format_table, write_csv
from minunet.files import InputError
from minunet.layers import summarise
from minunet.predict_files import predict_files
from minunet.proofs import prove_networks, prove_ops
from minunet.train import Settings, train
from minunet.unet import UNet

MODEL_HELP = "a run's folder (its best model), or a model's .npz file"
DATA_HELP = ("a folder of one folder a patient, with NAME_1.tif and NAME_1_mask.tif and so on; "
             "or a folder that holds the folders images/ and masks/, with files of equal names")


def main(arguments=None):
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0; 1 if ``gradcheck`` found a wrong gradient; 2 on bad input, after one line on standard
        error; 130 after Ctrl-C.
    """
    try:
        options = _parser().parse_args(arguments)
        return options.run(options) or 0
    except InputError as error:
        print(f"minunet: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minunet: interrupted; minunet train goes on with --resume", file=sys.stderr)
        return 130


def _demo(options):
    check_device(options.device)
    run = demo(options.out, seed=options.seed, device=options.device)
    print(f"held-out Dice {run.best:.3f}: the mean over {len(run.patients['validation'])} "
          f"synthetic patients that the network never saw\n"
          f"look at {run.out / 'predictions.png'} and {run.out / 'history.png'}")


def _train(options):
    check_device(options.device)
    out = Path(options.out)
    if (out / "config.json").exists() and not options.resume:
        raise InputError(f"{out} holds a run already; go on with --resume, or choose another --out")
    settings = Settings(**{name: getattr(options, name) for name in Settings().to_dict()})
    training, validation = split_patients(open_dataset(options.data), options.validation,
                                          options.seed)
    print(f"{len(training)} patients to train on, {len(validation)} held out")
    run = train(training, validation, settings, out, device=options.device, resume=options.resume)
    print(f"best mean validation Dice {run.best:.3f}; the model is in {out / 'model.npz'}")


def _evaluate(options):
    net, preprocessing, meta = _load(options)
    patients = open_dataset(options.data)
    seen = set(meta.get("patients", {}).get("training", ()))
    if options.held_out:
        patients = [patient for patient in patients if patient.name not in seen]
        if not patients:
            raise InputError(f"the model was trained on all patients in {options.data}; "
                             "leave out --held-out, or give other data")
    rows = list(evaluate(net, preprocessing, patients))
    if options.csv:
        write_csv(rows, options.csv)
    print(format_table(rows, seen))
    known = sum(row["patient"] in seen for row in rows)
    if known:
        print(f"* {known} of {len(rows)} patients: the model was trained on them, so their scores "
              "say nothing about new patients; --held-out leaves them out")


def _predict(options):
    net, preprocessing, _ = _load(options)
    for name, slices, pixels in predict_files(net, preprocessing, options.input, options.out):
        found = f"{pixels:,} pixels of tumour" if pixels else "no tumour found"
        print(f"{name}: {slices} slice{'s' * (slices > 1)}, {found}")
    print(f"masks, probabilities and overlays are in {options.out}")


def _gradcheck(options):
    reports = [prove_ops(options.seed), prove_networks(options.seed)]
    print(*reports, sep="\n\nwhole networks, each by its worst array:\n")
    wrong = sum(not row.ok for report in reports for row in report)
    print(f"\n{wrong} gradients are WRONG" if wrong else "\nall gradients are right")
    return 1 if wrong else 0


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
    """Give the network, its preprocessing, and what else was saved with them."""
    net, meta = checkpoint.load_model(options.model, UNet, getattr(options, "device", "cpu"))
    try:
        return net, Preprocessing.from_dict(meta.get("preprocessing", {})), meta
    except TypeError as error:
        raise InputError(f"{options.model} holds unknown preprocessing ({error}); "
                         "it is from another version: train it again") from error


def _bench(options):
    bench(options.parts or ["all"], options.out, runs=options.runs, device=options.device)
    print(f"\nthe same as figures: {Path(options.out) / 'bench.png'}, and as numbers: bench.json")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all of minunet's."""

    def error(self, message):
        raise InputError(f"{message} (see {self.prog} --help)")


def _parser():
    parser = _Parser(
        prog="minunet", description="A U-Net written by hand in NumPy: trains on brain MRI and "
        "segments tumours. For teaching and research, not for diagnosis.")
    parser.add_argument("--version", action="version", version=f"minunet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for name, run, add_options, shared, text in (
            ("demo", _demo, _demo_options, ("device", "seed"),
             "train on synthetic brains in about a minute and draw the result"),
            ("train", _train, _train_options, ("device", "seed"), "train a network on your data"),
            ("evaluate", _evaluate, _evaluate_options, ("device",),
             "score a model on patients whose masks are known"),
            ("predict", _predict, _predict_options, ("device",),
             "segment images and write masks, probabilities, overlays"),
            ("gradcheck", _gradcheck, None, ("seed",),
             "prove the gradients of every op and of whole networks"),
            ("summary", _summary, _summary_options, (), "print a network's layers: shapes, "
             "parameters, multiplications, receptive field"),
            ("bench", _bench, _bench_options, ("device",), "measure speed and memory, against "
             "PyTorch where installed; takes some minutes")):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(run=run)
        if add_options:
            add_options(sub)
        if "device" in shared:
            sub.add_argument("--device", default="cpu", metavar="cpu|cuda",
                             help="where to compute (default: %(default)s)")
        if "seed" in shared:
            sub.add_argument("--seed", type=whole(0), default=0, metavar="N",
                             help="same seed, same result (default: %(default)s)")
    return parser


def _demo_options(sub):
    sub.add_argument("--out", default="minunet-demo", metavar="RUN",
                     help="folder for the model and the figures (default: %(default)s)")


def _evaluate_options(sub):
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--held-out", action="store_true",
                     help="leave out the patients that the model was trained on")
    sub.add_argument("--csv", metavar="FILE", help="write the table there as well")


def _predict_options(sub):
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("input", metavar="INPUT", nargs="+",
                     help="an image, or a folder with the slices of one patient (better: "
                     "intensities are then standardised over all of them)")
    sub.add_argument("--out", required=True, metavar="DIR", help="folder for the results")


def _summary_options(sub):
    sub.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP + " (default: a new "
                     "network by the options below)")
    sub.add_argument("--paper", action="store_true", help="the network of Ronneberger et al. 2015")
    sub.add_argument("--in-channels", type=whole(1), default=3, metavar="C")
    sub.add_argument("--base-channels", type=whole(1), default=32, metavar="F")
    sub.add_argument("--depth", type=whole(1), default=4, metavar="N")
    sub.add_argument("--size", type=whole(1), metavar="PIXELS",
                     help="side of the image (default: 256; with --paper 572)")


def _bench_options(sub):
    sub.add_argument("parts", metavar="PART", nargs="*",
                     help=f"what to measure: {', '.join(PARTS)}, or all (default)")
    sub.add_argument("--out", default="minunet-bench", metavar="DIR",
                     help="folder for bench.json and bench.png (default: %(default)s)")
    sub.add_argument("--runs", type=whole(1), default=7, metavar="N",
                     help="rounds to take the median of (default: %(default)s)")


def _train_options(sub):
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--out", required=True, metavar="RUN",
                     help="folder for the model, its history and figures")
    sub.add_argument("--resume", action="store_true",
                     help="go on after the last whole epoch of the run in RUN")
    default = Settings()
    for name, kind, text in (
            ("size", whole(1), "side in pixels that slices are brought to"),
            ("base-channels", whole(1), "channels of the first level; each level doubles them"),
            ("depth", whole(1), "levels of the U, 1 to 5"),
            ("epochs", whole(1), "walks through the data"),
            ("batch-size", whole(1), "slices a step"),
            ("learning-rate", positive, "peak, after warming up"),
            ("weight-decay", positive, "pull of the weights towards zero")):
        sub.add_argument(f"--{name}", type=kind, default=getattr(default, name.replace("-", "_")),
                         metavar="X" if kind is positive else "N",
                         help=f"{text} (default: %(default)s)")
    sub.add_argument("--validation", type=share, default=0.2, metavar="SHARE",
                     help="of the patients, to hold out (default: %(default)s)")
