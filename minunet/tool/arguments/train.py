"""What ``minunet train`` takes."""

from argparse import ArgumentTypeError

from minunet.data.folds import Fold
from minunet.tool.arguments.shared import (
    DATA_HELP,
    add_axes,
    add_device,
    add_seed,
    positive,
    share,
    whole,
)
from minunet.train import Settings

TEXT = "train a network on your data"
VALIDATION = 0.2  # of the patients, held out
VOLUMES = {"base_channels": 8, "depth": 3, "batch_size": 2}  # what else is the default for them
EXAMPLES = """\
minunet train mydata --out run
minunet train mydata --out run --resume  # after an interruption
minunet train kaggle_3m --out lgg --one-tumour --epochs 40"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.description += (
        " After each epoch the patients that are held out are segmented. RUN/model.npz is the epoch"
        " with the best mean Dice over those who have a tumour, of equals the later; if none has"
        " one, the last epoch.")
    sub.add_argument("data", metavar="DATA", help=DATA_HELP)
    sub.add_argument("--out", required=True, metavar="RUN",
                     help="folder for the model, its history and figures")
    sub.add_argument("--resume", action="store_true",
                     help="go on after the last whole epoch of the run in RUN, with its settings")
    default = Settings()
    # None if not given: a run that goes on has settings already.
    for name, kind, text in (
            ("size", whole(1), "side in pixels that slices are brought to"),
            ("base-channels", whole(1), "channels of the first level; each level doubles them"),
            ("depth", whole(1), "levels of the U, 1 to 5"),
            ("epochs", whole(1), "how often training goes through the data"),
            ("batch-size", whole(1), "slices, or patches, in each step"),
            ("learning-rate", positive, "peak, after warming up"),
            ("weight-decay", positive, "pull of the weights towards zero"),
            ("patch", whole(1), "of volumes: side in voxels of the blocks to train on")):
        sub.add_argument(f"--{name}", type=kind, metavar="X" if kind is positive else "N",
                         help=f"{text} (default: {getattr(default, name.replace('-', '_'))})")
    add_axes(sub, None, "with other defaults: "
             + ", ".join(f"--{name.replace('_', '-')} {n}" for name, n in VOLUMES.items()))
    sub.add_argument("--one-tumour", action="store_true", default=None,
                     help="each patient has one tumour: keep the surest piece found, and what is "
                     "at least half as sure; the model will do so, too")
    sub.add_argument("--from", dest="start", metavar="MODEL", help="begin with the weights of a "
                     "model, as far as they fit; --size, --base-channels and --depth are then "
                     "the model's by default")
    parts = sub.add_mutually_exclusive_group()
    parts.add_argument("--validation", type=share, metavar="SHARE",
                       help=f"of the patients, to hold out (default: {VALIDATION}); 0 trains on "
                       "all of them and keeps the last epoch, as for a model to be given away")
    parts.add_argument("--fold", type=fold, metavar="K/N", help="instead, hold out the K-th of N "
                       "parts, alike in hospitals and tumour sizes, the same whatever the seed: "
                       "N runs hold out each patient once")
    add_device(sub)
    add_seed(sub, None)  # a run that goes on has one


def fold(text):
    """Read a `Fold`."""
    try:
        return Fold.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(error) from None
