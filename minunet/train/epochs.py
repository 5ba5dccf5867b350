"""The training loop: data → network → loss → gradients → step, epoch by epoch."""

import time
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
from tqdm import tqdm

from minunet.data.loader import batches, one_ahead
from minunet.data.patches import count_patches, patch_batches, patch_sides
from minunet.engine import mpi
from minunet.engine.backend import to_device
from minunet.engine.files import InputError, WriteError, warn
from minunet.engine.ranks import together
from minunet.optim import warmup_cosine
from minunet.train.watched import Score, mean_defined


def run_epochs(run, slices, held_out, known, step, watch=()):
    """Train up to the last epoch, and after each write everything down.

    Parameters
    ----------
    run : Run
        As it was begun or resumed.
    slices : loader.Slices
    held_out, known : list of Watched
        Patients that are not trained on, and some that are; of several ranks, this one's share.
    step : callable
        As `minunet.train.train_step`.
    watch : sequence of callables
        See `minunet.train.train`.

    Raises
    ------
    InputError
        If the numbers overflow, or the run's state cannot be written.
    """
    settings = run.settings
    if run.history:  # resumed: a kill may have come between the state and this
        _show(run, held_out, watch)
    count, draw = _source(slices, settings)
    steps = -(-count // settings.batch_size)  # an epoch
    with tqdm(total=settings.epochs * steps, initial=run.epoch * steps, unit="batch",
              disable=not mpi.first() or None) as bar:
        while run.epoch < settings.epochs:
            began = time.perf_counter()
            with warnings.catch_warnings():  # of overflow: the epoch checks its numbers itself
                warnings.simplefilter("ignore", RuntimeWarning)
                loss = _train_epoch(run, count, draw(run.rng), bar, step)
                run.agree()
                scores, training = _scores(run, held_out), _scores(run, known)
            if not np.isfinite(loss) or None in (score.dice for score in scores + training):
                raise InputError(f"the numbers overflow in epoch {run.epoch + 1}; try a smaller "
                                 f"--learning-rate than {settings.learning_rate:g}")
            row = run.finish_epoch(loss, [score.dice for score in scores],
                                   time.perf_counter() - began,
                                   [score.compared for score in scores],
                                   validation_loss=mean_defined(score.loss for score in scores),
                                   training_dice=mean_defined(score.dice for score in training))
            _show(run, held_out, watch)
            _show_state(bar, run, loss)
            if mpi.first():
                tqdm.write(_line(row, run.patients["validation"]))


def _scores(run, patients):
    """Score this rank's share of some patients; give the scores of all."""
    scores = [patient.score(run.averaged) for patient in patients]
    return [Score(dice, compared, None, loss) for dice, compared, loss in mpi.gather(
        [(score.dice, score.compared, score.loss) for score in scores])]


def _source(slices, settings):
    """Give the number of slices, or patches, of an epoch, and what yields them: ``draw(rng)``."""
    if settings.axes == 2:
        return len(slices.masks), partial(batches, slices, settings.batch_size)
    sides = patch_sides(slices, settings.patch, 2**settings.depth)
    return (count_patches(slices, sides),
            partial(patch_batches, slices, settings.batch_size, sides=sides))


def _train_epoch(run, count, data, bar, step):
    """Train on `count` slices, or patches; give the mean loss, or a loss that is no number."""
    settings, losses, batch_size = run.settings, 0.0, run.settings.batch_size
    steps = -(-count // batch_size)
    for i, (images, target) in enumerate(one_ahead(data), run.epoch * steps):
        run.optimiser.lr = warmup_cosine(i, settings.epochs * steps, settings.learning_rate)
        size = min(batch_size, count - i % steps * batch_size)  # of all ranks together
        with together(size):
            loss = float(step(run.net, run.optimiser, to_device(images, run.net.device),
                              to_device(target, run.net.device)))
        if not np.isfinite(loss):
            return loss
        run.follow(i)
        losses += loss * size
        _show_state(bar, run, loss)
        bar.update()
    return losses / count


def _line(row, held_out):
    mean, median = row["validation_dice_mean"], row["validation_dice_median"]
    if not held_out:
        scores = f"Dice of some trained on: {row['training_dice_mean']:.3f}"
    elif np.isnan(mean):
        scores = "validation Dice: nothing to find, nothing found"
    else:
        scores = f"validation Dice: mean {mean:.3f}, median {median:.3f}"
    return (f"epoch {row['epoch']:3d}   loss {row['loss']:.3f}   {scores}   "
            f"{row['seconds']:.0f} s")


def _show_state(bar, run, loss):
    best = {} if np.isnan(run.best) else {"dice": f"{run.best:.3f}"}
    bar.set_postfix(epoch=min(run.epoch + 1, run.settings.epochs), loss=f"{loss:.3f}", **best,
                    refresh=False)


def _show(run, held_out, watch):
    """Write the history as a table, and let the others see how far the run is."""
    if mpi.first():
        with _told():
            run.write_history()
    for each in watch:
        with _told():
            each(run, held_out)


@contextmanager
def _told():
    """Let a file that cannot be written be no more than a warning: the model is not in it."""
    try:
        yield
    except WriteError as error:
        warn(str(error))
