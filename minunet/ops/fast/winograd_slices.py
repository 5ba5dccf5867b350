"""3×3×3 convolution with half the multiplications: `winograd_rows`, three slices at a time.

A slice of y is a sum of three convolutions of slices of x, each with a third of the kernel::

    y[d] = Σₖ x[d + k − P] ∗ w[k]          k = 0, 1, 2;  ∗: a convolution of images;
                                           P: padding along the depth;  x outside: 0

A sum over channels is in every convolution already. So the three slices are joined by channel, to
one image with 3C channels, and the three kernels likewise; then y[d] is one convolution of images,
which `winograd_rows` knows how to do. Only a few slices are joined at a time, to bound the memory.
"""

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel
from minunet.ops.fast import winograd_rows
from minunet.ops.fast.im2col import turn

JOINED_BYTES = 1 << 23  # at a time
ONE = 1, 1  # the stride


def fits(kernel, stride, padding):
    """Tell whether the method applies: 3×3×3, stride 1, at most 2 voxels of padding."""
    return kernel == (3, 3, 3) and stride == (1, 1, 1) and max(padding) <= 2


def forward(x, w, b, out, stride, padding, relu=False):
    """y, some slices at a time."""
    xp = array_module(x)
    y = xp.empty((len(x), *out, w.shape[-1]), dtype=x.dtype)  # (N, OD, OH, OW, F)
    joined_w = xp.moveaxis(w, 0, 2).reshape(3, 3, -1, w.shape[-1])  # (3, 3, 3C, F), as _join orders
    for image, slices in _slabs(x, out):
        joined = _join(x[image], slices, padding[0])
        winograd_rows.forward(joined, joined_w, b, out[1:], ONE, padding[1:], relu,
                              y=y[image, slices])
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, None, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dw: the sum over all slices."""
    out, c, f = dy.shape[1:-1], x.shape[-1], dy.shape[-1]
    dw = add_up(winograd_rows.weight_gradient(_join(x[image], slices, padding[0]),
                                              dy[image, slices], ONE, ONE, padding[1:])
                for image, slices in _slabs(x, out))  # (3, 3, 3C, F)
    return array_module(x).moveaxis(dw.reshape(3, 3, 3, c, f), 2, 0)


def _slabs(x, out):
    """List volumes, and slices of y, such that what is joined stays below the bound, if it can."""
    step = max(JOINED_BYTES // (3 * x[0, 0].nbytes), 1)
    return [(image, slice(first, min(first + step, out[0])))
            for image in range(len(x)) for first in range(0, out[0], step)]


def _join(x, slices, padding):
    """Join the three slices of a volume (D, H, W, C) that each slice of y sees: (n, H, W, 3C)."""
    xp, (depth, height, width, c) = array_module(x), x.shape
    joined = xp.empty((slices.stop - slices.start, height, width, 3, c), dtype=x.dtype)

    def fill(i):
        for k in range(3):
            d = slices.start + i + k - padding
            joined[i, :, :, k] = x[d] if 0 <= d < depth else 0

    parallel(xp, fill, [(i,) for i in range(len(joined))])
    return joined.reshape(len(joined), height, width, 3 * c)
