"""``python -m minunet``, and the program ``minunet``: the command line."""

import sys

from minunet.tool.ending import finish


def main():
    """Run the command line; give the exit code."""
    return finish(_command)


def _command():
    # Takes a moment, in which an end may come, too.
    from minunet.engine.memory import keep_freed_memory
    from minunet.tool.cli import run

    keep_freed_memory()  # of the whole process, which is minunet's own
    return run()


if __name__ == "__main__":
    sys.exit(main())
