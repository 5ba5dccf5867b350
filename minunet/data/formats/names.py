"""What patients are called, each differently, and which of them are scans of one head."""

import os
import re
from pathlib import Path

from minunet.engine.files import InputError

SUBJECT = re.compile(r"sub-[A-Za-z0-9]*\d[A-Za-z0-9]*")  # BIDS
VISIT = re.compile(r"(ses|session|visit|time-?point|tp|week|month|year|baseline|follow-?up)"
                   r"([-_ ]\w[\w-]*|\d+)?$", re.IGNORECASE)  # a folder; above it is the head's
SCAN = re.compile(r"""
    ((?:.*[-_])?[^-_]*\d[^-_]*)                                # an identifier with a digit, and
      [-_](?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])  # a date: TCGA_CS_4941_19960909
    |(BraTS-[A-Za-z]+-\d{5})-\d{3}                             # BraTS-GLI-00005-101
    |(UPENN-GBM-\d{5})_\d\d                                    # UPENN-GBM-00001_21
    |(UCSF-PDGM-\d+)_FU\d+d                                    # UCSF-PDGM-0409_FU175d
    """, re.VERBOSE)

HOSPITAL = re.compile(r"TCGA[-_]([A-Z0-9]{2})[-_]|(UPENN|UCSF)-")  # of TCGA, its code


def patient_names(paths, root):
    """Name patients after their folders or files, each differently.

    A name is the last part of the path, unless two patients would share it, or it is that of a
    visit or of a folder within a subject's (BIDS). Then it is the path below `root`, without the
    folders at its beginning that all patients share.

    Parameters
    ----------
    paths : list of Path
        Different ones.
    root : Path
        The folder that the user gave.

    Returns
    -------
    list of str
        ``/`` stands between the parts.
    """
    parts = [_parts(path, root) for path in paths]
    last = [part[-1] for part in parts]
    if len(set(last)) == len(last) and not any(map(_hides_head, parts)):
        return last
    while (len({part[0] for part in parts}) == 1 and min(map(len, parts)) > 1
           and not SUBJECT.match(parts[0][0])
           and not any(VISIT.match(part[1]) for part in parts)):
        parts = [part[1:] for part in parts]
    return ["/".join(part) for part in parts]


def check_once(paths):
    """Raise `InputError` if a folder or file is there twice, as it is or through a link."""
    found = {}
    for path in paths:
        real = os.path.realpath(path)
        if real in found:
            raise InputError(f"{path} is listed twice; leave one of them out" if
                             found[real] == path else
                             f"{found[real]} and {path} are one and the same ({real}); "
                             "leave one of them out, or one patient counts as two")
        found[real] = path


def head_of(name):
    """Give whose head a patient is, by its name: scans of one head have one answer.

    Known are the subjects of BIDS, folders of visits, dates at the end, and the follow-ups of
    BraTS, UPENN-GBM and UCSF-PDGM; any other name is a head of its own.

    >>> head_of("BraTS-GLI-00005-101"), head_of("TCGA_CS_4941_19960909"), head_of("anna")
    ('BraTS-GLI-00005', 'TCGA_CS_4941', 'anna')
    >>> head_of("sub-01/ses-02/anat"), head_of("PatientID_0003/Timepoint_2"), head_of("HGG/b_7")
    ('sub-01', 'PatientID_0003', 'HGG/b_7')
    """
    parts = name.split("/")
    for i, part in enumerate(parts):
        if subject := SUBJECT.match(part):
            return "/".join([*parts[:i], subject.group()])
        if i and VISIT.match(part):
            return "/".join(parts[:i])
    if scan := SCAN.fullmatch(parts[-1]):
        parts[-1] = next(filter(None, scan.groups()))
    return "/".join(parts)


def hospital_of(name):
    """Give the hospital that a patient is from, if the name tells it, else "".

    Known are the names of TCGA, UPENN-GBM and UCSF-PDGM.

    >>> hospital_of("TCGA_CS_4941_19960909"), hospital_of("UPENN-GBM-00001_21"), hospital_of("anna")
    ('CS', 'UPENN', '')
    """
    found = HOSPITAL.search(name)
    return found[1] or found[2] if found else ""


def _parts(path, root):
    """The parts of a path from the name of `root` on; all of them if it does not lie below."""
    path, root = (Path(os.path.abspath(p)) for p in (path, root))
    below = path == root or root in path.parents
    return below and path.relative_to(root.parent).parts or path.parts


def _hides_head(parts):
    """Whether the last part of a path does not say whose head it is, and one above does."""
    *above, last = parts
    subject = any(map(SUBJECT.match, above)) and not SUBJECT.match(last)
    return subject or any(map(VISIT.match, parts[2:]))  # a visit right below the root is a patient
