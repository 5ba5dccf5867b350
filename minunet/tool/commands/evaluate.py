"""``minunet evaluate``."""

from pathlib import Path

from minunet.data import open_dataset
from minunet.data.seen import Seen
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.evaluate_results import TABLE, ScoreResults
from minunet.tool.model import model_name, open_model
from minunet.tool.patient_page import INDEX


def run(options):
    """Run the command; give its exit code, if it has one."""
    net, preprocessing, scheme, meta = open_model(options.model, options.device)
    patients, results = open_dataset(options.data), None
    seen = Seen(meta.get("patients", {}).get("training", ()))
    if options.out:
        results = ScoreResults(options.out, patients, model_name(options.model), seen.names)
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme,
                      results and results.show)
    print_scores(scored, len(patients), seen.names, results)
    if note := seen.note(len(patients), options.held_out):
        print(note)
    if results:
        print(f"look at {Path(options.out) / INDEX}; all digits are in {TABLE}")
