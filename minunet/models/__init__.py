"""The models that the package ships, and what a MODEL on the command line may be.

``python -m minunet.models RUN minunet/models/NAME.npz`` makes one of a run's best model.
"""

from pathlib import Path

from minunet.files import InputError

FOLDER = Path(__file__).parent


def names():
    """The names of the shipped models."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def find(model):
    """Give the file that a MODEL stands for.

    Parameters
    ----------
    model : str or Path
        A run's folder, whose ``model.npz`` is taken; a model's ``.npz`` file; or the name of a
        shipped model. What lies on disk comes first.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If it is none of these.
    """
    path = Path(model)
    for candidate in (path, path / "model.npz", FOLDER / f"{model}.npz"):
        if candidate.is_file():
            return candidate
    raise InputError(f"no model at {model}; give a run's folder, its model.npz, or the name of a "
                     f"shipped model ({', '.join(names())})")
