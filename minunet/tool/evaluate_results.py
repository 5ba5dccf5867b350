"""What ``minunet evaluate --out`` leaves: scores, a summary, a page for each patient, an index."""

import math
from contextlib import suppress
from pathlib import Path

from minunet import __version__
from minunet.engine import mpi
from minunet.engine.files import WriteError, check_new, output_folder
from minunet.engine.words import plural
from minunet.metrics import SCORES, summarise
from minunet.tool.agreement import describe_agreement
from minunet.tool.patient_page import Pages
from minunet.tool.patient_page.index import Share
from minunet.tool.patient_page.scene import (
    Scene,
    agreement_fact,
    describe_amount,
    describe_grid,
)
from minunet.tool.write import write_csv, write_json

TABLE, SUMMARY = "scores.csv", "summary.json"


class ScoreResults:
    """The files of one evaluation, as patients are scored.

    Parameters
    ----------
    out : str or Path
        A folder, made if need be, without such files.
    patients : list of Patient
    model : str
        What to call it.
    seen : collection of str
        Patients that the model was trained on. It may grow until `finish`.
    channels : sequence of str
        What the model calls its channels, for data that does not name them.

    Raises
    ------
    InputError
        If one of the files is there already, or `out` cannot be written to.
    """

    def __init__(self, out, patients, model, seen=(), channels=()):
        self._out, self._model, self._seen = Path(out), model, seen
        self._channels = channels
        self._pages = Pages(out, [patient.name for patient in patients])
        check_new(self._out / name for name in (TABLE, SUMMARY))
        self._new, self._failed, self._written = not self._out.exists(), None, []
        mpi.meet()  # all have seen that nothing is there
        output_folder(out)
        self._spacing = {patient.name: patient.spacing for patient in patients}

    def show(self, patient, images, found, truth, rows):
        """Write the page of a patient. If that cannot be done, `finish` will say so.

        Parameters
        ----------
        patient : Patient
        images : ndarray (D, H, W, C)
            As stored.
        found, truth : ndarray (D, H, W), uint8
            The class of each voxel.
        rows : list of dict
            Of `evaluate.evaluate`.
        """
        if self._failed:
            return
        try:
            self._show(patient, images, found, truth, rows)
        except WriteError as error:  # the scores of those that follow are not lost
            self._failed = error

    def _show(self, patient, images, found, truth, rows):
        scheme, spacing = patient.scheme, patient.spacing
        first, flat = rows[0], len(found) == 1 and not spacing
        amounts = {name: describe_amount((mask > 0).sum(), spacing, flat)
                   for name, mask in (("found", found), ("truth", truth))}
        seen = {"trained on": "yes: its scores say nothing"} if patient.name in self._seen else {}
        unit = " mm" if spacing else " voxels"
        facts = ({f"Dice{_of(row)}": _number(row["dice"]) for row in rows}
                 | {f"HD95{_of(row)}": _number(row["hausdorff95"], 1, unit) for row in rows}
                 | agreement_fact(first["agreement"]) | amounts
                 | describe_grid(found.shape, spacing) | {"model": self._model} | seen)
        labels = dict(zip(scheme.values[1:], scheme.classes[1:], strict=True))
        self._pages.add(
            Scene(patient.name, scheme.decode(found), images, scheme.decode(truth), labels,
                  scheme.modalities or self._channels, spacing, patient.oriented, patient.slices,
                  facts),
            [*(Share(row["dice"]) for row in rows), _number(first["hausdorff95"], 1),
             *(_volume(first[f"volume_{kind}"], first["unit"]) for kind in ("truth", "prediction")),
             Share(first["agreement"], describe_agreement(first["agreement"]))],
            # Worst first; where there was nothing to find and nothing found, nothing is wrong.
            math.inf if math.isnan(first["dice"]) else first["dice"],
            " *" * (patient.name in self._seen))

    def finish(self, rows):
        """Write the table, the summary and the index; of several ranks, the first does.

        Raises
        ------
        WriteError
            If a file cannot be written; then none is left.
        """
        try:
            if self._failed:
                raise self._failed
            self._finish(rows)
        except WriteError:
            self.discard()
            raise

    def _finish(self, rows):
        self._written = [TABLE, SUMMARY]
        regions, scored = {}, {row["patient"] for row in rows}
        for row in rows:
            regions.setdefault(_of(row), []).append(row)
        summaries = {region: summarise(part) for region, part in regions.items()}
        seen = len(scored.intersection(self._seen))
        if mpi.first():
            write_csv(map(self._full, rows), self._out / TABLE, errors="surrogateescape")
            write_json({"minunet": __version__, "model": self._model, "patients": len(scored),
                        "trained_on": seen, "unit": rows[0]["unit"],
                        "scores": {region.removeprefix(", ") or "tumour": _finite(summary)
                                   for region, summary in summaries.items()}}, self._out / SUMMARY)
        volume, length = ("ml", "mm") if rows[0]["unit"] == "mm" else ("voxels", "voxels")
        lines = [f"{plural(len(scored), 'patient')}, the lowest Dice first. Model: {self._model}."]
        lines += [f"Dice{region}: mean {_number(summary['dice']['mean'])}, median "
                  f"{_number(summary['dice']['median'])}." for region, summary in summaries.items()]
        lines += [f"* The model was trained on {seen} of them: their scores, and with them mean "
                  "and median, say nothing about new patients."] * bool(seen)
        self._pages.finish("Scores", lines, [
            *(f"Dice{region}" for region in regions), f"HD95, {length}", f"true, {volume}",
            f"found, {volume}", "agreement with the mirror image"])

    def discard(self):
        """Remove what was written: it is not of all patients."""
        self._pages.discard()
        for name in self._written:
            (self._out / name).unlink(missing_ok=True)
        if self._new:
            with suppress(OSError):
                self._out.rmdir()

    def _full(self, row):
        """A row with what it takes to read it alone."""
        lengths = self._spacing[row["patient"]] or ("", "", "")
        return row | dict(zip(("spacing_d_mm", "spacing_h_mm", "spacing_w_mm"), lengths,
                              strict=True)) | {"model": self._model, "minunet": __version__}


def _of(row):
    """What stands behind a score's name: its region, where there are several."""
    return f", {row['region']}" if "region" in row else ""


def _number(value, digits=3, unit=""):
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.{digits}f}{unit}"


def _volume(value, unit):
    return f"{value / 1000:.2f}" if unit == "mm" else f"{value:,.0f}"


def _finite(summary):
    """A summary with None for nan and infinity, which JSON does not know."""
    return {score: {key: value if math.isfinite(value) else None
                    for key, value in summary[score].items()} for score in SCORES}
