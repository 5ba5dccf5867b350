"""What ``minunet summary`` takes."""

from minunet.tool.arguments.shared import MODEL_HELP, whole

TEXT = "print a network's layers: shapes, parameters, multiplications, receptive field"
EXAMPLES = """\
minunet summary --paper  # the network of 2015
minunet summary --base-channels 16 --depth 3 --size 96
minunet summary lgg"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP + " (default: a new "
                     "network by the options below)")
    sub.add_argument("--paper", action="store_true", help="the network of Ronneberger et al. 2015")
    sub.add_argument("--in-channels", type=whole(1), default=3, metavar="C",
                     help="channels of the image (default: %(default)s)")
    sub.add_argument("--base-channels", type=whole(1), default=32, metavar="F",
                     help="channels of the first level (default: %(default)s)")
    sub.add_argument("--depth", type=whole(1), default=4, metavar="N",
                     help="levels of the U, 1 to 5 (default: %(default)s)")
    sub.add_argument("--size", type=whole(1), metavar="PIXELS",
                     help="side of the image (default: 256; with --paper 572)")
