"""What ``minunet info`` takes."""

from minunet.tool.arguments.shared import MODEL_HELP

TEXT = "say which versions are at work, on what they compute, and what a model is"
EXAMPLES = """\
minunet info
minunet info lgg"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP)
