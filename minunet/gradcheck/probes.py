"""Every element of y by every element of an argument: by differences, and as backward has it.

Random dy hides what is wrong: each element of a gradient is a sum over all of dy. A dy of zeros and
a single 1 shows the parts. They make a matrix, the Jacobian, which is small where a check is.
"""

from typing import NamedTuple

import numpy as np

from minunet.engine.purity import call_backward, call_forward

STEP = 6e-6  # ∛(machine epsilon): there the errors of truncation and of rounding are alike
CLOSE = 1e-6  # of the largest entry: what differences may be off by


class Probe(NamedTuple):
    """One argument's Jacobian twice, with a row for each of its elements, a column for each of y.

    `said` is what backward makes of each column's dy, `true` are the differences. Rows that
    differences cannot judge are 0 in both, and not `sure`.
    """

    said: np.ndarray  # (elements of the argument, elements of y)
    true: np.ndarray
    shape: tuple  # of the argument
    y_shape: tuple
    sure: np.ndarray  # (elements of the argument,), bool

    @property
    def near(self):
        """What counts as 0."""
        return CLOSE * max(np.abs(self.true).max(), np.abs(self.said).max())

    def same(self, a, b):
        """Whether two parts of the matrices are equal, as far as differences can tell."""
        return bool(np.all(np.abs(a - b) <= self.near))

    @property
    def wrong(self):
        """Where the two disagree, (elements of the argument, elements of y)."""
        return np.abs(self.said - self.true) > self.near

    @property
    def alive(self):
        """Where one of the two is not 0."""
        return np.maximum(np.abs(self.said), np.abs(self.true)) > self.near

    def turned_over(self):
        """The same with argument and y exchanged: how one element is made of all dy."""
        return Probe(self.said.T, self.true.T, self.y_shape, self.shape, np.ones(len(self.said.T)))


def by_backward(backward, cache, y, arguments):
    """What backward makes of a dy with a single 1, for each place of the 1.

    Returns
    -------
    list of array (elements of the argument, elements of y)
        One for each argument.
    """
    columns = []
    for index in np.ndindex(y.shape):
        dy = np.zeros(y.shape)
        dy[index] = 1
        columns.append([g.ravel() for g in call_backward(backward, dy, cache, arguments)])
    return [np.stack(gradients, axis=1) for gradients in zip(*columns, strict=True)]


def by_differences(forward, arguments, key, step=STEP):
    """Central differences of every element of y, and by how much the slope changes at a.

    Returns
    -------
    slope, jump : array (elements of the argument, elements of y)
        (y(a + h) − y(a − h)) / 2h, and the slope to the right of a minus the one to its left.
    """
    y, slope, jump = call_forward(forward, arguments)[0].ravel(), [], []
    for index in np.ndindex(arguments[key].shape):
        up, down = arguments[key].copy(), arguments[key].copy()
        up[index] += step
        down[index] -= step
        above, below = (call_forward(forward, arguments | {key: moved})[0].ravel()
                        for moved in (up, down))
        slope.append((above - below) / (2 * step))
        jump.append((above - y - (y - below)) / step)
    return np.stack(slope), np.stack(jump)
