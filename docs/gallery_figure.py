"""The figure of an example, for sphinx-gallery, which runs the examples to make their pages."""

from sphinx_gallery.scrapers import figure_rst


def save_figure(block, variables, config):
    """Save the figure that a cell has made, if any; give the lines of reST that show it."""
    figure = variables["example_globals"].pop("figure", None)
    if figure is None:
        return ""
    path = next(variables["image_path_iterator"])
    figure.savefig(path, dpi=120)
    return figure_rst([path], config["src_dir"])
