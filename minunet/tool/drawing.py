"""What the panels of a figure hold: an image with what is marked on it, or curves.

The colours are safe for colour-blind eyes (Okabe and Ito's palette, its green darkened).
"""

import numpy as np
from matplotlib.colors import to_rgb
from skimage.measure import find_contours

TRUTH, PREDICTION, HIT = "#56B4E9", "#E69F00", "#00704A"
INK, MUTED, GRID, SHADE = "#222222", "#666666", "#E5E5E5", "#F0F0F0"
PANEL = 2.2  # inches
# Of the labels 1 to 10. The first four, those of BraTS, differ by CIEDE2000 27 as `TINT` over any
# grey, all ten by 15 where they cover it and by 12 as tints, to eyes that see three colours or two.
LABEL_COLORS = ("#880011", "#4DD8FF", "#2405B8", "#FFC600", "#D0FFB4", "#975FFF", "#77946A",
                "#E25A00", "#9E5C93", "#330033")
TINT = 0.6  # how much of a label's colour lies over the image


def draw_image(axes, image, *, signed=False, cmap="gray", limits=None, colorbar=False,
               numbers=False, truth=None, prediction=None, errors=False):
    """Draw an image (H, W) with the options of `minunet.tool.plots.plot_grid`."""
    image = as_image(image)
    shown = axes.imshow(image, cmap="RdBu_r" if signed else cmap)
    shown.set_clim(limits or _limits(image, signed))
    axes.set_axis_off()
    if colorbar:
        axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    if numbers:
        _write_numbers(axes, image, shown.to_rgba(image))
    for name, mask in (("truth", truth), ("prediction", prediction)):
        if mask is not None and np.shape(mask) != image.shape:
            raise ValueError(f"{name} has shape {np.shape(mask)}; expected image's {image.shape}")
    if errors:
        shade_errors(axes, np.asarray(truth) > 0, np.asarray(prediction) > 0)
        return
    # Beneath an outline that agrees, a wider one still shows on both sides.
    for mask, color, width in ((truth, TRUTH, 1.3 if prediction is None else 3),
                               (prediction, PREDICTION, 1.3)):
        if mask is not None:
            for y, x in _outlines(mask, 8 if numbers else 1):
                axes.plot(x, y, color=color, linewidth=width, clip_on=not numbers)


def draw_curves(axes, curves, *, log=False):
    """Draw {name: numbers} as curves, each with its name where it ends."""
    for color, (name, numbers) in zip((HIT, PREDICTION, TRUTH, MUTED), curves.items(),
                                      strict=False):
        axes.plot(numbers, color=color, linewidth=2, label=name)
    axes.set_yscale("log" if log else "linear")
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9)


def shade(axes, alpha, color):
    """Lay one colour over an image, as thick as `alpha` (H, W) says: from 0 to 1."""
    axes.imshow(np.dstack([np.broadcast_to(to_rgb(color), (*alpha.shape, 3)), alpha]))


def shade_errors(axes, truth, prediction):
    """Shade hits, missed pixels and false alarms in their colours; the masks (H, W) are bool."""
    shade(axes, 0.85 * (truth & prediction), HIT)
    shade(axes, 0.85 * (truth & ~prediction), TRUTH)
    shade(axes, 0.85 * (prediction & ~truth), PREDICTION)


def as_image(image):
    """The image as float; what is not (H, W) is refused."""
    image = np.asarray(image, float)
    if image.ndim != 2:
        raise ValueError(f"image has shape {image.shape}; expected (H, W)")
    return image


def _outlines(mask, parts):
    """The outlines of a mask; cutting its pixels into `parts` keeps their corners."""
    fine = np.kron(mask, np.ones((parts, parts)))
    # A margin of background closes the outline of a mask that reaches the border.
    return [(line.T - 0.5) / parts - 0.5 for line in find_contours(np.pad(fine, 1) * 1.0, 0.5)]


def _write_numbers(axes, image, colors):
    """Write each value into its pixel, black on light pixels and white on dark ones."""
    size = min(11, 0.33 * 86 * PANEL / image.shape[1])  # points: five characters fit
    for (row, column), value in np.ndenumerate(image):
        light = colors[row, column, :3] @ (0.3, 0.59, 0.11) > 0.5
        axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=size,
                  color="black" if light else "white")


def _limits(image, signed):
    """The values drawn darkest and brightest; apart even if the image is constant."""
    values = image[np.isfinite(image)]
    if not values.size:
        return 0, 1
    if signed:
        sizes = np.abs(values)
        # Among fewer than 200 values "higher" takes the largest: a small kernel is not clipped.
        most = np.percentile(sizes, 99.5, method="higher") or sizes.max() or 1
        return -most, most
    for low, high in (np.percentile(values, (1, 99)), (values.min(), values.max())):
        if low < high:  # the percentiles of a small structure on a constant background are one
            return low, high
    return low - 0.5, low + 0.5


def label_colors(labels):
    """The colour of each label: its own if all are 1 … 10, or else by its place among them.

    Parameters
    ----------
    labels : list of int
        At most ten, in order.

    Returns
    -------
    dict of int to str
    """
    own = max(labels, default=0) <= len(LABEL_COLORS)
    return {label: LABEL_COLORS[label - 1 if own else place]
            for place, label in enumerate(labels)}
