"""Scores of a model on patients: a row for each region, and a table to read."""

import math
from textwrap import wrap

from tqdm import tqdm

from minunet.data.scheme import BINARY
from minunet.engine import mpi
from minunet.engine.words import plural, printable, width
from minunet.metrics import score_patient, summarise
from minunet.predict import classify
from minunet.tool.agreement import segment_twice
from minunet.tool.challenge import score_regions

LINE, NAME = 80, 27  # columns of a line of the table, and of the longest name within it
SHOWN = "dice", "sensitivity", "precision", "agreement", "hausdorff95"  # IoU says what Dice says


def evaluate(net, preprocessing, patients, scheme=BINARY, show=None):
    """Segment and score patients, one at a time.

    Parameters
    ----------
    net : UNet
    preprocessing : Preprocessing
    patients : iterable of Patient
    scheme : Scheme
        The model's.
    show : callable, optional
        Called for each patient, as `evaluate_results.ScoreResults.show` is.

    Yields
    ------
    dict
        ``patient``; for more than two classes ``region``, a row each; then the scores of
        `metrics.score_patient`, over the whole volume at its stored resolution; and
        ``agreement``, see `agreement.segment_twice`.

    Raises
    ------
    InputError
        If a patient has other modalities or classes than the model, or is unusable.
    """
    for patient in patients:
        scheme.check_modalities(patient.scheme, patient.name)
        scheme.check_classes(patient.scheme, patient.name)
        yield from _score(net, preprocessing, patient, show)


def _score(net, preprocessing, patient, show):
    """The rows of one patient. When it returns, no array of the patient is left."""
    images, masks = patient.load()
    probabilities, agreement = segment_twice(net, images, preprocessing, patient.name)
    found = classify(probabilities)  # (D, H, W)
    if patient.scheme.outputs == 1:
        rows = [{"patient": patient.name, **score_patient(found, masks, patient.spacing),
                 "agreement": agreement}]
    else:
        regions = score_regions(found, masks, patient.scheme.classes, patient.spacing)
        rows = [{"patient": patient.name, "region": region, **scores, "agreement": agreement}
                for region, scores in regions.items()]
    if show:
        show(patient, images, found, masks, rows)
    return rows


def print_scores(scored, names, mark=None, results=None):
    """Print the scores of patients as a table, and write their files.

    Nothing that was computed is lost: the table is printed before the files are finished. If a
    patient is unusable, or on Ctrl-C, the table of those before is printed, and no file stays.
    Of several ranks the first prints and writes what all have scored.

    Parameters
    ----------
    scored : iterable of dict
        From `evaluate`.
    names : list of str
        Of all patients, in the order of the table.
    mark : callable, optional
        ``mark(patient)`` gives what stands behind a name, as "*". It is asked when all are scored.
    results : ScoreResults, optional

    Raises
    ------
    InputError
        What `scored` raises, or if a file cannot be written.
    """
    rows = []
    try:
        with tqdm(total=len(mpi.share(names)), desc="scoring", unit="patient", leave=False,
                  disable=not mpi.first() or None) as bar:
            for row in scored:
                bar.update(not rows or rows[-1]["patient"] != row["patient"])
                rows.append(row)
    except BaseException:  # also Ctrl-C
        if results:
            results.discard()
        if rows:
            done = len({row["patient"] for row in rows})
            print(f"only {done} of {plural(len(names), 'patient')} scored:\n"
                  f"{format_table(rows, mark)}")
        raise
    if mpi.size() > 1:  # each one's rows go together
        rows = sorted(mpi.gather(rows), key=lambda row: names.index(row["patient"]))
    try:
        if mpi.first():
            print(format_table(rows, mark))
    finally:  # standard output may be closed, as by "| head"
        if results:
            results.finish(rows)


def format_table(rows, mark=None):
    """Lay out the scores in 80 columns: a row per patient, mean and median; a table per region.

    Parameters
    ----------
    rows : list of dict
        From `evaluate`.
    mark : callable, optional
        ``mark(patient)`` gives what stands behind a name, as "*".

    Returns
    -------
    str
    """
    regions = dict.fromkeys(row.get("region") for row in rows)
    names = dict.fromkeys(row["patient"] for row in rows)
    texts = {name: f"{printable(name)} {mark(name) if mark else ''}".rstrip() for name in names}
    tables = [_table([row for row in rows if row.get("region") == region], texts)
              for region in regions]
    return "\n\n".join(f"{region}\n{table}" if region else table
                       for region, table in zip(regions, tables, strict=True))


def _table(rows, texts):
    names = [texts[row["patient"]] for row in rows]
    wide = max(len("patient"), *(width(name) for name in names if width(name) <= NAME), 0)
    lines = [f"{'patient':<{wide}}  Dice sens. prec. agree   HD95  true vol.  predicted"]
    for name, row in zip(names, rows, strict=True):
        if width(name) > wide:  # too long: a line of its own, since what differs may be anywhere
            lines.append(name)
            name = ""
        lines.append(name + " " * (wide - width(name)) + _cells(row[score] for score in SHOWN)
                     + f"{row['volume_truth']:>11,.0f}{row['volume_prediction']:>11,.0f}")
    summary = summarise(rows, SHOWN)
    for kind in ("mean", "median"):
        lines.append(f"{kind:<{wide}}" + _cells(summary[score][kind] for score in SHOWN))
    return "\n".join(lines + [part for note in _notes(rows, summary) for part in wrap(note, LINE)])


def _notes(rows, summary):
    """What the table does not say itself: units, and over which patients the averages are."""
    distance, volume = ("mm", "mm³") if rows[0]["unit"] == "mm" else ("voxels", "voxels")
    yield (f"agree: with the mask of the mirrored image; HD95 in {distance}, volumes in {volume}")
    undefined = [f"{score} over {part['defined']}" for score, part in summary.items()
                 if part["defined"] < len(rows)]
    yield (f"mean and median over {plural(len(rows), 'patient')}"
           + "".join(f", {text} where it is defined" for text in undefined))
    if infinite := summary["hausdorff95"]["infinite"]:
        yield (f"{infinite} infinite HD95 (nothing found, or nothing to find) count in the "
               "median, not in the mean")


def _cells(values):
    *shares, distance = ("–" if math.isnan(v) else v for v in values)
    cell = distance if isinstance(distance, str) else f"{distance:.1f}"
    return "".join(f"{s:>6}" if isinstance(s, str) else f"{s:>6.3f}" for s in shares) + f"{cell:>7}"
