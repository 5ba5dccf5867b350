"""Reports on tumours: size, shape, location, appearance, and the change between two scans.

What ``minunet report`` does. All is read and measured before anything is written, so bad input
leaves nothing behind.
"""

from pathlib import Path

from minunet.engine.files import check_new, output_folder
from minunet.engine.words import plural
from minunet.tool.report.canvas import size_text
from minunet.tool.report.change import compare
from minunet.tool.report.change_page import (
    change_numbers,
    change_text,
    draw_change_page,
    side_of,
)
from minunet.tool.report.mask import read_report_image, read_report_mask
from minunet.tool.report.page import draw_page
from minunet.tool.report.tumours import amount, describe
from minunet.tool.report.write import write_csv, write_json

FILES = "report.json", "report.csv", "report.png"
NOTE = ("For teaching and research, not for diagnosis. Measures are of the mask: they are as "
        "right as it is.")


def report(mask_path, image_path, out):
    """Measure the tumours of a mask; write ``report.json``, ``report.csv`` and ``report.png``.

    Parameters
    ----------
    mask_path : str or Path
        NIfTI, a picture, or a folder of one patient's slices.
    image_path : str, Path or None
        What the mask was drawn on, of the same kind and grid; without it the report has no
        intensities.
    out : str or Path
        A folder, made if need be, without a report.

    Returns
    -------
    dict
        What ``report.json`` holds.

    Raises
    ------
    InputError
        If a file is unusable, the two do not fit each other, or `out` holds a report already or
        cannot be written to.
    """
    check_new(Path(out) / name for name in FILES)
    mask = read_report_mask(mask_path)
    image = None if image_path is None else read_report_image(image_path, mask)
    measured, parts = describe(mask, image)
    result = {"note": NOTE, "mask": mask.name,
              "image": None if image is None else Path(image_path).resolve().name,
              "shape_dhw": list(mask.labels.shape), "spacing_mm_dhw": mask.spacing,
              "slices_counted_from": 1, **measured}
    out = output_folder(out)
    total = {"number": "total"} | {"size": {k: v for k, v in measured["total"].items()
                                            if k in amount(mask, 0)},
                                   "regions": measured["total"]["regions"]}
    draw_page(result, mask, parts, image, out / "report.png")
    write_csv([*measured["tumours"], total], out / "report.csv")
    write_json(result, out / "report.json")
    return result


def report_change(before_path, after_path, out):
    """Compare two masks of one patient; write the same three files as `report`.

    Parameters
    ----------
    before_path, after_path : str or Path
        As `report` takes a mask; both on one grid.
    out : str or Path

    Returns
    -------
    dict
        What ``report.json`` holds.

    Raises
    ------
    InputError
        If a file is unusable, the grids differ, or `out` holds a report already or cannot be
        written to.
    """
    check_new(Path(out) / name for name in FILES)
    before, after = map(read_report_mask, (before_path, after_path))
    measured, parts = compare(before, after)
    result = {"note": NOTE, "before": before.name, "after": after.name,
              "shape_dhw": list(before.labels.shape), "spacing_mm_dhw": before.spacing,
              **measured}
    out = output_folder(out)
    draw_change_page(result, before, after, parts, out / "report.png")
    write_csv([*measured["lesions"], {"fate": "total", **measured["total"]}], out / "report.csv")
    write_json(result, out / "report.json")
    return result


def summarise_report(result):
    """What a report found, in a line for each tumour."""
    lines = []
    for tumour in result["tumours"]:
        place, unit = tumour["location"], "mm" if result["spacing_mm_dhw"] else "px"
        length, width = (tumour["size"][f"{which}_diameter_{unit}"]
                         for which in ("largest", "perpendicular"))
        lines.append(f"tumour {tumour['number']}: {size_text(tumour['size'])}, "
                     f"{length:.1f} × {width:.1f} {unit}, the {place['side_of']}'s "
                     f"{place['side']}")
    total = result["total"]
    lines.append(f"{plural(total['tumours'], 'tumour')}, {plural(total['specks'], 'speck')}: "
                 f"{size_text(total)} in all")
    return "\n".join(lines)


def summarise_change(result):
    """What has changed, in a line for each tumour."""
    return "\n".join(f"{name}: {size_text(side_of(row, 'before'))} → "
                     f"{size_text(side_of(row, 'after'))}, {how}"
                     for name, row, how in [
                         *((f"tumour {change_numbers(row)}", row, row["fate"])
                           for row in result["lesions"]),
                         ("in all", result["total"], change_text(result["total"]))])
