"""What a run was made with, as its ``config.json`` keeps it: so that it can go on as it began."""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from minunet import __version__
from minunet.engine import mpi
from minunet.engine.files import InputError, replacing
from minunet.engine.rates import balance, using_balance
from minunet.engine.threads import threads

NAME = "config.json"
FORMAT = 3  # goes up when the runs of older versions can no longer be resumed

AS_IT_BEGAN = "a run goes on as it began: give the same, or another --out"
ADVICE = {"epochs": "the learning rate has fallen, or will, to its end with the last epoch of that "
                    "number: give the same, or train on from the model: --from RUN --out ANOTHER"}


def write(folder, config, device):
    """Write ``config.json``: `config`, and under which conditions its numbers are computed.

    Parameters
    ----------
    folder : str or Path
        The run's.
    config : dict
        What a resumed run must share with this one; JSON can hold it.
    device : {"cpu", "cuda"}
    """
    content = {"format": FORMAT, "minunet": __version__, "conditions": conditions(device)}
    with replacing(Path(folder) / NAME) as temporary:
        temporary.write_text(json.dumps(content | config, indent=1) + "\n", encoding="utf-8")


def conditions(device):
    """Where one of these differs, sums are rounded otherwise."""
    return {"ranks": mpi.size(), "threads": threads(), "NumPy": np.__version__, "device": device,
            "balance": balance() if device == "cpu" else None}


@contextmanager
def as_begun(folder, resume, device):
    """Compute inside of the block as a run did that is resumed, where that can be chosen.

    That is how convolutions are computed, see `engine.rates.balance`. Of several ranks all compute
    like the first.

    Yields
    ------
    dict or None
        What `read` gives of the run to resume.
    """
    begun = read(folder) if resume else None
    chosen = begun and begun["conditions"].get("balance")
    if device == "cpu" and mpi.size() > 1:
        [chosen, *_] = mpi.gather([chosen or balance()])
    with using_balance(chosen):
        yield begun


def read(folder):
    """Read the ``config.json`` of a run.

    Raises
    ------
    InputError
        If there is none, it is damaged, or another version of minunet wrote it that this one
        cannot go on from.
    """
    path = Path(folder) / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"no run to resume in {folder} ({NAME}: {error.strerror}); "
                         "leave out --resume, or give the run's folder as --out") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    check_format(content.get("format", 1), path)
    parts = content.get("settings"), content.get("patients"), content.get("conditions")
    if not all(isinstance(part, dict) for part in parts):
        raise _damaged(path)
    return content


def check_format(found, path):
    """Raise `InputError` unless `found` is the format of runs that this version goes on with."""
    if found != FORMAT:
        age, way = ("an older", "begin again in another --out; its model.npz can still be used"
                    ) if found in range(FORMAT) else ("a newer", "update minunet to go on with it")
        raise InputError(f"{path} is from {age} version of minunet (run format {found}, this "
                         f"version has {FORMAT}); {way}")


def check_same(found, config, folder):
    """Raise `InputError`, by name, where `config` differs from what `read` has `found`.

    Parameters
    ----------
    found : dict
        From `read`.
    config : dict
        All of what `write` was given, or some parts of it.
    folder : str or Path
        The run's.
    """
    for part, values in config.items():
        known = found.get(part)
        nested = isinstance(values, dict) and isinstance(known, dict)
        for name, value in values.items() if nested else [(part, values)]:
            old = known.get(name) if nested else known
            if old != value:
                raise InputError(f"cannot resume {folder}: {name} was {_brief(old, value)} and is "
                                 f"now {_brief(value, old)}; {ADVICE.get(name, AS_IT_BEGAN)}")


def _brief(value, other):
    if not isinstance(value, list):
        return repr(value)
    strange = [item for item in value if not isinstance(other, list) or item not in other]
    named = f" (among them {strange[0]})" if strange else ""
    return f"{len(value)} patient{'s' * (len(value) != 1)}{named}"


def rounding_note(found, device):
    """Say in a line what has changed that results are rounded by; None if nothing has."""
    now = conditions(device)
    changed = [f"{name} was {found['conditions'].get(name)} and is now {value}"
               for name, value in now.items() if found["conditions"].get(name) != value]
    if not changed:
        return None
    return (f"{', '.join(changed)}: rounding will differ, so the model will not be that of an "
            "uninterrupted run to the last bit")


def _damaged(path):
    return InputError(f"{path} is damaged; begin again in another --out")
