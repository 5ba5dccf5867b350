"""Pictures of a run while it trains: what ``minunet train`` and the demo `WATCH` it with."""

import numpy as np

from minunet.engine import mpi
from minunet.tool.plots import plot_history, plot_predictions

SHOWN_PATIENTS = 6  # in predictions.png


def draw_history(run, held_out):
    """Draw loss and scores of all epochs into the run's ``history.png``."""
    if mpi.first():
        plot_history(run.history, run.out / "history.png")


def draw_predictions(run, held_out):
    """After the last epoch, draw what the kept network predicts into ``predictions.png``.

    Shown are some of the held-out patients, from best to worst, evenly picked. Of several ranks
    each scores its share, and the first draws.

    Parameters
    ----------
    run : train.run.Run
    held_out : list of train.watched.Watched
        This rank's share.
    """
    if run.epoch < run.settings.epochs or not run.patients["validation"]:
        return
    mpi.meet()  # its file is written by the first
    net = run.best_net()
    scores = [patient.score(net) for patient in held_out]
    dice = np.nan_to_num(mpi.gather([score.dice for score in scores]))
    order = np.argsort(-dice, kind="stable")
    picked = np.unique(np.linspace(0, len(order) - 1, SHOWN_PATIENTS).round().astype(int))
    rows = [_row(scores, held_out, place) for place in order[picked]]
    if mpi.first():
        plot_predictions(rows, run.out / "predictions.png",
                         "Held-out patients, the slice with most tumour; Dice of the whole volume")


def _row(scores, held_out, place):
    """What is shown of the patient at a place among all, from the rank that has scored it."""
    owner, words, pictures = place % mpi.size(), [None], [None] * 3
    if owner == mpi.rank():
        score, p = (part[place // mpi.size()] for part in (scores, held_out))
        words, pictures = [(p.name, score.dice, p.spacing)], [p.image, p.truth, score.probability]
    name, dice, spacing = mpi.gather(words)[owner]
    image, truth, probability = (mpi.spread(picture, owner) for picture in pictures)
    return {"name": name, "image": image, "truth": truth, "probability": probability,
            "dice": dice, "spacing": spacing}


WATCH = draw_history, draw_predictions
