"""Run an example and hold what it prints against the "Expected output" in its docstring.

    python tests/helpers/check_example.py examples/01_see_a_convolution.py FIGURE.png

Apart from spaces, the two must be the same. "..." stands for anything; and where the words
before the output say that last digits may differ by some number, they may.
"""

import ast
import re
import subprocess
import sys
import textwrap
from itertools import zip_longest
from pathlib import Path
from pkgutil import walk_packages

import minunet

NUMBER = r"-?\d+\.\d+"
DEPRECATED = "DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"
OURS = ["__main__", *(module.name for module in walk_packages(minunet.__path__, "minunet."))]
# As in setup.cfg; but here a rule takes the whole name of a module.
RULES = ["error", *(f"ignore::{name}" for name in DEPRECATED), *(f"error:::{m}" for m in OURS)]


def promise(script):
    """The output that a script promises, and by how much last digits may differ from it."""
    docstring = ast.get_docstring(ast.parse(Path(script).read_text(encoding="utf-8")))
    words, output = docstring.split("Expected output")[1].split("::\n", 1)
    slack = re.search(r"last digits may differ by (\d+)", words)
    return textwrap.dedent(output), int(slack[1]) if slack else 0


def run(script, figure):
    """Run a script as a reader does, only with its warnings as errors; give what it prints."""
    rules = [f"-W{rule}" for rule in RULES]
    command = [sys.executable, *rules, "-X", "utf8", str(script), str(figure)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stderr}")
    return done.stdout


def difference(printed, expected, slack=0):
    """The first line that is not as expected, and what was; "" if there is none."""
    lines = (text.strip().splitlines() for text in (printed, expected))
    for got, want in zip_longest(*lines, fillvalue="(nothing)"):
        if not _agree(got, want, slack):
            return f"expected: {want}\nprinted:  {got}"
    return ""


def _agree(got, want, slack):
    got, want = (" ".join(line.split()) for line in (got, want))
    if slack:
        pairs = zip(re.findall(NUMBER, got), re.findall(NUMBER, want), strict=False)
        if not all(_close(*pair, slack) for pair in pairs):
            return False
        got, want = (re.sub(NUMBER, "a number", line) for line in (got, want))
    return re.fullmatch(re.escape(want).replace(r"\.\.\.", ".*"), got) is not None


def _close(a, b, slack):
    digits = len(b.split(".")[1])
    same_precision = len(a.split(".")[1]) == digits
    return same_precision and abs(float(a) - float(b)) < (slack + 0.5) * 10**-digits


def main(script, figure):
    """Print what the script prints; end with an error unless it is as promised."""
    printed = run(script, figure)
    print(printed, end="")
    sys.exit(difference(printed, *promise(script)) or None)


if __name__ == "__main__":
    main(*sys.argv[1:])
