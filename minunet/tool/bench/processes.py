"""Each contender in a process of its own: started, asked in turn, and ended, whatever happens.

Two libraries in one process disturb each other: by threads, by what one tells the C library, by
caches. Apart, each is as its users have it.
"""

import json
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager

from minunet.engine.files import InputError
from minunet.engine.rates import balance
from minunet.engine.threads import threads
from minunet.tool.bench import worker

PYTHON = [sys.executable, "-c",
          "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"]


class Process:
    """A process that does `worker`'s work.

    Parameters
    ----------
    name : str
        What to call it in an error: "minunet", "PyTorch, channels last".
    command : list of str
        What to run.
    what : str
        What is measured, for an error.
    """

    def __init__(self, name, command, what):
        self.name, self.what = name, what
        self._errors = tempfile.TemporaryFile()  # a pipe that nobody reads would fill up
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._errors)

    def ask(self, *request):
        """Send a request and give the answer.

        Raises
        ------
        InputError
            If the process ends before it answers, for want of memory for example, or answers
            with what is no JSON.
        """
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:  # it has ended: no answer will come
            pass
        return self.answer()

    def answer(self):
        """Wait for a line, and give what it says."""
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise InputError(f"the process that measures {self.name} ({self.what}) ended "
                             f"({self._reason()}); leave out that part, or free some memory")
        try:
            return json.loads(line)
        except ValueError as error:
            text = line.decode(errors="replace").strip()
            raise InputError(f"the process that measures {self.name} ({self.what}) answered "
                             f"{text!r}; leave out that part") from error

    def end(self):
        """End the process at once, and wait until it is gone."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:  # what was to be written has no reader
                pass
        self._process.wait()
        self._errors.close()

    def _reason(self):
        """Say why the process has ended: its last words, or its exit code."""
        code = self._process.wait()
        if code < 0:  # the system ends a process by SIGKILL where there is no memory left
            return f"by {signal.Signals(-code).name}"
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return last[0] if last else f"exit code {code}"


def start(name, library, device, what, tf32=None):
    """Start a contender's `Process`, with the count of threads and the balance that hold here."""
    moving = balance() if device == "cpu" else None
    arguments = json.dumps([library, device, threads(), moving, tf32])
    return Process(name, [*PYTHON, worker.__file__, arguments], what)


@contextmanager
def running(starters):
    """Give ready processes for as long as the block lasts: a dict, from one of callables."""
    with ExitStack() as stack:
        processes = {}
        for name, begin in starters.items():
            processes[name] = begin()
            stack.callback(processes[name].end)
        for process in processes.values():  # they have got ready side by side
            process.answer()
        yield processes
