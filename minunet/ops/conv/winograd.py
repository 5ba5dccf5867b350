"""3×3 convolution with a quarter of the multiplications: Winograd's minimal filtering.

A 4×4 tile of the output depends on a 6×6 tile of the input. Direct, it costs 16 · 9 = 144
multiplications a pair of channels. But there are matrices A, B, G with::

    y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A          d: 6×6 tile of x,   ⊙: element by element

and only the 6 · 6 = 36 products at ⊙ are between data; the rest multiplies by small constants.
For all T tiles and all channels at once, ⊙ becomes a matrix product for each of the 36 places::

    V = Bᵀ d B            (6, 6, T, C)
    U = G w Gᵀ            (6, 6, C, F)
    M[i, j] = V[i, j] U[i, j]                 (6, 6, T, F)
    y = Aᵀ M A            (4, 4, T, F)

The weight gradient is each step transposed, in reverse::

    dM = A dy Aᵀ          dU[i, j] = V[i, j]ᵀ dM[i, j]          dw = Gᵀ dU G

(dx could go on like that, but would have to add up overlapping windows; it is a convolution of
dy instead.) The price is accuracy, about one of float32's seven digits: the constants are of
both signs, and their sums cancel.

Where the constants come from: G and A are values of polynomials at the points 0, ±1, ±2 and ∞,
B interpolates between them; the docs derive them ("Three ways to convolve").

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.3.
"""

from minunet.backend import array_module
from minunet.cores import parallel, row_blocks, workers
from minunet.ops.conv.im2col import finish, strip, turn
from minunet.ops.conv.winograd_rows import TILE, WINDOW, fits, matrices


def forward(x, w, b, out, stride, padding, relu=False):
    """V, U, M and y as above, and the bias, block by block."""
    xp, (c, f) = array_module(x), w.shape[-2:]
    b_t, g, a_t = matrices(xp, x.dtype)
    u = _sandwich(xp, g, w)  # (6, 6, C, F)
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)

    def block(images, rows):
        v = _sandwich(xp, b_t, _windows(x, images, rows, out, padding))  # (6, 6, T, C)
        m = xp.matmul(v, u)  # (6, 6, T, F)
        tiles = _sandwich(xp, a_t, m)  # (4, 4, T, F)
        finish(tiles, b, relu)
        _put_tiles(y, images, rows, tiles)

    parallel(xp, block, _blocks(x, c, f, out))
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, None, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dM, dU and dw as above; each thread adds up the dU of its blocks, in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    b_t, g, a_t = matrices(xp, x.dtype)
    out = dy.shape[1:-1]
    blocks = _blocks(x, c, f, out)
    share = -(-len(blocks) // workers(xp))

    def partial(first):
        du = 0
        for images, rows in blocks[first : first + share]:
            v = _sandwich(xp, b_t, _windows(x, images, rows, out, padding))  # (6, 6, T, C)
            dm = _sandwich(xp, a_t.T, _tiles(dy, images, rows))  # (6, 6, T, F)
            du += xp.matmul(v.swapaxes(-1, -2), dm)
        return du  # (6, 6, C, F)

    du = sum(parallel(xp, partial, [(first,) for first in range(0, len(blocks), share)]))
    return _sandwich(xp, g.T, du)  # (3, 3, C, F)


def _sandwich(xp, m, tiles):
    """Give (m t mᵀ)ᵀ for each tile t, (a, a, ·, ·) → (b, b, ·, ·), with m of shape (b, a).

    That rows and columns come out exchanged does no harm: U, V and dM all are, and the next
    sandwich exchanges them back.
    """
    *sides, p, q = tiles.shape
    once = xp.matmul(m, tiles.reshape(*sides, p * q))  # (a, b, ·): sums over columns
    twice = xp.matmul(m, once.swapaxes(0, 1))  # (b, b, ·): sums over rows
    return twice.reshape(len(m), len(m), p, q)


def _blocks(x, c, f, out):
    """Blocks of images and rows of tiles, counted by the larger of V and M; not far below U."""
    down, across = (-(-h // TILE) for h in out)
    itemsize = x.dtype.itemsize
    return row_blocks(array_module(x), len(x), down, 36 * across * max(c, f) * itemsize,
                      at_least=36 * c * f * itemsize // 2)


def _windows(x, images, rows, out, padding):
    """d (6, 6, T, C): the windows of x, four pixels apart, that a block's tiles depend on."""
    across = -(-out[1] // TILE)
    beyond = WINDOW - TILE  # pixels of x that a tile sees beyond its own four
    start, stop = rows.start * TILE - padding[0], rows.stop * TILE + beyond - padding[0]
    pixels = strip(x, images, (start, stop), (padding[1],), (across * TILE + beyond,))
    n, down, right, c = pixels.strides
    shape = (WINDOW, WINDOW, len(pixels), rows.stop - rows.start, across, x.shape[-1])
    strides = (down, right, n, TILE * down, TILE * right, c)
    windows = array_module(x).lib.stride_tricks.as_strided(pixels, shape, strides)
    return windows.reshape(WINDOW, WINDOW, -1, x.shape[-1])


def _tiles(dy, images, rows):
    """The block's tiles of dy, (4, 4, T, F), with zeros where they reach beyond the edge."""
    across = -(-dy.shape[2] // TILE)
    pixels = strip(dy, images, (rows.start * TILE, rows.stop * TILE), (0,), (across * TILE,))
    tiles = pixels.reshape(len(pixels), -1, TILE, across, TILE, dy.shape[-1])
    return tiles.transpose(2, 4, 0, 1, 3, 5).reshape(TILE, TILE, -1, dy.shape[-1])


def _put_tiles(y, images, rows, tiles):
    """Write tiles (4, 4, T, F) to where they belong in y, without what is beyond the edge."""
    width, f = y.shape[2:]
    here = y[images, rows.start * TILE : rows.stop * TILE]  # (n, rows, OW, F)
    tiles = tiles.reshape(TILE, TILE, len(here), rows.stop - rows.start, -1, f)
    pixels = tiles.transpose(2, 3, 0, 4, 1, 5).reshape(len(here), (rows.stop - rows.start) * TILE,
                                                       -1, f)
    here[...] = pixels[:, : here.shape[1], :width]
