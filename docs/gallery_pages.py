"""A Sphinx extension: what minunet's gallery has beyond what sphinx-gallery makes of `examples/`.

On a code host gallery.md is a table of scripts, and pages link to scripts. On the site it has the
figures above the table, and links lead to the examples' pages.
"""

import re

from sphinx_gallery.scrapers import figure_rst

THUMBNAILS = """
```{toctree}
:hidden:
:glob:

gallery/*
```

```{eval-rst}
.. minigallery:: ../examples/*.py
```
"""


def save_figure(block, variables, config):
    """Save the figure that a cell has made, if any; give the lines of reST that show it."""
    figure = variables["example_globals"].pop("figure", None)
    if figure is None:
        return ""
    path = next(variables["image_path_iterator"])
    figure.savefig(path, dpi=120)
    titles = "; ".join(axes.get_title() for axes in figure.axes)  # for who cannot see it
    return figure_rst([path], config["src_dir"], titles)


def show_figures(app, docname, source):
    """Put the figure of an example above its code; in gallery.md, those of all above the table."""
    if docname == "gallery":
        source[0] = source[0].replace("\n| example |", f"{THUMBNAILS}\n| example |")
    elif docname.startswith("gallery/"):
        figure = re.search(r"^\.\. image-sg::.*\n( +.*\n)+", source[0], re.M)
        if figure:
            rest = source[0].replace(figure[0], "")
            source[0] = rest.replace("\nExpected output", f"\n{figure[0]}\nExpected output", 1)


def link_examples(app, docname, source):
    """Let links to the script of an example lead to its page."""
    source[0] = re.sub(r"\]\((?:\.\./)+examples/(\d\d_\w+)\.py\)", r"](/gallery/\1.rst)",
                       source[0])


def setup(app):
    app.connect("source-read", show_figures)
    app.connect("source-read", link_examples)
