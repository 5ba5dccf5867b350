"""Scores over several runs, as of all folds: each patient by those that were not trained on it."""

import math
from collections import Counter

from minunet.data.seen import Seen, read_once
from minunet.engine import mpi
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.ensemble import Ensemble
from minunet.tool.evaluate import evaluate
from minunet.train.watched import mean_defined


class HeldOutScores:
    """Scores each patient by the models that were not trained on it.

    Of folds that is one model for each patient. If it is more than one, the mean of their
    probabilities is scored; if it is none, the patient is left out.

    Parameters
    ----------
    models : list of str
        What they are called.
    nets, preprocessing, scheme, metas
        From `ensemble.open_models`.

    Attributes
    ----------
    marks : dict of str to str
        For each patient scored, the numbers of its models, from 1, as ``"(2)"``.
    """

    def __init__(self, models, nets, preprocessing, scheme, metas):
        self.models, self.nets = models, nets
        self.preprocessing, self.scheme = preprocessing, scheme
        self.seen = [Seen.of(meta) for meta in metas]
        self.marks, self.left_out, self.rows = {}, [], []

    def score(self, patients, show=None):
        """Yield the rows of `evaluate`, with ``models``: by which the patient was scored.

        Of several ranks each yields its share; attributes are of all when it has yielded the last.

        Raises
        ------
        InputError
            As `evaluate`, or if all patients have been left out.
        """
        for patient in mpi.share(patients):
            patient, found = read_once(patient)
            judges = [i for i, seen in enumerate(self.seen) if not seen.has(patient.name, found)]
            if not judges:
                self.left_out.append(patient.name)
                continue
            self.marks[patient.name] = f"({','.join(str(i + 1) for i in judges)})"
            net = Ensemble([self.nets[i] for i in judges])
            for row in evaluate(net, self.preprocessing, [patient], self.scheme, show):
                row["models"] = " + ".join(self.models[i] for i in judges)
                self.rows.append(row)
                yield row
        self._settle()
        if not self.rows:
            raise InputError("no patient is left to score: every one of these models was trained "
                             "on all of them; give other data")

    def _settle(self):
        """Know of the other ranks' patients, too."""
        parts = mpi.gather([[self.marks, self.left_out, self.rows]])
        for marks, _, _ in parts:
            self.marks.update(marks)
        self.left_out, self.rows = ([item for part in parts for item in part[i]] for i in (1, 2))

    def notes(self):
        """Say in lines which model has scored how many patients and how well, and who is worst."""
        counts = Counter(self.marks.values())
        for i, model in enumerate(self.models, 1):
            dice = [row["dice"] for row in self.rows if row["models"] == model]
            yield (f"({i}) {model}: {plural(counts[f'({i})'], 'patient')} that it was not trained "
                   f"on" + f", mean Dice {mean_defined(dice):.3f}" * bool(dice))
        if several := sum("," in mark for mark in self.marks.values()):
            yield (f"{plural(several, 'patient')} by the mean of several models, none of which was "
                   "trained on them")
        if left := self.left_out:
            yield (f"{plural(len(left), 'patient')} left out, since every model was trained on "
                   f"them: {', '.join(left[:3])}{', …' * (len(left) > 3)}")
        defined = [row for row in self.rows if not math.isnan(row["dice"])]
        if defined:
            worst = min(defined, key=lambda row: row["dice"])
            region = f", {worst['region']}" if "region" in worst else ""
            yield f"worst Dice {worst['dice']:.3f}: {worst['patient']}{region}"
