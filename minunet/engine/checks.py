"""What the ops ask of their arguments, with errors that name the argument."""

from numbers import Integral

from minunet.engine.backend import array_module, on_host
from minunet.engine.values import plain


def check_float(name, x, ndim=None, like=None):
    """Raise unless `x` is a floating-point array, of `ndim` axes and of the dtype of `like`.

    Raises
    ------
    TypeError
        Not an array, of another library than `like`, or of another dtype.
    ValueError
        Another number of axes.
    """
    xp = array_module(x, name)
    if x.dtype.kind != "f":
        raise TypeError(f"{name} must be floating-point, got {x.dtype}")
    if like is not None and xp is not array_module(like):
        raise TypeError(f"{name} lies on another device than the other arguments; move one")
    if like is not None and x.dtype != like.dtype:
        raise TypeError(f"{name} is {x.dtype}, the other arguments are {like.dtype}; cast one")
    if ndim is not None and x.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {x.shape}")


def check_like(name, arrays, like, whose):
    """Raise unless the dict `arrays` has the keys of `like`, and arrays alike but for their values.

    Parameters
    ----------
    name, whose : str
        What the caller calls the two, for the error.
    arrays, like : dicts of arrays

    Raises
    ------
    TypeError
        No dict of arrays, or of another library or dtype.
    ValueError
        Other keys or shapes.
    """
    if not isinstance(arrays, dict):
        raise TypeError(f"{name} must be a dict of arrays, got {type(arrays).__name__}")
    if different := sorted(arrays.keys() ^ like.keys()):
        raise ValueError(f"{name} must have the keys of {whose}; they differ at {different[0]!r}")
    for key, array in like.items():
        check_float(f"{name}[{key!r}]", arrays[key], like=array)
        check_shape(f"{name}[{key!r}]", arrays[key], array.shape)


def check_shape(name, x, shape):
    """Raise `ValueError` unless `x` has exactly this shape."""
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(x.shape)}")


def check_image(name, x):
    """Raise unless `x` is a floating-point ``(N, …, C)`` with a spatial axis and no empty axis."""
    check_float(name, x)
    if x.ndim < 3:
        raise ValueError(f"{name} must be (N, H, W, C), or have 1 or 3 spatial axes; "
                         f"got shape {x.shape}")
    if 0 in x.shape:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")


def per_axis(name, value, axes, least) -> tuple[int, ...]:
    """Make a tuple of `axes` ints, `least` or more, of an int or of one int for each axis."""
    several = isinstance(value, tuple | list) or getattr(value, "ndim", None) == 1
    values = tuple(plain(v) for v in value) if several else (plain(value),) * axes
    if not all(isinstance(v, Integral) and not isinstance(v, bool) for v in values):
        raise TypeError(f"{name} must be an int or one int for each axis, got {value!r}")
    if len(values) != axes:
        raise ValueError(f"{name} must be an int or {axes} ints, got {value!r}")
    if min(values) < least:
        raise ValueError(f"{name} must be {least} or more, got {value!r}")
    return tuple(int(v) for v in values)


def check_values(name, x, allowed):
    """Raise `ValueError`, naming the values found, unless `x` holds only integers in `allowed`.

    Only arrays in the computer's own memory are looked at: on a GPU the look would make the
    host wait at every step. Training checks its masks when it reads them.
    """
    if not on_host(x):
        return
    first, last = allowed[0], allowed[-1]
    wrong = (x < first) | (x > last) | (x != array_module(x).floor(x))
    if wrong.any():
        found = sorted({float(v) for v in x[wrong].ravel()[:1000]})[:5]
        raise ValueError(f"{name} must hold only {first} … {last}, found "
                         + ", ".join(f"{v:g}" for v in found))


def check_labels(logits, labels):
    """Check that `labels` holds a class of `logits` (N, H, W, K) for each pixel."""
    check_image("logits", logits)
    if array_module(labels, "labels") is not array_module(logits, "logits"):
        raise TypeError("labels lies on another device than the other arguments; move one")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    check_shape("labels", labels, logits.shape[:-1])
    check_values("labels", labels, range(logits.shape[-1]))


def check_target(logits, target):
    """Check that `target` holds 0 or 1 for each of `logits` (N, H, W, C)."""
    check_image("logits", logits)
    check_float("target", target, like=logits)
    check_shape("target", target, logits.shape)
    check_values("target", target, range(2))
