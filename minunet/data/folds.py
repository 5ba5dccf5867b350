"""Folds: all patients are held out once, each by another of several trainings.

One split says how well a recipe does on a few patients, and another split says something else.
Of k folds each is held out by one training, which learns from the others; together the k trainings
score every patient by a network that has not seen it.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from minunet.data.formats.names import head_of, hospital_of
from minunet.engine.files import InputError
from minunet.engine.words import plural


@dataclass(frozen=True)
class Fold:
    """The `number`-th of `count` folds, counted from 1; as text ``"2/5"``."""

    number: int
    count: int

    @classmethod
    def parse(cls, text):
        """Read ``"2/5"``.

        Raises
        ------
        ValueError
            If it is no fold; the text says why.
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal()):
            raise ValueError(f"{text!r} is no fold; give one like 2/5, the second of five")
        fold = cls(int(number), int(count))
        if fold.count < 2:
            raise ValueError(f"{text} has no other fold to train on; give at least two, like 1/2")
        if not 1 <= fold.number <= fold.count:
            raise ValueError(f"{text}: there is no fold {fold.number} of {fold.count}; "
                             f"give 1/{fold.count} to {fold.count}/{fold.count}")
        return fold

    def __str__(self):
        return f"{self.number}/{self.count}"


def split_fold(patients, fold):
    """Split a dataset by head into a fold, which is held out, and the others.

    See `assign_folds`: the split depends on the patients alone. Each is read once, for its mask.

    Parameters
    ----------
    patients : list of Patient
    fold : Fold

    Returns
    -------
    training, held_out : list of Patient
        Both in the order of `patients`.

    Raises
    ------
    InputError
        If there are fewer heads than folds, or a patient is unusable.
    """
    names = [patient.name for patient in patients]
    _check_count(names, fold.count)  # before anything is read
    reading = tqdm(patients, "measuring", unit="patient", leave=False, disable=None)
    folds = assign_folds(dict(zip(names, map(_volume, reading), strict=True)), fold.count)
    parts = ([], [])
    for patient in patients:
        parts[folds[patient.name] == fold.number].append(patient)
    return parts


def assign_folds(volumes, count):
    """Give each patient a fold, so that folds are alike in hospitals and in sizes of tumours.

    Scans of one head are one (`names.head_of`), with the largest of their tumours. Hospital after
    hospital, if the names tell them (`names.hospital_of`), heads are dealt out from the largest
    tumour to the smallest: each to the fold that has the fewest heads of this hospital, of these
    to that with the fewest heads, of these to that with the least tumour so far. Thus the numbers
    of heads in two folds differ by one at most, and so do those of any one hospital.

    Nothing is drawn, and the order of `volumes` does not matter: whoever has the same patients has
    the same folds.

    Parameters
    ----------
    volumes : dict of str to float
        How large the tumour of each patient is, by the patient's name.
    count : int
        Of the folds.

    Returns
    -------
    dict of str to int
        For each patient the number of the fold, from 1.

    Raises
    ------
    InputError
        If there are fewer heads than folds.

    Examples
    --------
    Two scans of one head stay together, and both hospitals are in both folds:

    >>> sizes = {"TCGA_CS_0001_19960909": 5, "TCGA_CS_0001_19970304": 9, "TCGA_CS_0002_19960101": 2,
    ...          "TCGA_DU_0003_19950303": 7, "TCGA_DU_0004_19980808": 1}
    >>> for name, fold in sorted(assign_folds(sizes, 2).items()):
    ...     print(name, fold)
    TCGA_CS_0001_19960909 1
    TCGA_CS_0001_19970304 1
    TCGA_CS_0002_19960101 2
    TCGA_DU_0003_19950303 2
    TCGA_DU_0004_19980808 1
    """
    _check_count(volumes, count)
    heads, hospitals = {}, {}
    for name, volume in volumes.items():
        head = head_of(name)
        heads[head] = max(volume, heads.get(head, volume))
        hospitals.setdefault(hospital_of(name), set()).add(head)
    total, tumour, found = np.zeros(count, int), np.zeros(count), {}
    for hospital in sorted(hospitals):
        here = np.zeros(count, int)  # heads of this hospital in each fold
        for head in sorted(hospitals[hospital], key=lambda head: (-heads[head], head)):
            fold = min(range(count), key=lambda i: (here[i], total[i], tumour[i], i))
            found[head] = fold + 1
            here[fold] += 1
            total[fold] += 1
            tumour[fold] += heads[head]
    return {name: found[head_of(name)] for name in volumes}


def _check_count(names, count):
    if (found := len(set(map(head_of, names)))) < count:
        raise InputError(f"{count} folds need at least {count} patients, and there "
                         f"{'is' if found == 1 else 'are'} {plural(found, 'patient')} "
                         "(scans of one head count once); use fewer folds")


def _volume(patient):
    """How large what the mask marks is: in mm³, or in voxels if their size is not known."""
    _, masks = patient.load()
    return float(np.count_nonzero(masks) * np.prod(patient.spacing or 1.0))
