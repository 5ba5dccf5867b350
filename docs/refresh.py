"""Bring what the pages quote up to date: ``python docs/refresh.py``.

Above a block of code, a comment that no page shows says what the block holds::

    <!-- code: minunet/ops/pool.py max_pool_forward max_pool_backward -->
    <!-- code: minunet/unet.py UNet.backward from "grads = {}" -->
    <!-- measured: step -->

The first two are functions or classes of a file, with `from` beginning at the line that begins
with the text. Docstrings of several lines are left out, since the page says the same. The third
is a table of `docs/_static/bench.json` as `minunet bench` prints it. The page ``commands.md`` is
made as a whole, from the program's parser.
"""

import ast
import json
import re
import textwrap
from pathlib import Path

from commands_page import make_page

from minunet.tool.bench.report import format_header, format_part

DOCS = Path(__file__).parent
ROOT = DOCS.parent
QUOTE = re.compile(r"^<!-- (code|measured): (.+?) -->\n\n```(\w+)\n(.*?)^```$", re.M | re.S)


def pages():
    """List the pages in Markdown."""
    return sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)


def refresh(page):
    """Write the page with its quotes as the source has them now; say whether that changed it."""
    text = page.read_text(encoding="utf-8")
    new = make_page() if page.name == "commands.md" else QUOTE.sub(_quote, text)
    if new != text:
        page.write_text(new, encoding="utf-8")
    return new != text


def quotes(text):
    """List (comment, what the block holds, what the source has) of each quote in `text`."""
    return [(f"{m[1]}: {m[2]}", m[4], QUOTE.match(_quote(m))[4]) for m in QUOTE.finditer(text)]


def _quote(m):
    kind, what, language, _ = m.groups()
    body = _measured(what) if kind == "measured" else _code(what)
    return f"<!-- {kind}: {what} -->\n\n```{language}\n{body}\n```"


def _measured(part):
    bench = json.loads((DOCS / "_static" / "bench.json").read_text(encoding="utf-8"))
    text = format_header(bench) if part == "header" else format_part(bench, part)
    return text.strip("\n")


def _code(what):
    names, _, start = what.partition(" from ")
    path, *names = names.split()
    text = (ROOT / path).read_text(encoding="utf-8")
    return "\n\n\n".join(_source(path, text, name, start.strip('"')) for name in names)


def _source(path, text, dotted, start):
    """The lines of a function or class, ``UNet.backward`` for one inside a class."""
    node = ast.parse(text)
    for name in dotted.split("."):
        named = [n for n in ast.walk(node) if getattr(n, "name", None) == name]
        if not named:
            raise ValueError(f"{path} has no {dotted}")
        node = named[0]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = dict(enumerate(text.splitlines()[first - 1 : node.end_lineno], start=first))
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner):
            says = inner.body[0]
            if says.end_lineno > says.lineno:
                for number in range(says.lineno, says.end_lineno + 1):
                    del lines[number]
                if not lines.get(says.end_lineno + 1, "x").strip():
                    del lines[says.end_lineno + 1]
    code = list(lines.values())
    if start:
        begins = [k for k, line in enumerate(code) if line.strip().startswith(start)]
        if not begins:
            raise ValueError(f"{path}: {dotted} has no line that begins with {start!r}")
        code = code[begins[0] :]
    return textwrap.dedent("\n".join(code))


if __name__ == "__main__":
    for page in pages():
        if refresh(page):
            print(f"changed: {page.relative_to(ROOT)}")
