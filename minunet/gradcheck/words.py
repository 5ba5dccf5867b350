"""Numbers, indices and axes as the reasons write them."""

from fractions import Fraction

import numpy as np

FEW = 5  # elements that are named one by one


def number(value, digits=6):
    """Write a number; as a fraction, if it is one of small numbers."""
    simple = Fraction(float(value)).limit_denominator(100)
    if value and simple.denominator > 1 and abs(simple - value) < 1e-8 * abs(value):
        return str(simple)
    return f"{value:.{digits}g}"


def spot(flat, shape):
    """Write the index of an element."""
    return ",".join(str(int(i)) for i in np.unravel_index(flat, shape)) or "its only element"


def several(mask):
    """Write how many elements of an array, and which if few: ``2 of 6 elements (0,1; 1,2)``."""
    count = int(mask.sum())
    if count == mask.size:
        return f"all {count} elements" if count > 1 else "its only element"
    which = "; ".join(spot(i, mask.shape) for i in np.flatnonzero(mask)) if count <= FEW else ""
    return f"{count} of {mask.size} elements{which and f' ({which})'}"


def listed(values):
    """Write ``1``, ``1 and 2``, ``1, 2 and 3``."""
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def axes(numbers):
    """Write ``axis 1`` or ``axes 0 and 1``."""
    return f"{'axis' if len(numbers) == 1 else 'axes'} {listed(numbers)}"


def turned(numbers, ndim):
    """Write what reversing an array along these axes is."""
    if len(numbers) == 2 and ndim >= 3:
        return f"turned by half a turn ({axes(numbers)} reversed)"
    return f"reversed along {axes(numbers)}"
