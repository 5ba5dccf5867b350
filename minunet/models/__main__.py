"""``python -m minunet.models RUN FILE [CHANNEL ...]``: a run's best model, at half its size."""

import sys

import numpy as np

from minunet.engine.checkpoint import find, load, save
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.ending import finish


def publish(model, path, channels=()):
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

    Raises
    ------
    InputError
        If there is no such model, it has another number of channels, or a parameter is too large
        for float16.
    """
    arrays, meta = load(find(model))
    if channels:
        count = meta["config"]["in_channels"]
        if len(channels) != count:
            raise InputError(f"{model} takes {plural(count, 'channel')}, and {len(channels)} are "
                             "named; name each")
        meta["scheme"] = meta.get("scheme", {}) | {"modalities": list(channels)}
    with np.errstate(over="ignore"):  # checked below
        halved = {name: array.astype(np.float16) for name, array in arrays.items()
                  if name.startswith("params/")}
    for name, array in halved.items():
        if not np.isfinite(array).all():
            raise InputError(f"{model}: {name} has values beyond float16's; train with more "
                             "--weight-decay")
    save(path, arrays | halved, meta)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m minunet.models RUN FILE.npz [CHANNEL ...]")
    sys.exit(finish(lambda: publish(sys.argv[1], sys.argv[2], sys.argv[3:])))
