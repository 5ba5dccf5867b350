"""Files, written whole or not at all, and the one error for bad input."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Something the user gave is unusable: one line that says what, where, and what to do.

    The command line prints it after ``minunet: error:`` and ends with exit code 2.
    """


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


def check_writable(path):
    """Raise `InputError` unless the file `path` could be written: before hours of work."""
    try:
        with tempfile.TemporaryFile(dir=Path(path).parent):
            pass
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place") from error


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
