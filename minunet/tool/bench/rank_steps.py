"""Training steps on one rank or on several, in fresh processes: started by `ranks`, answers once.

It prints what rank 0 has found, as JSON: the median seconds of a step, the bytes that it sends, and
those of its gradients.
"""

import json
import sys
from statistics import median
from time import perf_counter

from minunet.engine import mpi
from minunet.engine.memory import keep_freed_memory
from minunet.engine.ranks import part, together
from minunet.engine.rates import using_balance
from minunet.engine.threads import using_threads
from minunet.tool.bench.minunet_work import Case, learner
from minunet.train import train_step


class Counting:
    """A communicator that counts the bytes which it sends to other ranks."""

    def __init__(self, comm):
        self.comm, self.sent = comm, 0

    def __getattr__(self, name):
        return getattr(self.comm, name)

    def Iallgather(self, send, receive):
        self.sent += send.nbytes * (self.size - 1)
        return self.comm.Iallgather(send, receive)

    def Ialltoall(self, send, receive):
        self.sent += send.nbytes // self.size * (self.size - 1)
        return self.comm.Ialltoall(send, receive)


def main(case, steps, threads, balance):
    """Time some steps, after a first one; rank 0 prints what it has found."""
    comm = mpi.world()
    comm = comm and Counting(comm)
    keep_freed_memory()
    with using_threads(threads), using_balance(balance), mpi.using_ranks(comm):
        case, seconds, sent = Case(*case), [], 0
        net, optimiser, images, target = learner(case, "cpu")
        mine = part(case.batch)
        for _ in range(steps + 1):
            before, began = comm.sent if comm else 0, perf_counter()
            with together(case.batch):
                float(train_step(net, optimiser, images[mine], target[mine]))
            seconds.append(perf_counter() - began)
            sent = comm.sent - before if comm else 0
        if mpi.first():
            size = sum(array.nbytes for array in net.params.values())
            print(json.dumps({"seconds": median(seconds[1:]), "sent": sent, "gradients": size}))


if __name__ == "__main__":
    main(*json.loads(sys.argv[-1]))
