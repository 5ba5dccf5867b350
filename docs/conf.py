"""Sphinx: ``python -m sphinx -W -b html docs docs/_build/html``.

The pages are Markdown that a code host renders as well; the reference is made from docstrings.
"""

import re
import sys
from pathlib import Path

from docutils import nodes

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import minunet  # noqa: E402

project = "minunet"
author = "the minunet developers"
copyright = "the minunet developers"
version = release = minunet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax",
              "sphinx-mathjax-offline", "sphinx_gallery.gen_gallery", "gallery_pages"]
exclude_patterns = ["_build", "gallery/index.rst"]  # gallery.md is the gallery's front page
default_role = "literal"  # `x` in a docstring is code
language = "en"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2  # links to headings, as a code host names them

sphinx_gallery_conf = {  # the examples are run, and made into pages and notebooks
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "",  # all of them
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/backreferences",
    "image_scrapers": ("gallery_pages.save_figure",),
    "reset_modules": (),
    "last_notebook_cell": "figure",
    "thumbnail_size": (800, 560),
    "abort_on_example_error": True,
    "write_computation_times": False,
    "show_signature": False,
}

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say more: shapes, too
napoleon_google_docstring = False
napoleon_use_param = False  # "array (N, H, W, C)" is a shape in words, no names to be linked
napoleon_use_rtype = False

html_theme = "furo"
html_title = "minunet"
html_static_path = ["_static"]
html_css_files = ["minunet.css"]
html_show_sourcelink = False


def keep_bars(app, what, name, obj, options, lines):
    """Docstrings are plain text: |z| in them is an absolute value, no substitution."""
    literal = False
    for i, line in enumerate(lines):
        literal = literal and (not line or line.startswith(" "))
        if not literal:
            lines[i] = re.sub(r"``.*?``|`[^`]*`|\|",
                              lambda m: r"\|" if m[0] == "|" else m[0], line)
        literal = literal or line.endswith("::")


def list_contents(app, docname, source):
    """The sidebar has the pages that index.md lists, under the same headings."""
    if docname == "index":
        for caption, links in re.findall(r"^### (.+)\n\n((?:[* ] .+\n)+)", source[0], re.M):
            pages = "\n".join(re.findall(r"^\* \[.+?\]\((.+?)\.\w+\)", links, re.M))
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def leave_formulas(app, doctree):
    r"""Sphinx puts a formula with \\ into an environment that allows no \tag; ours need none."""
    for formula in doctree.findall(nodes.math_block):
        formula["nowrap"] = True
        formula.children = [nodes.Text(rf"\[{formula.astext()}\]")]


def setup(app):
    app.connect("doctree-read", leave_formulas)
    app.connect("autodoc-process-docstring", keep_bars, priority=100)  # before napoleon
    app.connect("source-read", list_contents)
