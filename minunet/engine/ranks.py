"""Training on several machines: what is summed over them, when, and why the result is the same.

Each process, a *rank* of MPI, holds the whole network and computes its share of the images of every
batch. What they must tell each other follows from the formulas:

* A gradient is a sum over images. So the gradients of the shares, summed over the ranks, are the
  gradient of the batch (`Gradients`); each rank makes the same step with it, and the networks stay
  identical.
* That holds if each rank's gradient is that of the *batch's* loss. The mean of the cross-entropy
  divides by the pixels of all ranks, and the Dice is a ratio of sums over all (`over_ranks`).
* Batch normalisation takes mean and variance of the whole batch (`of_each_rank`), and on the way
  back two sums (`over_ranks`). Without that, a rank with two images would normalise by those two.

All sums are made in the order of the ranks, whoever is the fastest. So the same run gives the same
bytes; and R ranks give what one gives with the whole batch, but for rounding.

When: the small sums at once, as the network needs them to go on. Gradients are large and needed at
the end; so a level's are sent while the next level is computed, as far as MPI moves them by itself:
many an MPI does so only while it is called, here in the small sums.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from minunet.engine import mpi
from minunet.engine.backend import array_module, to_host
from minunet.engine.threads import add_up

_together = ContextVar("together", default=False)


def part(count):
    """Give the slice of a batch of `count` images that this rank computes.

    Where there are fewer images than ranks, each rank computes them all, by itself.
    """
    rank, ranks = mpi.rank(), mpi.size()
    if count < ranks:
        return slice(0, count)
    return slice(count * rank // ranks, count * (rank + 1) // ranks)


@contextmanager
def together(count):
    """Compute inside of the block what a batch of `count` images gives, of which each has a `part`.

    Outside, a rank's sums are its own, as when it segments a patient.
    """
    before = _together.set(1 < mpi.size() <= count)
    try:
        yield
    finally:
        _together.reset(before)


def of_each_rank(*values):
    """List what each rank gives: a tuple of numbers and arrays (C,), in the order of the ranks."""
    if not _together.get():
        return [values]
    # One message; in float64, where counts of pixels are exact.
    packed = np.concatenate([np.ravel(np.asarray(_host(value), np.float64)) for value in values])
    ends = np.cumsum([np.size(value) for value in values])[:-1]
    return [tuple(_like(value, found) for value, found in
                  zip(values, np.split(row, ends), strict=True)) for row in mpi.each(packed)]


def over_ranks(*values):
    """Give the sum of each value, a number or an array (C,), over all ranks."""
    return tuple(add_up(of_value) for of_value in zip(*of_each_rank(*values), strict=True))


def drawn(draw, shape):
    """Draw random numbers (N, …) for this rank's images out of those for the whole batch.

    `draw(shape)` draws them; its generator is then in the same state on every rank.
    """
    counts = [count for count, in of_each_rank(shape[0])]
    mine = sum(counts[:mpi.rank()]) if len(counts) > 1 else 0  # one: the batch is not shared
    return draw((sum(counts), *shape[1:]))[mine:mine + shape[0]]


def gradients():
    """Give an empty dict for the gradients of a network, which sums them if there are ranks."""
    return Gradients() if _together.get() else {}


class Gradients(dict):
    """Gradients by name: each rank puts in its own; ``grads[name]`` is then the sum over all.

    ``grads |= {…}`` adds those of a level and sends them on their way. Read them only as
    ``grads[name]``, on all ranks, when all are in: ``get`` and ``items`` give a rank's own.

    A sum is made in two turns, known as *reduce-scatter* and *all-gather*. First every rank gets
    its share of the numbers, a part of each rank's gradients, and adds them up; then it tells all
    others the sums. Of R ranks each sends (R − 1)/R of the bytes twice, which is the least possible
    (Patarasu and Yuan 2009).
    """

    def __init__(self):
        super().__init__()
        self._new = []  # names that are not yet sent
        self._exchanged, self._collected = None, []  # the first turn under way; the second

    def __setitem__(self, name, gradient):
        super().__setitem__(name, gradient)
        if gradient is not None:  # a convolution without bias has none
            self._new.append(name)

    def __ior__(self, level):  # type: ignore[misc]
        for name, gradient in level.items():
            self[name] = gradient
        self._send()
        return self

    def __getitem__(self, name):
        self._finish()
        return super().__getitem__(name)

    def _send(self):
        """Send what is new; meanwhile what was sent before has come, and can be summed."""
        self._add()
        if not self._new:
            return
        names, self._new = self._new, []
        flat = np.concatenate([_host(self.get(name)).ravel() for name in names])
        ranks = mpi.size()
        rows = np.pad(flat, (0, -len(flat) % ranks)).reshape(ranks, -1)  # (R, K), a row for each
        self._exchanged = names, mpi.exchange(rows)

    def _add(self):
        """End the first turn of what was sent last, add up, and begin the second."""
        if self._exchanged:
            names, (received, request) = self._exchanged
            mpi.wait(request)
            self._collected.append((names, mpi.collect(add_up(received))))
            self._exchanged = None

    def _finish(self):
        """Wait for all sums, and put them in the place of this rank's own gradients."""
        if self._new:
            self._send()
        self._add()
        while self._collected:
            names, (received, request) = self._collected.pop(0)
            mpi.wait(request)
            flat, start = received.ravel(), 0  # (R·K,)
            for name in names:
                gradient = self.get(name)
                stop = start + gradient.size
                summed = flat[start:stop].reshape(gradient.shape)
                super().__setitem__(name, array_module(gradient).asarray(summed))
                start = stop


def _host(value):
    return value if np.isscalar(value) else to_host(value)


def _like(value, found):
    """Give what was `found` in float64 the kind of `value`."""
    if np.ndim(value) == 0:
        return type(value)(found[0]) if np.isscalar(value) else array_module(value).asarray(
            found[0], dtype=value.dtype)
    return array_module(value).asarray(found, dtype=value.dtype).reshape(value.shape)
