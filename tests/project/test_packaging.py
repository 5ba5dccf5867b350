"""What the package says of itself is the same everywhere."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

import minunet

ROOT = Path(__file__).parents[2]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere():
    assert f"\nversion: {minunet.__version__}\n" in text_of("CITATION.cff")
    assert re.search(r"^## (\S+)", text_of("CHANGELOG.md"), re.M)[1] == minunet.__version__
    try:
        installed = metadata("minunet")["Version"]
    except PackageNotFoundError:
        return  # run from a checkout
    assert installed == minunet.__version__


def test_the_same_people_and_the_same_licence_everywhere():
    project = text_of("pyproject.toml")
    assert 'authors = [{ name = "The minunet developers" }]' in project
    assert "(c) 2026 The minunet developers" in text_of("LICENSE")
    assert "authors:\n  - name: The minunet developers\n" in text_of("CITATION.cff")
    assert 'license = "MIT"' in project and "\nlicense: MIT\n" in text_of("CITATION.cff")


def test_each_fact_stands_in_one_file():
    assert not re.search(r"^\[(metadata|options.*)\]", text_of("setup.cfg"), re.M)
    assert "[tool.pytest" not in text_of("pyproject.toml")


def test_the_citation_holds_what_its_format_asks_for():
    citation = pytest.importorskip("yaml").safe_load(text_of("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"


def test_the_supported_pythons_begin_with_the_oldest_that_is_asked_for():
    project = text_of("pyproject.toml")
    minors = [int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", project)]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert f'requires-python = ">=3.{minors[0]}"' in project


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md"])
def test_the_pages_at_the_root_link_to_what_is_there(name):
    for link in re.findall(r"\]\(([^)#]+)\)", text_of(name)):
        assert (ROOT / link).is_file(), link
    for path in re.findall(r"`((?:minunet|tests|docs)/[a-z_/]+(?:\.\w+)?)`", text_of(name)):
        assert (ROOT / path).exists(), path
