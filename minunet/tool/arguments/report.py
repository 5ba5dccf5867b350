"""What ``minunet report`` takes."""

TEXT = "measure the tumours of a mask, or the change between two masks"
EXAMPLES = """\
minunet report tumour.nii.gz flair.nii.gz --out result
minunet report --before march.nii.gz --after june.nii.gz --out change"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("mask", metavar="MASK", nargs="?",
                     help="a NIfTI volume of labels, a picture, or a folder of a patient's slices; "
                     "or a folder of such masks, each a patient's")
    sub.add_argument("image", metavar="IMAGE", nargs="?",
                     help="what the mask was drawn on; without it no intensities are reported. Of "
                     "many patients, a folder with the image of each by name")
    sub.add_argument("--before", metavar="A", help="instead of MASK: a mask of an earlier scan, …")
    sub.add_argument("--after", metavar="B", help="… and one of a later scan, on the same grid")
    sub.add_argument("--image-before", metavar="IMAGE", help="what A was drawn on")
    sub.add_argument("--image-after", metavar="IMAGE", help="what B was drawn on")
    sub.add_argument("--mesh", action="store_true",
                     help="write the surface of the tumours too, for programs for 3-D: report.stl")
    sub.add_argument("--out", required=True, metavar="DIR",
                     help="folder for report.json, report.csv, report.png and report.html; of many "
                     "patients, for a folder of these for each, cohort.csv and index.html")
