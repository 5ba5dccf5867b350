"""Print the declared minimum of every requirement as pip's constraints: numpy>=2.0 as numpy==2.0.

    python .ci/minimums.py test docs > minimums.txt

What is declared is read from the minunet that is installed, with the extras that are named.
"""

import re
import sys
from importlib.metadata import requires

for requirement in requires("minunet"):
    # numpy>=2.0, or pytest>=8; extra == "test"
    declared, _, extra = requirement.partition(";")
    if extra and re.search(r'extra == "(.+?)"', extra)[1] not in sys.argv[1:]:
        continue
    name, least, version = declared.strip().partition(">=")
    if not least:
        sys.exit(f"{requirement} declares no minimum")
    print(f"{name}=={version}")
