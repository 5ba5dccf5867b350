"""What the tasks' operations must compute: minunet's own, called on the same arguments."""

from typing import NamedTuple

import numpy as np

from minunet import ops


class Operation(NamedTuple):
    """An operation of the exercises, and minunet's functions that say what is right."""

    name: str  # the learner's functions are NAME_forward and NAME_backward
    forward: object
    backward: object
    gradients: tuple  # the names of what backward returns, in order


class Case(NamedTuple):
    """One call of an operation: what it is given, and the dy for the way back."""

    arguments: dict  # by name: arrays, or None
    options: dict  # given by keyword
    dy: np.ndarray
    traits: frozenset  # what is special about it, in words that end "in every case with …"

    @property
    def size(self):
        """How many numbers there are in it."""
        return self.dy.size + sum(a.size for a in self.arguments.values() if a is not None)


def expected(operation, case, dy=None, options=(), **arguments):
    """Give what the operation computes, y and the gradients, by name.

    Parameters
    ----------
    operation : Operation
    case : Case
    dy : array, optional
        In the place of the case's.
    options : dict
        In the place of the case's.
    **arguments
        In the place of the case's.

    Returns
    -------
    dict of arrays
        A gradient of an argument that is None is None.
    """
    values = case.arguments | arguments
    y, cache = operation.forward(*values.values(), **case.options | dict(options))
    gradients = operation.backward(case.dy if dy is None else dy, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return {"y": y} | dict(zip(operation.gradients, gradients, strict=True))


def by_definition(x, w, b=None, *, stride=1, padding=0):
    """Convolve in loops, as the formula says."""
    return ops.conv_forward(x, w, b, stride=stride, padding=padding, method="loops")


def level_forward(x, w, b):
    """One level of the U: see the exercise of this name."""
    pooled, pool = ops.max_pool_forward(x)
    up, conv = ops.conv_transpose_forward(pooled, w, b, stride=2)
    y, concat = ops.concat_forward(x, up)
    return y, (pool, conv, concat)


def level_backward(dy, cache, across=1, down=1):
    """Give dx, dw, db; `across` and `down` weigh the two ways, each 1 where all is right."""
    pool, conv, concat = cache
    dskip, dup = ops.concat_backward(dy, concat)
    dpooled, dw, db = ops.conv_transpose_backward(dup, conv)
    return across * dskip + down * ops.max_pool_backward(dpooled, pool), dw, db


OPERATIONS = {operation.name: operation for operation in (
    Operation("relu", ops.relu_forward, ops.relu_backward, ("dx",)),
    Operation("max_pool", ops.max_pool_forward, ops.max_pool_backward, ("dx",)),
    Operation("conv", by_definition, ops.conv_backward, ("dx", "dw", "db")),
    Operation("conv_transpose", ops.conv_transpose_forward, ops.conv_transpose_backward,
              ("dx", "dw", "db")),
    Operation("batch_norm", ops.batch_norm_forward, ops.batch_norm_backward,
              ("dx", "dgamma", "dbeta")),
    Operation("concat", ops.concat_forward, ops.concat_backward, ("dskip", "dup")),
    Operation("level", level_forward, level_backward, ("dx", "dw", "db")),
)}
