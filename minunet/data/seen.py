"""Which patients a model was trained on: told by their data, since names say little.

Two hospitals have a patient 1 each, and one patient may get another name.
"""

import hashlib
from dataclasses import replace
from functools import partial

import numpy as np

from minunet.engine import mpi
from minunet.engine.files import InputError, warn
from minunet.engine.words import plural


def digest(images):
    """Give a digest of a patient's images; the same on every machine, and for every file format.

    Masks do not count: whoever draws the outlines anew has the same patient.

    Parameters
    ----------
    images : ndarray (D, H, W, C)
        As `Patient.load` gives them.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    stored = np.ascontiguousarray(images, images.dtype.newbyteorder("<"))
    found = hashlib.blake2b(f"{stored.shape} {images.dtype.name}".encode(), digest_size=8)
    found.update(stored)
    return found.hexdigest()


def noting(patients, digests):
    """Give the same patients; each adds its digest to a dict when it is loaded.

    Parameters
    ----------
    patients : list of Patient
    digests : dict of str to str
        Filled: digest by name.

    Returns
    -------
    list of Patient
    """
    return [replace(patient, load=partial(_load_noting, patient, digests)) for patient in patients]


def _load_noting(patient, digests):
    images, masks = patient.load()
    new = digest(images)
    if digests.setdefault(patient.name, new) != new:
        raise InputError(f"two patients are called {patient.name}; give each a name of its own")
    return images, masks


def settle(digests):
    """Give the digests with those that other ranks have noted; warn of patients who look alike.

    Raises
    ------
    InputError
        If two patients have one name.
    """
    merged, names = {}, {}
    for name, found in (pair for part in mpi.gather([list(digests.items())]) for pair in part):
        if merged.setdefault(name, found) != found:
            raise InputError(f"two patients are called {name}; give each a name of its own")
        if (other := names.setdefault(found, name)) != name and mpi.first():
            warn(f"the patients {other} and {name} have the same images; leave one of them "
                 "out, or scores of held-out patients may be too good")
    return merged


class Seen:
    """Tells which of some patients a model was trained on.

    By a digest of their images, whatever they are called; if the model holds none, since it is
    from an older version, by their names alone.

    Parameters
    ----------
    *trained : dict of str to str, or list of str
        What model files hold of their training patients: digest by name, or only names.

    Attributes
    ----------
    names : list of str
        Of those patients that have passed `sift` and were trained on.
    """

    def __init__(self, *trained):
        digests = [part.values() for part in trained if isinstance(part, dict)]
        self.by_name = not digests  # then nothing needs to be read
        self.known_names = {name for part in trained if not isinstance(part, dict)
                            for name in part}
        self.known = {found for part in digests for found in part}
        self.names = []

    @classmethod
    def of(cls, *metas):
        """Make one from what model files hold, with what they were fine-tuned from."""
        found = [meta.get("patients", {}) for meta in metas]
        return cls(*(part for patients in found
                     for part in (patients.get("training", ()), *patients.get("before", ()))))

    def has(self, name, found):
        """Whether a model was trained on a patient, by the name and the digest."""
        return found in self.known or name in self.known_names

    def sift(self, patients, leave_out):
        """Yield the patients, each read at most once here; without those trained on if `leave_out`.

        Of several ranks each yields its share. `names` is of all when the last has been yielded.

        Parameters
        ----------
        patients : list of Patient
        leave_out : bool

        Yields
        ------
        Patient
            It can be loaded once.

        Raises
        ------
        InputError
            If a patient is unusable, or all have been left out.
        """
        seen = []  # for each of the share, whether it was trained on
        for patient in mpi.share(patients):
            patient, found = (patient, None) if self.by_name else read_once(patient)
            seen.append(self.has(patient.name, found))
            if seen[-1]:
                self.names.append(patient.name)
            if not (seen[-1] and leave_out):
                yield patient
        self.names[:] = [patient.name for patient, known
                         in zip(patients, mpi.gather(seen), strict=True) if known]
        if leave_out and len(self.names) == len(patients):
            raise InputError(f"no patient is left to score: {self.note(len(patients), True)}; "
                             "leave out --held-out, or give other data")

    def note(self, total, left_out):
        """Say in a line how many of `total` patients the model was trained on; "" if none."""
        if not self.names:
            return ""
        how = ("the model was trained on patients of these names (told by name only: the model is "
               "from an older version, which kept no digest of the data)" if self.by_name else
               "the model was trained on them")
        count = f"{len(self.names)} of {plural(total, 'patient')}"
        if left_out:
            return f"{count} left out: {how}"
        return (f"* {count}: {how}, so their scores say nothing about new patients; --held-out "
                "leaves them out")


def read_once(patient):
    """Give the patient with its data at hand, to be taken once, and the digest."""
    data = patient.load()
    return replace(patient, load=[data].pop), digest(data[0])
