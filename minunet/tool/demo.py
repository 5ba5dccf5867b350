"""``minunet demo``: draw synthetic brains, train on some, segment the others."""

from pathlib import Path

from minunet.data.phantom import phantom_patients
from minunet.engine.files import InputError
from minunet.tool.watch import WATCH
from minunet.train import Settings, record, train

SETTINGS = Settings(size=64, base_channels=16, depth=3, epochs=12, batch_size=16,
                    learning_rate=4e-3)
TRAINING, HELD_OUT, SLICES = 32, 6, 16
VOLUMES = Settings(size=64, base_channels=8, depth=3, epochs=24, batch_size=4, learning_rate=4e-3,
                   axes=3, patch=32)
DEPTH = 32  # slices of a volume


def demo(out, *, seed=0, device="cpu", axes=2):
    """Train a small U-Net on phantoms and score it on phantoms that it has not seen.

    Parameters
    ----------
    out : str or Path
        The run's folder. An earlier demo there is replaced.
    seed : int
        Of the phantoms and of the training.
    device : {"cpu", "cuda"}
    axes : {2, 3}
        Whether the network sees slices, or volumes.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If `out` holds a run on other data, or cannot be written to.
    """
    settings, slices = (VOLUMES, DEPTH) if axes == 3 else (SETTINGS, SLICES)
    patients = phantom_patients(TRAINING + HELD_OUT, size=settings.size, slices=slices, seed=seed)
    names = [patient.name for patient in patients]
    if (Path(out) / record.NAME).exists():
        found = record.read(out)["patients"]
        if [*found.get("training", ()), *found.get("validation", ())] != names:
            raise InputError(f"{out} holds a run on other data; choose another --out")
    settings = Settings(**settings.to_dict() | {"seed": seed})
    return train(patients[:TRAINING], patients[TRAINING:], settings, out, device=device,
                 watch=WATCH)
