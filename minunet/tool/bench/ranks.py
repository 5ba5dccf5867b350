"""Two processes with one thread each against one with two: what sharing a batch by MPI costs."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from minunet.engine.files import InputError
from minunet.engine.rates import balance
from minunet.tool.bench import rank_steps
from minunet.tool.bench.clock import digits, interleave

RANKS, STEPS = 2, 5
ONE = "1 rank, 1 thread"
VARIANTS = {ONE: (1, 1), f"1 rank, {RANKS} threads": (1, RANKS),
            f"{RANKS} ranks, 1 thread": (RANKS, 1)}  # ranks, threads of each


def measure_ranks(cases, runs):
    """Time training steps.

    Parameters
    ----------
    cases : sequence of Case
    runs : int

    Returns
    -------
    list of dict
        A row for each case: ``seconds`` of each of `VARIANTS`, medians over the rounds; the bytes
        that a rank has ``sent``, and those of its ``gradients``. Without MPI, of one rank only.
    """
    return [_measure(case, runs) for case in cases]


def _measure(case, runs):
    found = {}
    variants = {name: how for name, how in VARIANTS.items() if how[0] == 1 or mpiexec()}

    def timer(name):
        found[name] = _run(case, *variants[name])
        return found[name]["seconds"]

    seconds = interleave({name: partial(timer, name) for name in variants}, runs)
    last = list(found.values())[-1]
    return {"name": str(case), **case._asdict(), "sent": last["sent"],
            "gradients": last["gradients"],
            "seconds": {name: digits(median(times)) for name, times in seconds.items()}}


def _run(case, ranks, threads):
    """Let fresh processes make the steps; give what they say."""
    start = [mpiexec(), "-n", str(ranks)] if ranks > 1 else []
    arguments = json.dumps([case, STEPS, threads, balance()])
    done = subprocess.run([*start, sys.executable, "-m", rank_steps.__name__, arguments],
                          capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["they said nothing"])[-1]
        raise InputError(f"the processes that measure {ranks} ranks ({case}) ended ({last}); "
                         "leave out that part") from error


def mpiexec():
    """Give the path of the ``mpiexec`` beside this Python, or else of the machine's; or None.

    None as well if mpi4py is not there.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which("mpiexec", path=places) if find_spec("mpi4py") else None
