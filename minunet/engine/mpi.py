"""Processes that MPI has started together: which of them this is, and messages between them.

``mpiexec -n 4 minunet train …`` starts the same program four times. Each of the four, a *rank*,
learns its number and does its share. A process that is alone has rank 0 of 1.

`gather`, `each`, `spread`, `each_read`, `meet`, `exchange`, `collect` and `local_rank` are
*collective*: every rank must call them, in the same order.
"""

import json
import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from minunet.engine.files import InputError

LAUNCHED = "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"  # how launchers say how many
GRACE = 2.0  # seconds that a rank other than the first waits before it reports its own error
PAUSE = 0.5  # seconds in which mpiexec passes on what was said last; some would lose it
_comm: ContextVar = ContextVar("communicator", default=None)


class LostRank(InputError):
    """Another rank does not answer any more."""


def world():
    """Give the communicator of all processes that were started with this one; None if it is alone.

    Raises
    ------
    InputError
        If there should be others, and they cannot be reached.
    """
    launched = next((int(os.environ[name]) for name in LAUNCHED
                     if os.environ.get(name, "").isdecimal()), 1)
    if launched == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # it is not there, or finds no MPI
        raise InputError(f"started as {launched} processes, but MPI cannot be used "
                         f'({str(error).splitlines()[0]}); pip install "minunet[mpi]", and an MPI '
                         "if the machine has none: pip install mpich") from error
    if MPI.COMM_WORLD.size == 1:
        raise InputError(f"started as {launched} processes, but each sees itself alone: mpiexec "
                         "and mpi4py are of two MPIs; use the mpiexec that mpi4py was made for")
    return MPI.COMM_WORLD


@contextmanager
def using_ranks(comm):
    """Share the work inside of the block among the ranks of an MPI communicator; None: be alone."""
    before = _comm.set(comm if comm and comm.size > 1 else None)
    try:
        yield
    finally:
        _comm.reset(before)


def size():
    """Count of ranks."""
    return _comm.get().size if _comm.get() else 1


def rank():
    """The number of this one, from 0."""
    return _comm.get().rank if _comm.get() else 0


def first():
    """Whether this is rank 0: the one that writes files that are of all."""
    return rank() == 0


def share(items):
    """Give the list of those of `items` that this rank deals with: every `size`-th."""
    return list(items)[rank()::size()]


def gather(items):
    """Give every rank the items of all, in the order of the list that `share` was given.

    That is: the first item of each rank, the second of each, and so on.

    Parameters
    ----------
    items : list
        What JSON can hold, for this rank's share.
    """
    if size() == 1:
        return list(items)
    text = np.frombuffer(json.dumps(list(items)).encode(), np.uint8)
    lengths = each(np.array(len(text)))  # (R,)
    texts = each(np.pad(text, (0, lengths.max() - len(text))))  # (R, longest)
    parts = [json.loads(text[:n].tobytes()) for n, text in zip(lengths, texts, strict=True)]
    return [part[k] for k in range(max(map(len, parts))) for part in parts if k < len(part)]


def each(array):
    """Stack what every rank gives, arrays of one shape and dtype, in the order of the ranks."""
    if size() == 1:
        return array[np.newaxis]
    result = np.empty((size(), *array.shape), array.dtype)
    wait(_post("Iallgather", np.ascontiguousarray(array), result))
    return result


def spread(array, owner=0):
    """Give every rank the array that the rank `owner` has; the others may give None."""
    if size() == 1:
        return array
    mine = rank() == owner
    shape, dtype = gather([[array.shape, array.dtype.str] if mine else None])[owner]
    array = np.asarray(array, order="C") if mine else np.empty(shape, dtype)
    wait(_post("Ibcast", array, owner))
    return array


def each_read(items, read):
    """Yield ``read(item)``, a pair of arrays, of all items: each rank reads and sends a share."""
    items = list(items)
    for start in range(0, len(items), size()):
        turn = items[start:start + size()]
        mine = read(turn[rank()]) if rank() < len(turn) else (None, None)
        for owner in range(len(turn)):
            yield tuple(spread(array, owner) for array in mine)
        del mine  # or it would stay while the next is read


def meet():
    """Wait until all ranks are here: what one has written by now, all can read."""
    if size() > 1:
        wait(_post("Ibarrier"))


def exchange(rows):
    """Begin to send row r of `rows` (R, K) to rank r; give what comes, (R, K), and a request.

    The request, mpi4py's, holds both arrays until it is done.
    """
    received = np.empty_like(rows)
    return received, _post("Ialltoall", rows, received)


def collect(row):
    """Begin to send `row` (K,) to all ranks; give what comes, (R, K), and a request."""
    received = np.empty((size(), *row.shape), row.dtype)
    return received, _post("Iallgather", row, received)


def _post(name, *arguments):
    """Begin a message; `LostRank` if MPI says that it cannot be."""
    try:
        return getattr(_comm.get(), name)(*arguments)
    except RuntimeError as error:  # mpi4py's Exception is one
        raise _lost(error) from error


def _lost(error):
    return LostRank(f"another rank has ended ({str(error).splitlines()[0]})")


def wait(request):
    """Wait for a message, not deaf to signals: Python hears them between its own steps only.

    Raises
    ------
    LostRank
        If MPI says that it will not come.
    """
    try:
        while not request.Test():
            time.sleep(0)  # let the system run others meanwhile, perhaps who is to send it
    except RuntimeError as error:
        raise _lost(error) from error


@contextmanager
def ending(comm):
    """On an error, let the first rank speak first; then `leave` ends all.

    Any other waits `GRACE` seconds before it goes on with its error. If the first has the same to
    say, its line is the only one.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        if comm and comm.rank > 0:
            time.sleep(GRACE)
        raise


def leave(code):
    """End all ranks if this one ends with an exit code other than 0; give the code."""
    mpi = sys.modules.get("mpi4py.MPI")
    if code and mpi and mpi.COMM_WORLD.size > 1:
        sys.stderr.flush()
        time.sleep(PAUSE)
        mpi.COMM_WORLD.Abort(code)
    return code


def local_rank():
    """The number of this rank among those on the same machine, from 0: the GPU that it takes."""
    if size() == 1:
        return 0
    from mpi4py import MPI

    return _comm.get().Split_type(MPI.COMM_TYPE_SHARED).rank
