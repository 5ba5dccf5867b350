"""``python -m minunet``: the command line."""

import sys

from minunet.cli import main

if __name__ == "__main__":
    sys.exit(main())
