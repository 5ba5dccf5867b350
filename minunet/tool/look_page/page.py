"""The page: its parts put together, with the weights and the slices that it shows."""

import numpy as np

from minunet.data.preprocess import prepare, prepare_masks
from minunet.layers import list_layers
from minunet.look import field
from minunet.predict import check_channels, classify, predict_slices
from minunet.tool.look_page.pack import Pack
from minunet.tool.overlays import pick_slices, shown_channel
from minunet.tool.web import as_json, fill

SLICES = 7  # of a scan: each needs room
POINTS, LEVELS = 8, 15  # of the grid of fields along an axis; steps of an effect's strength
STEPS = 2**16 - 1  # of a channel's range, in which its numbers are stored
CELL = 2  # pixels, the side of a square whose effect is one number


def build_page(net, preprocessing, scheme, model, scan, progress=None):
    """Put the page on one scan together.

    Parameters
    ----------
    net, preprocessing, scheme, model, progress
        See `minunet.tool.look_page.look_page`.
    scan : Scan

    Returns
    -------
    text : str
        The page.
    slices : int
        How many slices it has.
    """
    check_channels(net, scan.images, scan.name, scheme.modalities)
    net, pack = net.folded(), Pack()
    x = _whole_steps(prepare(scan.images, preprocessing, scan.name), net.depth)  # (D, H, W, C)
    masks = None
    if scan.masks is not None:
        masks = _whole_steps(prepare_masks(scan.masks, preprocessing)[..., np.newaxis], net.depth)
        masks = masks[..., 0]  # (D, H, W)
    found = classify(predict_slices(net, x, progress=progress)) > 0
    picked = pick_slices(found if masks is None or not masks.any() else masks, SLICES)
    payload = {"about": _about(net, preprocessing, model, scan, len(picked)),
               "depth": net.depth, "size": x.shape[1:3], "truth": masks is not None,
               "channels": _channel_names(x.shape[-1], scheme),
               "shown": shown_channel(x.shape[-1], scheme.modalities),
               "layers": list(_layers(net, pack)),
               **_slices(net, x, masks, found, picked, scan.slices, pack, progress)}
    text = fill(__package__, "page", "Inside a U-Net", payload=as_json(payload), pack=pack.text())
    return text, len(picked)


def _whole_steps(images, depth):
    """Continue (D, H, W, C) by their edges to multiples of 2^depth, as `predict_slices` does."""
    missing = [(0, -size % 2**depth) for size in images.shape[1:3]]
    return np.pad(images, ((0, 0), *missing, (0, 0)), mode="edge")


def _layers(net, pack):
    """List the layers as network.js takes them: what each reads, and where its weights lie."""
    source, skips = "image", {}
    for layer in list_layers(net.config):
        entry = {"name": layer.name, "kind": layer.kind, "from": [source]}
        if layer.kind == "pool":
            skips[layer.name[3]] = source  # by the level, "2" of "enc2.pool"
        if layer.kind == "concat":
            entry |= {"from": [skips[layer.name[3]], source], "level": int(layer.name[3])}
        for part in ("w", "b"):
            if f"{layer.name}.{part}" in net.params:
                entry[part] = pack.add(net.params[f"{layer.name}.{part}"].astype(np.float16))
        yield entry
        source = layer.name
    yield {"name": "probability", "kind": "probability", "from": [source]}


def _slices(net, x, masks, found, picked, names, pack, progress):
    """The slices that are shown: numbers, truth, and what pixels on a coarse grid see."""
    chosen = x[picked]  # (N, H, W, C)
    low = chosen.min(axis=(0, 1, 2))
    step = np.maximum(chosen.max(axis=(0, 1, 2)) - low, np.finfo(np.float32).tiny) / STEPS
    grid, effects, sides = _fields(net, chosen, progress)
    slices = []
    for n, d in enumerate(picked):
        tumour = found[d] if masks is None or not masks[d].any() else masks[d]
        slices.append({
            "name": names[d], "x": pack.add(np.rint((chosen[n] - low) / step).astype(np.uint16)),
            "truth": None if masks is None else pack.add(masks[d].astype(np.uint8)),
            "effect": pack.add(effects[n]), "sides": sides[n], "pixel": _middle(tumour, grid)})
    first = int(np.argmax((found if masks is None else masks)[picked].sum(axis=(1, 2))))
    return {"slices": slices, "first": first, "field": grid,
            "low": low.tolist(), "high": (low + STEPS * step).tolist(), "step": step.tolist()}


def _fields(net, x, progress):
    """What pixels of a coarse grid see of x (N, H, W, C) in effect; the page knows the theory.

    Returns
    -------
    grid : dict
        Its rows and columns, and how effects are stored.
    effects : ndarray (N, POINTS², H / CELL, W / CELL), uint8
        √(effect / largest) in `LEVELS` steps: the eye sees weak ones too.
    sides : list (N, POINTS², 2)
        The sides of the squares that hold half and 95 % of the effect.
    """
    n, *size, _ = x.shape
    rows, columns = (((np.arange(POINTS) + 0.5) * side / POINTS).astype(int) for side in size)
    cells = [side // CELL for side in size]
    effects, sides = np.zeros((n, POINTS**2, *cells), np.uint8), []
    for point, pixel in enumerate((int(h), int(w)) for h in rows for w in columns):
        seen = field(net, x, pixel)
        coarse = seen.effect.reshape(n, cells[0], CELL, cells[1], CELL).sum(axis=(2, 4))
        largest = coarse.max(axis=(1, 2), keepdims=True)
        share = np.divide(coarse, largest, out=np.zeros_like(coarse), where=largest > 0)
        effects[:, point] = np.rint(LEVELS * np.sqrt(share))
        sides.append([[seen._replace(effect=effect[np.newaxis]).side(part) for part in (0.5, 0.95)]
                      for effect in seen.effect])
        if progress:
            progress(n)
    grid = {"rows": rows.tolist(), "columns": columns.tolist(), "cell": CELL, "levels": LEVELS}
    return grid, effects, np.swapaxes(sides, 0, 1).tolist()


def _middle(mask, grid):
    """The pixel of the grid that is nearest to the middle of a mask (H, W), or of the picture."""
    inside = np.argwhere(mask) if mask.any() else np.argwhere(~mask)
    return [min(grid[axis], key=lambda place: abs(place - middle))
            for axis, middle in zip(("rows", "columns"), inside.mean(axis=0), strict=True)]


def _channel_names(count, scheme):
    return list(scheme.modalities) or [f"channel {c + 1} of {count}" for c in range(count)]


def _about(net, preprocessing, model, scan, shown):
    config = net.config
    text = (f"The model {model} (depth {config['depth']}, {config['base_channels']} channels at "
            f"first) on {scan.name}: {shown} of {len(scan.slices)} slices.")
    if preprocessing.one_tumour:
        text += (" minunet predict keeps the surest pieces of tumour in the whole scan; here every "
                 "piece is drawn.")
    return text
