"""Gradient checking: is what backward returns the slope of what forward computes?

Write an op of your own in minunet's convention and hand it over::

    def square_forward(x):
        return x * x, x

    def square_backward(dy, cache):
        return 2 * cache * dy

    print(check(square_forward, square_backward, {"x": rng.normal(size=(3, 4))}))
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from minunet.engine.backend import Array, Arrays, check_unmasked, on_host
from minunet.engine.purity import call_forward, try_twice
from minunet.gradcheck.probes import STEP
from minunet.gradcheck.report import Report, Row
from minunet.gradcheck.why import explain

__all__ = ["Report", "Row", "check", "check_loss", "check_network"]


def check(forward: Callable, backward: Callable, arguments: Arrays, *,
          linear: Collection[str] = (), seed: int = 0, tolerance: float = 1e-7,
          name: str | None = None) -> Report:
    """Compare every element of every gradient with a central difference.

    For a random dy, the scalar L = Σ dy · y has ∂L/∂y = dy. Each element aᵢ of each argument is
    moved by ±h, and::

        numericᵢ = Σ dy · (y(aᵢ + h) − y(aᵢ − h)) / 2h
        error    = max |analytic − numeric| / max(|analytic|, |numeric|)       (both maxima over i)

    The formula's own error is of the order h² + 10⁻¹⁶/h, some 1e-10 at best. An argument in
    which the op is linear has no h² term; there h = 1, and the error is rounding alone.

    Parameters
    ----------
    forward : callable
        ``y, cache = forward(*arguments)``. y is an array or, of a loss, a number.
    backward : callable
        ``gradients = backward(dy, cache)``: one for each argument, in order; a single one need
        not be a tuple.
    arguments : dict of float64 arrays
        By name, in the order in which `forward` takes them. Keep them away from kinks such as
        x = 0 of ReLU by more than 6e-6: there is no derivative to compare with.
    linear : collection of str
        Names of arguments in which `forward` is linear (or affine).
    seed : int
        Of dy.
    tolerance : float
        Largest error that passes; 1e-11 for the linear ones.
    name : str, optional
        Put before the arguments' names in the table.

    Returns
    -------
    Report
        ``report.ok``, and a `Row` for each argument. Print it. A row more, with words in the
        place of numbers, says if forward or backward changes what it is given, or does not
        repeat itself: see `minunet.engine.purity`. Where a row is wrong, ``row.reasons`` says
        what probing has found, if anything: see `minunet.gradcheck.why`.

    Raises
    ------
    TypeError
        If an argument is not float64: float32 has too few digits to tell right from wrong. If y
        or a gradient is no array of numbers.
    ValueError
        If an argument or y is empty, y is not one array, or backward returns another number of
        gradients, or one of another shape.
    """
    arguments = _checked(arguments)
    dy, gradients, faults = try_twice(forward, backward, arguments, seed)
    report, prefix = Report(), f"{name}: " if name else ""
    for key, analytic in zip(arguments, gradients, strict=True):
        numeric = _differences(forward, arguments, key, dy, 1.0 if key in linear else STEP)
        report.append(_row(prefix + key, analytic, numeric,
                           min(tolerance, 1e-11) if key in linear else tolerance))
    wrong = {key: row for key, row in zip(arguments, report, strict=True) if not row.ok}
    if wrong and not faults:  # what does not repeat itself cannot be probed
        reasons = explain(forward, backward, arguments, dy, list(wrong), linear)
        report[:] = [row._replace(reasons=reasons.get(key, ()))
                     for key, row in zip(arguments, report, strict=True)]
    for key, shape, fault in faults:
        report.append(Row(prefix + key, shape, np.inf, (), np.nan, np.nan, 0.0, fault))
    return report


def check_loss(loss: Callable, logits: Array, *, tolerance: float = 1e-7, name: str = "logits"
               ) -> Report:
    """Check a loss, ``value, dlogits = loss(logits)``, element by element as `check` does.

    Parameters
    ----------
    loss : callable
    logits : float64 array
    tolerance : float
    name : str
        For the table.

    Returns
    -------
    Report
    """
    return check(loss, lambda dy, dlogits: dy * dlogits, {"logits": logits},
                 tolerance=tolerance, name=name)


def check_network(net: Any, x: Array, *, seed: int = 0, tolerance: float = 1e-6,
                  step: float = 1e-7, name: str = "network") -> Report:
    """Check a whole network along random directions, one for each parameter and one for x.

    Moving all elements of an array p at once along a random v costs two forward passes instead
    of two an element, and any wrong element shows::

        ⟨dp, v⟩  =  (L(p + h v) − L(p − h v)) / 2h,       L = Σ dlogits · logits

    Parameters
    ----------
    net : UNet
        Of dtype float64. Its parameters, running statistics and random state are left as they
        were; every forward pass draws the same dropout masks.
    x : float64 array (N, H, W, C)
    seed, tolerance
        As for `check`.
    step : float
        h; v is scaled so that no element moves further. Small, so that few ReLUs flip.
    name : str
        For the table.

    Returns
    -------
    Report
        A `Row` an array. `index` is empty: the error is that of the whole direction.

    Raises
    ------
    TypeError
        If the network or x is not float64.
    """
    if net.config["dtype"] != "float64":
        raise TypeError(f"net must have dtype float64 to be checked, got {net.config['dtype']}")
    rng = np.random.default_rng((seed, 1))
    x, buffers = x.copy(), {key: value.copy() for key, value in net.buffers.items()}
    state = net.rng.bit_generator.state

    def forward():
        net.rng.bit_generator.state = state
        return net.forward(x, training=True)

    logits, cache = forward()
    dlogits = rng.normal(size=logits.shape)
    dx, grads = net.backward(dlogits, cache)
    arrays = {"x": (x, dx)} | {key: (net.params[key], grads[key]) for key in grads}
    # An array's gradient may be zero by right (a bias before a normalisation), and rounding is
    # not: errors are relative to no less than a hundredth of the steepest array's slope.
    floor = 0.01 * max(np.linalg.norm(gradient) for _, gradient in arrays.values())
    report = Report()
    for key, (array, gradient) in arrays.items():
        v = rng.uniform(-1, 1, size=array.shape)
        saved, ends = array.copy(), []
        for sign in (1, -1):
            array[...] = saved + sign * step * v
            ends.append(forward()[0])
        array[...] = saved
        numeric = np.sum(dlogits * (ends[0] - ends[1])) / (2 * step)
        analytic = np.sum(gradient * v)
        # A direction may happen to be flat: the gradient's length counts as well.
        scale = max(abs(analytic), abs(numeric), np.linalg.norm(gradient), floor)
        report.append(Row(f"{name}: {key}", array.shape, float(abs(analytic - numeric) / scale),
                          (), float(analytic), float(numeric), tolerance))
    net.buffers.update(buffers)
    net.rng.bit_generator.state = state
    return report


def _checked(arguments):
    if not isinstance(arguments, dict) or not arguments:
        raise TypeError("arguments must be a dict of one array or more, by the names that "
                        f"forward gives them; got {arguments!r}")
    for key, value in arguments.items():
        check_unmasked(key, value)
        if not on_host(value) or value.dtype != np.float64:
            kind = value.dtype if on_host(value) else type(value).__name__
            raise TypeError(f"{key} must be a float64 array of NumPy's to be checked, got {kind}")
        if value.size == 0:
            raise ValueError(f"{key} is empty, shape {value.shape}: it has no element to check")
    return {key: np.asarray(value) for key, value in arguments.items()}


def _differences(forward, arguments, key, dy, step):
    numeric = np.zeros(arguments[key].shape)
    for index in np.ndindex(numeric.shape):
        ends = []
        for sign in (1, -1):
            moved = arguments[key].copy()
            moved[index] += sign * step
            ends.append(call_forward(forward, arguments | {key: moved})[0])
        # Subtract before summing: the parts of y that do not move cancel exactly.
        numeric[index] = np.sum(dy * (ends[0] - ends[1])) / (2 * step)
    return numeric


def _row(name, analytic, numeric, tolerance):
    difference = np.abs(analytic - numeric)
    worst = np.unravel_index(np.argmax(difference), difference.shape)
    scale = max(np.abs(analytic).max(), np.abs(numeric).max())
    error = difference[worst] / scale if scale > 0 else difference[worst]
    return Row(name, analytic.shape, float(error), tuple(map(int, worst)),
               float(analytic[worst]), float(numeric[worst]), tolerance)
