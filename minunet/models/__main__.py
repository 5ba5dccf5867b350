"""``python -m minunet.models RUN FILE``: a run's best model, at half its size."""

import sys

import numpy as np

from minunet.engine.checkpoint import find, load, save
from minunet.engine.files import InputError
from minunet.tool.ending import finish


def publish(model, path):
    """Write a model at half its size: parameters as float16, running statistics as they are.

    `fill` makes float32 of them again. A weight keeps 11 of its 24 bits, which changes
    probabilities by some thousandths; a running variance may be beyond float16's range.

    Parameters
    ----------
    model : str or Path
        As for `load_model`.
    path : str or Path
        The new ``.npz`` file.

    Raises
    ------
    InputError
        If there is no such model, or a parameter is too large for float16.
    """
    arrays, meta = load(find(model))
    with np.errstate(over="ignore"):  # checked below
        halved = {name: array.astype(np.float16) for name, array in arrays.items()
                  if name.startswith("params/")}
    for name, array in halved.items():
        if not np.isfinite(array).all():
            raise InputError(f"{model}: {name} has values beyond float16's; train with more "
                             "--weight-decay")
    save(path, arrays | halved, meta)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m minunet.models RUN FILE.npz")
    sys.exit(finish(lambda: publish(*sys.argv[1:])))
