"""``minunet evaluate``."""

from minunet.data import open_dataset
from minunet.data.seen import Seen
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.model import open_model


def run(options):
    """Run the command; give its exit code, if it has one."""
    net, preprocessing, scheme, meta = open_model(options.model, options.device)
    patients = open_dataset(options.data)
    seen = Seen(meta.get("patients", {}).get("training", ()))
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme)
    print_scores(scored, len(patients), seen.names, options.csv)
    if note := seen.note(len(patients), options.held_out):
        print(note)
