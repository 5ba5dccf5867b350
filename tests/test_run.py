"""A run: which epoch it keeps, and that it loses nothing, whatever ends it."""

import csv
import errno
import json
import math
import os
from functools import partial

import numpy as np
import pytest

from minunet import checkpoint, epochs, record
from minunet import train as training
from minunet.data.patient import Patient
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import BINARY, Scheme
from minunet.data.shelf import Shelf
from minunet.ending import Stopped
from minunet.files import InputError, WriteError, replacing
from minunet.held_out import HeldOut
from minunet.run import Run
from minunet.train import Settings, train, train_step

TINY = Settings(size=32, base_channels=4, depth=2, epochs=3, batch_size=4)
NAN = math.nan


@pytest.fixture(scope="module", autouse=True)
def quick_figures():
    """Nothing is drawn here: that would take most of the time."""
    def draw(_, path, *__):
        with replacing(path):
            pass

    with pytest.MonkeyPatch.context() as patch:
        for name in ("plot_history", "plot_predictions"):
            patch.setattr(epochs, name, draw)
        yield


@pytest.fixture(scope="module")
def patients():
    return phantom_patients(4, size=32, slices=5, seed=0)


@pytest.fixture(scope="module")
def whole(patients, tmp_path_factory):
    """The folder of a run that nothing has interrupted."""
    out = tmp_path_factory.mktemp("whole")
    train(patients[:3], patients[3:], TINY, out)
    return out


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
    held_out = HeldOut(patient, Preprocessing(None, 0, 100), Shelf(), Shelf())
    chosen = np.eye(3)[np.array(found).reshape(1, 2, 2)]  # (D, H, W, K)
    monkeypatch.setattr("minunet.held_out.segment_prepared", lambda *_: chosen)
    score = held_out.score(None)
    np.testing.assert_equal([score.dice, score.compared], [dice, compared])


def test_a_held_out_patient_without_tumour_leaves_the_last_epoch(patients, tmp_path, capsys):
    images, masks = patients[3].load()
    healthy = Patient("healthy", patients[3].slices, lambda: (images, 0 * masks))
    run = train(patients[:3], [healthy], TINY, tmp_path)
    assert math.isnan(run.best)
    assert checkpoint.load(tmp_path / "model.npz")[1]["epoch"] == TINY.epochs
    assert (tmp_path / "predictions.png").exists()


# -- faults ---------------------------------------------------------------------------------------

def at(moment, fault):
    """A step that ends with a fault when `moment` steps are made."""
    made = []

    def step(*arguments):
        if len(made) == moment:
            raise fault
        made.append(True)
        return train_step(*arguments)

    return step


def assert_whole(out, whole):
    """Assert that the run in `out` has ended as if nothing had happened."""
    assert (out / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()
    assert sorted(os.listdir(out)) == sorted(os.listdir(whole))


@pytest.mark.parametrize("moment, fault", [(0, MemoryError()), (5, MemoryError()),
                                           (6, KeyboardInterrupt()), (9, Stopped(15))])
def test_a_run_that_ends_early_goes_on_to_the_same_bytes(patients, tmp_path, whole, moment, fault):
    with pytest.raises(type(fault)):
        train(patients[:3], patients[3:], TINY, tmp_path, step=at(moment, fault))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("refused", [1, 2, 3, 5])
def test_a_model_that_cannot_be_written_ends_the_run_which_then_goes_on(
        patients, tmp_path, whole, monkeypatch, refused):
    savez, calls = np.savez, []

    def full(file, **arrays):
        calls.append(True)
        if len(calls) == refused:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(WriteError, match="npz: No space left on device; make room"):
        train(patients[:3], patients[3:], TINY, tmp_path)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("name", ["history.csv", "history.png", "predictions.png"])
def test_a_table_or_picture_that_cannot_be_written_is_a_warning(
        patients, tmp_path, whole, capsys, name):
    (tmp_path / name).mkdir()  # stands for a file that another program holds
    (tmp_path / name / "inside").touch()
    run = Run.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "start", lambda self: record.write(self.out, self.config, "cpu"))
        train(patients[:3], patients[3:], TINY, tmp_path)
    assert Run.start is run
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith(f"minunet: warning: cannot write {tmp_path / name}: ")
                         for line in lines)
    assert_whole(tmp_path, whole)


def test_a_history_that_a_kill_kept_from_being_written_comes_with_the_next_start(
        patients, tmp_path, whole):
    train(patients[:3], patients[3:], TINY, tmp_path)
    for name in ("history.csv", "history.png", "predictions.png"):
        (tmp_path / name).unlink()
    train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    assert_whole(tmp_path, whole)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_undisturbed(
        patients, tmp_path, whole):
    def step(*arguments):
        with pytest.raises(InputError, match="another run is at work"):
            train(patients[:3], patients[3:], TINY, tmp_path)
        return train_step(*arguments)

    train(patients[:3], patients[3:], TINY, tmp_path, step=step)
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("settings", [{"depth": 9}, {"size": 30}, {"base_channels": 0}])
def test_settings_are_checked_before_patients_are_read(patients, tmp_path, settings):
    unread = [Patient("a", ("1",), partial(pytest.fail, "was read"))] * 2
    with pytest.raises(ValueError):
        train(unread, unread, Settings(**TINY.to_dict() | settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("others", [{"epochs": 9}, {"names": True}])
def test_what_cannot_go_on_is_refused_before_patients_are_read(whole, patients, others):
    unread = [Patient(patient.name + "x" * ("names" in others), ("1",),
                      partial(pytest.fail, "was read")) for patient in patients]
    settings = Settings(**TINY.to_dict() | {k: v for k, v in others.items() if k == "epochs"})
    with pytest.raises(InputError, match="cannot resume"):
        train(unread[:3], unread[3:], settings, whole, resume=True)


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


# -- what a run was made with ---------------------------------------------------------------------

def rewrite(folder, change):
    """Change the run's ``config.json``."""
    content = json.loads((folder / record.NAME).read_text())
    change(content)
    (folder / record.NAME).write_text(json.dumps(content))


def test_a_run_of_an_older_version_is_said_to_be_one(run):
    rewrite(run.out, lambda content: content.pop("format"))
    with pytest.raises(InputError, match="config.json is from an older version of minunet .run "
                       "format 1, this version has 2.; begin again in another --out; its"):
        run.resume()


def test_a_run_of_a_newer_version_is_said_to_be_one(run):
    rewrite(run.out, lambda content: content.update(format=3))
    with pytest.raises(InputError, match="is from a newer version of minunet .* update minunet"):
        run.resume()


def test_a_state_of_an_older_version_is_said_to_be_one(run):
    run.finish_epoch(1.0, [0.5], 0.0)
    arrays, meta = checkpoint.load(run.out / "last.npz")
    del meta["run_format"]
    checkpoint.save(run.out / "last.npz", arrays, meta)
    with pytest.raises(InputError, match="last.npz is from an older version of minunet"):
        run.resume()


@pytest.mark.parametrize("lost", ["optimiser_steps", "data_random_state", "history"])
def test_a_state_that_lacks_something_is_damaged(run, lost):
    run.finish_epoch(1.0, [0.5], 0.0)
    arrays, meta = checkpoint.load(run.out / "last.npz")
    del meta[lost]
    checkpoint.save(run.out / "last.npz", arrays, meta)
    with pytest.raises(InputError, match=f"last.npz is damaged .'{lost}'"):
        run.resume()


@pytest.mark.parametrize("content", ["", "[]", "3", '{"settings": ', '{"format": 2}', "[" * 10**5,
                                     '{"format": 2, "settings": [], "patients": {}}',
                                     "\udcff"])
def test_a_config_that_is_damaged_is_one_line(tmp_path, content):
    path = tmp_path / record.NAME
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=f"{path} is damaged; begin again in another --out"):
        record.read(tmp_path)


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(InputError, match=f"no run to resume in {tmp_path} .config.json: No such"):
        record.read(tmp_path)


@pytest.mark.parametrize("changed", ["threads", "NumPy", "device"])
def test_going_on_where_rounding_differs_is_said_in_a_line(patients, tmp_path, capsys, changed):
    train(patients[:3], patients[3:], TINY, tmp_path)
    train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    assert capsys.readouterr().err == ""
    rewrite(tmp_path, lambda content: content["conditions"].update({changed: "other"}))
    train(patients[:3], patients[3:], TINY, tmp_path, resume=True)
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith(f"minunet: {changed} was other and is now ")
    assert "rounding will differ" in line


def test_the_line_of_an_epoch_says_what_nan_means():
    row = {"epoch": 1, "loss": 1.0, "validation_dice_mean": NAN, "validation_dice_median": NAN,
           "seconds": 1.0}
    assert "validation Dice: nothing to find, nothing found" in epochs._line(row)
    assert "mean 0.500, median 0.400" in epochs._line(
        row | {"validation_dice_mean": 0.5, "validation_dice_median": 0.4})


def test_the_bar_shows_a_dice_only_when_there_is_one_and_at_last_the_best(
        patients, tmp_path, monkeypatch):
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
    run = training.train(patients[:3], patients[3:], TINY, tmp_path)
    assert shown[0] is None
    assert shown[-1] == f"{run.best:.3f}"
