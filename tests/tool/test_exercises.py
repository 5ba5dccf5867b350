"""The exercises as a learner meets them: the file, the grades, and code that does anything."""

import ast
import doctest
import inspect
import json
from pathlib import Path

import pytest
import solved_exercises
from commands import refusal

from minunet import ops
from minunet.tool.cli import main
from minunet.tool.exercises import network, unet_by_hand
from minunet.tool.exercises.grade import run_task
from minunet.tool.exercises.tasks import TASKS, examine

ROOT = Path(__file__).parents[2]
SOLUTION = solved_exercises.__file__
FUNCTIONS = dict(inspect.getmembers(unet_by_hand, inspect.isfunction))


def graded(capsys, *arguments):
    """Run ``minunet grade``; give its exit code and its lines."""
    code = main(["grade", *map(str, arguments)])
    return code, capsys.readouterr().out.splitlines()


@pytest.fixture
def written(tmp_path):
    """Write a learner's file; give its path."""
    def write(text):
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_file_is_written_and_never_overwritten(tmp_path, capsys):
    folder = tmp_path / "new" / "folder"
    assert main(["exercises", str(folder)]) == 0
    assert "unet_by_hand.py holds nine tasks" in capsys.readouterr().out
    (folder / "unet_by_hand.py").write_text("my work")
    assert "is there already" in refusal(capsys, "exercises", folder)
    assert (folder / "unet_by_hand.py").read_text() == "my work"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "cannot write" in refusal(capsys, "exercises", tmp_path / "file" / "folder")


def test_each_task_of_the_new_file_is_not_written_yet():
    functions = FUNCTIONS | {"__file__": unet_by_hand.__file__}
    for number in TASKS:
        verdict = examine(number, functions)
        assert not verdict.passed and not verdict.written
        assert "not written yet: task" in verdict.problem


def test_the_file_holds_no_solution():
    tree = ast.parse(Path(unet_by_hand.__file__).read_text(encoding="utf-8"))
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            kinds = [type(node) for node in function.body]
            assert ast.Raise in kinds
            assert set(kinds) <= {ast.Expr, ast.Raise, ast.Assign, ast.Return}


def test_the_operations_are_called_as_minunets_are():
    for name in FUNCTIONS.keys() & set(ops.__all__):
        asked, there = (inspect.signature(module[name]).parameters
                        for module in (FUNCTIONS, vars(ops)))
        for key, parameter in asked.items():
            assert (parameter.default, parameter.kind) == (there[key].default, there[key].kind)
        assert list(asked) == list(there)[: len(asked)]


def test_the_worked_numbers_are_right():
    text = Path(unet_by_hand.__file__).read_text(encoding="utf-8")
    runner = doctest.DocTestRunner()
    for function in ast.parse(text).body:
        if isinstance(function, ast.FunctionDef):
            names = vars(solved_exercises).copy()
            runner.run(doctest.DocTestParser().get_doctest(
                ast.get_docstring(function), names, function.name, None, 0))
    assert runner.summarize(verbose=False) == (0, 12)


def test_what_grading_asks_for_is_said_where_it_is_written():
    told = " ".join(unet_by_hand.__doc__.split())
    assert "In the grading inputs are float64" in told
    assert "Backward may be called twice with one cache: do not empty or change it" in told
    stub = inspect.getsource(unet_by_hand.conv_backward).splitlines()
    assert "Task 5: write dx in the same function" in stub[-2] and "return dx" in stub[-1]


def test_the_page_names_the_pages_that_quote_solutions():
    text = (ROOT / "docs" / "exercises.md").read_text(encoding="utf-8")
    for page, heading, quoted in [("skip", "Small enough to see", ">>> def level_backward"),
                                  ("unet", "As code", "def double_conv_backward")]:
        of_page = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        assert quoted in of_page.partition(f"\n## {heading}\n")[2]
        assert quoted not in of_page.partition(f"\n## {heading}\n")[0]
        assert f"]({page}.md) read" in text and heading in " ".join(text.split())


def test_the_pages_and_headings_to_read_exist():
    for task in TASKS.values():
        for part in task.parts:
            text = (ROOT / part.page).read_text(encoding="utf-8")
            assert all(f"\n## {heading}\n" in text for heading in part.headings)


def test_the_solution_passes_and_the_verdicts_are_written(tmp_path, capsys):
    code, lines = graded(capsys, SOLUTION, 1, 9, "--json", tmp_path / "verdicts.json")
    assert code == 0
    assert lines == ["task 1 passed: ReLU", "task 9 passed: the U-Net", "2 of 2 tasks passed"]
    verdicts = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert (verdicts["passed"], verdicts["of"]) == (2, 2)
    assert [task["task"] for task in verdicts["tasks"]] == [1, 9]
    assert "is there already" in refusal(capsys, "grade", SOLUTION, "--json",
                                         tmp_path / "verdicts.json")


def test_one_task_is_a_task(capsys):
    assert graded(capsys, SOLUTION, 1)[1][-1] == "1 of 1 task passed"


def test_a_network_that_does_not_learn_has_a_low_dice(monkeypatch):
    monkeypatch.setattr(network, "STEPS", 2)

    def backward(dlogits, cache, depth):
        dx, grads = solved_exercises.backward(dlogits, cache, depth)
        return dx, {key: 0 * gradient for key, gradient in grads.items()}

    assert network.learn(solved_exercises.forward, backward) < network.ENOUGH


def test_a_wrong_task_shows_the_smallest_case_the_hint_and_the_page_as_the_docs_say(
        written, capsys):
    text = Path(SOLUTION).read_text(encoding="utf-8")
    right = "dy.sum(axis=(0, 1, 2))\n    return dx, dw, db"
    assert right in text
    code, lines = graded(capsys, written(text.replace(right, "dy[0].sum(axis=(0, 1))\n"
                                                      "    return dx, dw, db")), 4)
    assert code == 1
    assert "\n".join(lines) in (ROOT / "docs" / "exercises.md").read_text(encoding="utf-8")


def test_a_network_that_is_too_slow_is_told_early(monkeypatch):
    monkeypatch.setattr(network, "TOO_LONG", 0)
    verdict = examine(9, vars(solved_exercises))
    assert "a step of learning takes" in verdict.problem
    assert "let NumPy do images, pixels and channels at once" in verdict.hint


ANYTHING = [
    ("raise ZeroDivisionError", "relu_forward raises ZeroDivisionError"),
    ("exit()", "relu_forward raises SystemExit"),
    ("import os; os._exit(3)", "ended with exit code 3"),
    ("import os; os.abort()", "ended with SIGABRT"),
    ("import sys; sys.stdout.write('no json'); import os; os.write(1, b'{}'); return 1",
     "relu_forward must return y, cache"),
    ("return 'text', 1", "y must be an array of numbers, not str"),
    ("return [[1], [1, 2]], 1", "y must be an array of numbers, not list"),
    ("return x", "relu_forward must return y, cache"),
    ("pass", "relu_forward must return y, cache"),
]


@pytest.mark.parametrize(("body", "words"), ANYTHING)
def test_code_that_does_anything_is_survived(written, body, words):
    path = written(f"def relu_forward(x):\n    {body}\n\n\ndef relu_backward(dy, cache): pass\n")
    verdict, _ = run_task(path, 1)
    assert not verdict.passed
    assert words in verdict.problem


def test_code_that_never_ends_is_ended(written, monkeypatch):
    monkeypatch.setitem(run_task.__globals__, "LIMIT", 3)
    path = written("def relu_forward(x):\n    while True:\n        print('a' * 1000)\n\n\n"
                   "def relu_backward(dy, cache): pass\n")
    verdict, printed = run_task(path, 1)
    assert verdict.problem == "not done after 3 seconds"
    assert len("".join(printed)) <= 4000


def test_what_code_prints_is_shown_apart(written, capsys):
    code, lines = graded(capsys, written("def relu_forward(x):\n    print('shape', x.shape)\n"
                                         "    return x, x\n\n\nrelu_backward = relu_forward"), 1)
    assert code == 1
    assert "    | shape (1, 1, 1, 1)" not in lines[:5]
    assert lines[-2].startswith("    | shape (")


def test_letters_that_cannot_be_written_are_question_marks(written, tmp_path, capsys):
    path = written("def relu_forward(x):\n    print('\\x1b[2J')\n"
                   "    raise ValueError('\\x1b \\udcff')\n\n\nrelu_backward = relu_forward")
    code, lines = graded(capsys, path, 1, "--json", tmp_path / "verdicts.json")
    assert code == 1
    assert "relu_forward raises ValueError: ? ?" in lines[0]
    assert lines[-2] == "    | ?[2J"
    assert json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))["passed"] == 0


@pytest.mark.parametrize(("text", "words"), [
    ("def broken(:", "line 1: this is no Python"),
    ("import numpy\nfrom minunet import ops", "line 2: the operations are to be written"),
    ("x = '\0'", "this is no Python"),
])
def test_a_file_that_cannot_be_graded_is_one_line(written, capsys, text, words):
    assert words in refusal(capsys, "grade", written(text))


def test_a_missing_file_and_a_task_that_is_none_are_one_line(tmp_path, capsys):
    assert "cannot read" in refusal(capsys, "grade", tmp_path / "none.py")
    assert "cannot read" in refusal(capsys, "grade", tmp_path)
    assert "there is no task 10" in refusal(capsys, "grade", SOLUTION, 10)


def test_a_missing_function_is_named(written):
    assert run_task(written("x = 1"), 3)[0].problem == "there is no function conv_forward"


def test_a_file_that_fails_when_it_is_read_is_told(written):
    verdict, _ = run_task(written("import numpy\n1 / 0"), 2)
    assert verdict.problem == "the file ends with ZeroDivisionError: division by zero"


def test_a_task_waits_for_the_one_that_it_needs():
    functions = vars(solved_exercises).copy()
    functions["conv_forward"] = lambda x, w, b=None, *, stride=1, padding=0: (
        2 * solved_exercises.conv_forward(x, w, b, stride=stride, padding=padding)[0], None)
    for number in (4, 5):
        assert examine(number, functions).problem == "this needs task 3, which does not pass yet"
