"""What ``minunet gradcheck`` takes."""

from minunet.tool.arguments.shared import add_seed

TEXT = "prove the gradients of every op and of whole networks"
EXAMPLES = """\
minunet gradcheck
minunet gradcheck --seed 1  # at other random points"""


def add_options(sub):
    """Add the command's options to its parser."""
    add_seed(sub)
