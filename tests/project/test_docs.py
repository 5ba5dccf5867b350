"""The docs say what the code does: their examples run, and what they point at exists."""

import ast
import doctest
import importlib.util
import re
from pathlib import Path

import pytest

from minunet import UNet
from minunet.layers import list_layers, trace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.rst"))
EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)
INCLUDE = re.compile(r"^\.\. (?:code-from|literalinclude):: (\S+)\n((?: +:.*\n)*)", re.MULTILINE)


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def source_of(path, dotted):
    """The lines of a function or class, ``"UNet.backward"`` for one inside a class."""
    text = path.read_text(encoding="utf-8")
    node = ast.parse(text)
    for name in dotted.split("."):
        named = [n for n in node.body if getattr(n, "name", None) == name]
        assert named, f"{path.name} has no {dotted}"
        node = named[0]
    return ast.get_source_segment(text, node)


@pytest.mark.parametrize("page", [page for page in PAGES if EXAMPLE.search(text_of(page))])
def test_the_examples_run_and_print_what_the_page_says(page):
    failed, _ = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8",
                                 optionflags=doctest.ELLIPSIS)
    assert failed == 0, "the difference is printed below"


@pytest.mark.parametrize("page", PAGES)
def test_code_that_is_included_exists(page):
    for target, options in INCLUDE.findall(text_of(page)):
        path = DOCS / target.removeprefix("/")
        assert path.is_file(), f"{page} includes {target}"
        options = dict(re.findall(r":(\S+): (.*)", options))
        source = source_of(path, options["pyobject"])
        assert options.get("start-at", "") in source


@pytest.mark.parametrize("page", PAGES)
def test_files_and_tests_that_are_named_exist(page):
    text = text_of(page)
    for path in re.findall(r"`((?:minunet|tests|docs|examples)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{page} names {path}"
    tests = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, f"{page} names {name}"


def test_the_readme_links_to_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert "docs/_static/demo.png" in links and "docs/model_card.rst" in links
    assert not [link for link in links if not (ROOT / link).is_file()]


def test_every_picture_is_there_or_drawn(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)  # as for a script in it: its neighbours can be imported
    spec = importlib.util.spec_from_file_location("figures", DOCS / "figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    figures.draw_all(tmp_path)
    drawn = {f"/_build/figures/{path.name}" for path in tmp_path.iterdir()}
    shown = {path for page in PAGES
             for path in re.findall(r"^\.\. (?:figure|image):: (\S+)", text_of(page), re.MULTILINE)}
    assert drawn <= shown
    for path in shown - drawn:
        assert (DOCS / path.removeprefix("/")).is_file(), path


def test_the_picture_of_the_u_has_the_numbers_of_the_default_network():
    svg = (DOCS / "_static" / "unet.svg").read_text(encoding="utf-8")
    blocks = re.findall(r'<g id="(\w+)">.*?>(\d+) × (\d+), (\d+) → (\d+)<', svg, re.DOTALL)
    config, expected = UNet().config, {}
    for layer, (h, w) in zip(list_layers(config), trace(config, (256, 256)), strict=True):
        block, _, part = layer.name.partition(".")
        if part == "conv1":
            expected[block] = (h, w, layer.c, layer.f)
    assert {name: tuple(map(int, numbers)) for name, *numbers in blocks} == expected
