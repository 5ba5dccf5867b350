"""One run at a time in a folder."""

import errno
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from minunet.engine import lock
from minunet.engine.files import TEMPORARY, InputError
from minunet.engine.lock import holding


def test_a_second_run_is_refused_while_the_first_is_at_work(tmp_path):
    with holding(tmp_path):
        with pytest.raises(InputError, match=f"another run is at work in {tmp_path}; wait"), \
                holding(tmp_path):
            pass
    with holding(tmp_path):  # and then no more
        pass
    assert os.listdir(tmp_path) == []


def test_of_two_folders_each_may_have_its_run(tmp_path):
    with holding(tmp_path / "a"), holding(tmp_path / "b"):
        pass


def test_a_run_that_was_killed_holds_nothing(tmp_path):
    code = ("import sys, time; from minunet.engine.lock import holding\n"
            "with holding(sys.argv[1]): print('held', flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)],
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another run"), holding(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
    with holding(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_half_written_files_of_a_run_that_was_killed_are_removed_and_no_others(tmp_path):
    for name in (f"{TEMPORARY}0123.npz", "mine.npz", ".hidden"):
        (tmp_path / name).touch()
    with holding(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [".hidden", lock.NAME, "mine.npz"]


def test_folders_that_were_made_for_nothing_go_again(tmp_path):
    with pytest.raises(RuntimeError), holding(tmp_path / "a" / "b"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_folders_that_hold_something_stay_and_so_do_those_that_were_there(tmp_path):
    (tmp_path / "old").mkdir()
    with holding(tmp_path / "old" / "new"):
        (tmp_path / "old" / "new" / "file").touch()
    with holding(tmp_path / "old"):
        pass
    assert os.listdir(tmp_path / "old" / "new") == ["file"]


def test_a_lock_file_that_its_holder_removes_meanwhile_is_no_lock(tmp_path, monkeypatch):
    same, answers = lock._is, [False]
    monkeypatch.setattr(lock, "_is", lambda *of: answers.pop() if answers else same(*of))
    with holding(tmp_path):
        assert not answers
        with pytest.raises(InputError, match="another run"), holding(tmp_path):
            pass


def test_a_file_system_that_knows_no_locks_has_none(tmp_path, monkeypatch):
    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "fcntl", SimpleNamespace(flock=unknown, LOCK_EX=2, LOCK_NB=4))
    with holding(tmp_path):
        pass


def test_windows_locks_too_and_removes_the_file_when_it_is_closed(tmp_path, monkeypatch):
    held, remove = {}, os.unlink

    def locking(file, mode, count):
        held[file] = os.fstat(file).st_ino, mode, count
        if len(held) > 1:
            held.pop(file)
            raise PermissionError(errno.EACCES, "Permission denied")

    def unlink(path, **_):
        for file in held:
            with pytest.raises(OSError):
                os.fstat(file)  # Windows removes no open file
        remove(path)

    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2), raising=False)
    monkeypatch.setattr(os, "unlink", unlink)
    with holding(tmp_path), pytest.raises(InputError, match="another run"), holding(tmp_path):
        pass
    assert [rest for _, *rest in held.values()] == [[2, 1]]
    assert os.listdir(tmp_path) == []
