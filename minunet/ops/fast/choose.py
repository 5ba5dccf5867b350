"""Which method computes a convolution, and from which size on.

Read `conv_loops` (the definition), then `im2col` (the same sums as one matrix product), then
`winograd_rows` (half the multiplications) and `winograd` (a quarter). `tiles` is for kernels as
large as their stride. (A transposed convolution is a data gradient with a bias, so `im2col` and
`tiles` take one there too.)
"""

from minunet.ops import conv_loops as loops
from minunet.ops.fast import im2col, tiles, winograd, winograd_rows

METHODS = {"loops": loops, "im2col": im2col, "tiles": tiles, "winograd_rows": winograd_rows,
           "winograd": winograd}
# Whether a method can do a kernel, stride and padding; the others do all.
FITS = {"tiles": tiles.fits, "winograd_rows": winograd_rows.fits, "winograd": winograd_rows.fits}
ROWS_FROM, WINOGRAD_FROM = 8, 40  # C · F / (C + F) from which each is the fastest: `choose`


def choose(method, w_shape, stride, padding):
    """Give the module that computes a convolution.

    Winograd's method saves multiplications and pays with transforms: a cost that grows with
    C + F where the saving grows with C · F. Filtering down the columns only, it pays from C = F =
    16 on; across as well, with small tiles in the place of rows, from about C = 64, F = 128.

    Parameters
    ----------
    method : str
        As for `conv_forward`.
    w_shape : tuple
        (KH, KW, C, F).
    stride, padding : tuple of int

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If there is no such method, or it cannot do this kernel, stride or padding.
    """
    kernel, (c, f) = tuple(w_shape[:-2]), w_shape[-2:]
    if method == "auto":
        if tiles.fits(kernel, stride, padding):
            return tiles
        if not winograd_rows.fits(kernel, stride, padding) or c * f < ROWS_FROM * (c + f):
            return im2col
        return winograd_rows if c * f < WINOGRAD_FROM * (c + f) else winograd
    if method not in METHODS:
        raise ValueError(f"method must be 'auto' or one of {sorted(METHODS)}, got {method!r}")
    if method in FITS and not FITS[method](kernel, stride, padding):
        does = ("kernels as large as the stride, without padding" if method == "tiles"
                else "3×3 kernels with stride 1 and padding up to 2")
        raise ValueError(f"method {method!r} does {does}; got kernel {kernel}, stride {stride}, "
                         f"padding {padding}")
    return METHODS[method]
