"""The docs say what the code does: their examples run, and what they point at exists."""

import doctest
import importlib.util
import inspect
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from minunet import UNet
from minunet.layers import list_layers, trace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
               if "_build" not in page.parts)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE_MATH = re.compile(r"(?<!\$)\$(?!\$)([^$]+)\$(?!\$)")


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def prose_of(page):
    """The page without its blocks of code."""
    return FENCE.sub("", text_of(page))


def load(name, monkeypatch):
    """A script in `docs`, as a module; its neighbours can be imported, as when it runs."""
    monkeypatch.syspath_prepend(DOCS)
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_of(page):
    """(first line, code) of each block of Python that is not quoted from a file."""
    text = text_of(page)
    for m in FENCE.finditer(text):
        before = text[: m.start()].rstrip()
        if m[2] == "python" and not before.endswith("-->"):
            yield before.count("\n") + 3, m[3]


@pytest.mark.parametrize("page", [page for page in PAGES if list(code_of(page))])
def test_the_code_runs_and_prints_what_the_page_says(page):
    names, parser = {}, doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for line, code in code_of(page):
        if ">>> " in code:
            test = parser.get_doctest(code, names, page, str(DOCS / page), line)
            runner.run(test, clear_globs=False)
            names = test.globs
        else:
            exec(compile(code, page, "exec"), names)
    assert runner.failures == 0, "the difference is printed above"


@pytest.mark.parametrize("page", PAGES)
def test_code_that_is_quoted_is_that_of_its_file_today(page, monkeypatch):
    for comment, shown, source in load("refresh", monkeypatch).quotes(text_of(page)):
        assert shown == source, f"{page}, {comment}: run python docs/refresh.py"


def test_the_page_of_all_commands_is_that_of_the_parser_today(monkeypatch):
    made = load("commands_page", monkeypatch).make_page()
    assert text_of("commands.md") == made, "run python docs/refresh.py"
    assert "* `--learning-rate X`: peak, after warming up (default: 0.0015)" in made


@pytest.mark.parametrize("page", PAGES)
def test_every_quote_is_found_by_the_script_that_refreshes_it(page, monkeypatch):
    comments = re.findall(r"<!-- ((?:code|measured): .+?) -->", prose_of(page))
    found = [comment for comment, *_ in load("refresh", monkeypatch).quotes(text_of(page))]
    assert found == comments


@pytest.mark.parametrize("page", PAGES)
def test_files_and_tests_that_are_named_exist(page):
    text = text_of(page)
    for path in re.findall(r"\[`((?:minunet|tests|docs|examples)/[\w/.]+)`\]", text):
        assert (ROOT / path).exists(), f"{page} names {path}"
    tests = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, f"{page} names {name}"


def test_the_readme_links_to_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="(.+?)"', text)
    assert "docs/_static/demo.png" in links and "docs/model_card.md" in links
    assert not [link for link in links if "://" not in link and not (ROOT / link).is_file()]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for link in re.findall(r"(?<!`)\]\(([^)\s]+)\)", prose_of(page)):
        path, _, anchor = link.partition("#")
        target = (DOCS / page).parent / path if path else DOCS / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in anchors, f"{page} links to {link}"


@pytest.mark.parametrize("page", PAGES)
def test_a_code_host_takes_no_mathematics_for_markdown(page):
    """An underscore that begins an emphasis, or a backslash that is an escape, would be eaten."""
    kept = MarkdownIt("commonmark").parse(prose_of(page))
    text = "".join(token.content for parent in kept for token in parent.children or ()
                   if token.type == "text")
    for formula in INLINE_MATH.findall(prose_of(page)):
        assert " ".join(formula.split()) in " ".join(text.split()), f"{page}: ${formula}$"


@pytest.mark.parametrize("page", PAGES)
def test_mathematics_is_plain_tex_with_its_dollars_apart(page):
    text = prose_of(page)
    assert not re.search(r"\\(?:[xyw]|d[xywb]|at|dd|bias|[ko][hw])(?![a-zA-Z])", text)
    lines = text.split("\n")
    marks = [i for i, line in enumerate(lines) if "$$" in line]
    assert len(marks) % 2 == 0
    for first, last in zip(marks[::2], marks[1::2], strict=True):
        assert lines[first] == lines[last] == "$$"
        assert lines[first - 1] == "" and lines[last + 1] == ""
    text = re.sub(r"^\$\$\n.*?^\$\$$", "", text, flags=re.MULTILINE | re.DOTALL)
    for m in INLINE_MATH.finditer(text):
        assert not re.match(r"[\w)]", text[m.start() - 1]), m[0]
        assert not re.match(r"\w", text[m.end()]), m[0]


def test_every_picture_is_there_and_every_drawing_is_shown():
    shown = {(DOCS / page).parent / path for page in PAGES
             for path in re.findall(r"^!\[.*?\]\((\S+)\)", text_of(page), re.MULTILINE)}
    for path in shown:
        assert path.is_file(), path
    drawn = {path.resolve() for path in (DOCS / "_static" / "figures").iterdir()}
    assert drawn <= {path.resolve() for path in shown}
    assert sum(path.stat().st_size for path in drawn) < 1.5e6


def test_every_drawing_can_be_drawn_again(tmp_path, monkeypatch):
    figures = load("figures", monkeypatch)
    figures.draw_all(tmp_path, steps=1)
    assert ({path.name for path in tmp_path.iterdir()}
            == {path.name for path in (DOCS / "_static" / "figures").iterdir()})


def test_the_front_page_lists_every_page():
    listed = re.findall(r"^\* \[.+?\]\((.+?)\)", text_of("index.md"), re.MULTILINE)
    assert sorted(listed) == sorted({*PAGES, "api.rst"} - {"index.md"})


def test_the_reference_has_every_operation():
    from minunet import ops
    text = text_of("api.rst")
    for name in ops.__all__:
        assert inspect.isfunction(getattr(ops, name))
        assert f"autofunction:: minunet.ops.{name}\n" in text


def test_the_picture_of_the_u_has_the_numbers_of_the_default_network():
    svg = (DOCS / "_static" / "unet.svg").read_text(encoding="utf-8")
    blocks = re.findall(r'<g id="(\w+)">.*?>(\d+) × (\d+), (\d+) → (\d+)<', svg, re.DOTALL)
    config, expected = UNet().config, {}
    for layer, (h, w) in zip(list_layers(config), trace(config, (256, 256)), strict=True):
        block, _, part = layer.name.partition(".")
        if part == "conv1":
            expected[block] = (h, w, layer.c, layer.f)
    assert {name: tuple(map(int, numbers)) for name, *numbers in blocks} == expected
