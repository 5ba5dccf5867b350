"""Pages in HTML, each one file that needs no other: how they are put together.

All have the frame `frame.html` and the style `base.css`. Beside the Python that fills a page lie
``NAME.html``, what stands in the frame, and ``NAME.css``, what only this page looks like. In HTML
``{{word}}`` stands for a part that is given, or for the file of that name.
"""

import json
import re
from html import escape
from importlib.resources import files

from minunet.engine.files import replacing
from minunet.engine.words import printable


def fill(package, name, title, **parts):
    """Put a page together.

    Parameters
    ----------
    package : str
        The module whose folder holds the page's files.
    name : str
        Of its HTML and its CSS.
    title : str
        Any words.
    **parts : str
        What goes into the page as it is: HTML, or `as_json`.

    Returns
    -------
    str
    """
    folders = files(package), files(__name__)
    parts["title"] = as_text(title)

    def read(file):
        found = next(path for folder in folders if (path := folder.joinpath(file)).is_file())
        return found.read_text(encoding="utf-8").rstrip()

    def part(match):
        word = match[1]
        return parts[word] if word in parts else read(word)

    def filled(file):
        return re.sub(r"\{\{([\w.]+)\}\}", part, read(file))

    parts["style"], parts["body"] = read(f"{name}.css"), filled(f"{name}.html")
    return filled("frame.html")


def as_json(payload):
    """JSON that cannot end the element of the page in which it stands.

    >>> as_json({"name": "</script>"})
    '{"name": "\\\\u003c/script>"}'
    """
    return json.dumps(payload).replace("<", "\\u003c")


def as_text(words):
    """Any words as text of a page: marks are escaped, what cannot be encoded is "?".

    >>> as_text("a <b>")
    'a &lt;b&gt;'
    """
    return escape(printable(str(words)))


def write_page(path, text):
    """Write a page, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
