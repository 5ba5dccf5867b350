"""Pages in HTML, each one file that needs no other: how they are put together.

A page is a template beside the Python that fills it. In it ``{{name}}`` stands for a part that is
given, or for the file of that name: beside the template, or here, where `base.css` has what all
pages look like.
"""

import json
import re
from html import escape
from importlib.resources import files

from minunet.engine.files import replacing
from minunet.engine.words import printable


def fill(package, template="template.html", **parts):
    """Fill a template.

    Parameters
    ----------
    package : str
        The module whose folder holds the template.
    template : str
    **parts : str
        What goes into the page as it is: HTML, or `as_json`.

    Returns
    -------
    str
    """
    folders = files(package), files(__name__)

    def read(name):
        found = next(file for folder in folders if (file := folder.joinpath(name)).is_file())
        return found.read_text(encoding="utf-8").rstrip()

    def part(match):
        name = match[1]
        return parts[name] if name in parts else read(name)

    return re.sub(r"\{\{([\w.]+)\}\}", part, read(template))


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
