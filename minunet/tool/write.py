"""Results as JSON, and as CSV."""

import csv
import json

from minunet.engine.files import replacing


def write_json(report, path):
    """Write a report as JSON, whole or not at all. What is unknown is null.

    A file's name that is no UTF-8 is written with escapes.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
                             + "\n", encoding="utf-8", errors="backslashreplace")


def write_csv(rows, path, errors="backslashreplace"):
    """Write dicts as CSV in UTF-8, whole or not at all.

    Parameters
    ----------
    rows : list of dict
        Nested: ``{"size": {"volume_ml": 3}}`` goes to the column ``size.volume_ml``, a list to a
        column an element. Columns that a row lacks stay empty in it.
    path : str or Path
    errors : str
        As for `open`: what becomes of a file's name that is no UTF-8. "surrogateescape" keeps its
        bytes.
    """
    rows = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as temporary, \
            open(temporary, "w", newline="", encoding="utf-8", errors=errors) as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def _flat(value, name=""):
    """(column, value) pairs of a nested dict, without what only a drawing needs."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            if key not in ("histogram", "diameters"):
                yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
