"""Reports on tumours: size, shape, location, appearance, and the change between two scans.

What ``minunet report`` does. All is read and measured before anything is written, so bad input
leaves nothing behind.
"""

from pathlib import Path

from minunet.engine.files import check_new, output_folder
from minunet.engine.words import plural
from minunet.tool.patient_page.page import build_page
from minunet.tool.report.canvas import size_text
from minunet.tool.report.change import compare
from minunet.tool.report.change_page import (
    change_numbers,
    change_text,
    draw_change_page,
    side_of,
)
from minunet.tool.report.mask import read_report_mask
from minunet.tool.report.mesh import MESH, build_mesh, check_mesh, write_stl
from minunet.tool.report.page import draw_page
from minunet.tool.report.scan import read_report_scan
from minunet.tool.report.scenes import change_scene, report_scene
from minunet.tool.report.size import diameters
from minunet.tool.report.tumours import amount, describe
from minunet.tool.web import write_page
from minunet.tool.write import write_csv, write_json

FILES = "report.json", "report.csv", "report.png", "report.html"
NOTE = ("For teaching and research, not for diagnosis. Measures are of the mask: they are as "
        "right as it is.")


def report(mask_path, image_path, out, mesh=False, name=None):
    """Measure the tumours of a mask; write `FILES`: numbers, and two pages to look at.

    Parameters
    ----------
    mask_path : str or Path
        NIfTI, a picture, or a folder of one patient's slices.
    image_path : str, Path or None
        What the mask was drawn on, of the same grid; see `read_report_scan`. Without it the
        report has no intensities.
    out : str or Path
        A folder, made if need be, without a report.
    mesh : bool
        Write ``report.stl`` too, the surface of the tumours.
    name : str, optional
        Of the patient; the mask's file if None.

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
    check_new(Path(out) / file for file in (*FILES, *[MESH] * mesh))
    mask = read_report_mask(mask_path)
    if mesh:
        check_mesh(mask)
    scan = None if image_path is None else read_report_scan(image_path, mask)
    image = None if scan is None else scan.measured
    measured, parts = describe(mask, image)
    result = {"note": NOTE, "mask": mask.name,
              "image": None if image is None else Path(image_path).resolve().name,
              "shape_dhw": list(mask.labels.shape), "spacing_mm_dhw": mask.spacing,
              "slices_counted_from": 1, **measured}
    surface = build_mesh(mask, parts, measured["total"]["tumours"]) if mesh else None
    out = output_folder(out)
    draw_page(result, mask, parts, image, out / "report.png")
    write_page(out / "report.html", build_page(report_scene(result, mask, scan, name)))
    if mesh:
        write_stl(out / MESH, surface)
    total = {"number": "total"} | {"size": {k: v for k, v in measured["total"].items()
                                            if k in amount(mask, 0)},
                                   "regions": measured["total"]["regions"]}
    write_csv(_with_regions([*measured["tumours"], total]), out / "report.csv")
    write_json(result, out / "report.json")
    return result


def report_change(before_path, after_path, out, image_paths=(None, None)):
    """Compare two masks of one patient; write the same files as `report`.

    Parameters
    ----------
    before_path, after_path : str or Path
        As `report` takes a mask; both on one grid.
    out : str or Path
    image_paths : (str, Path or None, str, Path or None)
        The scans before and after, on the grid of the masks, to be drawn below them.

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
    scans = [None if path is None else read_report_scan(path, mask)
             for path, mask in zip(image_paths, (before, after), strict=True)]
    result = {"note": NOTE, "before": before.name, "after": after.name,
              "shape_dhw": list(before.labels.shape), "spacing_mm_dhw": before.spacing,
              **measured}
    out = output_folder(out)
    images = [scan and scan.measured for scan in scans]
    draw_change_page(result, (before, after), images, parts, out / "report.png")
    write_page(out / "report.html", build_page(change_scene(result, before, after, scans)))
    regions = [{"fate": "region", "region": region, **row}
               for region, row in measured["regions"].items()]
    write_csv([*measured["lesions"], *regions, {"fate": "total", **measured["total"]}],
              out / "report.csv")
    write_json(result, out / "report.json")
    return result


def _with_regions(rows):
    """Behind the row of each tumour and of the total, a row for each of its regions."""
    for row in rows:
        regions = row["regions"]
        yield {"number": row["number"], "region": "", **row} | {"regions": {}}
        for region, sizes in regions.items():
            yield {"number": row["number"], "region": region, "size": sizes}


def summarise_report(result):
    """What a report found, in a line for each tumour."""
    lines = []
    for tumour in result["tumours"]:
        place, (length, width, unit) = tumour["location"], diameters(tumour["size"])
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
