"""What often goes wrong, computed: a result that equals one of these tells its cause.

Each rule is a pair: the hint, and a function of a `Case` that gives the array which that mistake
would give. A hint is given only if the rule explains the learner's result in every case tried.
"""

import numpy as np

from minunet.tool.exercises.mistakes_conv import CONV, CONV_TRANSPOSE
from minunet.tool.exercises.mistakes_norm import BATCH_NORM
from minunet.tool.exercises.operations import OPERATIONS, expected, level_backward, level_forward


def _corners(case):
    x = case.arguments["x"]
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return np.stack([x[:, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)])


def _to_corners(case, shares):
    """dx from what each of the four corners gets of dy."""
    dx = np.zeros_like(case.arguments["x"])
    h, w = dx.shape[1] // 2 * 2, dx.shape[2] // 2 * 2
    for k, share in enumerate(shares):
        dx[:, k // 2 : h : 2, k % 2 : w : 2] = share * case.dy
    return dx


def _all_winners(case, shared=False):
    won = _corners(case) == _corners(case).max(axis=0)
    return _to_corners(case, won / won.sum(axis=0) if shared else won)


def _last_winner(case):
    last = 3 - _corners(case)[::-1].argmax(axis=0)
    return _to_corners(case, [last == k for k in range(4)])


def _exchanged_winner(case):
    first = _corners(case).argmax(axis=0)
    return _to_corners(case, [first == k for k in (0, 2, 1, 3)])


RELU = {
    "y": [("this is |x|: what is negative must become 0", lambda c: abs(c.arguments["x"])),
          ("this is min(x, 0): the positive part must stay, not the negative one",
           lambda c: np.minimum(c.arguments["x"], 0)),
          ("this is x itself: nothing was set to 0", lambda c: c.arguments["x"]),
          ("this is the mask x > 0: multiply it with x",
           lambda c: (c.arguments["x"] > 0).astype(float))],
    "dx": [("at x = 0 dx must be 0: the mask is x > 0, not x ≥ 0",
            lambda c: c.dy * (c.arguments["x"] >= 0)),
           ("the mask must come from x, which was positive or not, and not from dy",
            lambda c: np.maximum(c.dy, 0)),
           ("dy went through unchanged: where x was not positive, dx is 0", lambda c: c.dy),
           ("this is the mask alone: multiply it with dy",
            lambda c: (c.arguments["x"] > 0).astype(float)),
           ("dy is multiplied with x or y: the slope of ReLU is 1 or 0, whatever the size of x",
            lambda c: c.dy * np.maximum(c.arguments["x"], 0)),
           ("the mask is the wrong way round: dy goes where x > 0",
            lambda c: c.dy * (c.arguments["x"] <= 0))],
}
MAX_POOL = {
    "y": [("this is the mean of each window: the largest was asked for",
           lambda c: _corners(c).mean(axis=0)),
          ("this is the sum of each window: the largest was asked for",
           lambda c: _corners(c).sum(axis=0)),
          ("this is the upper left pixel of each window: compare all four",
           lambda c: _corners(c)[0]),
          ("the maximum was taken over the channels, too: each channel is pooled by itself",
           lambda c: np.broadcast_to(_corners(c).max(axis=(0, -1))[..., None], c.dy.shape)),
          ("this is the smallest of each window, not the largest",
           lambda c: _corners(c).min(axis=0)),
          ("it starts from 0, and a window of negative numbers has its maximum below 0: begin with "
           "the first pixel of the window", lambda c: np.maximum(_corners(c).max(axis=0), 0))],
    "dx": [("ties: all pixels that are equal to the maximum got dy. Only the first of them, row by "
            "row, may get it", _all_winners),
           ("ties: dy was shared among the pixels equal to the maximum. The first of them, row by "
            "row, gets it all", lambda c: _all_winners(c, shared=True)),
           ("ties: the last of equal pixels got dy. It goes to the first, row by row",
            _last_winner),
           ("all four pixels of a window got dy: only the largest had a part in y",
            lambda c: _to_corners(c, [1] * 4)),
           ("each pixel of a window got a quarter of dy: that is the gradient of the mean. The "
            "largest gets all of it", lambda c: _to_corners(c, [0.25] * 4)),
           ("the upper left pixel of each window got dy: it goes to where the largest was",
            lambda c: _to_corners(c, [1, 0, 0, 0])),
           ("rows and columns are exchanged inside the windows: the winner's row is its number "
            "// 2, its column its number % 2", _exchanged_winner),
           ("dx must be as large as x: the last row or column of an odd size, which is in no "
            "window, gets 0", lambda c: expected(OPERATIONS["max_pool"], c)["dx"][
                :, : 2 * c.dy.shape[1], : 2 * c.dy.shape[2]])],
}


def _concat_at(case, begin, order=(0, 1)):
    skip, up = case.arguments.values()
    a, b = (begin(s - u) for s, u in zip(skip.shape[1:3], up.shape[1:3], strict=True))
    skip = skip[:, a : a + up.shape[1], b : b + up.shape[2]]
    return np.concatenate([(skip, up)[k] for k in order], axis=-1)


def _dskip_crop(case):
    return case.dy[..., : case.arguments["skip"].shape[-1]]


def _centre(spare):
    return spare // 2


def _dskip_at(case, begin, dy=None):
    dskip, dy = np.zeros_like(case.arguments["skip"]), _dskip_crop(case) if dy is None else dy
    a, b = (begin(s - u) for s, u in zip(dskip.shape[1:3], dy.shape[1:3], strict=True))
    dskip[:, a : a + dy.shape[1], b : b + dy.shape[2]] = dy
    return dskip


CENTRE = "the crop is not the centre: it begins at ⌊(H − OH) / 2⌋"
LAST_CHANNELS = "the last channels of dy were taken: skip's channels are the first C"
CONCAT = {
    "y": [("the order is [skip, up]: the skip's channels come first",
           lambda c: _concat_at(c, _centre, order=(1, 0))),
          (f"{CENTRE}, not at 0", lambda c: _concat_at(c, lambda spare: 0)),
          (f"{CENTRE}, rounded down, so that an odd border loses one more at the end",
           lambda c: _concat_at(c, lambda spare: (spare + 1) // 2)),
          (f"{CENTRE}, not at H − OH", lambda c: _concat_at(c, lambda spare: spare))],
    "dskip": [("dskip has the shape of the crop: it must have that of skip, with 0 where the crop "
               "cut off", _dskip_crop),
              ("dskip and dup are exchanged: return dskip, dup",
               lambda c: expected(OPERATIONS["concat"], c)["dup"]),
              ("the gradient is put back at the upper left: it belongs where the crop was, at "
               "⌊(H − OH) / 2⌋", lambda c: _dskip_at(c, lambda spare: 0)),
              (LAST_CHANNELS, lambda c: c.dy[..., -c.arguments["skip"].shape[-1] :]),
              (LAST_CHANNELS, lambda c: _dskip_at(c, _centre, c.dy[
                  ..., -c.arguments["skip"].shape[-1] :])),
              (LAST_CHANNELS, lambda c: _dskip_at(c, _centre, c.dy[
                  ..., c.arguments["skip"].shape[-1] :]))],
    "dup": [("the first channels of dy were taken: up's channels come after skip's",
             lambda c: c.dy[..., : c.arguments["up"].shape[-1]])],
}


def _level_dx(case, across, down):
    _, cache = level_forward(*case.arguments.values())
    return level_backward(case.dy, cache, across, down)[0]


LEVEL = {
    "y": [("the order is [skip, up]: x comes first",
           lambda c: np.roll(expected(OPERATIONS["level"], c)["y"],
                             c.arguments["w"].shape[2], axis=-1))],
    "dx": [("the way down is missing: x was used twice, and the gradients of both ways add",
            lambda c: _level_dx(c, 1, 0)),
           ("the way across is missing: x was used twice, and the gradients of both ways add",
            lambda c: _level_dx(c, 0, 1)),
           ("the mean of both ways was taken: the gradients of both ways add",
            lambda c: _level_dx(c, 0.5, 0.5)),
           ("one way is subtracted from the other: the gradients of both ways add",
            lambda c: _level_dx(c, 1, -1))],
}
KNOWN = {"relu": RELU, "max_pool": MAX_POOL, "conv": CONV, "conv_transpose": CONV_TRANSPOSE,
         "batch_norm": BATCH_NORM, "concat": CONCAT, "level": LEVEL}
