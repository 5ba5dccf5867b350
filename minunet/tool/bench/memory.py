"""The peak memory of a training step, measured in processes of its own.

What counts is the most memory that the process ever held (`VmHWM` in Linux's
``/proc/self/status``) less what it held before the network was built. Before that, a step of a
tiny network has loaded what the libraries load on first use. `getrusage`'s ``ru_maxrss`` would
not do: a new process inherits its parent's. On a GPU it is the memory that the library's pool
has taken from the device.

This file runs itself, and not as ``-m minunet.tool.bench.memory``, so that nothing of minunet is
in the process that measures PyTorch. A training step of minunet's tells the C library to keep freed
memory (`minunet.engine.memory`), which would raise PyTorch's peak by a tenth.
"""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from statistics import median_low

TINY = (2, 32, 1)  # base, side, batch
STEPS = 2  # the optimiser's state is there from the first, and beside the second's activations


def peak_memory(name, case, processes, threads, device):
    """Give the bytes that a training step needs at most, network and images included.

    Parameters
    ----------
    name : str
        ``"minunet"``, or ``"PyTorch, channels last"``.
    case : Case
    processes : int
        How many to take the median of.
    threads : int
        For PyTorch.
    device : {"cpu", "cuda"}

    Returns
    -------
    int or None
        None where the system does not tell (no Linux).

    Raises
    ------
    InputError
        If a process fails, for want of memory for example.
    """
    peaks = [_in_a_process(name, case, threads, device) for _ in range(processes)]
    return None if None in peaks else median_low(peaks)


def _in_a_process(name, case, threads, device):
    command = [sys.executable, "-c", "import runpy, sys; "
               "runpy.run_path(sys.argv[1], run_name='__main__')", __file__]
    done = subprocess.run([*command, json.dumps([name, case, threads, device])],
                          capture_output=True, text=True)
    if done.returncode:
        from minunet.engine.files import InputError  # not above: see the top of this file

        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise InputError(f"the process that measures the memory of {name} at {case} failed "
                         f"({reason}); leave out the part 'memory', or free some memory")
    return json.loads(done.stdout)


def _measure(name, case, threads, device):
    maker = _torch_steps if ", " in name else _minunet_steps
    make_step, reserved = maker(name, threads, device)
    make_step(TINY)()
    before = reserved() if device == "cuda" else status("VmRSS")
    step = make_step(case)
    for _ in range(STEPS):
        step()
    after = reserved() if device == "cuda" else status("VmHWM")
    return None if after is None else after - before


def _minunet_steps(name, threads, device):
    from minunet.engine.backend import array_module, to_device
    from minunet.tool.bench.minunet_work import Case, np, training_step

    def reserved():
        xp = array_module(to_device(np.zeros(1), device))
        return xp.get_default_memory_pool().total_bytes()

    return lambda case: training_step(Case(*case), device), reserved


def _torch_steps(name, threads, device):
    torch_work = runpy.run_path(str(Path(__file__).with_name("torch_work.py")))
    torch_work["use_threads"](threads)
    channels_last = torch_work["VARIANTS"]["cpu"][name][0]

    def reserved():
        import torch

        return torch.cuda.max_memory_reserved()

    return lambda case: torch_work["training_step"](case, channels_last, device), reserved


def status(field):
    """Read a field of ``/proc/self/status`` in bytes; None where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    [line] = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(*json.loads(sys.argv[-1]))))
