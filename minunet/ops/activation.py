"""The rectified linear unit, and the two functions that turn logits into probabilities."""

from minunet.engine.backend import Array, Cache, array_module
from minunet.engine.blockwise import blockwise
from minunet.engine.checks import check_float, check_shape


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """y = max(x, 0), element by element.

    Parameters
    ----------
    x : array, float
        Any shape (…, C) that holds something.

    Returns
    -------
    y : array like `x`
    cache : array
        `y` itself, which the next op keeps anyway: y > 0 exactly where x > 0.

    Examples
    --------
    >>> y, cache = ops.relu_forward(np.array([-2., 0, 3]))
    >>> print(y)
    [0. 0. 3.]
    """
    check_float("x", x)
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"x must have an axis and not be empty, got shape {x.shape}")
    xp = array_module(x)
    # A row of zeros, not the number 0, with which NumPy's maximum is slow.
    y = blockwise(lambda y, x, zero: xp.maximum(x, zero, out=y), x,
                  channels=(xp.zeros(x.shape[-1], dtype=x.dtype),))
    return y, y


def relu_backward(dy: Array, cache: Cache) -> Array:
    """dx = dy where x > 0, else 0. At x = 0, where max has no derivative, it is 0.

    Parameters
    ----------
    dy : array like the cached output
    cache : from `relu_forward`

    Returns
    -------
    dx : array

    Examples
    --------
    >>> y, cache = ops.relu_forward(np.array([-2., 0, 3]))
    >>> print(ops.relu_backward(np.array([10., 20, 30]), cache))
    [ 0.  0. 30.]
    """
    y = cache
    check_float("dy", dy, like=y)
    check_shape("dy", dy, y.shape)
    return blockwise(lambda dx, dy, y: array_module(y).multiply(dy, y > 0, out=dx), dy, y)


def add(a: Array, b: Array) -> Array:
    """a + b, element by element: where a value went two ways, the gradients of both ways add.

    Parameters
    ----------
    a, b : arrays of one shape and dtype

    Returns
    -------
    array

    Examples
    --------
    >>> print(ops.add(np.array([1., 2]), np.array([10., 20])))
    [11. 22.]
    """
    check_float("b", b, like=a)
    check_shape("b", b, a.shape)
    return blockwise(lambda total, a, b: array_module(a).add(a, b, out=total), a, b)


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e⁻ˣ), written as (1 + tanh(x/2)) / 2, which cannot overflow.

    Parameters
    ----------
    x : array, float

    Returns
    -------
    array like `x`, between 0 and 1

    Examples
    --------
    >>> print(ops.sigmoid(np.array([-1000., 0, np.log(3)])))
    [0.   0.5  0.75]
    """
    check_float("x", x)
    return (array_module(x).tanh(x / 2) + 1) / 2


def log_softmax(x: Array) -> Array:
    """log pₖ = xₖ − log Σⱼ eˣʲ over the last axis; the largest x is subtracted first, so that
    the exponentials cannot overflow.

    Parameters
    ----------
    x : array (…, K), float

    Returns
    -------
    array like `x`

    Examples
    --------
    Three logits that differ by log 2 and log 4 are probabilities of 1 : 2 : 4.

    >>> print(np.exp(ops.log_softmax(np.log([[1., 2, 4]]))) * 7)
    [[1. 2. 4.]]
    """
    check_float("x", x)
    xp = array_module(x)
    x = x - x.max(axis=-1, keepdims=True)
    return x - xp.log(xp.exp(x).sum(axis=-1, keepdims=True))
