"""3×3 convolution with a quarter of the multiplications: Winograd's minimal filtering.

A 4×4 tile of the output depends on a 6×6 tile of the input. Direct, it costs 16 · 9 = 144
multiplications a pair of channels. But there are matrices A, B, G (found once, below) with::

    tile of y  =  Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A          d: 6×6 tile of x,   ⊙: element by element

and only the 6 · 6 = 36 products at ⊙ are between data; the rest multiplies by small constants.
Written with the Kronecker product (A ⊗ A acts on a flattened tile as Aᵀ · A does on the square
one) and with all T tiles and all channels at once, that is five matrix products::

    V = (Bᵀ⊗Bᵀ) D        D: (36, T·C), the tiles of x        V: (36, T, C)
    U = (G⊗G) w          w: (9, C·F)                         U: (36, C, F)
    M[k] = V[k] U[k]     for each of the 36 places k         M: (36, T, F)
    Y = (Aᵀ⊗Aᵀ) M                                            Y: (16, T·F), the tiles of y

The weight gradient is each step transposed, in reverse: dM = (A⊗A) dY, dU[k] = V[k]ᵀ dM[k],
dw = (Gᵀ⊗Gᵀ) dU. The price is accuracy, about two digits of float32's seven: the constants
of a tile are large and of both signs.

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.3.
"""

from functools import cache

import numpy as np

from minunet.backend import array_module
from minunet.cores import parallel, row_blocks, threads
from minunet.ops.conv.im2col import strip, turn

TILE, WINDOW = 4, 6  # the sides of a tile of y, and of the tile of x that it depends on

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
    """Tell whether the method applies: two axes, 3×3, stride 1, at most 2 pixels of padding."""
    return kernel == (3, 3) and stride == (1, 1) and max(padding) <= 2


def forward(x, w, out, stride, padding):
    """V, U, M and Y as above, block by block."""
    xp, (c, f) = array_module(x), w.shape[-2:]
    b_t, g, a_t = _matrices(xp, x.dtype)
    u = (g @ w.reshape(9, c * f)).reshape(36, c, f)
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)

    def block(images, rows):
        v = (b_t @ _windows(x, images, rows, out, padding)).reshape(36, -1, c)  # (36, T, C)
        m = xp.matmul(v, u)  # (36, T, F)
        _put_tiles(y, images, rows, a_t @ m.reshape(36, -1))

    parallel(xp, block, _blocks(x, c, f, out))
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dM, dU and dw as above; each thread adds up the dU of its blocks, in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    b_t, g, a_t = _matrices(xp, x.dtype)
    out = dy.shape[1:-1]
    blocks = _blocks(x, c, f, out)
    share = -(-len(blocks) // threads())

    def partial(first):
        du = 0
        for images, rows in blocks[first : first + share]:
            v = (b_t @ _windows(x, images, rows, out, padding)).reshape(36, -1, c)  # (36, T, C)
            dm = (a_t.T @ _tiles(dy, images, rows)).reshape(36, -1, f)  # (36, T, F)
            du += xp.matmul(v.swapaxes(1, 2), dm)
        return du  # (36, C, F)

    du = sum(parallel(xp, partial, [(first,) for first in range(0, len(blocks), share)]))
    return (g.T @ du.reshape(36, -1)).reshape(3, 3, c, f)


@cache
def _matrices(xp, dtype):
    """Bᵀ⊗Bᵀ (36, 36), G⊗G (36, 9) and Aᵀ⊗Aᵀ (16, 36), on the device; made once."""
    return tuple(xp.asarray(np.kron(m, m).astype(dtype)) for m in (B_T, G, A_T))


def _blocks(x, c, f, out):
    """Blocks of images and rows of tiles, whose V and M stay in cache; not below U's own size."""
    down, across = (-(-h // TILE) for h in out)
    itemsize = x.dtype.itemsize
    return row_blocks(array_module(x), len(x), down, 36 * across * max(c, f) * itemsize,
                      at_least=36 * c * f * itemsize // 2)


def _windows(x, images, rows, out, padding):
    """D (36, T·C): the 6×6 windows of x, four pixels apart, that a block's tiles depend on."""
    across = -(-out[1] // TILE)
    start, stop = rows.start * TILE - padding[0], rows.stop * TILE + 2 - padding[0]
    pixels = strip(x, images, (start, stop), (padding[1],), (across * TILE + 2,))
    n, down, right, c = pixels.strides
    shape = (WINDOW, WINDOW, len(pixels), rows.stop - rows.start, across, x.shape[-1])
    strides = (down, right, n, TILE * down, TILE * right, c)
    windows = array_module(x).lib.stride_tricks.as_strided(pixels, shape, strides)
    return windows.reshape(36, -1)


def _tiles(dy, images, rows):
    """The block's 4×4 tiles of dy as (16, T·F), with zeros where they reach beyond the edge."""
    across = -(-dy.shape[2] // TILE)
    pixels = strip(dy, images, (rows.start * TILE, rows.stop * TILE), (0,), (across * TILE,))
    tiles = pixels.reshape(len(pixels), -1, TILE, across, TILE, dy.shape[-1])
    return tiles.transpose(2, 4, 0, 1, 3, 5).reshape(16, -1)


def _put_tiles(y, images, rows, tiles):
    """Write (16, T·F) to where its tiles belong in y, without what reaches beyond the edge."""
    width, f = y.shape[2:]
    here = y[images, rows.start * TILE : rows.stop * TILE]  # (n, rows, OW, F)
    tiles = tiles.reshape(TILE, TILE, len(here), rows.stop - rows.start, -1, f)
    pixels = tiles.transpose(2, 3, 0, 4, 1, 5).reshape(len(here), (rows.stop - rows.start) * TILE,
                                                       -1, f)
    here[...] = pixels[:, : here.shape[1], :width]
