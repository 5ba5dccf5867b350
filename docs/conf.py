"""Sphinx: ``python -m sphinx -W -b html docs docs/_build/html``."""

import re
import sys
import textwrap
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.directives.code import LiteralInclude

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import figures  # noqa: E402  (beside this file)

import minunet  # noqa: E402
from minunet.tool.bench.report import format_header, format_part  # noqa: E402

project = "minunet"
author = "the minunet authors"
copyright = "the minunet authors"
version = release = minunet.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon",
              "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
default_role = "literal"  # `x` in a docstring is code
language = "en"

autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_param = False  # "array (N, H, W, C)" is a shape in words, no names to be linked
napoleon_use_rtype = False

html_theme = "furo"
html_title = "minunet"
html_static_path = ["_static"]
html_css_files = ["minunet.css"]
html_show_sourcelink = False

mathjax_path = "https://cdn.jsdelivr.net/npm/mathjax@3.2.2/es5/tex-mml-chtml.js"
# Arrays are typewriter, as in the code, and indices italic: \w is a weight, w a column.
mathjax3_config = {"tex": {"macros": {
    **{name: rf"\mathtt{{{name}}}" for name in ("x", "y", "w", "dx", "dy", "dw", "db")},
    **{name: rf"\mathit{{{name}}}" for name in ("kh", "kw", "oh", "ow")},
    "bias": r"\mathtt{b}",
    "at": [r"[\,#1\,]", 1],
    "dd": [r"\frac{\partial #1}{\partial #2}", 2],
}}}


class Code(LiteralInclude):
    """``code-from``: a `literalinclude` without docstrings, which the page says at length."""

    def run(self):
        [result] = super().run()
        for block in result.findall(nodes.literal_block):
            text = re.sub(r'\n *""".*?"""(?=\n)', "", block.astext(), flags=re.DOTALL)
            block.rawsource = text = textwrap.dedent(text)
            block.children = []
            block += nodes.Text(text)
        return [result]


class Measured(Directive):
    """``measured:: step``: a table of ``bench.json`` as `minunet bench` printed it."""

    required_arguments = 1

    def run(self):
        part = self.arguments[0]
        text = (format_header(figures.BENCH) if part == "header"
                else format_part(figures.BENCH, part))
        return [nodes.literal_block(text, text, language="text")]


def lines(name, rawtext, text, lineno, inliner, options=None, content=None):
    """``:lines:`minunet/unet.py```: how many lines the file has today."""
    count = len((ROOT / text).read_text(encoding="utf-8").splitlines())
    return [nodes.Text(str(count))], []


def keep_bars(app, what, name, obj, options, lines):
    """Docstrings are plain text: |z| in them is an absolute value, no substitution."""
    literal = False
    for i, line in enumerate(lines):
        literal = literal and (not line or line.startswith(" "))
        if not literal:
            lines[i] = re.sub(r"``.*?``|`[^`]*`|\|",
                              lambda m: r"\|" if m[0] == "|" else m[0], line)
        literal = literal or line.endswith("::")


def setup(app):
    app.connect("autodoc-process-docstring", keep_bars, priority=100)  # before napoleon
    app.add_directive("code-from", Code)
    app.add_directive("measured", Measured)
    app.add_role("lines", lines)
    figures.draw_all(HERE / "_build" / "figures")
