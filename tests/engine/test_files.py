"""Files are written whole or not at all, and what the system refuses is one line."""

import ast
import errno
import os
import stat
from pathlib import Path

import pytest

import minunet
from minunet.engine import files
from minunet.engine.files import InputError, WriteError, check_writable, output_folder, replacing

REFUSALS = {errno.ENOSPC: "make room there", errno.EFBIG: "ulimit -f", errno.EROFS: "another place",
            errno.EACCES: "close the program that has it open", errno.EISDIR: "another place"}


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    monkeypatch.setattr(files, "PAUSES", (0, 0))


def test_a_file_appears_whole(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("all of it")
        assert not (tmp_path / "a.txt").exists()
        assert temporary.suffix == ".txt"  # writers choose a format by it
    assert (tmp_path / "a.txt").read_text() == "all of it"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path, kind):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(kind), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half of the n")
        raise kind
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("number, advice", REFUSALS.items())
@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_what_the_system_refuses_is_one_line_and_leaves_the_old_file(
        tmp_path, monkeypatch, where, number, advice):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.txt").write_text("old")
    if where != "write":
        monkeypatch.setattr(os, where, refuse)
    with pytest.raises(WriteError, match=os.strerror(number)) as error, \
            replacing(tmp_path / "a.txt"):
        if where == "write":
            refuse()
    assert str(error.value).startswith(f"cannot write {tmp_path / 'a.txt'}: ")
    assert advice in str(error.value)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_rename_that_another_program_hinders_is_tried_again(tmp_path, monkeypatch):
    replace, refusals = os.replace, [PermissionError(13, "in use"), PermissionError(13, "in use")]

    def in_use_at_first(*paths):
        if refusals:
            raise refusals.pop()
        replace(*paths)

    monkeypatch.setattr(os, "replace", in_use_at_first)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert not refusals
    assert (tmp_path / "a.txt").read_text() == "new"


def test_what_is_synced_may_be_written_to_as_windows_wants_it(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    modes = []
    monkeypatch.setattr(os, "fsync", lambda file: modes.append(fcntl.fcntl(file, fcntl.F_GETFL)))
    with replacing(tmp_path / "a.txt"):
        pass
    assert [mode & os.O_ACCMODE for mode in modes] == [os.O_RDWR]


def test_others_may_read_the_file_as_any_file_that_a_user_writes(tmp_path):
    mask = os.umask(0o022)
    try:
        with replacing(tmp_path / "a.txt"):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    with replacing(tmp_path / ("n" * 251 + ".txt")):
        pass
    assert len(os.listdir(tmp_path)) == 1


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.fixture
def no_files(tmp_path):
    """Paths at which no file can be written."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    return {"folder": tmp_path / "folder", "pipe": tmp_path / "pipe",
            "nowhere": tmp_path / "missing" / "a.txt"}


@pytest.mark.parametrize("kind, reason", [("folder", "Is a directory"),
                                          ("pipe", "Not a regular file"),
                                          ("nowhere", "No such file or directory")])
def test_what_is_no_place_for_a_file_is_refused_and_stays(no_files, kind, reason):
    path = no_files[kind]
    before = sorted(path.parent.parent.rglob("*"))
    with pytest.raises(WriteError, match=f"cannot write {path}: {reason}"):
        check_writable(path)
    with pytest.raises(WriteError, match=f"cannot write {path}: {reason}"), replacing(path):
        pass
    assert sorted(path.parent.parent.rglob("*")) == before
    assert not path.is_file()


def test_a_path_is_proved_without_a_trace(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    check_writable(tmp_path / "old.csv")
    check_writable(tmp_path / "new.csv")
    assert os.listdir(tmp_path) == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match=r"cannot write to the folder .*taken"):
        output_folder(tmp_path / "taken" / "below")


def test_every_text_file_is_opened_with_an_encoding():
    package = Path(minunet.__file__).parent
    without = [f"{path.relative_to(package)}:{node.lineno}" for path in package.rglob("*.py")
               for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
               if isinstance(node, ast.Call) and _opens_text(node)
               and "encoding" not in (keyword.arg for keyword in node.keywords)]
    assert without == []


def _opens_text(call):
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("read_text", "write_text")
    mode = ast.unparse(call.args[1]) if call.args[1:] else "r"
    return isinstance(call.func, ast.Name) and call.func.id == "open" and "b" not in mode
