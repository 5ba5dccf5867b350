"""However a command ends: an exit code, at most one line, no traceback."""

import io
import os
import signal
import subprocess
import sys

import pytest

from minunet.engine.files import InputError, WriteError
from minunet.tool.ending import Stopped, finish


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """However the tests were started: nohup, and a shell's &, let some signals be ignored."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL,
             signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raises(error):
    """A command that ends with `error`."""
    def command():
        raise error

    return command


@pytest.mark.parametrize("error, code, line", [
    (InputError("a\nb"), 2, "error: a b"),
    (WriteError("cannot write x"), 2, "error: cannot write x"),
    (MemoryError(), 2, "error: not enough memory; close other programs, or use a machine with "
                       "more memory"),
    (MemoryError("Unable to allocate 16.0 GiB"), 2, "error: not enough memory (Unable to allocate "
     "16.0 GiB); close other programs, or use a machine with more memory"),
    (OSError(12, "Cannot allocate memory"), 2, "error: not enough memory ([Errno 12] Cannot "
     "allocate memory); close other programs, or use a machine with more memory"),
    (ImportError("a.so: failed to map segment from shared object"), 2, "error: not enough memory "
     "(a.so: failed to map segment from shared object); close other programs, or use a machine "
     "with more memory"),
    (OSError(28, "No space left on device"), 2,
     "error: standard output cannot be written (No space left on device)"),
    (OSError(28, "No space left on device", "a.txt"), 2,
     "error: [Errno 28] No space left on device: 'a.txt'"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (KeyboardInterrupt("go on so"), 130, "interrupted; go on so"),
    (Stopped(signal.SIGTERM), 143, "ended by SIGTERM"),
])
def test_an_error_is_one_line_and_an_exit_code(error, code, line, capsys):
    assert finish(raises(error)) == code
    assert capsys.readouterr().err == f"minunet: {line}\n"


def test_a_reader_that_has_left_is_told_nothing(capsys):
    assert finish(raises(BrokenPipeError())) == 141
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [ZeroDivisionError(), ImportError("No module named 'x'")])
def test_what_no_user_caused_is_not_hidden(error):
    with pytest.raises(type(error)):
        finish(raises(error))


@pytest.mark.parametrize("given, code", [(None, 0), (0, 0), (1, 1)])
def test_a_command_that_ends_well_says_how(given, code):
    assert finish(lambda: given) == code


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_the_command_which_cleans_up_undisturbed(name, capsys):
    number, cleaned = getattr(signal, name), []
    before = signal.getsignal(number)

    def command():
        try:
            os.kill(os.getpid(), number)
            pytest.fail("nothing happened")
        finally:
            if number != signal.SIGINT:
                os.kill(os.getpid(), number)  # a second one
            cleaned.append(True)

    assert finish(command) == 128 + number
    assert cleaned
    assert capsys.readouterr().err.startswith("minunet: ")
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert finish(lambda: os.kill(os.getpid(), signal.SIGHUP)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("encoding, shown", [("cp1252", "?ukasz ??: 3 × 4 ? ?1"),
                                             ("ascii", "?ukasz ??: 3 ? 4 ? ?1"),
                                             ("utf-8", "Łukasz 患者: 3 × 4 → −1")])
def test_what_a_code_page_lacks_becomes_a_question_mark(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert finish(lambda: print("Łukasz 患者: 3 × 4 → −1")) == 0
    assert written.getvalue().decode(encoding).splitlines() == [shown]


def test_without_standard_streams_a_command_works(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert finish(lambda: print("to nobody", file=sys.stdout)) == 0
    assert finish(raises(InputError("to nobody"))) == 2
    sys.stdout.close(), sys.stderr.close()


def process(command, buffered, stdout):
    """Run a command in a process of its own, as ``minunet`` runs its commands."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    if not buffered:
        environment["PYTHONUNBUFFERED"] = "1"
    code = ("import sys; from minunet.tool.ending import finish; "
            f"sys.exit(finish(lambda: {command}))")
    return subprocess.run([sys.executable, "-c", code], env=environment, stdout=stdout,
                          stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("buffered", [True, False])
def test_a_closed_pipe_ends_the_process_quietly(buffered):
    reading, writing = os.pipe()
    os.close(reading)
    done = process("print('to nobody')", buffered, writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command, buffered", [("print(1)", True), ("print(1)", False),
                                               ("print(1) or sys.exit(0)", True)])
def test_a_full_standard_output_is_one_line(command, buffered):
    with open("/dev/full", "wb") as full:
        done = process(command, buffered, full)
    assert done.returncode == 2
    assert done.stderr == ("minunet: error: standard output cannot be written "
                           "(No space left on device)\n")


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="there is no SIGTERM")
@pytest.mark.parametrize("other", [RuntimeError, InputError, OSError])
def test_a_signal_ends_the_command_whatever_a_library_makes_of_its_exception(capsys, other):
    def command():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise other("a file that could not be read") from error

    assert finish(command) == 143
    assert capsys.readouterr().err == "minunet: ended by SIGTERM\n"
