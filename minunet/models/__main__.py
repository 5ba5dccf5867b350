"""``python -m minunet.models RUN FILE``: a run's best model, at half its size."""

import sys

from minunet.checkpoint import publish
from minunet.ending import finish

if len(sys.argv) != 3:
    sys.exit("usage: python -m minunet.models RUN FILE.npz")
sys.exit(finish(lambda: publish(*sys.argv[1:])))
