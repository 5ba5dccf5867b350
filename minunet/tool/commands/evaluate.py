"""``minunet evaluate``."""

from minunet.data import open_dataset
from minunet.data.seen import Seen
from minunet.tool.ensemble import open_mean, open_models
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.evaluate_runs import HeldOutScores


def run(options):
    """Run the command; give its exit code, if it has one."""
    if len(options.models) > 1 and options.held_out:
        return _by_who_has_not_seen(options)
    net, preprocessing, scheme, metas = open_mean(options.models, options.device)
    patients = open_dataset(options.data)
    seen = Seen.of(*metas)
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme)
    print_scores(scored, len(patients), seen.names, options.csv)
    if note := seen.note(len(patients), options.held_out):
        print(note)


def _by_who_has_not_seen(options):
    scores = HeldOutScores(options.models, *open_models(options.models, options.device))
    patients = open_dataset(options.data)
    print_scores(scores.score(patients), len(patients), csv=options.csv, marks=scores.marks)
    print(*scores.notes(), sep="\n")
