"""Pictures of a run while it trains: what ``minunet train`` and the demo `WATCH` it with."""

import numpy as np

from minunet.tool.plots import plot_history, plot_predictions

SHOWN_PATIENTS = 6  # in predictions.png


def draw_history(run, held_out):
    """Draw loss and scores of all epochs into the run's ``history.png``."""
    plot_history(run.history, run.out / "history.png")


def draw_predictions(run, held_out):
    """After the last epoch, draw what the kept network predicts into ``predictions.png``.

    Shown are some of the held-out patients, from best to worst, evenly picked.

    Parameters
    ----------
    run : train.run.Run
    held_out : list of train.watched.Watched
    """
    if run.epoch < run.settings.epochs or not held_out:
        return
    net = run.best_net()
    scored = sorted(((patient.score(net), patient) for patient in held_out),
                    key=lambda item: -np.nan_to_num(item[0].dice))
    picked = np.unique(np.linspace(0, len(scored) - 1, SHOWN_PATIENTS).round().astype(int))
    rows = [{"name": p.name, "image": p.image, "truth": p.truth,
             "probability": score.probability, "dice": score.dice, "spacing": p.spacing}
            for score, p in (scored[i] for i in picked)]
    plot_predictions(rows, run.out / "predictions.png",
                     "Held-out patients, the slice with most tumour; Dice of the whole volume")


WATCH = draw_history, draw_predictions
