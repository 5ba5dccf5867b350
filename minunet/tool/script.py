"""The command line of a script that draws one figure, as those in ``examples/`` do."""

import argparse
import io
import sys
from pathlib import Path

from matplotlib.backend_bases import FigureCanvasBase

from minunet.engine.files import InputError


def run_script(main, docstring, folder=None):
    """Read the words after a script's name, ``[FIGURE.png [FOLDER]]``, and call `main` with them.

    ``--help`` prints the docstring. Words that are wrong, as far as can be told, are so before
    anything is computed; any `InputError` is one line, and the exit code 2. In a notebook there
    are no such words, and no file is written: `main` is called with None for FIGURE.png.

    Parameters
    ----------
    main : callable
        Takes the words that were given; its own defaults stand for the others.
    docstring : str
        The script's: what it does, and how it is called.
    folder : str, optional
        What to call a second word, a folder to read. Without it there is no second word.

    Returns
    -------
    figure : matplotlib.figure.Figure
        What `main` returns.
    """
    if "__file__" not in main.__globals__:  # cells of a notebook: the words are its kernel's
        return main(None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # where a code page has no "Σ", it prints "?"
    parser = argparse.ArgumentParser(description=docstring, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", metavar="FIGURE.png", nargs="?", type=_figure,
                        help="where to draw; by default here, named like the script")
    if folder:
        parser.add_argument("folder", metavar=folder, nargs="?", type=_folder,
                            help="a folder to read")
    words = vars(parser.parse_args()).values()
    try:
        return main(*(word for word in words if word is not None))
    except InputError as error:
        parser.error(error)


def _figure(text):
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is not a folder; make it first")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file in it")
    if path.suffix and path.suffix[1:].lower() not in FigureCanvasBase.filetypes:
        raise argparse.ArgumentTypeError(f"{text} has the ending of no kind of picture; "
                                         "take .png, .pdf or .svg")
    return text


def _folder(text):
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return text
