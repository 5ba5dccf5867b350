"""What several commands take, and the kinds of numbers among it."""

import argparse

from minunet.engine.checkpoint import names

MODEL_HELP = ("a run's folder (its best model), a model's .npz file, or the name of a model that "
              f"comes with minunet: {', '.join(names())}")
DATA_HELP = ("a folder with a folder for each patient, which has NAME_1.tif, NAME_1_mask.tif, …; "
             "a folder that holds the folders images/ and masks/, with files of equal names; "
             "a BraTS archive's folders; or a task of the Medical Segmentation Decathlon")


def add_device(sub):
    """Add the options of what computes."""
    sub.add_argument("--device", default="cpu", metavar="cpu|cuda",
                     help="where to compute (default: %(default)s)")
    sub.add_argument("--threads", type=whole(1), metavar="N",
                     help="cores to use (default: MINUNET_THREADS if set, else all)")


def add_seed(sub, default=0):
    """Add the option of where chance begins."""
    sub.add_argument("--seed", type=whole(0), default=default, metavar="N",
                     help="same seed, same result: to the last bit with as many threads, the "
                     "same NumPy and the same kind of processor (default: 0)")


def add_axes(sub, default, more):
    """Add the option of what the network sees; `more` is said of volumes."""
    sub.add_argument("--axes", type=int, choices=(2, 3), default=default,
                     help=f"2 sees slices; 3 sees volumes, {more} (default: 2)")


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
    """Read a number from 0 up to, but not including, 1."""
    value = _number(text, float, "number")
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 and below 1")
    return value


def positive(text):
    """Read a finite number from 0."""
    value = _number(text, float, "number")
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0")
    return value
