"""What ``minunet demo`` takes."""

from minunet.tool.arguments.shared import add_axes, add_device, add_seed

TEXT = "train on synthetic brains in a minute or two and draw the result"
EXAMPLES = """\
minunet demo
minunet demo --out demo2 --seed 1  # other heads, other weights"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("--out", default="minunet-demo", metavar="RUN",
                     help="folder for the model and the figures (default: %(default)s)")
    add_axes(sub, 2, "and takes some minutes more")
    add_device(sub)
    add_seed(sub)
