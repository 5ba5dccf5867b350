"""Reports on a folder of masks: one for each patient, a table of all, and a page that leads on."""

import re
from pathlib import Path

from tqdm import tqdm

from minunet.data.formats.brats import SEGMENTATION, kind_of
from minunet.data.formats.names import patient_names
from minunet.data.formats.pairs import visible
from minunet.data.formats.volumes import LEVELS, is_nifti, stem
from minunet.engine.files import InputError, check_new, output_folder
from minunet.engine.words import plural, printable, width
from minunet.tool.patient_page import FOLDER, INDEX
from minunet.tool.patient_page.index import build_index
from minunet.tool.predict_inputs import IMAGE_SUFFIXES, folder_name, list_patients
from minunet.tool.report import FILES, report
from minunet.tool.report.canvas import diameters_text, size_text
from minunet.tool.report.mask import read_report_mask
from minunet.tool.report.mesh import MESH, check_mesh
from minunet.tool.report.scan import read_report_scan
from minunet.tool.web import write_page
from minunet.tool.write import write_csv

TABLE = "cohort.csv"
ENDING = re.compile(r"[-_](mask|seg|segm|segmentation|label)$", re.IGNORECASE)
SIZES = ("largest_diameter_mm", "perpendicular_diameter_mm", "largest_diameter_px",
         "perpendicular_diameter_px")


def find_masks(path):
    """Find the masks in a folder, one for each patient.

    Of NIfTI files those count that are named as masks, ``NAME_mask.nii.gz`` or ``NAME_seg.nii.gz``,
    or if there is none, all. A folder with pictures is one patient. A folder without either stands
    for the folders in it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Path
        In natural order; [path] for what is one mask, or nothing.
    """
    return _masks(Path(path), LEVELS) or [Path(path)]


def _masks(path, levels):
    if not path.is_dir() or is_nifti(path):  # the latter is refused by name
        return [path]
    files = visible(path)
    if volumes := [file for file in files if is_nifti(file) and file.is_file()]:
        return [file for file in volumes if _is_mask(file)] or volumes
    if any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
        return [path]
    pages = path / FOLDER if (path / INDEX).exists() else None  # of minunet predict
    return [found for file in files if levels > 1 and file.is_dir() and file != pages
            for found in _masks(file, levels - 1)]


def _is_mask(file):
    return bool(ENDING.search(stem(file))) or kind_of(stem(file)) == SEGMENTATION


def report_cohort(masks, root, image_root, out, mesh=False):
    """Write a report for each mask, in a folder of its own, ``cohort.csv`` and ``index.html``.

    All inputs are read and checked before anything is written.

    Parameters
    ----------
    masks : list of Path
        From `find_masks`.
    root : str or Path
        Where they lie.
    image_root : str, Path or None
        A folder that holds, by the patients' names, what they were drawn on.
    out : str or Path
    mesh : bool
        See `report`.

    Returns
    -------
    dict of str to dict
        By patient, what `report` gives.

    Raises
    ------
    InputError
        As `report` does, or if a patient has no image in `image_root`.
    """
    named = dict(zip(patient_names([_bare(path) for path in masks], root), masks, strict=True))
    images = _find_images(named, image_root)
    out = Path(out)
    check_new([out / TABLE, out / INDEX, *(out / name / file for name in named
                                           for file in (*FILES, *[MESH] * mesh))])
    with tqdm(named.items(), "checking", unit="patient", leave=False, disable=None) as bar:
        for name, path in bar:
            mask = read_report_mask(path)
            if mesh:
                check_mesh(mask)
            if name in images:
                read_report_scan(images[name], mask)
    output_folder(out)
    results = {}
    with tqdm(named.items(), "measuring", unit="patient", leave=False, disable=None) as bar:
        for name, path in bar:
            results[name] = report(path, images.get(name), out / name, mesh, name)
    write_csv([_row(name, result) for name, result in results.items()], out / TABLE)
    write_page(out / INDEX, build_index(
        "Tumour reports", [f"{plural(len(results), 'patient')}. All numbers are in {TABLE}."],
        ["tumours", "in all", "largest tumour", "diameters"],
        [(name, f"{name}/report.html", _cells(result)) for name, result in results.items()]))
    return results


def summarise_cohort(results):
    """The table of all patients: how many tumours, how much, and the largest."""
    names = [printable(name) for name in results]
    wide = max(map(width, [*names, "patient"]))
    lines = [f"{'patient':<{wide}}  tumours        in all  largest tumour  diameters"]
    for name, result in zip(names, results.values(), strict=True):
        cells = [cell or "–" for cell in _cells(result)]
        lines.append(name + " " * (wide - width(name)) + f"{cells[0]:>9}{cells[1]:>14}"
                     f"{cells[2]:>16}  {cells[3]}")
    return "\n".join(lines)


def _bare(path):
    """The path of a mask without what tells that it is one: the patient's name comes last."""
    name = stem(path) if is_nifti(path) else path.name
    return path.with_name(ENDING.sub("", name) or name)


def _find_images(named, root):
    """The image of each patient below `root`, by name."""
    if root is None:
        return {}
    paths = visible(root)
    known = {}
    for path in [*paths, *list_patients(paths)]:
        known.setdefault(folder_name(path) if path.is_dir() else _bare(path).stem, path)
    for name in named:
        if name not in known and name.rpartition("/")[2] not in known:
            raise InputError(f"{root} holds no image of {name}; give a folder with an image, or a "
                             "folder of slices, for each patient by name")
    return {name: known.get(name) or known[name.rpartition("/")[2]] for name in named}


def _cells(result):
    """Number of tumours, all of it, the largest, and that one's diameters, or None, in words."""
    total = result["total"]
    if not result["tumours"]:
        return [str(total["tumours"]), size_text(total), None, None]
    size = result["tumours"][0]["size"]
    return [str(total["tumours"]), size_text(total), size_text(size), diameters_text(size)]


def _row(name, result):
    """A patient's row of the table: sizes of all, of each region, and of the largest tumour."""
    total = result["total"]
    sizes = {key: total[key] for key in ("voxels", "pixels", "volume_mm3", "volume_ml")
             if key in total}
    largest = {}
    if result["tumours"]:
        size, place = (result["tumours"][0][key] for key in ("size", "location"))
        largest = {key: value for key, value in size.items() if key in sizes or key in SIZES}
        largest |= {"side": place["side"], "first_slice": place["first_slice"],
                    "last_slice": place["last_slice"]}
    return {"patient": name, "mask": result["mask"], "tumours": total["tumours"],
            "specks": total["specks"], **sizes, "regions": total["regions"], "largest": largest}
