"""What the options of several commands share: kinds of numbers, and what MODEL and DATA may be."""

import argparse

from minunet.engine.checkpoint import names

MODEL_HELP = ("a run's folder (its best model), a model's .npz file, or the name of a model that "
              f"comes with minunet: {', '.join(names())}")
DATA_HELP = ("a folder with a folder for each patient, which has NAME_1.tif, NAME_1_mask.tif, …; "
             "a folder that holds the folders images/ and masks/, with files of equal names; "
             "a BraTS archive's folders; or a task of the Medical Segmentation Decathlon")


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
