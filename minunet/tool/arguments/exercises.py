"""What ``minunet exercises`` takes."""

TEXT = "write a file of nine tasks: the operations of a U-Net, to be written by you"
EXAMPLES = """\
minunet exercises mywork  # writes mywork/unet_by_hand.py"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("dir", metavar="DIR", help="folder for unet_by_hand.py")
