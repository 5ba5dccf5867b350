"""The process in which a learner's code runs: ``python -m …exercises.worker FILE TASK``.

It writes lines of JSON to what was its standard output: ``{"stage": …}`` before each step, so that
one that never ends is known, and at last ``{"verdict": …}``. What the learner's code prints goes
to standard error.
"""

import json
import os
import sys
from pathlib import Path

from minunet.tool.exercises.tasks import examine
from minunet.tool.exercises.verdict import Verdict


def load(path):
    """Run a learner's file; give what it defines.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        By name, with "__file__".
    """
    functions = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(path.read_bytes(), str(path), "exec"), functions)
    return functions


def main(path, number):
    """Grade one task, and tell."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.append(str(Path(path).parent))  # a helper module may lie beside it

    def tell(**message):
        print(json.dumps(message), file=channel, flush=True)

    tell(stage="reading the file")
    try:
        functions = load(Path(path))
    except (Exception, SystemExit) as error:
        verdict = Verdict(False, f"the file ends with {type(error).__name__}: {error}")
    else:
        verdict = examine(int(number), functions, lambda text: tell(stage=text))
    tell(verdict=verdict._asdict())


if __name__ == "__main__":
    main(*sys.argv[1:])
