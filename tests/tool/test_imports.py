"""A command imports what it uses: to say the version, little is needed."""

import subprocess
import sys

import pytest

from minunet.tool.arguments.bench import PARTS
from minunet.tool.bench import PARTS as MEASURED

SCRIPT = """
import sys
from minunet.__main__ import main

try:
    main()
finally:
    print(*sys.modules)
"""
SLOW = {"matplotlib", "skimage", "scipy.ndimage", "scipy.spatial", "scipy.sparse", "nibabel",
        "tifffile", "PIL"}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["train", "--help"],
                                   ["bench", "--help"]], ids=" ".join)
def test_what_only_explains_itself_imports_nothing_that_takes_long(words):
    done = subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True,
                          check=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert "minunet.tool.arguments.train" in modules  # the list is that of this process
    assert not modules & SLOW
    assert not {name for name in modules if name.startswith("minunet.tool.commands")}


def test_the_parts_that_bench_says_it_measures_are_those_that_it_measures():
    assert PARTS == tuple(MEASURED)
