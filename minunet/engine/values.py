"""Single values that people hand over: checked, and turned into Python's own.

NumPy's numbers come out of any computation, but JSON cannot hold them, and a NumPy float64 makes
float64 of the float32 array that it meets.
"""

import math
from numbers import Integral, Real


def plain(value):
    """Give one of NumPy's values, or a 0-d array, as Python's; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def whole(name, value, least, most=None, error=ValueError):
    """Give a whole number as an int.

    Parameters
    ----------
    name : str
        What the caller calls it, for the error.
    value : int, or one of NumPy's
        ``True`` and ``False`` are no numbers, nor is 1.0 a whole one.
    least, most : int
        The smallest and the largest that is allowed.
    error : type
        What to raise if it is none.

    Returns
    -------
    int
    """
    number = plain(value)
    if (not isinstance(number, Integral) or isinstance(number, bool) or number < least
            or most is not None and number > most):
        upto = "" if most is None else f" to {most}"
        raise error(f"{name} must be a whole number from {least}{upto}, got {value!r}")
    return int(number)


def real(name, value, least=0, *, above=False, below=math.inf, error=ValueError):
    """Give a number as a float.

    Parameters
    ----------
    name : str
        What the caller calls it, for the error.
    value : int, float, or one of NumPy's
    least : float
        The smallest that is allowed; with `above`, it is just too small itself.
    above : bool
    below : float
        The smallest that is too large. Infinity and NaN always are.
    error : type
        What to raise if it is none.

    Returns
    -------
    float
    """
    number = plain(value)
    if (not isinstance(number, Real) or isinstance(number, bool)
            or not (least < number if above else least <= number) or not number < below):
        limits = f"a finite number {'above' if above else 'from'} {least}"
        if below < math.inf:
            limits = f"at least {least} and below {below}"
        raise error(f"{name} must be {limits}, got {value!r}")
    return float(number)


def truth(name, value, error=ValueError):
    """Give ``True`` or ``False``, Python's or NumPy's, as Python's."""
    if not isinstance(plain(value), bool):
        raise error(f"{name} must be True or False, got {value!r}")
    return plain(value)


def put(frozen, **values):
    """Set fields of a frozen dataclass: for its ``__post_init__``, which makes them plain."""
    for name, value in values.items():
        object.__setattr__(frozen, name, value)
