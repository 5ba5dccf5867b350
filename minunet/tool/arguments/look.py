"""What ``minunet look`` takes."""

from minunet.tool.arguments.shared import MODEL_HELP

TEXT = "write a page in which the network runs: its maps, its skips, what a pixel sees"
EXAMPLES = """\
minunet look minunet-demo --out page  # a synthetic head
minunet look run scan.nii.gz --truth mask.nii.gz --out page"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("scan", metavar="SCAN", nargs="?",
                     help="a picture, a folder of one patient's slices, a NIfTI volume, or a "
                     "folder with a volume for each modality (default: a synthetic head, for a "
                     "model of minunet demo)")
    sub.add_argument("--truth", metavar="MASK",
                     help="the true mask of a NIfTI volume; that of a picture is found beside it, "
                     "as NAME_mask")
    sub.add_argument("--out", required=True, metavar="DIR", help="folder for look.html")
