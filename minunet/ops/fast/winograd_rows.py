"""3×3 convolution with half the multiplications: Winograd's minimal filtering, down the columns.

Four outputs o₀ … o₃ of a filter of three weights depend on six inputs d₀ … d₅. Direct, they
cost 4 · 3 = 12 multiplications. But there are matrices Bᵀ (6, 6), G (6, 3) and Aᵀ (4, 6) with::

    o = Aᵀ [ (G w) ⊙ (Bᵀ d) ]          w: 3 weights, d: 6 inputs, ⊙: element by element

and only the 6 products at ⊙ are between data; the rest multiplies by small constants. Here each
dⱼ is a whole row of x, each oⱼ a whole row of y, and each weight a row of the kernel. So each
product at ⊙ is a one-dimensional convolution, ∗, along the row. With t groups of four rows of y::

    V[i] = Σⱼ Bᵀ[i, j] · row j of x          (6, t, OW + 2, C)    six rows, the next group's
    U[i] = Σₖ G[i, k] · w[k]                 (6, KW, C, F)         begin four further down
    M[i] = V[i] ∗ U[i]                       (6, t, OW, F)
    row j of y = Σᵢ Aᵀ[j, i] · M[i]          (4, t, OW, F)

The weight gradient is each step transposed, in reverse; Σ runs over all pixels::

    dM[i] = Σⱼ Aᵀ[j, i] · row j of dy        dU[i, l] = Σ V[i]ᵀ dM[i], V moved by l pixels
    dw[k, l] = Σᵢ G[i, k] · dU[i, l]

Rows are long and lie in one piece in memory, so the transforms run at full speed. `winograd`
filters across as well: half the multiplications again, but it must cut rows into small tiles.
In float32 the constants cost about half a digit, since their sums cancel.

Where the constants come from: rows of Aᵀ's transpose and of G are powers of the points 0, ±1,
±2 and ∞ (those of G scaled), and B interpolates; the docs derive them ("Three ways to convolve").

A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, section 4.
"""

import math
from functools import cache

import numpy as np

from minunet.engine.backend import array_module
from minunet.engine.threads import add_up, parallel, row_blocks, workers
from minunet.ops.fast.im2col import finish, turn

TILE, WINDOW = 4, 6  # rows of y in a group, and rows of x that they depend on
PAD = 80  # numbers, 320 or 640 bytes: see `apart`

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


def forward(x, w, b, out, stride, padding, relu=False, y=None):
    """V, U, M and y as above, and the bias, block by block; into the array `y`, if it is given."""
    xp, (c, f) = array_module(x), w.shape[-2:]
    _, g, a_t = matrices(xp, x.dtype)
    u = xp.matmul(g, w.reshape(3, -1)).reshape(WINDOW, 3 * c, f)  # (6, KW·C, F)
    y = xp.empty((len(x), *out, f), dtype=x.dtype) if y is None else y  # (N, OH, OW, F)
    width = row_width(out)
    bias = None if b is None else xp.tile(b, out[1])

    def block(images, groups):
        m = apart(xp, (WINDOW,), (*_shape(images, groups, width), f), x.dtype)
        m_pixels = m.reshape(WINDOW, -1, f)
        for shift, patches in enumerate(_patches_of_v(x, images, groups, width, padding)):
            xp.matmul(patches, u, out=m_pixels[:, shift::3])
        # (n, t, 6, OW·F), without the pixels from OW on
        m_rows = m.reshape(*m.shape[:3], width * f).transpose(1, 2, 0, 3)[..., : out[1] * f]
        for some, rows in _in_groups(y[images, TILE * groups.start : TILE * groups.stop]):
            xp.matmul(a_t[: rows.shape[2]], m_rows[:, some], out=rows)
            finish(rows, bias, relu)

    parallel(xp, block, _blocks(x, c, f, out))
    return y


def data_gradient(dy, w, x_shape, stride, padding):
    """dx: with stride 1 a convolution again, see `im2col.data_gradient`."""
    turned, turned_padding = turn(w, padding)
    return forward(dy, turned, None, x_shape[1:-1], stride, turned_padding)


def weight_gradient(x, dy, kernel, stride, padding):
    """dM, dU and dw as above; each share of the blocks is added up in a fixed order."""
    xp, c, f = array_module(x), x.shape[-1], dy.shape[-1]
    width = row_width(dy.shape[1:-1])
    blocks = _blocks(x, c, f, dy.shape[1:-1])
    share = -(-len(blocks) // workers(xp))

    def products(first):
        for images, groups in blocks[first : first + share]:
            dm = _lift_rows_of_dy(dy, images, groups, width)
            dm_pixels = dm.reshape(WINDOW, -1, f)
            for shift, patches in enumerate(_patches_of_v(x, images, groups, width, padding)):
                yield xp.matmul(patches.swapaxes(1, 2), dm_pixels[:, shift::3])

    shares = [(first,) for first in range(0, len(blocks), share)]
    du = add_up(parallel(xp, lambda first: add_up(products(first)), shares))  # (6, KW·C, F)
    g = matrices(xp, x.dtype)[1]
    return xp.matmul(g.T, du.reshape(WINDOW, -1)).reshape(3, 3, c, f)


def _lift_rows_of_dy(dy, images, groups, width):
    """Compute dM for a block, (6, n, t, width, F), with zeros in the pixels from OW on."""
    xp, (across, f) = array_module(dy), dy.shape[2:]
    a = matrices(xp, dy.dtype)[2].T
    n, t, _ = shape = _shape(images, groups, width)
    dm = apart(xp, (WINDOW,), (*shape, f), dy.dtype)
    dm[..., across:, :] = 0
    dm_rows = dm.reshape(WINDOW, n, t, width * f).transpose(1, 2, 0, 3)[..., : across * f]
    for some, rows in _in_groups(dy[images, TILE * groups.start : TILE * groups.stop]):
        xp.matmul(a[:, : rows.shape[2]], rows, out=dm_rows[:, some])
    return dm


def _in_groups(rows):
    """Yield rows of an image, (n, h, OW, F), in groups of four: which groups, (n, t, 4, OW·F).

    Then those that are left at the lower edge, if any: (n, 1, h % 4, OW·F). Both are views.
    """
    n, h, *pixels = rows.shape
    whole, left = divmod(h, TILE)
    if whole:
        yield slice(0, whole), rows[:, : h - left].reshape(n, whole, TILE, math.prod(pixels))
    if left:
        yield slice(whole, whole + 1), rows[:, h - left :].reshape(n, 1, left, math.prod(pixels))


def row_width(out):
    """Pixels per row of V: OW + 2, and up to two more, to make it a multiple of three."""
    return -(-(out[1] + 2) // 3) * 3


def _shape(images, groups, width):
    """Images, groups of rows, and pixels per row, of a block."""
    return images.stop - images.start, groups.stop - groups.start, width


def _blocks(x, c, f, out):
    """Blocks of images and groups of rows, counted by the larger of V and M."""
    row_bytes = WINDOW * row_width(out) * max(c, f) * x.dtype.itemsize
    return row_blocks(array_module(x), len(x), -(-out[0] // TILE), row_bytes)


def _patches_of_v(x, images, groups, width, padding):
    """Compute V for a block, and lay out its patches of three pixels across without a copy.

    A patch is contiguous, KW·C numbers. Patches that begin three pixels apart do not overlap
    and leave no gap: V itself, cut into pieces of three pixels, is the matrix of every third
    patch. Cut from pixel 0, 1 and 2 on, it gives three matrices that hold all patches::

        a row of V     0   1   2   3   4   5   6   7   8
        from pixel 0  [0   1   2] [3   4   5] [6   7   8]
        from pixel 1      [1   2   3] [4   5   6] [7   8   ·]
        from pixel 2          [2   3   4] [5   6   7] [8   ·   ·]

    Patches that begin at the last two pixels of a row run over its end (·), into whatever comes
    next. But these begin at OW or beyond: `forward` cuts off what comes of them, and in
    `weight_gradient` dM is zero there. (It multiplies, so there must be numbers: 0 · nan is nan.)

    Returns
    -------
    list of 3 arrays (6, pixels / 3, KW·C)
        Patches that begin at pixel 0, 3, 6, …; at 1, 4, 7, …; at 2, 5, 8, …
    """
    xp, c = array_module(x), x.shape[-1]
    n, t, _ = _shape(images, groups, width)
    size = n * t * width * c
    memory = apart(xp, (WINDOW,), (size + 2 * c,), x.dtype)
    memory[:, size:] = 0  # the last patches end up to two pixels beyond V
    v = memory[:, :size].reshape(WINDOW, n, t, width * c)
    _lift_rows(x[images], TILE * groups.start - padding[0], padding[1], v)
    return [memory[:, shift * c : shift * c + size].reshape(WINDOW, -1, 3 * c)
            for shift in range(3)]


def _lift_rows(x, top, left, v):
    """Compute V, (6, n, t, width·C), of images whose row `top` is the first; it can be negative.

    Before pixel `left` of V and after the last of x there are zeros. Where rows lie outside of the
    image, too, they are left out of the sum.
    """
    xp, (n, height, across, c) = array_module(x), x.shape
    b_t = matrices(xp, x.dtype)[0]
    x = xp.ascontiguousarray(x)  # so that a row is one axis of W·C numbers
    begin, end = left * c, (left + across) * c
    v[..., :begin] = v[..., end:] = 0
    v = v[..., begin:end].transpose(1, 2, 0, 3)  # (n, t, 6, W·C)
    inside = [g for g in range(v.shape[1])
              if top + TILE * g >= 0 and top + TILE * g + WINDOW <= height]
    if inside:
        per_image, per_row, _, number = x.strides
        windows = xp.lib.stride_tricks.as_strided(  # the next four rows further down
            x[:, top + TILE * inside[0] :], (n, len(inside), WINDOW, across * c),
            (per_image, TILE * per_row, per_row, number))
        xp.matmul(b_t, windows, out=v[:, inside[0] : inside[-1] + 1])
    for g in set(range(v.shape[1])) - set(inside):
        first = top + TILE * g
        rows = slice(max(-first, 0), max(min(height - first, WINDOW), 0))
        seen = x[:, first + rows.start : first + rows.stop].reshape(n, -1, across * c)
        xp.matmul(b_t[:, rows], seen, out=v[:, g])


def apart(xp, sides, shape, dtype):
    """Make an array (*sides, *shape) whose parts do not begin a power of two apart.

    Else those that are summed up, number by number, would lie in the same few places of the
    cache, and push each other out.
    """
    size = math.prod(shape)
    return xp.empty((*sides, size + PAD), dtype=dtype)[..., :size].reshape(*sides, *shape)
