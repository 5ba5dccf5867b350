"""Names in any script: what a figure's fonts lack is drawn as a box, and nothing is warned of."""

from functools import cache

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

MISSING = "□"


def box_what_fonts_lack(figure):
    """Replace the characters of a figure's texts that none of their fonts has by `MISSING`.

    Matplotlib would warn of each of them and draw a box, too.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """
    for text in figure.findobj(Text):
        words = text.get_text()
        if not (words.isascii() and words.isprintable()):
            known = _characters(tuple(_families(text)), text.get_weight(), text.get_style())
            text.set_text("".join(c if c == "\n" or ord(c) in known else MISSING for c in words))


def _families(text):
    """The names of a text's fonts, the first being preferred; "sans-serif" stands for several."""
    for family in text.get_fontfamily():
        yield from mpl.rcParams.get(f"font.{family}", [family])


@cache
def _characters(families, weight, style):
    """The code points that any of these fonts has."""
    known = set()
    for family in families:
        try:
            path = findfont(FontProperties(family=[family], style=style, weight=weight),
                            fallback_to_default=False)
        except ValueError:  # it is not installed
            continue
        known |= get_font(path).get_charmap().keys()
    return known
