"""What can be said on the command line: each command's options in a module of its own."""

import argparse
import sys
from textwrap import indent

from minunet import __version__
from minunet.engine.files import InputError
from minunet.tool.arguments import (
    bench,
    convert,
    demo,
    evaluate,
    exercises,
    gradcheck,
    grade,
    info,
    look,
    predict,
    report,
    summary,
    train,
)

COMMANDS = {"demo": demo, "train": train, "evaluate": evaluate, "predict": predict, "look": look,
            "report": report, "gradcheck": gradcheck, "exercises": exercises, "grade": grade,
            "summary": summary, "info": info, "convert": convert, "bench": bench}
EXAMPLES = "examples:\n"  # how the end of each --help begins


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all of minunet's."""

    def error(self, message):
        raise InputError(f"{message} (see {self.prog} --help)")


class _Help(argparse.HelpFormatter):
    """Breaks the lines of what is said, but not those of examples."""

    def _fill_text(self, text, width, indent):
        return text if text.startswith(EXAMPLES) else super()._fill_text(text, width, indent)


def build_parser():
    """Build the parser of the command line; give it, and a dict of each command's parser."""
    parser = _Parser(
        prog="minunet", description="A U-Net written by hand in NumPy: trains on brain MRI and "
        "segments tumours. For teaching and research, not for diagnosis.")
    parser.add_argument("--version", action="version", version=f"minunet {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND",
                                       parser_class=_Parser)
    for name, command in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=command.TEXT, description=command.TEXT[0].upper() + command.TEXT[1:] + ".",
            epilog=EXAMPLES + indent(command.EXAMPLES, "  "), formatter_class=_Help)
        command.add_options(sub)
    return parser, subparsers.choices


def parse(arguments):
    """Read the words of a command line.

    Parameters
    ----------
    arguments : list of str or None
        Those of the process if None.

    Returns
    -------
    argparse.Namespace
        The options, and ``command``, the command's name.

    Raises
    ------
    InputError
        In one line, if they are no command or do not fit it.
    """
    parser, _ = build_parser()
    if not (sys.argv[1:] if arguments is None else arguments):
        parser.print_help()
        parser.exit()
    return parser.parse_args(arguments)
