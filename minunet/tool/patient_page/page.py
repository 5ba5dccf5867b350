"""The page of a patient, put together: sheets of slices, masks, and what is known in words."""

import numpy as np
from PIL import Image, ImageColor

from minunet.engine.words import printable
from minunet.tool.drawing import HIT, PREDICTION, TRUTH, label_colors
from minunet.tool.overlays import outline_of, shown_channel
from minunet.tool.patient_page import sheets
from minunet.tool.web import as_json, as_text, fill

NO_SCAN = 60  # the grey on which a mask is drawn that has no scan


def build_page(scene):
    """Put the page on a patient together.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    str
    """
    depth = len(scene.found)
    grey = np.empty((0, *scene.found.shape), np.uint8)  # (C, D, H, W)
    if scene.images is not None:
        grey = sheets.greys(scene.images)
    marked = np.logical_or.reduce([mask > 0 for mask in scene.masks.values()])  # (D, H, W)
    cut = sheets.choose_cut(grey, marked)
    grey = [sheets.cut_out(channel, cut, np.mean) for channel in grey]  # C of (D, h, w)
    masks = {name: sheets.cut_out(_numbered(mask, scene.labels), cut, np.max)  # (D, h, w)
             for name, mask in scene.masks.items()}
    names, shown = _channels(scene)
    first = _first(scene)
    rows, columns = masks["found"].shape[1:]
    long, wide = scene.spacing[1:] if scene.spacing else (1, 1)
    payload = {
        "depth": depth, "rows": rows, "columns": columns, "across": sheets.across(depth),
        "aspect": rows * long / (columns * wide), "first": first, "shown": shown,
        "slices": list(map(printable, scene.slices)), "words": vars(scene.words),
        "channels": [{"name": name, "url": sheets.scan_url(sheets.sheet(channel))}
                     for name, channel in zip(names, grey, strict=True)],
        "masks": {name: {"url": sheets.mask_url(sheets.sheet(masks[name])),
                         "voxels": np.count_nonzero(mask, axis=(1, 2)).tolist()}
                  for name, mask in scene.masks.items()},
        "labels": _labels(scene), "colors": {"found": PREDICTION, "truth": TRUTH, "hit": HIT,
                                             "missed": TRUTH, "false_alarm": PREDICTION}}
    background = grey[shown][first] if grey else np.full((rows, columns), NO_SCAN, np.uint8)
    still = _still(background, masks["found"][first] > 0, payload["aspect"])
    return fill(__package__, "page", scene.name, facts=_facts(scene),
                noscript=_noscript(scene, first, still), nothing=_nothing(scene),
                sides=_sides() if scene.sides else "", payload=as_json(payload))


def _numbered(mask, labels):
    """Labels as numbers from 1 in their order; 0 stays background."""
    known = np.array([0, *sorted(labels)])
    return np.searchsorted(known, mask).astype(np.uint8)


def _labels(scene):
    """Name and colour of each label, in order."""
    return [{"name": printable(scene.labels[label]), "color": color}
            for label, color in label_colors(sorted(scene.labels)).items()]


def _channels(scene):
    """The channels' names, and the number of the one to begin with."""
    if scene.images is None:
        return [], 0
    count = scene.images.shape[-1]
    names = scene.channels or [f"channel {c + 1} of {count}" for c in range(count)]
    return list(map(printable, names)), shown_channel(count, scene.channels)


def _first(scene):
    """The slice with most that is true, or found, or in the middle."""
    for mask in reversed(scene.masks.values()):
        if mask.any():
            return int(np.count_nonzero(mask, axis=(1, 2)).argmax())
    return len(scene.found) // 2


def _facts(scene):
    return "\n".join(f"<div><dt>{as_text(name)}</dt><dd>{as_text(value)}</dd></div>"
                     for name, value in scene.facts.items())


def _nothing(scene):
    """What is said where a mask is empty, since an empty page looks like a broken one."""
    words = [f"{as_text(getattr(scene.words, name).capitalize())}: nothing."
             for name, mask in scene.masks.items() if not mask.any()]
    return f'<p id="nothing"><strong>{" ".join(words)}</strong></p>' if words else ""


def _sides():
    return ('<span class="side right" aria-hidden="true">R</span>'
            '<span class="side left" aria-hidden="true">L</span>')


def _still(grey, mask, aspect):
    """One slice with its outline, for who has no JavaScript."""
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1)  # (H, W, 3)
    picture[outline_of(mask)] = ImageColor.getrgb(PREDICTION)
    height, width = grey.shape
    size = (width, max(1, round(width * aspect))) if aspect > 1 else (
        max(1, round(height / aspect)), height)
    return sheets.scan_url(np.asarray(Image.fromarray(picture).resize(size)))


def _noscript(scene, first, still):
    where = f"slice {first + 1} of {len(scene.found)}"
    return (f'<p>Without JavaScript this page shows one slice; with it, all {len(scene.found)}.</p>'
            f'<img src="{still}" alt="{where}, with the outline of what is '
            f'{as_text(scene.words.found)}"><p>{where}</p>')
