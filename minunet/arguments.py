"""The kinds of numbers that commands take, for argparse."""

import argparse


def whole(least):
    """Give a reader of whole numbers from `least`."""
    def whole_number(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least}")
        return value

    return whole_number


def share(text):
    """Read a number between 0 and 1."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text):
    """Read a finite number from 0."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0")
    return value
