"""``python -m minunet``, and the program ``minunet``: the command line."""

import sys

from minunet.tool.ending import finish


def main():
    """Run the command line; give the exit code."""
    return finish(_command)


def _command():
    from minunet.tool.cli import (
        main,  # takes a moment: an end that comes meanwhile is one line, too
    )

    return main()


if __name__ == "__main__":
    sys.exit(main())
