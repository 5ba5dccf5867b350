"""``minunet evaluate``."""

from pathlib import Path

from minunet.data import open_dataset
from minunet.data.seen import Seen
from minunet.engine import mpi
from minunet.tool.ensemble import open_mean, open_models
from minunet.tool.evaluate import evaluate, print_scores
from minunet.tool.evaluate_results import TABLE, ScoreResults
from minunet.tool.evaluate_runs import HeldOutScores
from minunet.tool.model import model_name
from minunet.tool.patient_page import INDEX


def run(options):
    """Run the command; give its exit code, if it has one."""
    if len(options.models) > 1 and options.held_out:
        _by_who_has_not_seen(options)
    else:
        _by_all(options)
    if options.out and mpi.first():
        print(f"look at {Path(options.out) / INDEX}; all digits are in {TABLE}")


def _by_all(options):
    net, preprocessing, scheme, metas = open_mean(options.models, options.device)
    patients = open_dataset(options.data)
    names = [patient.name for patient in patients]
    seen = Seen.of(*metas)
    results = _results(options, patients, scheme, seen.names)
    scored = evaluate(net, preprocessing, seen.sift(patients, options.held_out), scheme,
                      results and results.show)
    print_scores(scored, names, lambda name: "*" * (name in seen.names), results)
    if (note := seen.note(len(patients), options.held_out)) and mpi.first():
        print(note)


def _by_who_has_not_seen(options):
    scores = HeldOutScores(options.models, *open_models(options.models, options.device))
    patients = open_dataset(options.data)
    results = _results(options, patients, scores.scheme)
    scored = scores.score(patients, results and results.show)
    print_scores(scored, [patient.name for patient in patients], scores.marks.get, results)
    if mpi.first():
        print(*scores.notes(), sep="\n")


def _results(options, patients, scheme, seen=()):
    names = " + ".join(map(model_name, options.models))
    return (ScoreResults(options.out, patients, names, seen, scheme.modalities) if options.out
            else None)
