"""A folder for one run at a time."""

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path

from minunet.engine.files import TEMPORARY, InputError, output_folder, write_error

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

NAME = ".lock"
TAKEN = errno.EAGAIN, errno.EACCES, errno.EDEADLK  # what the two systems say


@contextmanager
def holding(folder):
    """Make `folder`, and keep other runs out of it while the block lasts.

    The lock is the system's, on a file: it ends with the process, however that ends. What a
    run that was killed left half-written is removed. If the block leaves nothing behind, the
    folders that were made for it go, too.

    Parameters
    ----------
    folder : str or Path

    Raises
    ------
    InputError
        If another run holds the folder, or it cannot be written to.
    """
    folder = Path(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        output_folder(folder)
        with _locked(folder):
            for unfinished in folder.glob(f"{TEMPORARY}*"):
                with suppress(OSError):
                    unfinished.unlink()
            yield
    finally:
        for path in made:
            with suppress(OSError):  # it is not empty
                path.rmdir()


@contextmanager
def _locked(folder):
    path = folder / NAME
    file = _lock_file(path)
    while not _is(path, file):  # whoever held it has removed it meanwhile: there is a new one
        file.close()
        file = _lock_file(path)
    try:
        yield
    finally:
        with suppress(OSError):
            if fcntl:  # removed before it is unlocked: none may lock what is about to go
                path.unlink()
            file.close()
            if not fcntl:  # Windows removes no open file
                path.unlink()


def _lock_file(path):
    """Open the file and lock it; on a file system that knows no locks it is merely open."""
    try:
        file = open(path, "ab")
    except OSError as error:
        raise write_error(path, error) from error
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in TAKEN:
            file.close()
            raise InputError(f"another run is at work in {path.parent}; wait for it to end, or "
                             "choose another --out") from error
    return file


def _is(path, file):
    """Tell whether `file` is what the name `path` stands for."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
