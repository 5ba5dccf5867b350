"""What ``minunet demo`` takes."""

from minunet.tool.arguments.shared import add_device, add_seed

TEXT = "train on synthetic brains in a minute or two and draw the result"
EXAMPLES = """\
minunet demo
minunet demo --out demo2 --seed 1  # other heads, other weights"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("--out", default="minunet-demo", metavar="RUN",
                     help="folder for the model and the figures (default: %(default)s)")
    sub.add_argument("--axes", type=int, choices=(2, 3), default=2, help="2 sees slices; 3 sees "
                     "volumes, and takes some minutes more (default: %(default)s)")
    add_device(sub)
    add_seed(sub)
