"""What has changed between two masks of one patient: volumes, and the fate of each tumour."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from minunet.data.formats.brats import other_years
from minunet.engine.files import warn
from minunet.tool.report.mask import check_same_grid
from minunet.tool.report.tumours import amount, regions, split_tumours

STEADY = 0.05  # of its size before: less than two outlines of one tumour differ by


def match(before, after):
    """Group tumours of two scans that overlap, directly or through others.

    Parameters
    ----------
    before, after : ndarray (D, H, W), int
        0 for background, otherwise a tumour's number.

    Returns
    -------
    list of (list of int, list of int)
        Numbers before and after. One of them is empty for a tumour that overlaps nothing.
    """
    both = (before > 0) & (after > 0)
    old, new = np.unique(np.stack([before[both], after[both]]), axis=1)
    count, total = before.max(), before.max() + after.max()  # a node a tumour, before then after
    edges = coo_array((np.ones(len(old)), (old - 1, count + new - 1)), (total, total))
    _, group = connected_components(edges, directed=False)
    groups = [([], []) for _ in range(group.max(initial=-1) + 1)]
    for node, member in enumerate(group):
        later = node >= count
        groups[member][int(later)].append(int(node - later * count) + 1)
    return groups


def fate(old, new, size_before, size_after):
    """Name what became of a group of tumours.

    Parameters
    ----------
    old, new : list of int
        The group's tumours before and after.
    size_before, size_after : float
        Of all of them together.

    Returns
    -------
    str
        "new", "vanished", "grown", "shrunk" or "steady" (by at most 5 %, `STEADY`); behind a
        comma "merged" if several became one, "split" if one became several, "merged and split".
    """
    if not old:
        return "new"
    if not new:
        return "vanished"
    growth = (size_after - size_before) / size_before
    how = "grown" if growth > STEADY else "shrunk" if growth < -STEADY else "steady"
    several = (len(old) > 1, len(new) > 1)
    return how + {(False, False): "", (True, False): ", merged", (False, True): ", split",
                  (True, True): ", merged and split"}[several]


def difference(before, after):
    """Set two `amount` dicts side by side.

    Returns
    -------
    dict
        For each size, say ``volume_ml``: ``volume_ml_before``, ``volume_ml_after`` and
        ``volume_ml_change``; and ``change_percent`` of the size before, None if that was 0.
    """
    result = {}
    for name, old in before.items():
        result |= {f"{name}_before": old, f"{name}_after": after[name],
                   f"{name}_change": after[name] - old}
    old, new = (next(iter(sizes.values())) for sizes in (before, after))
    return result | {"change_percent": 100 * (new - old) / old if old else None}


def compare(before, after):
    """Compare two masks of one patient on one grid.

    Parameters
    ----------
    before, after : Mask

    Returns
    -------
    report : dict
        ``total`` and ``regions`` (each a `difference`); ``lesions``: for each group of `match`
        its ``fate``, the numbers ``before`` and ``after`` (by size, as in a report on that scan
        alone), and the `difference`, the largest first. Groups of specks alone are left out;
        ``specks_left_out`` counts their parts.
    parts : (ndarray, ndarray)
        The numbered tumours, (D, H, W) each.

    Raises
    ------
    InputError
        If the grids differ.
    """
    check_same_grid(before.name, before.labels.shape, before.to_patient,
                    after.name, after.labels.shape, after.to_patient)
    if text := other_years(before.labels, after.labels):
        warn(f"{before.name} and {after.name}: {text}")
    labels = sorted({int(n) for mask in (before, after) for n in np.unique(mask.labels) if n})
    old, new = split_tumours(before), split_tumours(after)
    lesions, specks = _follow(before, old, new)
    insides = [(mask, parts > 0) for mask, (parts, _) in ((before, old), (after, new))]
    total = difference(*(amount(mask, int(np.count_nonzero(inside))) for mask, inside in insides))
    was, is_now = (regions(mask, inside, labels) for mask, inside in insides)
    return {"total": total,
            "regions": {name: difference(sizes, is_now[name]) for name, sizes in was.items()},
            "lesions": lesions, "specks_left_out": specks}, (old[0], new[0])


def _follow(mask, old, new):
    """The lesions of `compare`, and how many specks belong to none.

    `old` and `new` are what `split_tumours` gives, `mask` either of the two: they share a grid.
    """
    (old_parts, old_count), (new_parts, new_count) = old, new
    old_sizes, new_sizes = np.bincount(old_parts.ravel()), np.bincount(new_parts.ravel())
    lesions, specks = [], 0
    for was, is_now in match(old_parts, new_parts):
        old_tumours = [n for n in was if n <= old_count]
        new_tumours = [n for n in is_now if n <= new_count]
        if not old_tumours and not new_tumours:
            specks += len(was) + len(is_now)
            continue
        sizes = int(old_sizes[was].sum()), int(new_sizes[is_now].sum())
        # Specks count in the size, but a tumour that swallows one has not merged.
        was, is_now = old_tumours or was, new_tumours or is_now
        lesions.append({"fate": fate(was, is_now, *sizes), "before": was, "after": is_now,
                        **difference(*(amount(mask, size) for size in sizes))})
    unit = next(iter(amount(mask, 0)))
    lesions.sort(key=lambda row: -max(row[f"{unit}_before"], row[f"{unit}_after"]))
    return lesions, specks
