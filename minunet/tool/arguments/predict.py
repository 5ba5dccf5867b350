"""What ``minunet predict`` takes."""

from minunet.tool.arguments.shared import MODEL_HELP, add_device

TEXT = "segment images and write masks, and pages to look at"
EXAMPLES = """\
minunet predict run mydata/images/anna --out result  # a patient's slices
minunet predict run scan.nii.gz --out result --probabilities"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    sub.add_argument("--with", dest="others", metavar="MODEL", action="append", default=[],
                     help="one more model, as another fold's run; may be given again: the mean of "
                     "the models' probabilities decides")
    sub.add_argument("input", metavar="INPUT", nargs="+",
                     help="an image; a folder with the slices of one patient (better: "
                     "intensities are then standardised over all of them); a NIfTI volume; a "
                     "folder with a volume for each modality of a patient; or a folder of such "
                     "folders")
    sub.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    sub.add_argument("--probabilities", action="store_true",
                     help="of volumes, write the probabilities too (of images, always)")
    add_device(sub)
