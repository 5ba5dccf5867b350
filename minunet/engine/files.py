"""Files, written whole or not at all, and the one error for bad input."""

import errno
import os
import secrets
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tqdm import tqdm

TEMPORARY = ".minunet-"  # how the names of unfinished files begin
PAUSES = 0.05, 0.1, 0.2, 0.3, 0.4  # seconds between tries to rename
_NO_ROOM = "make room there, or choose another place"
ADVICE = {errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM, errno.EFBIG: "raise the limit of a "
           "file's size (ulimit -f), or choose another place", errno.EACCES: "close the program "
           "that has it open, or choose another place"}


class InputError(ValueError):
    """Something the user gave is unusable: one line that says what, where, and what to do.

    The command line prints it after ``minunet: error:`` and ends with exit code 2.
    """


@cache  # each text once: a file is read more than once
def warn(text):
    """Print a line on standard error that begins with ``minunet: warning:``, each text once.

    For what can be used, but may not be what the user thinks it is.
    """
    tell(f"warning: {text}")


def tell(line):
    """Print a line on standard error, above the progress bar if there is one."""
    tqdm.write(f"minunet: {line}", file=sys.stderr)


class WriteError(InputError):
    """A file cannot be written: the place is at fault, not what was to be written there."""


@contextmanager
def replacing(path):
    """Give a temporary path beside `path`; rename it to `path` if the block ends well.

    A reader, or a run that starts after a crash, sees the old file or the new one and
    never half of either: ``os.replace`` is atomic within one folder.

    Parameters
    ----------
    path : str or Path
        The file to write. Its suffix is kept, since writers choose a format by it.

    Yields
    ------
    Path
        Write here.

    Raises
    ------
    WriteError
        For whatever the system refuses: no space, no permission, no such folder, a limit.
    """
    path = Path(path)
    target = _followed(path)
    # Named before it is made: whatever comes between, even a signal, it is removed.
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}{path.suffix}")
    try:
        _check_kind(target)
        with open(temporary, "xb"):  # not by tempfile: others may read it as the umask says
            pass
        yield temporary
        with open(temporary, "r+b") as written:  # Windows syncs only what may be written to
            os.fsync(written.fileno())
        _rename(temporary, target)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _followed(path):
    """What `path` leads to, if it is a link: that is replaced, and the link stays."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _check_kind(path):
    """Raise `OSError` if `path` is there and no file; a device could be replaced by one."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file")


def _rename(temporary, path):
    """Replace `path`. Windows refuses while another program reads it: then try for a moment."""
    for pause in PAUSES:
        try:
            return os.replace(temporary, path)
        except PermissionError:
            time.sleep(pause)
    os.replace(temporary, path)


def write_error(path, error):
    """Make a `WriteError` of what the system says."""
    advice = ADVICE.get(error.errno, "choose another place")
    return WriteError(f"cannot write {path}: {error.strerror or error}; {advice}")


def check_writable(path):
    """Prove that a file can be written at `path`, before the work that is to end there.

    Raises
    ------
    WriteError
        If it is no file, or lies in no folder that can be written to.
    """
    path = Path(path)
    try:
        target = _followed(path)
        _check_kind(target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise write_error(path, error) from error


def output_folder(path):
    """Make the folder `path` (and its parents) and prove that a file can be written there.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise InputError(f"cannot write to the folder {path}: {error.strerror}; "
                         "choose another --out") from error
    return path


def check_new(paths):
    """Raise `InputError` if one of `paths` is there already.

    No command overwrites what it finds: a mask may have been mended by hand, or be another
    patient's. So a command calls this before it reads or computes anything.
    """
    for path in paths:
        if os.path.lexists(path):
            raise InputError(f"{path} is there already, and nothing is overwritten; move it away "
                             "or choose another place")
