"""One call of a learner's operation: what came out, and whether that is right."""

import traceback
import warnings
from typing import NamedTuple

import numpy as np

from minunet.tool.exercises.operations import Case, expected

TOLERANCE = 1e-8  # of the largest number, or of 1


class NotWritten(Exception):
    """A function is still as it was in the exercise, or missing."""


class Trial(NamedTuple):
    """What a learner's operation gave for one case."""

    case: Case
    expected: dict  # by name: y and the gradients
    got: dict  # the same names, as far as it came
    fault: str = ""  # what went wrong on the way, in words
    after: str = ""  # and whether that was in "forward" or "backward"


def same(a, b):
    """Whether two arrays have one shape, and equal numbers but for rounding."""
    if a is None or b is None:
        return a is b
    scale = max(1.0, np.abs(b[np.isfinite(b)]).max(initial=0))
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=TOLERANCE * scale, equal_nan=True)


def function_of(functions, name):
    """Find a learner's function by its name, or raise `NotWritten`."""
    if not callable(functions.get(name)):
        raise NotWritten(f"there is no function {name}")
    return functions[name]


def call(functions, name, *arguments, **options):
    """Call a learner's function.

    Returns
    -------
    result : object
    fault : str
        What it raised, and in which line; empty if nothing.
    """
    function = function_of(functions, name)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*arguments, **options), ""
    except NotImplementedError as error:
        raise NotWritten(f"not written yet: {error or name}") from error
    except (Exception, SystemExit) as error:  # a learner's code may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
                 if frame.filename == functions["__file__"]]
        where = f" (line {lines[-1]})" if lines else ""
        text = " ".join(str(error).split())[:200]
        return None, f"{name} raises {type(error).__name__}: {text}{where}"


def as_array(name, value):
    """Give a result as an array of float64, or None; and what is wrong with it in words."""
    if value is None:
        return None, f"{name} is None: not written yet, or is a `return` missing?"
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "fiub" or isinstance(value, list | tuple):
        return None, f"{name} must be an array of numbers, not {type(value).__name__}"
    return array.astype(np.float64), ""


def attempt(functions, operation, case, asked, between=None):
    """Let a learner's operation compute a case, forward and backward.

    Parameters
    ----------
    functions : dict
        What the learner's file defines, by name.
    operation : Operation
    case : Case
    asked : sequence of str
        The names of what is graded; others may be None.
    between : Case, optional
        On which forward is called before the way back, as a network calls it on the next level.

    Returns
    -------
    Trial
    """
    right = expected(operation, case)
    given = [None if a is None else a.copy() for a in case.arguments.values()]
    forward, backward = f"{operation.name}_forward", f"{operation.name}_backward"
    result, fault = call(functions, forward, *given, **case.options)
    if not fault and not (isinstance(result, tuple) and len(result) == 2):
        fault = f"{forward} must return y, cache"
    if fault:
        return Trial(case, right, {}, fault, "forward")
    y, fault = as_array("y", result[0])
    trial = Trial(case, right, {"y": y}, fault, "forward" if fault else "")
    if fault or list(asked) == ["y"] or not same(y, right["y"]):
        return trial
    if between:
        others = [None if a is None else a.copy() for a in between.arguments.values()]
        call(functions, forward, *others, **between.options)
    result, fault = call(functions, backward, case.dy.copy(), result[1])
    return _with_gradients(trial, result, fault, operation, asked)


def _with_gradients(trial, result, fault, operation, asked):
    """The trial with what backward returned."""
    names, got = operation.gradients, dict(trial.got)
    result = result if isinstance(result, tuple) else (result,)
    if not fault and len(result) != len(names):
        fault = f"{operation.name}_backward must return {', '.join(names)}"
    if fault:
        return trial._replace(fault=fault, after="backward")
    for name, value in zip(names, result, strict=True):
        if name not in asked or value is None and trial.expected[name] is None:
            got[name] = None
            continue
        got[name], fault = as_array(name, value)
        if trial.expected[name] is None:
            fault = f"{name} must be None where b is None"
        if fault:
            return trial._replace(got=got, fault=fault, after=name)
    return trial._replace(got=got)
