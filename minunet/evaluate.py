"""Scores of a model on patients: a row for each region, a table to read and a CSV to keep."""

import csv
import math

from minunet.challenge import score_regions
from minunet.data.scheme import BINARY
from minunet.files import replacing
from minunet.metrics import SCORES, score_patient, summarise
from minunet.predict import classify, segment


def evaluate(net, preprocessing, patients, scheme=BINARY):
    """Segment and score patients, one at a time.

    Parameters
    ----------
    net : UNet
    preprocessing : Preprocessing
    patients : iterable of Patient
    scheme : Scheme
        The model's.

    Yields
    ------
    dict
        ``patient``; for more than two classes ``region``, a row each; then the scores of
        `metrics.score_patient`, over the whole volume at its stored resolution.

    Raises
    ------
    InputError
        If a patient has other modalities or classes than the model, or is unusable.
    """
    for patient in patients:
        scheme.check_modalities(patient.scheme, patient.name)
        scheme.check_classes(patient.scheme, patient.name)
        yield from _score(net, preprocessing, patient)


def _score(net, preprocessing, patient):
    """The rows of one patient. When it returns, no array of the patient is left."""
    images, masks = patient.load()
    found = classify(segment(net, images, preprocessing, patient.name))  # (D, H, W)
    if patient.scheme.outputs == 1:
        return [{"patient": patient.name, **score_patient(found, masks, patient.spacing)}]
    regions = score_regions(found, masks, patient.scheme.classes, patient.spacing)
    return [{"patient": patient.name, "region": region, **scores}
            for region, scores in regions.items()]


def format_table(rows, seen=()):
    """Lay out the scores: a row a patient, then mean and median; a table for each region.

    Parameters
    ----------
    rows : list of dict
        From `evaluate`.
    seen : collection of str
        Patients that the model was trained on: they get a star.

    Returns
    -------
    str
    """
    regions = dict.fromkeys(row.get("region") for row in rows)
    tables = [_table([row for row in rows if row.get("region") == region], seen)
              for region in regions]
    return "\n\n".join(f"{region}\n{table}" if region else table
                       for region, table in zip(regions, tables, strict=True))


def _table(rows, seen):
    distance, volume = ("mm", "mm³") if rows[0]["unit"] == "mm" else ("voxels", "voxels")
    width = max(len("patient"), *(len(row["patient"]) + 2 for row in rows))
    lines = [f"{'patient':<{width}}{'Dice':>7}{'IoU':>7}{'sens.':>7}{'prec.':>7}{'HD95':>9}"
             f"{'true volume':>14}{'predicted':>11}  (HD95 in {distance}, volumes in {volume})"]
    for row in rows:
        name = row["patient"] + (" *" if row["patient"] in seen else "")
        lines.append(f"{name:<{width}}" + _cells(row[score] for score in SCORES)
                     + f"{row['volume_truth']:>14,.0f}{row['volume_prediction']:>11,.0f}")
    summary = summarise(rows)
    for kind in ("mean", "median"):
        lines.append(f"{kind:<{width}}" + _cells(summary[score][kind] for score in SCORES))
    undefined = [f"{score} over {part['defined']}" for score, part in summary.items()
                 if part["defined"] < len(rows)]
    lines.append(f"mean and median over {len(rows)} patient{'s' * (len(rows) != 1)}"
                 + "".join(f", {text} where it is defined" for text in undefined))
    if infinite := summary["hausdorff95"]["infinite"]:
        lines.append(f"{infinite} infinite HD95 (nothing found, or nothing to find) count in the "
                     "median, not in the mean")
    return "\n".join(lines)


def write_csv(rows, path):
    """Write the rows of `evaluate` as CSV, whole or not at all."""
    with replacing(path) as temporary, \
            open(temporary, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _cells(values):
    *shares, distance = ("–" if math.isnan(v) else v for v in values)
    cell = distance if isinstance(distance, str) else f"{distance:.1f}"
    return "".join(f"{s:>7}" if isinstance(s, str) else f"{s:>7.3f}" for s in shares) + f"{cell:>9}"
