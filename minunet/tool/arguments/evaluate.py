"""What ``minunet evaluate`` takes."""

from minunet.tool.arguments.shared import DATA_HELP, MODEL_HELP, add_device

TEXT = "score a model on patients whose masks are known"
EXAMPLES = """\
minunet evaluate run mydata --held-out
minunet evaluate lgg kaggle_3m --threads 2"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_HELP + "; of several, as "
                     "the runs of all folds, see --held-out")
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--held-out", action="store_true",
                     help="leave out the patients that the model was trained on; of several models "
                     "each patient is scored by those that were not trained on it (without "
                     "--held-out: by the mean of all)")
    sub.add_argument("--out", metavar="DIR", help="folder for scores.csv, summary.json, a page for "
                     "each patient, and index.html, which leads to them")
    add_device(sub)
