"""Print the declared minimum of every requirement as pip's constraints: numpy>=2.0 as numpy==2.0.

    python3 .ci/minimums.py setup.cfg > minimums.txt
"""

import sys
from configparser import ConfigParser

config = ConfigParser()
config.read(sys.argv[1], encoding="utf-8")
extras = config["options.extras_require"]
for requirement in "\n".join(
        [config["options"]["install_requires"], extras["test"], extras["docs"]]).split():
    name, least, version = requirement.partition(">=")
    if not least:
        sys.exit(f"{requirement} declares no minimum")
    print(f"{name}=={version}")
