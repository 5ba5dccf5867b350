"""``python -m minunet.models RUN FILE [CHANNEL ...]``: a run's model, at half its size."""

import argparse
import sys

import numpy as np

from minunet.engine.checkpoint import find, load, save
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.ending import finish


def publish(model, path, channels=(), threshold=0.5):
    """Write a model at half its size: parameters as float16, running statistics as they are.

    `fill` makes float32 of them again. A weight keeps 11 of its 24 bits, which changes
    probabilities by some thousandths; a running variance may be beyond float16's range.

    Parameters
    ----------
    model : str or Path
        As for `load_model`.
    path : str or Path
        The new ``.npz`` file.
    channels : sequence of str
        What they show, as BraTS calls it, where the data that the model was trained on does not
        say it: so volumes are found by their names.
    threshold : float
        In (0, 1). The probability above which a pixel should count as tumour. It becomes ½, which
        is what all of minunet compares with: ln (threshold / (1 − threshold)) is taken from the
        bias of the last convolution, and so from every logit.

    Raises
    ------
    InputError
        If there is no such model, it has another number of channels, it has several outputs and a
        threshold is given, or a parameter is too large for float16.
    """
    arrays, meta = load(find(model))
    if channels:
        count = meta["config"]["in_channels"]
        if len(channels) != count:
            raise InputError(f"{model} takes {plural(count, 'channel')}, and {len(channels)} are "
                             "named; name each")
        meta["scheme"] = meta.get("scheme", {}) | {"modalities": list(channels)}
    if threshold != 0.5:
        if not 0 < threshold < 1:
            raise InputError(f"the threshold is {threshold:g}; give a number between 0 and 1")
        if meta["config"]["out_channels"] != 1:
            raise InputError(f"{model} has several classes, of which the likeliest is taken; "
                             "leave out the threshold")
        arrays["params/head.b"] = arrays["params/head.b"] - np.log(threshold / (1 - threshold))
    with np.errstate(over="ignore"):  # checked below
        halved = {name: array.astype(np.float16) for name, array in arrays.items()
                  if name.startswith("params/")}
    for name, array in halved.items():
        if not np.isfinite(array).all():
            raise InputError(f"{model}: {name} has values beyond float16's; train with more "
                             "--weight-decay")
    save(path, arrays | halved, meta)


def main(arguments):
    """Read the arguments and publish; give the exit code."""
    parser = argparse.ArgumentParser("python -m minunet.models", description=__doc__)
    parser.add_argument("model", metavar="RUN")
    parser.add_argument("path", metavar="FILE.npz")
    parser.add_argument("channels", nargs="*", metavar="CHANNEL")
    parser.add_argument("--threshold", type=float, default=0.5, metavar="P")
    return finish(lambda: publish(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
