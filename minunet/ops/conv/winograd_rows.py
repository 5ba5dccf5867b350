"""3×3 convolution with half the multiplications: Winograd's minimal filtering, down the columns.

Four outputs o₀ … o₃ of a filter of three weights depend on six inputs d₀ … d₅. Direct, they
cost 4 · 3 = 12 multiplications. But there are matrices A, B, G with::

    o = Aᵀ [ (G w) ⊙ (Bᵀ d) ]          w: 3 weights, d: 6 inputs, ⊙: element by element

and only the 6 products at ⊙ are between data; the rest multiplies by small constants. Here d is
six rows of the image and o four rows of the output, and each place at ⊙ is what is left to do
across: a one-dimensional convolution along the row::

    V[i] = Σⱼ Bᵀ[i, j] · row j of x          (6, T, W, C)      T groups of six rows, four apart
    U[i] = Σₖ G[i, k] · w[k]                 (6, KW, C, F)
    M[i] = V[i] ∗ U[i], along the row        (6, T, OW, F)
    row j of y = Σᵢ Aᵀ[j, i] · M[i]          (4, T, OW, F)

The weight gradient is each step transposed, in reverse::

    dM[i] = Σⱼ Aᵀ[j, i] · row j of dy        dU[i, k] = Σ V[i]ᵀ dM[i], V moved by k pixels
    dw[k] = Σᵢ G[i, k] · dU[i]

Rows are long and lie in one piece in memory, so the transforms run at full speed. `winograd`
filters across as well: half the multiplications again, but it must cut rows into small tiles.

Where the constants come from: G and A are values of polynomials at the points 0, ±1, ±2 and ∞,
B interpolates between them; the docs derive them ("Three ways to convolve").

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.
"""

from functools import cache

import numpy as np

from minunet.backend import array_module
from minunet.cores import add_up, parallel, row_blocks, workers
from minunet.ops.conv.im2col import finish, strip, turn

TILE, WINDOW = 4, 6  # rows of y in a group, and rows of x that they depend on

B_T = np.array([[4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1]])
G = np.array([[6, 0, 0],
              [-4, -4, -4],
              [-4, 4, -4],
              [1, 2, 4],
              [1, -2, 4],
              [0, 0, 24]]) / 24
A_T = np.array([[1, 1, 1, 1, 1, 0],
                [0, 1, -1, 2, -2, 0],
                [0, 1, 1, 4, 4, 0],
                [0, 1, -1, 8, -8, 1]])


def fits(kernel, stride, padding):
    """Tell whether the method applies: two axes, 3×3, stride 1, at most 2 pixels of padding.

    With more, the padding of the way back, 2 − P, would be negative.
    """
    return kernel == (3, 3) and stride == (1, 1) and max(padding) <= 2


@cache
def matrices(xp, dtype):
    """Bᵀ, G and Aᵀ on the device; moved there once."""
    return tuple(xp.asarray(m.astype(dtype)) for m in (B_T, G, A_T))


def forward(x, w, b, out, stride, padding, relu=False):
    """V, U, M and y as above, and the bias, block by block."""
    xp, (c, f) = array_module(x), w.shape[-2:]
    _, g, a_t = matrices(xp, x.dtype)
    u = xp.matmul(g, w.reshape(3, -1)).reshape(WINDOW, 3 * c, f)  # (6, KW·C, F)
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)
    width = _width(out)
    bias = None if b is None else xp.tile(b, width)

    def block(images, rows):
        m = xp.empty((WINDOW, *_shape(images, rows, width), f), dtype=x.dtype)
        pixels = m.reshape(WINDOW, -1, f)
        for first, patches in enumerate(_threes(x, images, rows, width, padding)):
            xp.matmul(patches, u, out=pixels[:, first::3])
        lines = m.reshape(*m.shape[:3], width * f).transpose(1, 2, 0, 3)  # (n, T, 6, width·F)
        bands = xp.matmul(a_t, lines)  # (n, T, 4, width·F)
        finish(bands, bias, relu)
        here = y[images, TILE * rows.start : TILE * rows.stop]  # without what is beyond the edge
        bands = bands.reshape(len(bands), -1, width, f)
        here[...] = bands[:, : here.shape[1], : out[1]]

    parallel(xp, block, _blocks(x, c, f, out))
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, None, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dM, dU and dw as above; each thread adds up the dU of its blocks, in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    _, g, a_t = matrices(xp, x.dtype)
    width = _width(dy.shape[1:-1])
    blocks = _blocks(x, c, f, dy.shape[1:-1])
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, rows in blocks[first : first + share]:
            shape = _shape(images, rows, width)
            # What V has beyond the end of a row meets zeros of dM.
            band = strip(dy, images, (TILE * rows.start, TILE * rows.stop), (0,), (width,))
            lines = xp.ascontiguousarray(band).reshape(*shape[:2], TILE, width * f)
            dm = xp.empty((WINDOW, *shape, f), dtype=x.dtype)
            xp.matmul(a_t.T, lines,
                      out=dm.reshape(WINDOW, *shape[:2], width * f).transpose(1, 2, 0, 3))
            pixels = dm.reshape(WINDOW, -1, f)
            for i, patches in enumerate(_threes(x, images, rows, width, padding)):
                yield xp.matmul(patches.swapaxes(1, 2), pixels[:, i::3])

    du = add_up(parallel(xp, lambda first: add_up(products(first)),  # (6, KW·C, F)
                         [(first,) for first in range(0, len(blocks), share)]))
    return xp.matmul(g.T, du.reshape(WINDOW, -1)).reshape(3, 3, c, f)


def _width(out):
    """Pixels of V a row: OW + 2, and up to two more, so that they are a multiple of three."""
    return -(-(out[1] + 2) // 3) * 3


def _shape(images, rows, width):
    """Images, groups of rows, and pixels a row of a block."""
    return images.stop - images.start, rows.stop - rows.start, width


def _blocks(x, c, f, out):
    """Blocks of images and groups of rows, counted by the larger of V and M."""
    row_bytes = WINDOW * _width(out) * max(c, f) * x.dtype.itemsize
    return row_blocks(array_module(x), len(x), -(-out[0] // TILE), row_bytes)


def _threes(x, images, rows, width, padding):
    """Compute V for a block, and lay out the patches of three pixels across without a copy.

    A patch is contiguous, KW·C numbers. Patches that begin three pixels apart do not overlap:
    V itself, read three pixels a row, is the matrix of every third patch. Begun at pixel 0, 1
    and 2, three such matrices hold all patches (and a few that run over the end of a row, into
    the next one: what comes of them is cut off with the padding).

    Returns
    -------
    list of 3 arrays (6, pixels / 3, KW·C)
        Patches that begin at pixel 0, 3, 6, …; at 1, 4, 7, …; at 2, 5, 8, …
    """
    xp, c = array_module(x), x.shape[-1]
    band = (TILE * rows.start - padding[0], TILE * rows.stop + WINDOW - TILE - padding[0])
    pixels = xp.ascontiguousarray(strip(x, images, band, (padding[1],), (width,)))
    n, groups, _ = _shape(images, rows, width)
    image, row, _, number = pixels.strides
    windows = xp.lib.stride_tricks.as_strided(  # six rows each, the next four rows further down
        pixels, (n, groups, WINDOW, width * c), (image, TILE * row, row, number))
    size = WINDOW * n * groups * width * c
    memory = xp.empty(size + 2 * c, dtype=x.dtype)
    memory[size:] = 0  # the last patches begin up to two pixels late
    v = memory[:size].reshape(WINDOW, n, groups, width * c)
    xp.matmul(matrices(xp, x.dtype)[0], windows, out=v.transpose(1, 2, 0, 3))
    return [memory[first * c : first * c + size].reshape(WINDOW, -1, 3 * c) for first in range(3)]
