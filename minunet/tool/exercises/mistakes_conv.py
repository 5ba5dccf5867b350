"""What often goes wrong with the two convolutions, computed: see `mistakes`."""

import numpy as np

from minunet.tool.exercises.operations import OPERATIONS, expected


def turned(w):
    """w, turned by half a turn."""
    return w[::-1, ::-1]


def meetings(case, size, out):
    """Yield (o, k, i): i = o·S + k − P inside `size`, for all o in `out` and k in the kernel."""
    s, p = case.options["stride"], case.options["padding"]
    for o in np.ndindex(*out):
        for k in np.ndindex(*case.arguments["w"].shape[:2]):
            i = tuple(a * s + b - p for a, b in zip(o, k, strict=True))
            if all(0 <= a < h for a, h in zip(i, size, strict=True)):
                yield (slice(None), *o), k, (slice(None), *i)


def crop(array, case):
    """Cut P off, as `[p:-p]` does, which leaves nothing where P is 0."""
    p = case.options["padding"]
    return array[:, p:-p, p:-p]


def _of(name, what, **changes):
    """A rule's function: `what` of the operation, with arguments changed by functions of them."""
    def compute(case):
        arguments = {key: change(case.arguments[key]) for key, change in changes.items()}
        return expected(OPERATIONS[name], case, **arguments)[what]

    return compute


def _y_with(name, **options):
    """A rule's function: y with other options."""
    def compute(case):
        return OPERATIONS[name].forward(*case.arguments.values(), **case.options | options)[0]

    return compute


def _y_and(name, times):
    """A rule's function: y with b added `times` more often."""
    def compute(case):
        y, b = expected(OPERATIONS[name], case)["y"], case.arguments["b"]
        return y if b is None else y + times(case) * b

    return compute


def _last_place(w):
    """w with its last place alone."""
    last = np.zeros_like(w)
    last[-1, -1] = w[-1, -1]
    return last


def _edges(case):
    p = case.options["padding"]
    x = np.pad(case.arguments["x"], ((0, 0), (p, p), (p, p), (0, 0)), mode="edge")
    return expected(OPERATIONS["conv"], case, options={"padding": 0}, x=x)["y"]


def _dw_met(case, shift):
    """dw if y's pixel o is thought to have met x's pixel o·S + k − P with other S and P."""
    other = case._replace(options=case.options | shift)
    x, w = case.arguments["x"], case.arguments["w"]
    dw = np.zeros_like(w)
    for o, k, i in meetings(other, x.shape[1:3], case.dy.shape[1:3]):
        dw[k] += x[i].T @ case.dy[o]
    return dw


def _dw_last(case):
    x, w = case.arguments["x"], case.arguments["w"]
    dw = np.zeros_like(w)
    for o, k, i in meetings(case, x.shape[1:3], case.dy.shape[1:3]):
        dw[k] = x[i].T @ case.dy[o]
    return dw


def _padded(case):
    p = case.options["padding"]
    x = np.pad(case.arguments["x"], ((0, 0), (p, p), (p, p), (0, 0)))
    return case._replace(arguments=case.arguments | {"x": x}, options=case.options | {"padding": 0})


def _dx_padded(case):
    return expected(OPERATIONS["conv"], _padded(case))["dx"]


def _dx_painted(case, by_place=False, shift=()):
    """dx if later paint replaces earlier; `by_place`: the loop is over the places of the kernel."""
    w, (_, h, width, _) = case.arguments["w"], case.arguments["x"].shape
    other = case._replace(options=case.options | dict(shift))
    dx = np.zeros_like(case.arguments["x"])
    met = list(meetings(other, (h, width), case.dy.shape[1:3]))
    for o, k, i in sorted(met, key=lambda m: m[1]) if by_place else met:
        dx[i] = case.dy[o] @ w[k].T + (dx[i] if shift else 0)
    return dx


def _dx_corner(case):
    x = case.arguments["x"]
    return _dx_padded(case)[:, : x.shape[1], : x.shape[2]]


def _stamps(case, by_place=False):
    """The up-convolution's y if later paint replaces earlier."""
    (x, w, b), size = case.arguments.values(), case.dy.shape[1:3]
    y = np.zeros_like(case.dy)
    met = list(meetings(case, size, x.shape[1:3]))
    for o, k, i in sorted(met, key=lambda m: m[1]) if by_place else met:
        y[i] = x[o] @ w[k].T
    return y if b is None else y + b


def _bias_in_paint(case):
    x, w, b = case.arguments.values()
    if b is None:
        return expected(OPERATIONS["conv_transpose"], case)["y"]
    y = expected(OPERATIONS["conv_transpose"], case, b=None)["y"]
    for _, _, i in meetings(case, case.dy.shape[1:3], x.shape[1:3]):
        y[i] += b
    return y


def _swapped(w):
    """w with C and F exchanged; a result only where they are as many."""
    return w.swapaxes(-1, -2)


def _db(per_image):
    return lambda case: None if case.arguments["b"] is None else per_image(case.dy)


TURN = "the kernel is turned by half a turn: "
OVERLAP = ("where windows overlap, `=` replaces what earlier ones brought: collect with `+=` in an "
           "array of zeros")
DB = [("db is not summed over the images: b is added in every image, so sum over axes 0, 1, 2",
       _db(lambda dy: dy.sum(axis=(1, 2)))),
      ("db is not summed over the pixels: b is added at every pixel, so sum over axes 0, 1, 2",
       _db(lambda dy: dy.sum(axis=0))),
      ("db is summed over the channels, too: each of the F channels has its own b",
       _db(lambda dy: dy.sum())),
      ("db is a mean: b is added at every pixel of every image, and the parts add",
       _db(lambda dy: dy.mean(axis=(0, 1, 2))))]


def _exchanged(operation):
    """The rule for dw in the place of db."""
    return ("dw and db are exchanged: return dx, dw, db",
            lambda case: expected(OPERATIONS[operation], case)["dw"])


CONV = {
    "y": [(TURN + "y at oh, ow begins with x at oh·S − P and w[0, 0]", _of("conv", "y", w=turned)),
          ("b is not added", _y_and("conv", lambda c: -1)),
          ("this is what the last place of the kernel gives alone: collect with `+=`",
           _of("conv", "y", w=_last_place)),
          ("b is added once for each place of the kernel: add it once for each pixel of y",
           _y_and("conv", lambda c: np.prod(c.arguments["w"].shape[:2]) - 1)),
          ("stride is forgotten: y's pixel oh begins at x's pixel oh·S − P",
           _y_with("conv", stride=1)),
          ("padding is forgotten: put P rows and columns of zeros around x",
           _y_with("conv", padding=0)),
          ("channels exchanged: w is (KH, KW, C, F), C comes in and F goes out",
           _of("conv", "y", w=_swapped)),
          ("x is padded with its edge: it counts as 0 outside the image", _edges)],
    "dw": [("dw is turned by half a turn: w[kh, kw] met x at oh·S + kh − P",
            lambda c: turned(expected(OPERATIONS["conv"], c)["dw"])),
           ("stride is forgotten: y's pixel oh met x at oh·S + kh − P",
            lambda c: _dw_met(c, {"stride": 1})),
           ("padding is forgotten: y's pixel oh met x at oh·S + kh − P",
            lambda c: _dw_met(c, {"padding": 0})),
           ("`=` keeps only what the last pixel brought: collect with `+=`, since w is used at "
            "every pixel", _dw_last),
           ("channels exchanged: dw is (KH, KW, C, F), as w is",
            lambda c: _swapped(expected(OPERATIONS["conv"], c)["dw"]))],
    "db": [*DB, _exchanged("conv")],
    "dx": [(TURN + "dy at oh, ow paints w[kh, kw] onto x at oh·S + kh − P",
            _of("conv", "dx", w=turned)),
           ("padding is not cut off: dx must have the shape of x, `[p : p + H]` of the padded one",
            _dx_padded),
           ("`[p:-p]` is empty where P is 0: cut with `[p : p + H]`",
            lambda c: crop(_dx_padded(c), c)),
           ("padding is cut off at one side only: x begins at row and column P of the padded one",
            _dx_corner),
           (OVERLAP, _dx_painted),
           (OVERLAP, lambda c: _dx_painted(c, by_place=True)),
           ("stride is forgotten: dy at oh paints onto x at oh·S + kh − P",
            lambda c: _dx_painted(c, shift={"stride": 1})),
           ("channels exchanged: dy has F channels, and w[kh, kw] is (C, F): turn it over, "
            "`dy @ w[kh, kw].T`", _of("conv", "dx", w=_swapped))],
}
CONV_TRANSPOSE = {
    "y": [(OVERLAP, _stamps),
          (OVERLAP, lambda c: _stamps(c, by_place=True)),
          (TURN + "x at h paints w[kh] onto y at h·S + kh − P",
           _of("conv_transpose", "y", w=turned)),
          ("b is added with every stamp: add it once for each pixel of y", _bias_in_paint),
          ("b is not added", _y_and("conv_transpose", lambda c: -1)),
          ("stride is forgotten: x at h paints onto y at h·S + kh − P",
           _y_with("conv_transpose", stride=1)),
          ("padding is not cut off: P rows and columns of y are dropped at every side",
           _y_with("conv_transpose", padding=0)),
          ("`[p:-p]` is empty where P is 0: cut with `[p : p + OH]`",
           lambda c: crop(_y_with("conv_transpose", padding=0)(c), c)),
          ("channels exchanged: w is (KH, KW, F, C), F, which goes out, stands before C",
           _of("conv_transpose", "y", w=_swapped))],
    "dw": [("dw is turned by half a turn: x at h met dy at h·S + kh − P through w[kh]",
            lambda c: turned(expected(OPERATIONS["conv_transpose"], c)["dw"])),
           ("channels exchanged: dw is (KH, KW, F, C), as w is",
            lambda c: _swapped(expected(OPERATIONS["conv_transpose"], c)["dw"]))],
    "db": [*DB, _exchanged("conv_transpose")],
    "dx": [(TURN + "x at h collects w[kh] times dy at h·S + kh − P",
            _of("conv_transpose", "dx", w=turned)),
           ("channels exchanged: w[kh, kw] is (F, C), and dy has F channels: `dy @ w[kh, kw]`",
            _of("conv_transpose", "dx", w=_swapped))],
}
