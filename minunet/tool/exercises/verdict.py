"""What is said about a task: passed, or the smallest case that fails, and why."""

from typing import NamedTuple

import numpy as np

SHOWN = 12  # numbers of an array, at most, that are printed


class Verdict(NamedTuple):
    """The grade of a task, and what to do about it."""

    passed: bool
    problem: str = ""
    hint: str = ""
    page: str = ""
    heading: str = ""
    case: tuple = ()  # lines: the smallest case that fails, what was expected, what came
    written: bool = True

    def lines(self, number, title):
        """Give the verdict as lines of text."""
        if self.passed:
            return [f"task {number} passed: {title}"]
        lines = [f"task {number} failed: {title}: {self.problem}", *self.case]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        if self.page:
            lines.append(f'read: {self.page}, "{self.heading}"')
        return [lines[0], *(f"    {line}" for line in lines[1:])]


def describe(case, trial=None, name=None):
    """Give a case as lines: its shapes, and where a trial of it is given, the numbers.

    Parameters
    ----------
    case : Case
    trial : Trial, optional
    name : str, optional
        Of the result that is wrong.

    Returns
    -------
    tuple of str
    """
    given = _given(case, name)
    shapes = [f"{key} {array.shape}" for key, array in given.items() if key != "dy"]
    options = [f"{key} {value}" for key, value in case.options.items()]
    lines = [", ".join(shapes + options)]
    if trial is None:
        return tuple(lines)
    lines[0] = f"the smallest case that fails: {lines[0]}"
    if _few(given):
        lines.append("given: " + ", ".join(f"{k} = {_text(a)}" for k, a in given.items()))
    if trial.after == "backward":  # nothing came: what was expected would only mislead
        return tuple(lines)
    return (*lines, *_compared(name, trial.expected[name], trial.got.get(name)))


def has_few_numbers(case, name):
    """Whether what is given in a case is printed: whether it can be done with pencil and paper.

    Parameters
    ----------
    case : Case
    name : str
        Of the result that is wrong.

    Returns
    -------
    bool
    """
    return _few(_given(case, name))


def _given(case, name):
    given = {key: array for key, array in case.arguments.items() if array is not None}
    return given if name == "y" else given | {"dy": case.dy}


def _few(given):
    return all(array.size <= SHOWN for array in given.values())


def _compared(name, right, got):
    """What was expected, and what came."""
    if right is None:
        return [f"expected: {name} = None"]
    if got is None:
        return [f"expected: {name} of shape {right.shape}" + _small(right)]
    if got.shape != right.shape:
        return [f"expected: {name} of shape {right.shape}{_small(right)}; yours: {got.shape}"
                + _small(got)]
    if right.size <= SHOWN:
        digits = _digits(right, got)
        return [f"expected: {name} = {_text(right, digits)}; yours: {_text(got, digits)}"]
    off = np.abs(got - right) > 1e-8 * np.abs(right).max()
    off |= ~np.isfinite(got)
    index = tuple(int(i) for i in np.argwhere(off)[0])
    digits = _digits(right[index], got[index])
    return [f"expected: {name}[{', '.join(map(str, index))}] = {_text(right[index], digits)}; "
            f"yours: {_text(got[index], digits)}; {off.sum()} of {right.size} numbers are wrong"]


def _small(array):
    return f", {_text(array)}" if 0 < array.size <= SHOWN else ""


def _digits(right, got):
    """As many digits as it takes to see that they are not the same."""
    return next((digits for digits in (6, 9, 12) if _text(right, digits) != _text(got, digits)),
                17)


def _text(array, digits=6):
    """The numbers in a row, a tuple of them if there are several."""
    numbers = ", ".join(f"{value + 0:.{digits}g}" for value in array.ravel().tolist())
    return f"({numbers})" if array.size != 1 else numbers
