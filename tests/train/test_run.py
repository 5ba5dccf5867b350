"""A run: which epoch it keeps, and what it tells."""

import csv
import math

import numpy as np
import pytest
from conftest import TINY

from minunet import UNet
from minunet.data.patient import Patient
from minunet.data.preprocess import Preprocessing, prepare, prepare_masks
from minunet.data.scheme import BINARY, Scheme
from minunet.data.shelf import Shelf
from minunet.engine import checkpoint
from minunet.metrics import dice
from minunet.predict import classify, segment
from minunet.tool.plots import plot_history
from minunet.tool.watch import WATCH
from minunet.train import epochs, segmentation_loss, train, train_step
from minunet.train.run import Run
from minunet.train.watched import Watched

NAN = math.nan
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def run(tmp_path):
    """A run that has been begun."""
    run = Run(TINY, Preprocessing(32), 1, tmp_path, "cpu", {}, "", BINARY)
    run.start()
    return run


@pytest.mark.parametrize("epochs, kept", [
    ([[0.5], [0.7], [0.6]], 2),
    ([[0.5], [0.5], [0.4]], 2),  # of equals the later
    ([[0.0], [0.0], [0.0]], 3),
    ([[NAN], [NAN], [NAN]], 3),  # nobody to compare by
    ([[0.2, NAN], [0.6, NAN], [0.5, NAN]], 2),
])
def test_the_best_epoch_is_kept_of_equals_the_later_and_without_a_score_the_last(
        run, epochs, kept):
    for scores in epochs:
        run.finish_epoch(1.0, scores, 0.0)
    _, meta = checkpoint.load(run.out / "model.npz")
    assert meta["epoch"] == kept
    assert [row["epoch"] for row in run.history if row["kept"]][-1] == kept


@pytest.mark.parametrize("epochs, kept", [
    # A healthy patient's Dice is 0 while there are false alarms and then not defined.
    ([([0.0], [NAN]), ([NAN], [NAN]), ([NAN], [NAN])], 3),
    ([([NAN], [NAN]), ([0.0], [NAN])], 2),
    # Beside an ill one: not better for what the healthy one leaves out of the mean, nor worse.
    ([([0.6, NAN], [0.6, NAN]), ([0.7, 0.0], [0.7, NAN])], 2),
    ([([0.7, 0.0], [0.7, NAN]), ([0.6, NAN], [0.6, NAN])], 1),
])
def test_the_same_patients_are_compared_in_every_epoch(run, epochs, kept):
    for scores, compared in epochs:
        run.finish_epoch(1.0, scores, 0.0, compared)
    assert checkpoint.load(run.out / "model.npz")[1]["epoch"] == kept
    means = [np.mean([score for score in scores if score == score] or [NAN])
             for scores, _ in epochs]
    np.testing.assert_equal([row["validation_dice_mean"] for row in run.history], means)


@pytest.mark.parametrize("truth, found, dice, compared", [
    ([0, 0, 0, 0], [0, 0, 0, 0], NAN, NAN),
    ([0, 0, 0, 0], [0, 0, 0, 1], 0, NAN),  # a false alarm
    ([0, 0, 1, 1], [0, 0, 0, 0], 0, 0),
    ([0, 0, 1, 1], [0, 0, 1, 1], 1, 1),
    ([0, 0, 1, 1], [0, 2, 1, 1], 0.5, 1),  # of class 2 there is none
    ([0, 2, 1, 1], [0, 2, 1, 1], 1, 1),
    ([0, 2, 1, 1], [0, 0, 1, 1], 0.5, 0.5),
])
def test_epochs_are_compared_by_the_classes_that_the_truth_holds(monkeypatch, truth, found, dice,
                                                                 compared):
    truth = np.array(truth, np.uint8).reshape(1, 2, 2)
    images = np.random.default_rng(0).random((1, 2, 2, 1), dtype=np.float32)
    patient = Patient("a", ("1",), lambda: (images, truth),
                      scheme=Scheme((), ("background", "one", "two"), (0, 1, 2)))
    held_out = Watched(patient, Preprocessing(None, 0, 100), Shelf(), Shelf(), Shelf())
    chosen = np.eye(3)[np.array(found).reshape(1, 2, 2)]  # (D, H, W, K)
    monkeypatch.setattr("minunet.train.watched.predict_prepared",
                        lambda *_: 20 * chosen.astype(np.float32))
    score = held_out.score(UNet(1, 3, base_channels=1, depth=1))
    np.testing.assert_equal([score.dice, score.compared], [dice, compared])


def test_a_held_out_patient_without_tumour_leaves_the_last_epoch(phantoms, tmp_path, capsys):
    images, masks = phantoms[3].load()
    healthy = Patient("healthy", phantoms[3].slices, lambda: (images, 0 * masks))
    run = train(phantoms[:3], [healthy], TINY, tmp_path, watch=WATCH)
    assert math.isnan(run.best)
    assert checkpoint.load(tmp_path / "model.npz")[1]["epoch"] == TINY.epochs
    assert (tmp_path / "predictions.png").exists()


def test_the_history_has_no_empty_rows_on_windows(run, monkeypatch):
    opened = open

    def windows(file, mode="r", **how):
        return opened(file, mode, **{"encoding": "cp1252", "newline": "\r\n"} | how
                      if "b" not in mode else how)

    run.finish_epoch(1.0, [0.5], 0.0)
    run.finish_epoch(1.0, [0.5], 0.0)
    monkeypatch.setattr("builtins.open", windows)
    run.write_history()
    with opened(run.out / "history.csv", newline="", encoding="utf-8") as file:
        assert [row[0] for row in csv.reader(file)] == ["epoch", "1", "2"]


def test_a_run_of_a_version_with_fewer_columns_goes_on(phantoms, tmp_path):
    def stop(*arguments):
        made.append(True)
        if len(made) > 4:  # of four steps an epoch
            raise KeyboardInterrupt
        return train_step(*arguments)

    made = []
    with pytest.raises(KeyboardInterrupt):
        train(phantoms[:3], phantoms[3:], TINY, tmp_path, step=stop)
    arrays, meta = checkpoint.load(tmp_path / "last.npz")
    for name in ("validation_loss", "training_dice_mean"):
        del meta["history"][0][name]
    checkpoint.save(tmp_path / "last.npz", arrays, meta)
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, resume=True)
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["validation_loss"]) for row in rows] == [False, True, True]
    assert [bool(row["training_dice_mean"]) for row in rows] == [False, True, True]
    plot_history(checkpoint.load(tmp_path / "last.npz")[1]["history"])


def test_the_losses_and_the_dice_of_both_parts_are_written_down(phantoms, tmp_path):
    """What the history says of the last epoch is what its network does on these patients."""
    run = train(phantoms[:3], phantoms[3:], TINY, tmp_path)
    row = run.history[-1]

    def prepared(patient):
        images, masks = patient.load()
        found = prepare(images, run.preprocessing), prepare_masks(masks, run.preprocessing)
        return images, masks, *found

    images, masks, x, target = prepared(phantoms[3])
    loss, _ = segmentation_loss(run.averaged.forward(x)[0], target[..., None].astype(np.float32))
    assert row["validation_loss"] == pytest.approx(float(loss), rel=1e-5)
    images, masks, *_ = prepared(phantoms[0])  # as many as are held out: one
    found = classify(segment(run.averaged, images, run.preprocessing))
    np.testing.assert_equal(row["training_dice_mean"], dice(found, masks))


def test_the_line_of_an_epoch_says_what_nan_means():
    row = {"epoch": 1, "loss": 1.0, "validation_dice_mean": NAN, "validation_dice_median": NAN,
           "seconds": 1.0}
    someone = ["patient"]
    assert "validation Dice: nothing to find, nothing found" in epochs._line(row, someone)
    assert "mean 0.500, median 0.400" in epochs._line(
        row | {"validation_dice_mean": 0.5, "validation_dice_median": 0.4}, someone)
    row["training_dice_mean"] = 0.9
    assert "Dice of some trained on: 0.900   " in epochs._line(row, [])


def test_the_bar_shows_a_dice_only_when_there_is_one_and_at_last_the_best(
        phantoms, tmp_path, monkeypatch):
    shown = []

    class Bar:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def set_postfix(self, **values):
            shown.append(values.get("dice"))

        def update(self):
            pass

        write = staticmethod(lambda *_, **__: None)

    monkeypatch.setattr(epochs, "tqdm", Bar)
    run = train(phantoms[:3], phantoms[3:], TINY, tmp_path)
    assert shown[0] is None
    assert shown[-1] == f"{run.best:.3f}"
