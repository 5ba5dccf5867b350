"""A patient: the unit by which data is split and results are scored."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minunet.data.formats.names import head_of
from minunet.data.scheme import BINARY, Scheme
from minunet.engine.files import InputError


@dataclass(frozen=True)
class Patient:
    """One patient's slices, read when they are asked for.

    Attributes
    ----------
    name : str
        For example ``"TCGA_CS_5393_19990606"``. No two patients of a dataset have the same.
    slices : tuple of str
        A name for each slice, in anatomical order.
    load : callable
        ``load()`` reads and checks the pixels and returns ``(images, masks)``: images
        (D, H, W, C) as stored (uint8, uint16 or float32), masks (D, H, W) uint8, the classes
        of the scheme, 0 to K − 1.
        The patient keeps nothing: a second call reads again.
    spacing : tuple of float, optional
        Millimetres between voxels along (D, H, W); None if unknown.
    scheme : Scheme
        What channels and classes mean. By default, nobody knows what the channels are, and
        there are two classes: background and tumour.
    oriented : bool
        Whether the patient's right is known to be on the left of each slice.
    """

    name: str
    slices: tuple[str, ...]
    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    spacing: tuple[float, ...] | None = None
    scheme: Scheme = BINARY
    oriented: bool = False


def split_patients(patients, fraction, seed):
    """Split a dataset by head into a part to train on and a part held out.

    Neighbouring slices of one patient are nearly the same picture, and so are two scans of one
    head. Were slices or scans split instead of heads (`names.head_of`), the network would be
    scored on pictures it has all but seen.

    Parameters
    ----------
    patients : list of Patient
    fraction : float
        Share of the heads to hold out, in [0, 1). The number is rounded, and at least one head
        goes to each part; but with 0 nobody is held out.
    seed : int
        The same seed and the same number of heads give the same split.

    Returns
    -------
    training, validation : list of Patient
        Both in the order of `patients`.

    Raises
    ------
    ValueError
        If `fraction` is not in [0, 1).
    InputError
        If there are fewer than two heads, and one should be held out.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction: expected a number from 0 and below 1, got {fraction}")
    if fraction == 0:
        return list(patients), []
    owners = [head_of(patient.name) for patient in patients]
    heads = list(dict.fromkeys(owners))
    if len(heads) < 2:
        found = f"the one patient {patients[0].name}" if patients else "no patient"
        if len(patients) > 1:
            found = f"{len(patients)} scans of the one head {heads[0]}"
        raise InputError(f"found {found}; give at least two, one to train on and one to hold out")
    count = min(max(round(fraction * len(heads)), 1), len(heads) - 1)
    drawn = np.random.default_rng(seed).permutation(len(heads))[:count]
    held_out = {heads[i] for i in drawn}
    parts = ([], [])
    for patient, head in zip(patients, owners, strict=True):
        parts[head in held_out].append(patient)
    return parts
