"""Names that the fonts of a figure cannot write are drawn, and nothing is warned of."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from minunet.tool.glyphs import box_what_fonts_lack
from minunet.tool.overlays import draw_volume
from minunet.tool.plots import plot_grid, plot_predictions

NAME = "患者一号 Ünsal → 1"


@pytest.fixture
def figure():
    return Figure()


@pytest.mark.parametrize("style", [{}, {"weight": "bold"}, {"family": "monospace"}])
def test_only_what_is_missing_becomes_a_box(figure, style):
    text = figure.text(0, 0, NAME + "\nnext", **style)
    box_what_fonts_lack(figure)
    assert text.get_text() == "□□□□ Ünsal → 1\nnext"
    figure.draw_without_rendering()  # a warning would be an error


def test_texts_everywhere_in_a_figure_are_found(figure):
    axes = figure.subplots()
    axes.set_title(NAME)
    axes.text(0, 0, NAME)
    figure.suptitle(NAME)
    axes.plot([0, 1], label=NAME)
    axes.legend()
    box_what_fonts_lack(figure)
    figure.draw_without_rendering()


def test_matplotlib_would_have_warned(figure):
    figure.text(0, 0, "一二三, which no other test writes")  # of a text it warns once
    with pytest.warns(UserWarning, match="Glyph"):
        figure.draw_without_rendering()


@pytest.mark.parametrize("name", [NAME, "😀👨‍👩‍👧", "ไทย עברית العربية", "\udcff", "a\tb\x07"])
def test_figures_with_such_names_are_written_in_silence(name, tmp_path, capfd):
    image = np.random.default_rng(0).random((20, 24))
    row = {"name": name, "image": image, "truth": image > 0.5, "probability": image, "dice": 0.5}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_predictions([row], tmp_path / "p.png", title=name)
        draw_volume(tmp_path / "o.png", image[np.newaxis], image[np.newaxis] > 0.5, (1, 1, 1), name)
        plot_grid([(name, image, {})], tmp_path / "g.png")
    assert capfd.readouterr() == ("", "")
