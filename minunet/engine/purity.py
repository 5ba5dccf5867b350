"""What every operation keeps to: it changes nothing that it is given, and repeats itself.

`gradcheck.check` calls an operation through these functions. They copy what goes in, so that one
that does change it is measured rightly all the same, and told.
"""

import numpy as np


def call_forward(forward, arguments):
    """Call ``y, cache = forward(*arguments)`` with copies of the arguments.

    Parameters
    ----------
    forward : callable
    arguments : dict of arrays

    Returns
    -------
    y : ndarray, a copy
    cache : object
    given : dict of arrays
        The copies.

    Raises
    ------
    TypeError, ValueError
        If forward returns something else, or y is not one array of numbers.
    """
    given = {key: value.copy() for key, value in arguments.items()}
    result = forward(*given.values())
    if not isinstance(result, tuple) or len(result) != 2:
        raise ValueError(f"forward must return (y, cache), got {type(result).__name__}")
    y, cache = result
    if isinstance(y, tuple | list):
        raise ValueError(f"y, the first of what forward returns, must be one array, got a "
                         f"{type(y).__name__} of {len(y)}; check one output at a time, or join "
                         "them to one array")
    return _numbers("y", y), cache, given


def call_backward(backward, dy, cache, arguments):
    """Call ``gradients = backward(dy, cache)``; give copies, one for each argument.

    Raises
    ------
    TypeError, ValueError
        If there are more or fewer, or one is no array of its argument's shape.
    """
    gradients = backward(dy, cache)
    gradients = gradients if isinstance(gradients, tuple | list) else (gradients,)
    if len(gradients) != len(arguments):
        raise ValueError(f"backward must return {len(arguments)} gradients, one for each of "
                         f"{', '.join(arguments)}; got {len(gradients)}")
    arrays = [_numbers(f"the gradient of {key}", gradient)
              for key, gradient in zip(arguments, gradients, strict=True)]
    for (key, value), array in zip(arguments.items(), arrays, strict=True):
        if array.shape != value.shape:
            raise ValueError(f"the gradient of {key} must have its shape {value.shape}, "
                             f"got {array.shape}")
    return arrays


def try_twice(forward, backward, arguments, seed):
    """Call both twice, with a random dy, and look at what they leave behind.

    Parameters
    ----------
    forward, backward : callable
        As for `gradcheck.check`.
    arguments : dict of arrays
    seed : int
        Of dy.

    Returns
    -------
    dy : ndarray
    gradients : list of ndarray
    faults : list of (str, tuple, str)
        What was changed or did not repeat: its name, its shape, and the fault in words.
    """
    y, cache, given = call_forward(forward, arguments)
    if y.size == 0:
        raise ValueError(f"y is empty, shape {y.shape}: it does not depend on anything")
    faults = [(key, given[key].shape, "forward changes it; an operation must not")
              for key in arguments if not _same(given[key], arguments[key])]
    if not _same(y, call_forward(forward, arguments)[0]):
        faults.append(("y", y.shape, "another one when forward is called again; if it draws "
                       "random numbers, draw the same each time"))
    # A stream of its own: the caller may have drawn x from default_rng(seed).
    dy = np.asarray(np.random.default_rng((seed, 1)).normal(size=y.shape))
    kept, passed = {key: value.copy() for key, value in given.items()}, dy.copy()
    gradients = call_backward(backward, passed, cache, arguments)
    faults += [(key, now.shape, "backward changes it; an operation must not")
               for key, now, before in (("dy", passed, dy), *((k, given[k], kept[k]) for k in kept))
               if not _same(now, before)]
    try:
        again = call_backward(backward, dy.copy(), cache, arguments)
    except Exception as error:  # whatever a cache that was used up leads to
        faults.append(("cache", (), "backward fails when called again with the same one: "
                       f"{type(error).__name__}: {error}"))
    else:
        if not all(map(_same, gradients, again)):
            faults.append(("cache", (), "backward gives other gradients when called again with "
                           "the same one; it must not change it"))
    return dy, gradients, faults


def _numbers(name, value):
    """A copy of `value` as an array of real numbers."""
    try:
        array = np.array(value)
    except ValueError:  # rows of different lengths
        array = None
    if array is None or array.dtype.kind not in "fiu":
        kind = type(value).__name__ if array is None or array.dtype == object else array.dtype
        raise TypeError(f"{name} must be an array of real numbers, or one number; got {kind}")
    return array


def _same(a, b):
    return np.array_equal(a, b, equal_nan=True)
