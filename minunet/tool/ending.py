"""How a command ends: with an exit code and at most one line, whatever comes between."""

import errno
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress

from minunet.engine.files import InputError

BAD_INPUT, BROKEN_PIPE = 2, 128 + 13  # the second as the shell has it for SIGPIPE
WRITING = errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EINVAL  # the last: Windows


class Stopped(KeyboardInterrupt):
    """A signal wants the process to end. All that is done upon Ctrl-C is done upon it, too."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def finish(command):
    """Run a command and turn every way in which it may end into an exit code.

    Whatever cannot be shown on standard output in the terminal's encoding becomes "?".

    Parameters
    ----------
    command : callable
        Without arguments; gives the exit code, or None for 0. The text of a `KeyboardInterrupt`
        that it raises, if there is any, is shown.

    Returns
    -------
    int
        What `command` gives; 2 after one line on standard error for bad input, or if memory,
        room on the disk or standard output is lacking; 128 plus the signal's number if one ended
        it: 130 after Ctrl-C, 143 after SIGTERM; 141 if nobody reads standard output any more.
    """
    _prepare_streams()
    came = []  # signals
    try:
        with _signals_raise(came):
            try:
                code = command() or 0
            except SystemExit:  # after --help
                sys.stdout.flush()
                raise
            sys.stdout.flush()
            return code
    except BaseException as error:
        # Whatever a library made of the signal's exception: it was the signal that ended it.
        if came and not isinstance(error, KeyboardInterrupt):
            error = Stopped(came[0])
        return _explain(error)


def _explain(error):
    """Give the exit code for what ended a command, after a line; raise what is a fault of ours."""
    if isinstance(error, InputError):
        return _fail(f"error: {error}", BAD_INPUT)
    if isinstance(error, MemoryError):
        return _fail(f"error: {no_memory(error)}", BAD_INPUT)
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, "number", signal.SIGINT)
        word = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        return _fail(f"{word}; {error}" if str(error) else word, 128 + number)
    if isinstance(error, BrokenPipeError):
        return _fail(None, BROKEN_PIPE)
    if isinstance(error, OSError):
        return _fail(f"error: {_cause(error)}", BAD_INPUT)
    if isinstance(error, ImportError) and "failed to map" in str(error):  # the loader's words
        return _fail(f"error: {no_memory(error)}", BAD_INPUT)
    raise error


def no_memory(error, advice="close other programs, or use a machine with more memory"):
    """Put into words that memory is lacking: how much was asked for, if known, and what to do."""
    asked = f" ({error})" if str(error) else ""
    return f"not enough memory{asked}; {advice}"


def _prepare_streams():
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before we began: nobody wants to read it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def _signals_raise(came):
    """Let the signals that ask a process to end raise `Stopped`, unless they are ignored.

    They are noted in the list `came`, too: the exception may come in the midst of a library that
    makes another of it.
    """
    def stop(number, _):
        came.append(signal.Signals(number))
        # Cleaning up shall not be disturbed; but who presses Ctrl-C twice wants an end at once.
        signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN)
        raise Stopped(signal.Signals(number))

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may
        before = {getattr(signal, name): signal.getsignal(getattr(signal, name))
                  for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)}
    before = {number: handler for number, handler in before.items()
              if handler in (signal.SIG_DFL, signal.default_int_handler)}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cause(error):
    """What an error of the system means that no reader or writer of files has explained."""
    if error.errno == errno.ENOMEM:
        return no_memory(error)
    if error.filename is None and error.errno in WRITING:
        return f"standard output cannot be written ({error.strerror})"
    return str(error)


def _fail(line, code):
    """Print the line; then see to it that Python, when it ends, finds nothing left to write."""
    with suppress(OSError):
        if line:
            print(f"minunet: {' '.join(line.split())}", file=sys.stderr)
            sys.stderr.flush()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
    return code
