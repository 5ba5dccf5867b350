"""Each tumour of a mask, measured: size, shape, location, appearance."""

import numpy as np
from scipy import ndimage

from minunet.data.preprocess import BACKGROUND
from minunet.tool.report.shape import measure_shape
from minunet.tool.report.size import measure_size

SPECK = {3: 50.0, 2: 10.0}  # mm³ or voxels, pixels: smaller ones are listed, not measured
BRATS = {1: "necrotic core", 2: "oedema", 4: "enhancing tumour"}
REGIONS = {"whole tumour": (1, 2, 4), "tumour core": (1, 4), "enhancing tumour": (4,)}
BINS = 40


def split_tumours(mask):
    """Number the tumours of a mask: connected voxels, those that touch at a corner included.

    Parameters
    ----------
    mask : Mask
        All its labels together are tumour.

    Returns
    -------
    parts : ndarray (D, H, W), int
        0 for background, 1 for the largest tumour, and so on down.
    tumours : int
        The parts up to this number are tumours; the rest are smaller than `SPECK`.
    """
    parts, count = ndimage.label(mask.labels > 0, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    order = np.argsort(-sizes[1:], kind="stable") + 1
    number = np.zeros(count + 1, int)
    number[order] = np.arange(1, count + 1)
    return number[parts], int((sizes[1:] * voxel(mask) >= SPECK[2 if mask.flat else 3]).sum())


def voxel(mask):
    """The size of a voxel in mm³, or 1 if it is unknown."""
    return float(np.prod(mask.spacing)) if mask.spacing else 1.0


def amount(mask, count):
    """`count` voxels as sizes with their units in their names."""
    if not mask.spacing:
        return {"pixels" if mask.flat else "voxels": count}
    volume = count * voxel(mask)
    return {"voxels": count, "volume_mm3": volume, "volume_ml": volume / 1000}


def is_brats(labels):
    """Whether a set of labels is BraTS's: 1, 2 and 4, of which only 4 is peculiar to it."""
    return 4 in labels and set(labels) <= BRATS.keys()


def label_names(labels):
    """The name of each label: "label 2", or if they are BraTS's "label 2, oedema"."""
    known = {label: f", {name}" for label, name in BRATS.items()} if is_brats(labels) else {}
    return {label: f"label {label}{known.get(label, '')}" for label in labels}


def without_doubles(regions):
    """What `regions` gives, without the regions that are a label, too."""
    return {name: sizes for name, sizes in regions.items() if f"label 4, {name}" not in regions}


def regions(mask, inside, labels):
    """How much of a part each label is, and BraTS's regions if the labels are BraTS's.

    Parameters
    ----------
    mask : Mask
    inside : ndarray (D, H, W) of bool
    labels : list of int
        All that the report knows, so that absent ones are listed with 0.

    Returns
    -------
    dict of dict
        By name, for example ``"label 2, oedema"`` and ``"tumour core"``: see `amount`. Empty
        where there are fewer than two labels.
    """
    if len(labels) < 2:
        return {}
    counts = dict(zip(*np.unique(mask.labels[inside], return_counts=True), strict=True))
    names = {name: (label,) for label, name in label_names(labels).items()}
    if is_brats(labels):
        names |= REGIONS
    return {name: amount(mask, sum(int(counts.get(label, 0)) for label in members))
            for name, members in names.items()}


def head(image):
    """Where an image shows more than air: above a tenth of its range, as in `prepare`.

    Lone bright voxels of the air's noise are dropped (opening in the slice).
    """
    low, high = image.min(), np.percentile(image, 99)
    return ndimage.binary_opening(image > low + BACKGROUND * (high - low), np.ones((1, 3, 3)))


def find_midline(mask, tissue=None):
    """Find where the patient's halves meet; the head is taken to be straight.

    Parameters
    ----------
    mask : Mask
    tissue : ndarray (D, H, W) of bool, optional
        The `head` in the image.

    Returns
    -------
    dict
        ``x``: what `Mask.rightwards` gives there, halfway between the borders of `tissue` (of
        its voxels 0.5 % lie beyond each) or of the volume. ``from``: which of the two, in words.
        ``unit``: "mm" or "px".
    """
    unit = "px" if mask.to_patient is None else "mm"
    if tissue is not None and tissue.any():
        x = mask.rightwards(np.argwhere(tissue))
        middle = np.percentile(x, (0.5, 99.5)).mean()
        source = "halfway across the head in the image"
    else:
        middle = mask.rightwards((np.array(mask.labels.shape) - 1) / 2)
        source = "the middle of the " + ("picture" if mask.flat else "volume")
    return {"x": float(middle), "unit": unit, "from": source}


def measure_location(mask, inside, midline):
    """Say where a tumour is.

    Parameters
    ----------
    mask : Mask
    inside : ndarray (D, H, W) of bool
        Not empty.
    midline : dict
        From `find_midline`.

    Returns
    -------
    dict
        ``centroid_voxel`` (d, h, w), or (h, w) in a picture, indices from 0 in the canonical
        orientation; ``centroid_mm`` (x, y, z), patient coordinates to the right, front and
        head, None if unknown; ``side``, "left" or "right", where the centroid lies, and
        ``side_of``, "patient" or "picture"; ``right_share``, the part of the tumour to the
        right of the midline; ``first_slice`` and ``last_slice``, counted from 1, and if slices
        are files, their names, ``first_file`` and ``last_file``.
    """
    points = np.argwhere(inside)
    centre = points.mean(axis=0)
    x = mask.rightwards(centre)
    place = None if mask.to_patient is None else mask.to_patient(centre).tolist()
    return {"centroid_voxel": centre[mask.flat:].tolist(), "centroid_mm": place,
            "side": "right" if x > midline["x"] else "left",
            "side_of": "picture" if mask.to_patient is None else "patient",
            "right_share": float((mask.rightwards(points) > midline["x"]).mean()),
            **_slices(mask, int(points[0, 0]), int(points[-1, 0]))}


def _slices(mask, first, last):
    """Two indices as the reader counts: from 1, and by the names of files."""
    files = {"first_file": mask.files[first], "last_file": mask.files[last]} if mask.files else {}
    return {"first_slice": first + 1, "last_slice": last + 1} | files


def measure_appearance(image, inside, around):
    """Compare the intensities in a tumour with those of the head around all tumours.

    Parameters
    ----------
    image : ndarray (D, H, W)
    inside, around : ndarray (D, H, W) of bool

    Returns
    -------
    dict
        ``inside`` and ``around``: ``mean``, ``spread`` (standard deviation), ``median``, None
        if no voxel is there. ``contrast``: the difference of the means over the spread around.
        ``histogram``: ``edges`` of the bins and the share of voxels ``inside`` and ``around``
        in each; the outermost half percent on both sides counts in the outermost bins.
    """
    values = {"inside": image[inside].astype(float), "around": image[around].astype(float)}
    stats = {name: {"mean": float(v.mean()), "spread": float(v.std()),
                    "median": float(np.median(v))} if v.size else None
             for name, v in values.items()}
    contrast = None
    if stats["around"] and stats["around"]["spread"] > 0:
        contrast = (stats["inside"]["mean"] - stats["around"]["mean"]) / stats["around"]["spread"]
    ends = [np.percentile(v, (0.5, 99.5)) for v in values.values() if v.size]
    low, high = np.min(ends), np.max(ends)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = {name: (np.histogram(v.clip(edges[0], edges[-1]), edges)[0] / max(v.size, 1)).tolist()
              for name, v in values.items()}
    return stats | {"contrast": contrast, "histogram": {"edges": edges.tolist()} | shares}


def describe(mask, image=None):
    """Measure every tumour of a mask.

    Parameters
    ----------
    mask : Mask
    image : ndarray (D, H, W), optional

    Returns
    -------
    report : dict
        ``total``, ``midline``, ``tumours`` (a dict each, the largest first, with ``number``,
        ``size``, ``shape``, ``location``, ``appearance``, ``regions``) and ``specks``.
    parts : ndarray (D, H, W), int
        From `split_tumours`.
    """
    parts, count = split_tumours(mask)
    labels = [int(label) for label in np.unique(mask.labels) if label]
    tissue = None if image is None else head(image)
    midline = find_midline(mask, tissue)
    around = None if image is None else tissue & (parts == 0)
    boxes = ndimage.find_objects(parts)
    tumours = []
    for number in range(1, count + 1):
        inside, box = parts == number, boxes[number - 1]
        size, shape = (measure(inside[box], mask.spacing, mask.flat)
                       for measure in (measure_size, measure_shape))
        _move(size["diameters"], box)
        shape["outline_slice"] += box[0].start + 1
        tumours.append({
            "number": number, "size": size, "shape": shape,
            "location": measure_location(mask, inside, midline),
            "appearance": None if image is None else measure_appearance(image, inside, around),
            "regions": regions(mask, inside, labels)})
    everywhere = parts > 0
    total = {"tumours": count, "specks": len(boxes) - count,
             **amount(mask, int(np.count_nonzero(everywhere))),
             "regions": regions(mask, everywhere, labels)}
    counts, rest = np.bincount(parts.ravel()), range(count + 1, len(boxes) + 1)
    centres = ndimage.center_of_mass(everywhere, parts, rest)
    specks = [{**amount(mask, int(counts[number])),
               "centroid_voxel": [float(c) for c in centre[mask.flat:]]}
              for number, centre in zip(rest, centres, strict=True)]
    return {"total": total, "midline": midline, "tumours": tumours, "specks": specks}, parts


def _move(diameters, box):
    """From voxels of a box to voxels of the volume, and to a slice counted from 1; in place."""
    corner = np.array([part.start for part in box[1:]])
    diameters["slice"] += box[0].start + 1
    for name in ("ends", "perpendicular_ends"):
        diameters[name] = (np.array(diameters[name]) + corner).tolist()
