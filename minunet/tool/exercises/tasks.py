"""The nine tasks, and the verdict on one of them."""

from typing import NamedTuple

import numpy as np

from minunet.engine.purity import try_twice
from minunet.tool.exercises.cases import cases_of
from minunet.tool.exercises.hints import find_hint, wrong
from minunet.tool.exercises.network import examine_network
from minunet.tool.exercises.operations import OPERATIONS
from minunet.tool.exercises.trials import NotWritten, attempt, function_of, same
from minunet.tool.exercises.verdict import Verdict, describe

HEADINGS = "The formula", "The derivation"


class Part(NamedTuple):
    """What a task asks of one operation."""

    operation: str
    asked: tuple  # "y", and the names of gradients
    page: str
    headings: tuple = HEADINGS  # where to read about y, and about gradients
    needs: tuple = ()  # tasks that must be right before this can be


class Task(NamedTuple):
    """A task of the exercises."""

    title: str
    parts: tuple


CONVOLUTION, NORMALISATION = "docs/ops/convolution.md", "docs/ops/batch_normalisation.md"
SKIP, UP = "docs/skip.md", "docs/ops/transposed_convolution.md"
TASKS = {
    1: Task("ReLU", (Part("relu", ("y", "dx"), "docs/ops/relu.md"),)),
    2: Task("max pooling", (Part("max_pool", ("y", "dx"), "docs/ops/max_pooling.md"),)),
    3: Task("the convolution", (Part("conv", ("y",), CONVOLUTION),)),
    4: Task("the convolution's db and dw",
            (Part("conv", ("db", "dw"), CONVOLUTION, needs=(3,)),)),
    5: Task("the convolution's dx",
            (Part("conv", ("dx", "dw", "db"), CONVOLUTION, needs=(3,)),)),
    6: Task("the up-convolution", (Part("conv_transpose", ("y", "db", "dw", "dx"), UP),)),
    7: Task("batch normalisation",
            (Part("batch_norm", ("y", "dbeta", "dgamma", "dx"), NORMALISATION),)),
    8: Task("the skip", (Part("concat", ("y", "dskip", "dup"), "docs/ops/concatenation.md"),
                         Part("level", ("y", "db", "dw", "dx"), SKIP, ("The rule", "The rule"),
                              needs=(2, 6)))),
    9: Task("the U-Net", ()),
}


def examine(number, functions, stage=lambda text: None):
    """Grade one task.

    Parameters
    ----------
    number : int
    functions : dict
        What the learner's file defines, by name, and "__file__".
    stage : callable
        Told in words what comes next, before it begins.

    Returns
    -------
    Verdict
    """
    parts = TASKS[number].parts
    try:
        if not parts:
            return _unless_needed(examine_network(functions, stage), range(1, number), functions)
        for part in parts:
            verdict = _unless_needed(_examine_part(part, functions, stage), part.needs, functions)
            if not verdict.passed:
                return verdict
    except NotWritten as error:
        return Verdict(False, str(error), written=False)
    return Verdict(True)


def _unless_needed(verdict, needs, functions):
    """The verdict; or, if it is bad, that a task which comes before is not right yet."""
    for number in () if verdict.passed else needs:
        if not examine(number, functions).passed:
            return Verdict(False, f"this needs task {number}, which does not pass yet")
    return verdict


def _examine_part(part, functions, stage):
    operation, trials = OPERATIONS[part.operation], []
    for way in ("forward", "backward")[: 1 if part.asked == ("y",) else 2]:
        function_of(functions, f"{operation.name}_{way}")
    for case in cases_of(operation.name):
        stage(describe(case))
        trials.append(attempt(functions, operation, case, part.asked))
    for name in part.asked:
        faulty = [trial for trial in trials if wrong(trial, name)]
        if faulty:
            return _failed(part, functions, name, trials, faulty[0])
    stage("calling it twice")
    largest = max((t.case for t in trials if all(a is not None for a in t.case.arguments.values())),
                  key=lambda case: case.size)
    verdict = _pure(functions, operation, part, largest)
    if verdict.passed:
        verdict = _apart(functions, operation, part, largest, trials[0].case)
    return verdict


def _failed(part, functions, name, trials, smallest):
    operation = OPERATIONS[part.operation]
    name = smallest.after if smallest.after in operation.gradients else name
    hint = (_unsteady(functions, operation, smallest.case)
            or find_hint(operation, name, trials))
    return Verdict(False, smallest.fault or f"{name} is wrong", hint=hint, page=part.page,
                   heading=part.headings[name != "y"], case=describe(smallest.case, smallest, name))


def _unsteady(functions, operation, case):
    first, again = (attempt(functions, operation, case, ("y",)).got.get("y") for _ in (1, 2))
    if first is None or same(first, again):
        return ""
    return ("forward gives another y when it is called again with the same numbers: nothing may "
            "stay behind from call to call, such as a random mask or running statistics, which "
            "are for prediction alone")


def _apart(functions, operation, part, case, between):
    """Whether the way back is right if forward was called on another case in between."""
    trial = attempt(functions, operation, case, part.asked, between=between)
    if not any(wrong(trial, name) for name in part.asked):
        return Verdict(True)
    return Verdict(False, f"{operation.name}_backward is wrong if forward was called on another "
                   f"case in between{f': {trial.fault}' if trial.fault else ''}",
                   hint="all that backward needs must come from the cache that it is given, and "
                   "nothing from a global name: a network calls forward many times before the way "
                   "back", case=(f"forward on: {describe(case)[0]}",
                                 f"then forward on: {describe(between)[0]}",
                                 "then backward with the cache of the first"),
                   page="docs/ops/index.md", heading="Operations and their gradients")


def _pure(functions, operation, part, case):
    """Whether the operation leaves alone what it is given, and repeats itself."""
    def forward(*arguments):
        return functions[f"{operation.name}_forward"](*arguments, **case.options)

    def backward(dy, cache):
        if part.asked == ("y",):
            return [np.zeros_like(argument) for argument in case.arguments.values()]
        gradients = functions[f"{operation.name}_backward"](dy, cache)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return [np.zeros_like(a) if g is None or name not in part.asked else g for name, g, a in
                zip(operation.gradients, gradients, case.arguments.values(), strict=True)]

    try:
        faults = try_twice(forward, backward, case.arguments, seed=0)[2]
    except Exception as error:  # a learner's code may raise anything
        faults = [(operation.name, (), f"called again, it raises {type(error).__name__}: {error}")]
    for name, _, fault in faults:
        return Verdict(False, f"{name}: {fault}", case=describe(case), page="docs/ops/index.md",
                       heading="Operations and their gradients",
                       hint="copy before you write: `x = x.copy()`; keep nothing but the cache")
    return Verdict(True)
