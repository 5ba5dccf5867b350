"""What the proofs draw: shapes for convolution and pooling, small and strange ones included."""

from typing import NamedTuple

from hypothesis import example, settings
from hypothesis import strategies as st

from minunet.ops.fast.choose import FITS

MOST = {1: 7, 2: 4, 3: 3}  # pixels along each of so many axes, so that an image has few elements
proof = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 999)


class Shape(NamedTuple):
    """The first arguments of the cases in `minunet.proofs`, after the random generator."""

    n: int
    size: tuple
    c: int
    f: int
    kernel: tuple
    stride: tuple
    padding: tuple


EDGES = [
    Shape(1, (1,), 1, 1, (1,), (1,), (0,)),  # one pixel, one channel
    Shape(1, (1, 1), 1, 2, (3, 3), (1, 1), (1, 1)),  # one pixel, the rest is padding
    Shape(2, (4, 3), 2, 1, (2, 1), (3, 2), (0, 0)),  # the stride leaves pixels out
    Shape(1, (2, 3), 1, 2, (2, 1), (1, 1), (3, 2)),  # some windows see padding only
    Shape(1, (5,), 2, 2, (3,), (3,), (4,)),  # so they do here, with a stride
    Shape(1, (2, 3, 2), 2, 1, (2, 2, 1), (2, 1, 3), (0, 1, 1)),  # a volume
]


def at_edges(test):
    """Try EDGES besides the shapes that are drawn."""
    for shape in EDGES:
        test = example(shape=shape, seed=0)(test)
    return test


@st.composite
def _shapes(draw, axis):
    axes = draw(st.integers(1, 3))
    sides = [draw(axis(MOST[axes])) for _ in range(axes)]
    size, kernel, stride, padding = zip(*sides, strict=True)
    n, c, f = (draw(st.integers(1, 2)) for _ in range(3))
    return Shape(n, size, c, f, kernel, stride, padding)


@st.composite
def _convolved(draw, most):
    h, k, s = draw(st.integers(1, most)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    least = max(0, (k - h + 1) // 2)  # the kernel must fit: k ≤ h + 2p
    return h, k, s, draw(st.integers(least, k + 1))


@st.composite
def _three_by_three(draw):
    """Draw what fast methods do: image or volume, a kernel of 3 a side, stride 1, padding to 2."""
    sides = []
    for _ in draw(st.sampled_from(["HW", "HW", "DHW"])):
        h = draw(st.integers(1, 6))
        sides.append((h, draw(st.integers(max(0, (3 - h + 1) // 2), 2))))
    size, padding = zip(*sides, strict=True)
    n, c, f = (draw(st.integers(1, 2)) for _ in range(3))
    return Shape(n, size, c, f, (3,) * len(size), (1,) * len(size), padding)


def does(method, shape):
    """Tell whether a method of convolution does this shape; loops and im2col do all."""
    return method not in FITS or any(fits(*shape[4:]) for fits, _ in FITS[method])


@st.composite
def _transposed(draw, most):
    h, k, s = draw(st.integers(1, most)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return h, k, s, draw(st.integers(0, ((h - 1) * s + k - 1) // 2))  # something must be left


@st.composite
def _pooled(draw, most):
    h, k, s = draw(st.integers(1, most)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return h, k, s, draw(st.integers(max(0, (k - h + 1) // 2), k // 2))


@st.composite
def _tiled(draw, most):
    k = draw(st.integers(1, 3))
    return draw(st.integers(k, 3 * k + 2)), k, k, 0


convolutions = _shapes(_convolved) | _three_by_three() | _shapes(_tiled)
transposed_convolutions = _shapes(_transposed)
poolings = _shapes(_pooled)
