"""The site's gallery: figures first, links that lead to its pages, examples that are notebooks."""

import ast
import importlib.util
from pathlib import Path

import pytest

from minunet.tool.plots import plot_grid

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
parser = pytest.importorskip("sphinx_gallery.py_source_parser")


@pytest.fixture
def gallery_pages():
    """The extension of the docs, as a module."""
    spec = importlib.util.spec_from_file_location("gallery_pages", ROOT / "docs/gallery_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_a_notebook_whose_last_cell_calls_it(script):
    """A reader changes a cell, and runs the last one again."""
    _, (words, *blocks) = parser.split_code_and_text_blocks(str(script))
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    assert words.type == "text" and words.content.strip() == docstring
    cells = [block.content for block in blocks if block.type == "code"]
    assert len(cells) >= 3 and cells[-1].startswith("if __name__ ==")
    assert "figure = run_script(main, __doc__" in cells[-1]


@pytest.mark.parametrize("page, text, expected", [
    ("skip", "[a](../examples/04_a_b.py).", "[a](/gallery/04_a_b.rst)."),
    ("ops/relu", "[`examples/04_a_b.py`](../../examples/04_a_b.py)",
     "[`examples/04_a_b.py`](/gallery/04_a_b.rst)"),
    ("skip", "[a](../examples/README.md)", "[a](../examples/README.md)"),
])
def test_a_link_to_a_script_leads_to_its_page(page, text, expected, gallery_pages):
    source = [text]
    gallery_pages.link_examples(None, page, source)
    assert source == [expected]


def test_the_figure_of_an_example_stands_above_its_code(gallery_pages, tmp_path):
    variables = {"example_globals": {"figure": plot_grid([("a slice", [[0, 1]], {})])},
                 "image_path_iterator": iter([tmp_path / "figure.png"])}
    config = {"src_dir": str(tmp_path)}
    shown = gallery_pages.save_figure(None, variables, config)
    assert (tmp_path / "figure.png").is_file() and ":alt: a slice" in shown
    assert gallery_pages.save_figure(None, variables, config) == ""  # it was the last cell's
    source = [f"Title\n\nwords\n\nExpected output::\n\n    1\n\ncode\n{shown}\nend\n"]
    gallery_pages.show_figures(None, "gallery/01_a", source)
    parts = "words", "image-sg", "Expected output", "code", "end"
    places = [source[0].index(part) for part in parts]
    assert places == sorted(places) and source[0].count("image-sg") == 1


def test_a_page_without_a_figure_stays_as_it_is(gallery_pages):
    """The docs can be built without running the examples."""
    source = ["Title\n\nExpected output::\n\n    1\n"]
    gallery_pages.show_figures(None, "gallery/01_a", source)
    assert source == ["Title\n\nExpected output::\n\n    1\n"]


def test_the_figures_stand_above_the_table(gallery_pages):
    source = [(ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")]
    gallery_pages.show_figures(None, "gallery", source)
    assert source[0].index("minigallery") < source[0].index("| example |")
