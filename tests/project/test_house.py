"""Imports run one way: the lesson knows nothing of the tool, and the engine nothing of the lesson.

The rooms of the package, from the ground up. A module may import from its own room and from those
before it; nowhere do imports go round in a circle.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import minunet

PACKAGE = Path(minunet.__file__).parent
FLOORS = [
    {"engine"},
    {"ops"},
    {"plain", "layers", "blocks", "inference", "optim", "gradcheck", "metrics", "data"},
    {"unet", "predict", "look"},
    {"minunet", "proofs"},  # the first is the package's face
    {"train"},
    {"tool"},
    {"models", "plain_demo", "__main__"},
]
LESSON = {"plain", "ops", "layers", "blocks", "inference", "optim", "gradcheck", "metrics", "unet",
          "predict", "look", "proofs"}


def imports():
    """What each module of the package imports of the package: names by name."""
    modules = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("minunet", *path.relative_to(PACKAGE).with_suffix("").parts)
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found = {}
    for name, path in modules.items():
        named = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} imports by a relative name"
                named |= {whole if (whole := f"{node.module}.{alias.name}") in modules
                          else node.module for alias in node.names}
        found[name] = (named & modules.keys()) - {name}
    return found


def room(module):
    """The name at the top of the package that the module belongs to."""
    return (module.split(".") + ["minunet"])[1] if module != "minunet" else "minunet"


def floor(module):
    return next(i for i, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_every_room_has_a_floor_and_there_are_at_most_18_names_at_the_top():
    rooms = {room(name) for name in imports()}
    assert rooms == set().union(*FLOORS)
    assert len(rooms - {"minunet", "__main__"}) <= 18
    assert len(FLOORS) <= 8


def test_no_import_goes_up():
    up = [f"{name} imports {other}" for name, others in imports().items() for other in others
          if floor(other) > floor(name)]
    assert not up


def test_imports_do_not_go_round_in_a_circle():
    TopologicalSorter({name: others - {"minunet"} for name, others in imports().items()}).prepare()


def test_the_lesson_never_imports_the_tool_and_ops_know_nothing_of_the_network():
    for name, others in imports().items():
        rooms = {room(other) for other in others}
        if room(name) in LESSON:
            assert not rooms & {"tool", "train", "models"}, name
        if room(name) == "ops":
            assert rooms <= {"ops", "engine"}, name
        if room(name) == "plain":
            assert not rooms


def test_ops_know_two_verbs_of_the_engine_and_what_is_fast_has_the_others():
    verbs = {"parallel", "parts", "row_blocks", "per_block", "add_up", "workers"}
    for path in (PACKAGE / "ops").glob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.Name)}
        assert not names & verbs, path
