"""What ``minunet predict`` leaves beside the masks: pages, an index, a table of all patients."""

import math
from pathlib import Path

import numpy as np

from minunet.engine import mpi
from minunet.engine.files import check_new
from minunet.engine.words import plural
from minunet.tool.agreement import describe_agreement
from minunet.tool.patient_page import Pages
from minunet.tool.patient_page.index import Share
from minunet.tool.patient_page.scene import (
    Scene,
    agreement_fact,
    describe_amount,
    describe_grid,
    millilitres,
)
from minunet.tool.write import write_csv

TABLE = "summary.csv"


class Results:
    """The pages and the table, as patients are added to them.

    Parameters
    ----------
    out : str or Path
    names : iterable of str
        All patients.
    scheme : Scheme
        The model's: it names channels and labels.

    Raises
    ------
    InputError
        If one of the files is there already.
    """

    def __init__(self, out, names, scheme):
        self.out, self.scheme, self._rows = Path(out), scheme, []
        self._pages = Pages(out, names)
        check_new([self.out / TABLE])

    def add(self, name, images, labels, spacing=None, sides=False, slices=(), agreement=math.nan):
        """Write the page of a patient, and keep its row of the table.

        Parameters
        ----------
        name : str
        images : ndarray (D, H, W, C)
            As stored.
        labels : ndarray (D, H, W), int
            What was found, 0 for background.
        spacing, sides, slices
            See `Scene`.
        agreement : float
            Of the mask with that of the mirrored scan, from 0 to 1; nan if nobody knows.
        """
        voxels = int(np.count_nonzero(labels))
        named = dict(zip(self.scheme.values[1:], self.scheme.classes[1:], strict=True))
        amounts = {text: describe_amount(np.count_nonzero(labels == value), spacing)
                   for value, text in named.items()} if len(named) > 1 else {}
        flat = len(labels) == 1 and spacing is None
        facts = ({"found": describe_amount(voxels, spacing, flat)} | amounts
                 | agreement_fact(agreement) | describe_grid(labels.shape, spacing))
        volume = millilitres(voxels, spacing)
        self._pages.add(
            Scene(name, labels, images, None, named, self.scheme.modalities, spacing, sides,
                  slices, facts),
            [f"{len(labels):,}", f"{voxels:,}", None if volume is None else f"{volume:.2f}",
             Share(agreement, describe_agreement(agreement))])
        self._rows.append({
            "patient": name, "slices": len(labels), "voxels": voxels,
            "ml": "" if volume is None else volume,
            "agreement": "" if math.isnan(agreement) else agreement})

    def finish(self):
        """Write the table and the index; of several ranks, the first does."""
        self._rows = mpi.gather(self._rows)
        if mpi.first():
            write_csv(self._rows, self.out / TABLE, errors="surrogateescape")
        self._pages.finish(
            "What was found", [f"{plural(len(self._rows), 'patient')}, in the order given. All "
                               f"numbers are in {TABLE}."],
            ["slices", "voxels found", "ml", "agreement with the mirror image"])
