"""One contender, in a process of its own: it gets ready, then works when it is asked.

Requests come as lines of JSON on standard input, a list of a verb and its arguments, and each is
answered by a line on standard output. At the end of its input the process ends.

`processes` starts this file by its path, and not as ``-m minunet.tool.bench.worker``, so that
nothing of minunet is in a process that measures PyTorch: a training step of minunet's tells
the C library to keep freed memory, and two libraries' threads would share the cores.
"""

import json
import math
import os
import runpy
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace


class Worker:
    """Does what `work`, the module `minunet_work` or `torch_work`, has functions for."""

    def __init__(self, work, device):
        self.work, self.device = work, device
        self.timers = []

    def prepare(self, least, kind, *arguments):
        """Make ready what ``work.kind(*arguments)`` gives; answer with its number for `time`."""
        run = getattr(self.work, kind)(*arguments, self.device)
        self.timers.append(timer(run, self.work.clock(self.device), least))
        return len(self.timers) - 1

    def time(self, number):
        """Answer with the seconds that prepared work takes."""
        return self.timers[number]()

    def peak(self, times, kind, tiny, case, *arguments):
        """Do work a few times; answer with the bytes that it needs at most, and with seconds.

        The bytes are those of the network and the images, too: the most that the process
        ever held (`VmHWM` in Linux's ``/proc/self/status``) less what it held before the network
        was built. Before that, the same for the sizes `tiny` has loaded what the libraries load
        on first use. `getrusage`'s ``ru_maxrss`` would not do: a new process inherits its
        parent's. On a GPU it is the memory that the library's pool has taken from the device.
        None where the system does not tell. The seconds are those of the last time.
        """
        make, clock = getattr(self.work, kind), self.work.clock(self.device)
        make(tiny, *arguments, self.device)()
        before = self._held("VmRSS")
        run = make(case, *arguments, self.device)
        seconds = [clock(run) for _ in range(times)][-1]
        most = self._held("VmHWM")
        return (None if most is None else most - before), seconds

    def _held(self, field):
        return self.work.reserved() if self.device == "cuda" else status(field)


def timer(run, clock, least):
    """Give a function that times ``run()``, repeated so that a timing lasts `least` seconds.

    What is short is done once before without the clock: the others' work has emptied the caches,
    and threads sleep.
    """
    run()  # the first time is another: memory comes from the system, methods are chosen
    count = max(1, math.ceil(least / clock(run))) if least else 1

    def repeated():
        for _ in range(count):
            run()

    def seconds():
        if count > 1:
            run()
        return clock(repeated) / count

    return seconds


def status(field):
    """Read a field of ``/proc/self/status`` in bytes; None where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    [line] = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def main(library, device, threads, balance, tf32):
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends this one
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    if library == "minunet":
        from minunet.engine.rates import using_balance
        from minunet.engine.threads import using_threads
        from minunet.tool.bench import minunet_work as work

        contexts = using_threads(threads), using_balance(balance)
    else:
        work = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("torch_work.py"))))
        work.use_threads(threads)
        work.use_tf32(tf32)
        contexts = ()
    worker = Worker(work, device)
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        print(json.dumps("ready"), file=answers, flush=True)
        for line in sys.stdin:
            verb, *arguments = json.loads(line)
            print(json.dumps(getattr(worker, verb)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main(*json.loads(sys.argv[-1]))
