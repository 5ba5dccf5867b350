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

The work is cut by tiles; or, deep in a network, where tiles are few and channels many, by filters
or channels: see `_few_tiles`. Where the constants come from: see `winograd_rows`.

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.3.
"""

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, parts, row_blocks, workers
from minunet.ops.fast.im2col import finish, strip, turn
from minunet.ops.fast.winograd_rows import TILE, WINDOW, apart, matrices


def forward(x, w, b, out, stride, padding, relu=False):
    """V, U, M and y as above, and the bias, in blocks of tiles (or of filters, if they are few)."""
    xp, (c, f) = array_module(x), w.shape[-2:]
    b_t, g, a_t = matrices(xp, x.dtype)
    y = xp.empty((len(x), *out, f), dtype=x.dtype)  # (N, OH, OW, F)
    if _few_tiles(y, c):
        return _forward_by_filters(x, w, b, y, padding, relu)
    u = xp.empty((WINDOW, WINDOW, c, f), dtype=x.dtype)  # (6, 6, C, F)

    def lift(channels):  # from 3×3 to 6×6
        u[:, :, channels] = _sandwich(xp, g, w[:, :, channels])

    def block(images, rows):  # rows of tiles
        v = _sandwich(xp, b_t, _windows(x, images, rows, out, padding))  # (6, 6, T, C)
        tiles = _sandwich(xp, a_t, xp.matmul(v, u))  # (4, 4, T, F)
        finish(tiles, b, relu)
        _put_tiles(y, images, rows, tiles)

    parallel(xp, lift, parts(xp, c, u[:, :, 0].nbytes))
    parallel(xp, block, _blocks(x, c, f, out))
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, None, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dM, dU and dw as above; each share of the blocks is added up in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    if _few_tiles(dy, c):
        return _weight_gradient_by_channels(x, dy, padding)
    b_t, g, a_t = matrices(xp, x.dtype)
    out = dy.shape[1:-1]
    blocks = _blocks(x, c, f, out)
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, rows in blocks[first : first + share]:
            v = _sandwich(xp, b_t, _windows(x, images, rows, out, padding))  # (6, 6, T, C)
            dm = _sandwich(xp, a_t.T, _tiles(dy, images, rows))  # (6, 6, T, F)
            yield xp.matmul(v.swapaxes(-1, -2), dm)

    dus = parallel(xp, lambda first: add_up(products(first)),  # (6, 6, C, F) each
                   [(first,) for first in range(0, len(blocks), share)])
    dw = xp.empty((*kernel, c, f), dtype=x.dtype)

    def lower(channels):
        dw[:, :, channels] = _sandwich(xp, g.T, sum(du[:, :, channels] for du in dus))

    parallel(xp, lower, parts(xp, c, dus[0][:, :, 0].nbytes))
    return dw


def _few_tiles(y, c):
    """Tell whether V and M together are smaller than U, as they are deep in the network.

    There U is what leaves the cache, so there the work is cut along U and not along the tiles.
    """
    n, *out, f = y.shape
    tiles = n * -(-out[0] // TILE) * -(-out[1] // TILE)
    return tiles * (c + f) <= c * f


def _forward_by_filters(x, w, b, y, padding, relu):
    """The same as `forward`, in blocks of filters: each piece of U is made and used at once."""
    xp, (c, f), rows = array_module(x), w.shape[-2:], slice(0, -(-y.shape[1] // TILE))
    _, g, a_t = matrices(xp, x.dtype)
    v = _lift_all(x, y.shape[1:-1], padding)  # (6, 6, T, C)

    def block(filters):
        u = _sandwich(xp, g, w[..., filters])  # (6, 6, C, filters)
        tiles = _sandwich(xp, a_t, xp.matmul(v, u))  # (4, 4, T, filters)
        finish(tiles, None if b is None else b[filters], relu)
        _put_tiles(y[..., filters], slice(0, len(y)), rows, tiles)

    # Counted at a quarter, so that blocks come out four times as large as usual: V is read
    # again for each.
    parallel(xp, block, parts(xp, f, WINDOW**2 * c * x.dtype.itemsize // 4))
    return y


def _weight_gradient_by_channels(x, dy, padding):
    """The same as `weight_gradient`, in blocks of channels: nothing is left to add up."""
    xp, (_, *out, f), c = array_module(x), dy.shape, x.shape[-1]
    _, g, a_t = matrices(xp, x.dtype)
    v = _lift_all(x, out, padding)  # (6, 6, T, C)
    dm = xp.empty((*v.shape[:3], f), dtype=x.dtype)  # (6, 6, T, F)
    dw = xp.empty((3, 3, c, f), dtype=x.dtype)

    def lift(filters):
        tiles = _tiles(dy[..., filters], slice(0, len(dy)), slice(0, -(-out[0] // TILE)))
        dm[..., filters] = _sandwich(xp, a_t.T, tiles)

    def block(channels):
        du = xp.matmul(v[..., channels].swapaxes(-1, -2), dm)  # (6, 6, channels, F)
        dw[:, :, channels] = _sandwich(xp, g.T, du)

    parallel(xp, lift, parts(xp, f, dm[..., 0].nbytes))
    parallel(xp, block, parts(xp, c, WINDOW**2 * f * x.dtype.itemsize // 2))  # dM is read again
    return dw


def _lift_all(x, out, padding):
    """V of all tiles, (6, 6, T, C), in blocks of channels."""
    xp, (n, _, _, c) = array_module(x), x.shape
    down, across = (-(-h // TILE) for h in out)
    v = xp.empty((WINDOW, WINDOW, n * down * across, c), dtype=x.dtype)

    def block(channels):
        windows = _windows(x[..., channels], slice(0, n), slice(0, down), out, padding)
        v[..., channels] = _sandwich(xp, matrices(xp, x.dtype)[0], windows)

    parallel(xp, block, parts(xp, c, v[..., 0].nbytes))
    return v


def _sandwich(xp, m, tiles):
    """Give (m t mᵀ)ᵀ for each tile t, (a, a, ·, ·) → (b, b, ·, ·), with m of shape (b, a).

    Rows and columns come out exchanged, which saves a copy. It does no harm: U, V and dM are all
    exchanged alike, a product at each place pairs equal places, and the last step of each
    function above is one more `_sandwich`, which exchanges them back.
    """
    *sides, p, q = tiles.shape
    once = apart(xp, (sides[0], len(m)), (p * q,), tiles.dtype)  # (a, b, ·): sums over columns
    xp.matmul(m, tiles.reshape(*sides, p * q), out=once)
    twice = apart(xp, (len(m), len(m)), (p * q,), tiles.dtype)  # (b, b, ·): sums over rows
    xp.matmul(m, once.swapaxes(0, 1), out=twice)
    return twice.reshape(len(m), len(m), p, q)


def _blocks(x, c, f, out):
    """Blocks of images and rows of tiles, counted by the larger of V and M.

    At least half as large as U, which is read again for each block.
    """
    down, across = (-(-h // TILE) for h in out)
    itemsize = x.dtype.itemsize
    return row_blocks(array_module(x), len(x), down, WINDOW**2 * across * max(c, f) * itemsize,
                      at_least=WINDOW**2 * c * f * itemsize // 2)


def _windows(x, images, rows, out, padding):
    """d (6, 6, T, C): the windows of x, four pixels apart, that a block's tiles depend on."""
    across = -(-out[1] // TILE)
    beyond = WINDOW - TILE  # pixels of x that a tile sees beyond its own four
    start, stop = rows.start * TILE - padding[0], rows.stop * TILE + beyond - padding[0]
    pixels = strip(x, images, (start, stop), (padding[1],), (across * TILE + beyond,))
    image, row, pixel, number = pixels.strides
    shape = (WINDOW, WINDOW, len(pixels), rows.stop - rows.start, across, x.shape[-1])
    strides = (row, pixel, image, TILE * row, TILE * pixel, number)
    xp = array_module(x)
    windows = apart(xp, (WINDOW, WINDOW), shape[2:], x.dtype)
    windows[...] = xp.lib.stride_tricks.as_strided(pixels, shape, strides)
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
