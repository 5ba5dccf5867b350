"""Ranks without MPI: as many threads, with a communicator that passes arrays between them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np

from minunet.engine.mpi import using_ranks


def run_ranks(count, function):
    """Call ``function()`` on `count` ranks; list what each gives. The first error is raised."""
    boards, failed = {}, threading.Event()

    def run(rank):
        with using_ranks(Communicator(rank, count, boards, failed)):
            try:
                return function()
            except BaseException:
                failed.set()
                raise

    with ThreadPoolExecutor(count) as pool:
        jobs = [pool.submit(copy_context().run, run, rank) for rank in range(count)]
        errors = [job.exception() for job in jobs]
    for error in sorted(filter(None, errors), key=lambda error: "ended" in str(error)):
        raise error
    return [job.result() for job in jobs]


class Communicator:
    """What `minunet.engine.mpi` uses of mpi4py's."""

    def __init__(self, rank, size, boards, failed):
        self.rank, self.size, self.boards, self.failed = rank, size, boards, failed
        self.calls = self.sent = 0  # bytes that go to others

    def Iallgather(self, send, receive):
        def take(board):
            receive.reshape(self.size, -1)[...] = [array.ravel() for array in board]

        self.sent += send.nbytes * (self.size - 1)
        return self._post(np.array(send), take)

    def Ialltoall(self, send, receive):
        def take(board):
            receive[...] = [array[self.rank] for array in board]

        self.sent += send[0].nbytes * (self.size - 1)
        return self._post(np.array(send), take)

    def Ibcast(self, array, root):
        def take(board):
            array[...] = board[root]

        return self._post(array.copy(), take)

    def Ibarrier(self):
        return self._post(np.zeros(0), lambda board: None)

    def _post(self, array, take):
        board = self.boards.setdefault(self.calls, [None] * self.size)
        self.calls += 1
        board[self.rank] = array
        return Request(self, board, take)


class Request:
    """A message under way."""

    def __init__(self, comm, board, take):
        self.comm, self.board, self.take = comm, board, take

    def Test(self):
        if self.comm.failed.is_set():
            raise RuntimeError("a rank has ended")
        if any(array is None for array in self.board):
            time.sleep(0.0001)
            return False
        self.take(self.board)
        return True
