"""``python -m minunet``, and the program ``minunet``: the command line."""

import sys
import traceback

from minunet.engine.mpi import leave
from minunet.tool.ending import finish


def main():
    """Run the command line; give the exit code."""
    try:
        return leave(finish(_command))
    except Exception:  # a fault of ours; the other ranks, if there are any, must not wait for us
        traceback.print_exc()
        return leave(1)


def _command():
    # Takes a moment, in which an end may come, too.
    from minunet.engine.memory import keep_freed_memory
    from minunet.tool.cli import run

    keep_freed_memory()  # of the whole process, which is minunet's own
    return run()


if __name__ == "__main__":
    sys.exit(main())
