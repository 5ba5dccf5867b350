"""A run loses nothing, whatever ends it, and writes nothing half."""

import errno
import os

import numpy as np
import pytest
from conftest import TINY

from minunet.engine.files import InputError, WriteError
from minunet.tool.ending import Stopped
from minunet.tool.watch import WATCH
from minunet.train import record, train, train_step
from minunet.train.run import Run

pytestmark = pytest.mark.usefixtures("undrawn")


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
def test_a_run_that_ends_early_goes_on_to_the_same_bytes(phantoms, tmp_path, whole, moment, fault):
    with pytest.raises(type(fault)):
        train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH, step=at(moment, fault))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH, resume=True)
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("refused", [1, 2, 3, 5])
def test_a_model_that_cannot_be_written_ends_the_run_which_then_goes_on(
        phantoms, tmp_path, whole, monkeypatch, refused):
    savez, calls = np.savez, []

    def full(file, **arrays):
        calls.append(True)
        if len(calls) == refused:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(WriteError, match="npz: No space left on device; make room"):
        train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH, resume=True)
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("name", ["history.csv", "history.png", "predictions.png"])
def test_a_table_or_picture_that_cannot_be_written_is_a_warning(
        phantoms, tmp_path, whole, capsys, name):
    (tmp_path / name).mkdir()  # stands for a file that another program holds
    (tmp_path / name / "inside").touch()
    run = Run.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "start", lambda self: record.write(self.out, self.config, "cpu"))
        train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH)
    assert Run.start is run
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith(f"minunet: warning: cannot write {tmp_path / name}: ")
                         for line in lines)
    assert_whole(tmp_path, whole)


def test_a_history_that_a_kill_kept_from_being_written_comes_with_the_next_start(
        phantoms, tmp_path, whole):
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH)
    for name in ("history.csv", "history.png", "predictions.png"):
        (tmp_path / name).unlink()
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH, resume=True)
    assert_whole(tmp_path, whole)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_undisturbed(
        phantoms, tmp_path, whole):
    def step(*arguments):
        with pytest.raises(InputError, match="another run is at work"):
            train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH)
        return train_step(*arguments)

    train(phantoms[:3], phantoms[3:], TINY, tmp_path, watch=WATCH, step=step)
    assert_whole(tmp_path, whole)
