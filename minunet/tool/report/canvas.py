"""A page measured in inches from its upper left corner, and what all panels draw alike."""

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from minunet.engine.files import replacing
from minunet.tool.drawing import INK, MUTED, SHADE
from minunet.tool.glyphs import box_what_fonts_lack
from minunet.tool.report.size import diameters

WIDTH, EDGE = 13.0, 0.45  # inches
ON_IMAGE = [withStroke(linewidth=2.5, foreground=INK)]  # a light line, legible on any grey
DISCLAIMER = "For teaching and research, not for diagnosis."


class Page:
    """A figure whose places are inches from the upper left corner.

    Parameters
    ----------
    height : float
        Inches.
    """

    def __init__(self, height):
        self.height = height
        self.figure = Figure(figsize=(WIDTH, height), facecolor="white")

    def axes(self, left, top, width, height):
        """Axes at a place, without frame or ticks."""
        axes = self.figure.add_axes((left / WIDTH, 1 - (top + height) / self.height,
                                     width / WIDTH, height / self.height))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes

    def text(self, left, top, text, **style):
        """Text whose first line's top is at `top`; a "$" in a name is no formula."""
        style = {"va": "top", "color": INK, "fontsize": 9, "parse_math": False} | style
        return self.figure.text(left / WIDTH, 1 - top / self.height, text, **style)

    def key(self, left, top, text, color, **style):
        """A square of a colour and what it stands for, in ink."""
        side = 0.11
        self.axes(left, top + 0.01, side, side).set_facecolor(color)
        self.text(left + side + 0.06, top, text, **{"fontsize": 8.5} | style)

    def rule(self, top):
        """A thin line across the page."""
        self.axes(EDGE, top, WIDTH - 2 * EDGE, 0.015).set_facecolor("#C8C8C8")

    def footer(self, text):
        """Small print at the bottom."""
        self.text(EDGE, self.height - 0.32, f"{text} {DISCLAIMER}".strip(), fontsize=8,
                  color=MUTED)

    def save(self, path):
        """Write the page, whole or not at all."""
        box_what_fonts_lack(self.figure)
        with replacing(path) as temporary:
            self.figure.savefig(temporary, dpi=110, format="png")


def short(value):
    """A number with about three digits that count."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def size_text(sizes):
    """The most telling size among `tumours.amount`'s, with its unit."""
    if "volume_ml" in sizes:
        volume = sizes["volume_ml"]
        return f"{short(volume)} ml" if volume >= 0.1 or not volume else (
            f"{short(1000 * volume)} mm³")
    if "area_mm2" in sizes:
        return f"{short(sizes['area_mm2'])} mm²"
    [(unit, count)] = [(unit, sizes[unit]) for unit in ("voxels", "pixels") if unit in sizes]
    return f"{count:,} {unit}"


def diameters_text(sizes):
    """The largest diameter among `size.measure_size`'s, the one across it, and their unit."""
    length, across, unit = diameters(sizes)
    return f"{short(length)} × {short(across)} {unit}"


def shorten(name, most=60):
    """A name with its middle left out, if it is long."""
    return name if len(name) <= most else f"{name[:most // 2]}…{name[1 - most // 2:]}"


def frame(axes, color=SHADE):
    """A light panel where there is no image."""
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, color=color, zorder=-1))
