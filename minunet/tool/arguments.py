"""What each command takes on the command line, and the kinds of numbers among it."""

import argparse
import sys

from minunet import __version__
from minunet.engine.checkpoint import names
from minunet.engine.files import InputError
from minunet.tool.bench import PARTS
from minunet.train import Settings

VALIDATION = 0.2  # of the patients, held out
MODEL_HELP = ("a run's folder (its best model), a model's .npz file, or the name of a model that "
              f"comes with minunet: {', '.join(names())}")
DATA_HELP = ("a folder with a folder for each patient, which has NAME_1.tif, NAME_1_mask.tif, …; "
             "a folder that holds the folders images/ and masks/, with files of equal names; "
             "a BraTS archive's folders; or a task of the Medical Segmentation Decathlon")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all of minunet's."""

    def error(self, message):
        raise InputError(f"{message} (see {self.prog} --help)")


def parse(arguments, commands):
    """Read the words of a command line.

    Parameters
    ----------
    arguments : list of str or None
        Those of the process if None.
    commands : dict of str to callable
        What to run for each command.

    Returns
    -------
    argparse.Namespace
        The options, and ``run``, the command's function.

    Raises
    ------
    InputError
        In one line, if they are no command or do not fit it.
    """
    parser = _Parser(
        prog="minunet", description="A U-Net written by hand in NumPy: trains on brain MRI and "
        "segments tumours. For teaching and research, not for diagnosis.")
    parser.add_argument("--version", action="version", version=f"minunet {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for name, add_options, shared, text in (
            ("demo", _demo_options, ("device", "seed"),
             "train on synthetic brains in a minute or two and draw the result"),
            ("train", _train_options, ("device", "seed"), "train a network on your data"),
            ("evaluate", _evaluate_options, ("device",),
             "score a model on patients whose masks are known"),
            ("predict", _predict_options, ("device",),
             "segment images and write masks, and pages to look at"),
            ("look", _look_options, (),
             "write a page in which the network runs: its maps, its skips, what a pixel sees"),
            ("report", _report_options, (),
             "measure the tumours of a mask, or the change between two masks"),
            ("gradcheck", None, ("seed",),
             "prove the gradients of every op and of whole networks"),
            ("exercises", _exercises_options, (),
             "write a file of nine tasks: the operations of a U-Net, to be written by you"),
            ("grade", _grade_options, (), "grade the file of tasks, and give hints"),
            ("summary", _summary_options, (), "print a network's layers: shapes, "
             "parameters, multiplications, receptive field"),
            ("bench", _bench_options, ("device",), "measure speed and memory, against "
             "PyTorch where installed; takes some minutes")):
        sub = subparsers.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(run=commands[name])
        if add_options:
            add_options(sub)
        _shared_options(sub, name, shared)
    if not (sys.argv[1:] if arguments is None else arguments):
        parser.print_help()
        parser.exit()
    return parser.parse_args(arguments)


def _shared_options(sub, command, shared):
    if "device" in shared:
        sub.add_argument("--device", default="cpu", metavar="cpu|cuda",
                         help="where to compute (default: %(default)s)")
        sub.add_argument("--threads", type=whole(1), metavar="N",
                         help="cores to use (default: MINUNET_THREADS if set, else all)")
    if "seed" in shared:
        sub.add_argument("--seed", type=whole(0), default=None if command == "train" else 0,
                         metavar="N", help="same seed, same result: to the last bit with as "
                         "many threads, the same NumPy and the same kind of processor "
                         "(default: 0)")


def _demo_options(sub):
    sub.add_argument("--out", default="minunet-demo", metavar="RUN",
                     help="folder for the model and the figures (default: %(default)s)")


def _evaluate_options(sub):
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--held-out", action="store_true",
                     help="leave out the patients that the model was trained on")
    sub.add_argument("--out", metavar="DIR", help="folder for scores.csv, summary.json, a page for "
                     "each patient, and index.html, which leads to them")


def _predict_options(sub):
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("input", metavar="INPUT", nargs="+",
                     help="an image; a folder with the slices of one patient (better: "
                     "intensities are then standardised over all of them); a NIfTI volume; a "
                     "folder with a volume for each modality of a patient; or a folder of such "
                     "folders")
    sub.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    sub.add_argument("--probabilities", action="store_true",
                     help="of volumes, write the probabilities too (of images, always)")


def _look_options(sub):
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("scan", metavar="SCAN", nargs="?",
                     help="a picture, a folder of one patient's slices, a NIfTI volume, or a "
                     "folder with a volume for each modality (default: a synthetic head, for a "
                     "model of minunet demo)")
    sub.add_argument("--truth", metavar="MASK",
                     help="the true mask of a NIfTI volume; that of a picture is found beside it, "
                     "as NAME_mask")
    sub.add_argument("--out", required=True, metavar="DIR", help="folder for look.html")


def _report_options(sub):
    sub.add_argument("mask", metavar="MASK", nargs="?",
                     help="a NIfTI volume of labels, a picture, or a folder of a patient's slices; "
                     "or a folder of such masks, each a patient's")
    sub.add_argument("image", metavar="IMAGE", nargs="?",
                     help="what the mask was drawn on; without it no intensities are reported. Of "
                     "many patients, a folder with the image of each by name")
    sub.add_argument("--before", metavar="A", help="instead of MASK: a mask of an earlier scan, …")
    sub.add_argument("--after", metavar="B", help="… and one of a later scan, on the same grid")
    sub.add_argument("--image-before", metavar="IMAGE", help="what A was drawn on")
    sub.add_argument("--image-after", metavar="IMAGE", help="what B was drawn on")
    sub.add_argument("--mesh", action="store_true",
                     help="write the surface of the tumours too, for programs for 3-D: report.stl")
    sub.add_argument("--out", required=True, metavar="DIR",
                     help="folder for report.json, report.csv, report.png and report.html; of many "
                     "patients, for a folder of these for each, cohort.csv and index.html")


def _exercises_options(sub):
    sub.add_argument("dir", metavar="DIR", help="folder for unet_by_hand.py")


def _grade_options(sub):
    sub.description += (" Each task runs in a process of its own, with your rights: grade no file "
                        "that you would not run. The exit code is 0 if all these tasks pass, "
                        "else 1.")
    sub.add_argument("file", metavar="FILE", help="the file that minunet exercises has written, "
                     "with your code")
    sub.add_argument("tasks", metavar="TASK", nargs="*", type=whole(1),
                     help="which tasks, by number (default: all)")
    sub.add_argument("--json", metavar="FILE", help="write the verdicts there as well, to a new "
                     "file")


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
    sub.description += (
        " After each epoch the patients that are held out are segmented. RUN/model.npz is the epoch"
        " with the best mean Dice over those who have a tumour, of equals the later; if none has"
        " one, the last epoch.")
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--out", required=True, metavar="RUN",
                     help="folder for the model, its history and figures")
    sub.add_argument("--resume", action="store_true",
                     help="go on after the last whole epoch of the run in RUN, with its settings")
    default = Settings()
    # None if not given: a run that goes on has settings already.
    for name, kind, text in (
            ("size", whole(1), "side in pixels that slices are brought to"),
            ("base-channels", whole(1), "channels of the first level; each level doubles them"),
            ("depth", whole(1), "levels of the U, 1 to 5"),
            ("epochs", whole(1), "how often training goes through the data"),
            ("batch-size", whole(1), "slices in each step"),
            ("learning-rate", positive, "peak, after warming up"),
            ("weight-decay", positive, "pull of the weights towards zero")):
        sub.add_argument(f"--{name}", type=kind, metavar="X" if kind is positive else "N",
                         help=f"{text} (default: {getattr(default, name.replace('-', '_'))})")
    sub.add_argument("--one-tumour", action="store_true", default=None,
                     help="each patient has one tumour, in one piece: keep the surest piece "
                     "found, and the model will do so, too")
    sub.add_argument("--validation", type=share, metavar="SHARE",
                     help=f"of the patients, to hold out (default: {VALIDATION})")


def _number(text, kind, name):
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a {name}") from None


def whole(least):
    """Give a reader of whole numbers from `least`."""
    def whole_number(text):
        value = _number(text, int, "whole number")
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least}")
        return value

    return whole_number


def share(text):
    """Read a number between 0 and 1."""
    value = _number(text, float, "number")
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text):
    """Read a finite number from 0."""
    value = _number(text, float, "number")
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0")
    return value
