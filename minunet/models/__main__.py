"""``python -m minunet.models RUN FILE``: a run's best model, at half its size."""

import sys

from minunet.checkpoint import publish
from minunet.files import InputError

if len(sys.argv) != 3:
    sys.exit("usage: python -m minunet.models RUN FILE.npz")
try:
    publish(*sys.argv[1:])
except InputError as error:
    sys.exit(f"minunet: error: {error}")
