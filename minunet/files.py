"""Files, written whole or not at all, and the one error for bad input."""

import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tqdm import tqdm


class InputError(ValueError):
    """Something the user gave is unusable: one line that says what, where, and what to do.

    The command line prints it after ``minunet: error:`` and ends with exit code 2.
    """


@cache  # each text once: a file is read more than once
def warn(text):
    """Print a line on standard error that begins with ``minunet: warning:``, each text once.

    For what can be used, but may not be what the user thinks it is.
    """
    tqdm.write(f"minunet: warning: {text}", file=sys.stderr)  # above a progress bar


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
    """
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix,
                                             dir=path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place") from error
    os.close(handle)
    try:
        yield Path(temporary)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask():
    """The process's umask: `mkstemp` ignores it and would leave files that only we can read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
