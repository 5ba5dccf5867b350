"""Grade a file of exercises: each task in a process of its own, with a time limit."""

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

from minunet.engine.files import InputError, check_new, check_writable, replacing
from minunet.engine.words import plural
from minunet.tool.exercises.network import SLOW
from minunet.tool.exercises.tasks import TASKS
from minunet.tool.exercises.verdict import Verdict

LIMIT, LIMIT_OF = 30, {9: 120}  # seconds for a task
KEPT = 4000  # characters of what a learner's code prints, the last


def grade(path, numbers=(), report=None):
    """Grade tasks of a learner's file, and print a verdict on each.

    Parameters
    ----------
    path : str or Path
        The file.
    numbers : sequence of int
        The tasks; all if there are none.
    report : str or Path, optional
        A new file in JSON for the verdicts.

    Returns
    -------
    bool
        Whether all these tasks passed.

    Raises
    ------
    InputError
        If the file cannot be read or is no Python, if a task is none, or `report` is there.
    """
    path = Path(path)
    numbers = sorted(set(numbers)) or list(TASKS)
    if unknown := [number for number in numbers if number not in TASKS]:
        raise InputError(f"there is no task {unknown[0]}; the tasks are 1 to {max(TASKS)}")
    _check_source(path)
    if report:
        check_new([report])
        check_writable(report)
    graded = []
    for number in numbers:
        begun = time.monotonic()
        verdict, printed = run_task(path, number)
        graded.append({"task": number, "title": TASKS[number].title, **verdict._asdict(),
                       "seconds": round(time.monotonic() - begun, 1)})
        lines = verdict.lines(number, TASKS[number].title)
        if printed and not verdict.passed:
            lines += ["    your code printed, at last:", *(f"    | {s}" for s in printed[-8:])]
        for line in lines:  # what a learner's code said might hold orders to a terminal
            print("".join(c if c.isprintable() else "?" for c in line))
    passed = sum(task["passed"] for task in graded)
    print(f"{passed} of {plural(len(graded), 'task')} passed")
    if report:
        with replacing(report) as temporary:
            temporary.write_text(json.dumps({"file": str(path), "passed": passed,
                                             "of": len(graded), "tasks": graded},
                                            indent=2, ensure_ascii=False) + "\n",
                                 encoding="utf-8", errors="replace")
    return passed == len(graded)


def run_task(path, number):
    """Grade one task in a process of its own.

    Parameters
    ----------
    path : Path
    number : int

    Returns
    -------
    verdict : Verdict
    printed : list of str
        The last lines that the learner's code printed.
    """
    limit = LIMIT_OF.get(number, LIMIT)
    process = subprocess.Popen(
        [sys.executable, "-m", "minunet.tool.exercises.worker", str(path.resolve()), str(number)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env=os.environ | {"PYTHONIOENCODING": "utf-8:replace"})
    told, printed = [], bytearray()
    readers = [threading.Thread(target=_read, args=(process.stdout, told), daemon=True),
               threading.Thread(target=_read_end, args=(process.stderr, printed), daemon=True)]
    for reader in readers:
        reader.start()
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end(process)
        for reader in readers:
            reader.join(1)
    return _verdict(told, code, limit), bytes(printed).decode("utf-8", "replace").splitlines()


def _read(pipe, lines):
    with pipe:
        lines.extend(pipe)


def _read_end(pipe, kept):
    """Keep the last of what comes; all must be read, or the process would wait."""
    with pipe:
        while piece := pipe.read1(65536):
            kept += piece
            del kept[:-KEPT]


def _end(process):
    """End the process and all that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _verdict(told, code, limit):
    """What the process said last; if that is no verdict, why it could not say one."""
    messages = []
    for line in told:
        with suppress(ValueError):
            messages.append(json.loads(line))
    last = messages[-1] if messages else {"stage": "the start"}
    if "verdict" in last:
        return Verdict(**last["verdict"])
    where = last["stage"] if isinstance(last["stage"], str) else last["stage"][0]
    if code is None:
        hint = SLOW if where.startswith("step") else "is there a loop that never ends?"
        return Verdict(False, f"not done after {limit} seconds", hint, case=(f"at: {where}",))
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return Verdict(False, f"the process ended with {how}, before it was graded",
                   case=(f"at: {where}",))


def _check_source(path):
    """Raise `InputError` unless the file is Python that does not import minunet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash too many, for example
            tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; minunet exercises DIR writes a "
                         "file to begin with") from error
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputError(f"{path}{f', line {line}' if line else ''}: this is no Python: "
                         f"{getattr(error, 'msg', error)}") from error
    for node in ast.walk(tree):
        names = ([alias.name for alias in node.names] if isinstance(node, ast.Import) else
                 [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        if any(name.split(".")[0] == "minunet" for name in names):
            raise InputError(f"{path}, line {node.lineno}: the operations are to be written with "
                             "NumPy alone; take out the import of minunet")
