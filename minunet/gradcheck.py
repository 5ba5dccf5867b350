"""Gradient checking: is what backward returns the slope of what forward computes?

Write an op of your own in minunet's convention and hand it over::

    def square_forward(x):
        return x * x, x

    def square_backward(dy, cache):
        return 2 * cache * dy

    print(check(square_forward, square_backward, {"x": rng.normal(size=(3, 4))}))
"""

from typing import NamedTuple

import numpy as np

STEP = 6e-6  # ∛(machine epsilon): there the errors of truncation and of rounding are alike


class Row(NamedTuple):
    """The verdict on one argument."""

    argument: str
    shape: tuple
    error: float  # relative, see `check`
    index: tuple  # of the worst element
    analytic: float  # there: what backward says
    numeric: float  # there: what differences say
    tolerance: float

    @property
    def ok(self):
        """Whether the error is within the tolerance (a NaN is not)."""
        return bool(self.error <= self.tolerance)


class Report(list):
    """Rows, one an argument; printed, a table."""

    @property
    def ok(self):
        """Whether every row is."""
        return all(row.ok for row in self)

    def __str__(self):
        name = max([8, *(len(row.argument) for row in self)]) + 2
        shape = max([5, *(len(str(row.shape)) for row in self)]) + 2
        lines = [f"{'argument':<{name}}{'shape':<{shape}}{'error':>8}  {'allowed':<9}{'':<7}"
                 f"{'worst at':<14}{'backward':>12}{'differences':>13}"]
        for row in self:
            index = ",".join(map(str, row.index)) or "a direction"
            lines.append(f"{row.argument:<{name}}{str(row.shape):<{shape}}{row.error:>8.1e}  "
                         f"{row.tolerance:<9.0e}{'ok' if row.ok else 'WRONG':<7}{index:<14}"
                         f"{row.analytic:>12.5g}{row.numeric:>13.5g}")
        return "\n".join(lines)


def check(forward, backward, arguments, *, linear=(), seed=0, tolerance=1e-7, name=None):
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
        ``y, cache = forward(*arguments)``. It must not change its arguments.
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
        ``report.ok``, and a `Row` an argument. Print it.

    Raises
    ------
    TypeError
        If an argument is not float64: float32 has too few digits to tell right from wrong.
    ValueError
        If backward returns another number of gradients, or one of another shape.
    """
    for key, value in arguments.items():
        if getattr(value, "dtype", None) != np.float64:
            raise TypeError(f"{key} must be a float64 array to be checked, "
                            f"got {getattr(value, 'dtype', type(value).__name__)}")
    arguments = {key: value.copy() for key, value in arguments.items()}
    result = forward(*arguments.values())
    if not isinstance(result, tuple) or len(result) != 2:
        raise ValueError(f"forward must return (y, cache), got {type(result).__name__}")
    y, cache = result
    # A stream of its own: the caller may have drawn x from default_rng(seed).
    dy = np.random.default_rng((seed, 1)).normal(size=y.shape)
    gradients = backward(dy.copy(), cache)  # a backward that changes dy must not change ours
    gradients = gradients if isinstance(gradients, tuple | list) else (gradients,)
    if len(gradients) != len(arguments):
        raise ValueError(f"backward must return {len(arguments)} gradients, one for each of "
                         f"{', '.join(arguments)}; got {len(gradients)}")
    report = Report()
    for (key, value), analytic in zip(arguments.items(), gradients, strict=True):
        if np.shape(analytic) != value.shape:
            raise ValueError(f"the gradient of {key} must have its shape {value.shape}, "
                             f"got {np.shape(analytic)}")
        numeric = _differences(lambda: forward(*arguments.values())[0], value, dy,
                               1.0 if key in linear else STEP)
        report.append(_row(f"{name}: {key}" if name else key, analytic, numeric,
                           min(tolerance, 1e-11) if key in linear else tolerance))
    return report


def check_loss(loss, logits, *, tolerance=1e-7, name="logits"):
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


def check_network(net, x, *, seed=0, tolerance=1e-6, step=1e-7, name="network"):
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


def _differences(forward, array, dy, step):
    numeric = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        saved = array[index]
        array[index] = saved + step
        above = forward().copy()  # forward may give a view of what is about to move
        array[index] = saved - step
        below = forward()
        # Subtract before summing: the parts of y that do not move cancel exactly.
        numeric[index] = np.sum(dy * (above - below)) / (2 * step)
        array[index] = saved
    return numeric


def _row(name, analytic, numeric, tolerance):
    difference = np.abs(analytic - numeric)
    worst = np.unravel_index(np.argmax(difference), difference.shape)
    scale = max(np.abs(analytic).max(), np.abs(numeric).max())
    error = difference[worst] / scale if scale > 0 else difference[worst]
    return Row(name, analytic.shape, float(error), tuple(map(int, worst)),
               float(analytic[worst]), float(numeric[worst]), tolerance)
