"""What the pages of reports show, in which all slices can be looked at."""

import numpy as np

from minunet.tool.patient_page.scene import Scene, Words, describe_amount, describe_grid
from minunet.tool.report.canvas import diameters_text, size_text
from minunet.tool.report.change_page import change_numbers, change_text, side_of
from minunet.tool.report.tumours import label_names, without_doubles

CHANGE = Words("after", "before", "kept", "gone", "gained", "change")
MOST_TUMOURS = 12  # in the list beside the slices


def report_scene(report, mask, scan, name=None):
    """The scene of a report.

    Parameters
    ----------
    report : dict
        From `minunet.tool.report.report`.
    mask : Mask
    scan : Scan or None
    name : str, optional
        Of the patient; the mask's if None.

    Returns
    -------
    Scene
    """
    facts = {"marked": _amount(mask, mask.labels > 0)}
    facts |= {region: size_text(sizes)
              for region, sizes in without_doubles(report["total"]["regions"]).items()}
    for tumour in report["tumours"][:MOST_TUMOURS]:
        size, place = tumour["size"], tumour["location"]
        facts[f"tumour {tumour['number']}"] = (
            f"{size_text(size)}, {diameters_text(size)}, in the {place['side_of']}'s "
            f"{place['side']} half, slices {place['first_slice']} to {place['last_slice']}")
    if len(report["tumours"]) > MOST_TUMOURS:
        facts["more tumours"] = f"{len(report['tumours']) - MOST_TUMOURS}, in report.json"
    if specks := report["total"]["specks"]:
        facts["specks"] = f"{specks}, too small to measure"
    images, channels = (None, ()) if scan is None else scan
    return Scene(name or mask.name, mask.labels, images, None, _labels(mask.labels), channels,
                 mask.spacing, mask.oriented, mask.files,
                 facts | describe_grid(mask.labels.shape, mask.spacing), Words("marked"))


def change_scene(report, before, after, scans):
    """The scene of a change: what was there before is its truth.

    Parameters
    ----------
    report : dict
        From `minunet.tool.report.report_change`.
    before, after : Mask
    scans : (Scan or None, Scan or None)

    Returns
    -------
    Scene
    """
    total = report["total"]
    facts = {"before": f"{before.name}: {_amount(before, before.labels > 0)}",
             "after": f"{after.name}: {_amount(after, after.labels > 0)}",
             "change": change_text(total)}
    facts |= {region: change_text(row)
              for region, row in without_doubles(report["regions"]).items()}
    facts |= {f"tumour {change_numbers(row)}":
              f"{size_text(side_of(row, 'before'))} → {size_text(side_of(row, 'after'))}, "
              f"{row['fate']}" for row in report["lesions"][:MOST_TUMOURS]}
    known = [(name, scan) for name, scan in zip(("before", "after"), scans, strict=True) if scan]
    images = None
    if known:
        images = np.stack([scan.measured for _, scan in known], -1)  # (D, H, W, 1 or 2)
    labels = _labels(np.concatenate([before.labels, after.labels]))
    return Scene("Change between two scans", after.labels, images, before.labels, labels,
                 tuple(name for name, _ in known), before.spacing, before.oriented, after.files,
                 facts | describe_grid(before.labels.shape, before.spacing), CHANGE)


def _labels(labels):
    """The names of the labels of a mask."""
    found = [int(label) for label in np.unique(labels) if label]
    if len(found) < 2:
        return {found[0] if found else 1: "tumour"}
    return label_names(found)


def _amount(mask, inside):
    return describe_amount(int(np.count_nonzero(inside)), mask.spacing, mask.flat)
