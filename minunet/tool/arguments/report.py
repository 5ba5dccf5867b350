"""What ``minunet report`` takes."""

TEXT = "measure the tumours of a mask, or the change between two masks"


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("mask", metavar="MASK", nargs="?",
                     help="a NIfTI volume of labels, a picture, or a folder of a patient's slices")
    sub.add_argument("image", metavar="IMAGE", nargs="?",
                     help="what the mask was drawn on; without it no intensities are reported")
    sub.add_argument("--before", metavar="A", help="instead of MASK: a mask of an earlier scan, …")
    sub.add_argument("--after", metavar="B", help="… and one of a later scan, on the same grid")
    sub.add_argument("--out", required=True, metavar="DIR",
                     help="folder for report.json, report.csv and report.png")
