"""The command line: the words are read, the command's module is imported, and it runs."""

from importlib import import_module

from minunet.engine import mpi
from minunet.engine.backend import use_gpu
from minunet.engine.files import InputError
from minunet.engine.threads import using_threads
from minunet.tool.arguments import parse
from minunet.tool.ending import finish, no_memory

SHARED = "train", "predict", "evaluate"  # among several processes, by MPI


def main(arguments=None, commands=None):
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.
    commands : dict of str to callable, optional
        What to run for a command in place of its module's `run`.

    Returns
    -------
    int
        The exit code: 1 if ``gradcheck`` found a wrong gradient or ``grade`` a task that does
        not pass, else as `ending.finish` says.
    """
    return finish(lambda: run(arguments, commands))


def run(arguments=None, commands=None):
    """Run one command, as `main`; what ends it early is raised."""
    ranks = mpi.world()
    with mpi.ending(ranks), mpi.using_ranks(ranks):
        return _run(parse(arguments), commands)


def _run(options, commands):
    if mpi.size() > 1:
        if options.command not in SHARED:
            raise InputError(f"{options.command} is no work for several processes; start it "
                             "without mpiexec")
        if options.device == "cuda":
            use_gpu(mpi.local_rank())
    try:
        command = (commands or {}).get(options.command) or _find(options.command)
        with using_threads(getattr(options, "threads", None)):  # of the libraries found by now
            return command(options)
    except MemoryError as error:
        smaller = [f"--{name}" for name in ("batch-size", "size", "base-channels")
                   if hasattr(options, name.replace("-", "_"))]
        raise InputError(no_memory(error, f"a smaller {' or '.join(smaller)} needs less")
                         if smaller else no_memory(error)) from error
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        raise InputError("the system allows no more threads; use fewer --threads") from error


def _find(name):
    """A command's function; its module brings what only this command needs."""
    return import_module(f"minunet.tool.commands.{name}").run
