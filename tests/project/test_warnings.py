"""A warning fails the suite, save a deprecation among other packages' own lines."""

import re
import warnings
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPRECATIONS = [DeprecationWarning, PendingDeprecationWarning, FutureWarning]


def call_in(module, line, **names):
    """Run a line of Python as if it stood in `module`."""
    exec(line, {"__name__": module, "warnings": warnings, **names})


@pytest.mark.parametrize("category", DEPRECATIONS)
@pytest.mark.parametrize("module", ["skimage.measure._marching_cubes_lewiner", "matplotlib", "np"])
def test_what_other_packages_deprecate_passes(module, category):
    call_in(module, "warnings.warn('old', category)", category=category)


@pytest.mark.parametrize("category", [*DEPRECATIONS, RuntimeWarning, UserWarning])
@pytest.mark.parametrize("module", ["minunet", "minunet.ops.pool", "test_cli", "conftest",
                                    "strict_tables", "02_check_a_gradient", "__main__"])
def test_what_our_own_lines_warn_of_fails(module, category):
    with pytest.raises(category, match="old"):
        call_in(module, "warnings.warn('old', category)", category=category)


@pytest.mark.parametrize("module, fails", [("minunet.tool.plots", True), ("skimage.io", False)])
def test_a_deprecated_call_is_the_callers(module, fails):
    """Who calls what is deprecated is told by the warning's stacklevel."""
    def deprecated():
        warnings.warn("old", DeprecationWarning, stacklevel=2)

    if fails:
        with pytest.raises(DeprecationWarning, match="old"):
            call_in(module, "deprecated()", deprecated=deprecated)
    else:
        call_in(module, "deprecated()", deprecated=deprecated)


@pytest.mark.parametrize("category", [RuntimeWarning, UserWarning, ResourceWarning])
def test_other_warnings_of_other_packages_fail(category):
    with pytest.raises(category, match="overflow"):
        call_in("scipy.special", "warnings.warn('overflow', category)", category=category)


def test_every_module_of_the_project_is_named_as_ours():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    rules = config["tool:pytest"]["filterwarnings"].split()
    ours = [rule.removeprefix("error:::") for rule in rules if rule.startswith("error:::")]
    modules = {path.stem for folder in ("tests", "docs", "examples")
               for path in (ROOT / folder).rglob("*.py")} - {"conf"}  # Sphinx runs it, no test
    assert not {name for name in modules if not any(re.match(rule, name) for rule in ours)}
