"""Wrong backwards, drawn: what was done to a right one, and which reasons are true of that.

The kinds of reasons are those of `true_reasons`.
"""

from typing import NamedTuple

import numpy as np

from minunet import ops, proofs
from minunet.ops import conv_loops as loops


class Mutant(NamedTuple):
    """A right operation, and a backward of it that is wrong for one argument."""

    name: str
    forward: object
    backward: object
    arguments: dict
    key: str
    allowed: set  # kinds of reasons that are true of what was done
    matrices: tuple  # of `right` and `backward`, see `jacobian`


def cases(rng):
    """Small operations of all kinds, by name: forward, backward, arguments."""
    stride, padding = int(rng.integers(1, 3)), int(rng.integers(0, 2))
    c, f = rng.integers(1, 4, size=2)
    scale = rng.normal(size=3)
    target = rng.integers(0, 2, size=(2, 3, 4, 1)).astype(float)
    found = {
        "conv": proofs.conv_case(rng, 2, (5, 4), c, f, (3, 3), stride, padding, method="im2col"),
        "conv 1-D": proofs.conv_case(rng, 2, (8,), c, f, (3,), stride, padding, method="im2col"),
        "conv_transpose": proofs.conv_transpose_case(rng, 2, (3, 3), c, f, (2, 2), 2),
        "max_pool": proofs.max_pool_case(rng, 2, (4, 4), 2),
        "max_pool overlap": proofs.max_pool_case(rng, 2, (5, 5), 1, 3, 2),
        "relu": proofs.relu_case(rng, (2, 3, 3, 2)),
        "batch_norm": proofs.batch_norm_case(rng, 2, (3, 3), int(c)),
        "dropout": proofs.dropout_case(rng, (2, 3, 3, 2), 0.4),
        "concat": proofs.concat_case(rng, 2, (3, 2), 2, 2, 2),
        "scale": (lambda x, a: (x * a, (x, a)),
                  lambda dy, cache: (dy * cache[1], (dy * cache[0]).sum(axis=(0, 1, 2))),
                  {"x": rng.normal(size=(2, 3, 3, 3)), "a": scale}, ()),
        "two ways": (lambda x: (np.tanh(x) + x, x), lambda dy, x: dy * (2 - np.tanh(x) ** 2),
                     {"x": rng.normal(size=(2, 3, 3, 2))}, ()),
        "dense": (lambda x, w: (x @ w, (x, w)),
                  lambda dy, cache: (dy @ cache[1].T, cache[0].T @ dy),
                  {"x": rng.normal(size=(4, 3)), "w": rng.normal(size=(3, 3))}, ()),
        "cumsum": (lambda x: (x.cumsum(axis=1), None),
                   lambda dy, _: np.flip(np.flip(dy, 1).cumsum(axis=1), 1),
                   {"x": rng.normal(size=(2, 5, 2))}, ()),
        "softmax": (lambda z: 2 * (np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),),
                    lambda dy, p: p * (dy - (p * dy).sum(axis=-1, keepdims=True)),
                    {"z": rng.normal(size=(3, 4))}, ()),
        "loss": (lambda z: ops.sigmoid_cross_entropy(z, target), lambda dy, dz: dy * dz,
                 {"z": rng.normal(size=target.shape)}, ()),
    }
    return {name: case[:3] for name, case in found.items()}


def draw(rng):
    """Draw a mutant: any operation, any argument, any change that fits them."""
    while True:
        every = cases(rng)
        name = str(rng.choice(list(every)))
        forward, right, arguments = every[name]
        place = int(rng.integers(len(arguments)))
        key = list(arguments)[place]
        y, cache = forward(*arguments.values())
        y = np.asarray(y)
        changes = _of_operation(name, key) if rng.random() < 0.5 else {}
        changes = changes or {**_of_gradient(rng, arguments[key], y.shape),
                              **_of_dy(rng, y.shape, arguments[key].shape)}
        changed = str(rng.choice(list(changes)))
        change, allowed = changes[changed]
        backward = _only(right, change, place)
        a, b = (jacobian(y.shape, cache, f, place) for f in (right, backward))
        k = np.sum(a * b) / np.sum(a * a)
        if np.allclose(b, k * a, rtol=1e-9, atol=1e-12):  # nothing else has a gradient at all
            allowed = {*allowed, "factor", "zero", "sign"}
        if not np.abs(a - b).max() < 1e-4 * np.abs(a).max():
            return Mutant(f"{name} {key}: {changed}", forward, backward, arguments, key, allowed,
                          (a, b))


def _only(right, change, place):
    """A backward of which one gradient is changed."""
    def backward(dy, cache):
        def gradients(dy):
            every = right(dy, cache)
            return list(every) if isinstance(every, tuple) else [every]
        every = gradients(dy)
        every[place] = np.asarray(change(dy, cache, lambda dy: gradients(dy)[place]))
        return tuple(every)
    return backward


def jacobian(y_shape, cache, backward, place):
    """The gradient of one argument for each dy with a single 1: its elements by those of y."""
    columns = []
    for index in np.ndindex(y_shape):
        dy = np.zeros(y_shape)
        dy[index] = 1
        every = backward(dy, cache)
        columns.append((every if isinstance(every, tuple) else (every,))[place].ravel())
    return np.stack(columns, axis=1)


def _of_gradient(rng, argument, y_shape):
    """Changes of the gradient itself, {what: (change, kinds that are true of it)}."""
    shape, k = argument.shape, float(rng.choice([2, 0.5, 1.001, 1 / 3, -2, 7]))
    axis = int(rng.integers(len(shape)))
    some = np.zeros(shape, dtype=bool)
    some.flat[rng.permutation(some.size)[: rng.integers(1, 6)]] = True
    one = np.zeros(shape, dtype=bool)
    one[(slice(None),) * axis + (int(rng.integers(shape[axis])),)] = True
    noise = rng.normal(size=shape)
    wild = rng.normal(size=(argument.size, int(np.prod(y_shape))))
    axes = tuple(int(a) for a in rng.choice(len(shape), size=rng.integers(1, len(shape) + 1),
                                             replace=False))
    part = {"where", *({"factor", "zero", "sign"} if some.all() or one.all() else ())}
    changes = {
        "times a factor": (lambda dy, c, g: k * g(dy), {"factor"}),
        "of the wrong sign": (lambda dy, c, g: -g(dy), {"sign"}),
        "zero": (lambda dy, c, g: 0 * g(dy), {"zero"}),
        "reversed": (lambda dy, c, g: np.flip(g(dy), axes), {"reversed"}),
        "rolled": (lambda dy, c, g: np.roll(g(dy), 1, axis),
                   {"reversed" if shape[axis] == 2 else "moved"}),
        "scaled at one index": (lambda dy, c, g: np.where(one, k, 1) * g(dy), {*part, "along"}),
        "zero at one index": (lambda dy, c, g: np.where(one, 0, 1) * g(dy), part),
        "scaled at some": (lambda dy, c, g: np.where(some, k, 1) * g(dy), part),
        "zero at some": (lambda dy, c, g: np.where(some, 0, 1) * g(dy), {*part, "missing"}),
        "with noise added": (lambda dy, c, g: g(dy) + 0.1 * noise, {"constant"}),
        "times noise": (lambda dy, c, g: g(dy) * (1 + noise),
                        {"factor"} if noise.size == 1 else
                        {"along"} if noise.size == max(shape) else set()),
        "with wild terms": (lambda dy, c, g: g(dy) + (wild @ np.ravel(dy)).reshape(shape), set()),
        "squared as well": (lambda dy, c, g: g(dy) + g(dy) ** 2, {"nonlinear"}),
        "absolute": (lambda dy, c, g: np.abs(g(dy)), {"nonlinear"}),
        "not a number": (lambda dy, c, g: np.where(one, np.nan, g(dy)), {"nan"}),
    }
    if shape == y_shape:
        changes["plus dy"] = (lambda dy, c, g: g(dy) + k * dy, {"plus"})
    if len(shape) > 2:
        border = np.ones(shape, dtype=bool)
        border[(slice(None), *(slice(1, -1),) * (len(shape) - 2))] = False
        changes["scaled at the border"] = (lambda dy, c, g: np.where(border, k, 1) * g(dy),
                                           {"where", *({"factor"} if border.all() else ())})
    same = [(a, b) for a in range(len(shape)) for b in range(a) if shape[a] == shape[b] > 1]
    if same:
        a, b = same[rng.integers(len(same))]
        changes["two axes exchanged"] = (lambda dy, c, g: g(dy).swapaxes(a, b), {"exchanged"})
    return changes


def _of_dy(rng, y_shape, shape):
    """Changes of dy before it is used."""
    if len(y_shape) < 2:
        return {}
    axis, n = int(rng.integers(1, len(y_shape))), int(rng.integers(y_shape[0]))
    image, slab, border = (np.ones(y_shape) for _ in range(3))
    image[n] = 0
    slab[(slice(None),) * axis + (int(rng.integers(y_shape[axis])),)] = 0
    border[(slice(None), *(slice(1, -1),) * (len(y_shape) - 2))] = 0
    whole = {"zero"}  # if there was no more of dy than what is left out
    changes = {
        "one image left out": (lambda dy, c, g: g(image * dy), {
            "where", "images" if len(y_shape) > 2 else "from"}),
        "one index of dy left out": (lambda dy, c, g: g(slab * dy),
                                     {"where", "from", "missing", *whole}),
        "dy squared": (lambda dy, c, g: g(dy**2), {"nonlinear"}),
        "only dy above 0": (lambda dy, c, g: g(dy * (dy > 0)), {"nonlinear"}),
        "dy reversed": (lambda dy, c, g: g(np.flip(dy, axis).copy()), {"reversed", "dy reversed"}),
        "dy rolled": (lambda dy, c, g: g(np.roll(dy, 1, axis)), {
            "moved", "dy moved", "stamp moved", "dy reversed", "reversed"}),
    }
    if len(y_shape) > 2:
        changes["border of dy left out"] = (lambda dy, c, g: g(dy * (1 - border)),
                                            {"where", "from", "missing", "zero"})
    if shape == y_shape and len(shape) > 2:
        changes["summed over images"] = (
            lambda dy, c, g: np.broadcast_to(g(dy).sum(axis=0), shape).copy(), {"mixed"})
    return changes


def _of_operation(name, key):
    """The mistakes that people make in one operation."""
    if name.startswith("conv") and "transpose" not in name and key == "x":
        return _of_convolution()
    if name == "batch_norm" and key == "x":
        return _of_batch_norm()
    if name == "two ways":
        return {"one way left out": (lambda dy, x, g: dy * (1 - np.tanh(x) ** 2), {"plus"})}
    if name == "relu":
        return {"all let through": (lambda dy, y, g: dy, {"dead"}),
                "leaky": (lambda dy, y, g: np.where(y > 0, dy, 0.1 * dy), {"dead"})}
    if name == "dropout":
        return {"the mask unscaled": (lambda dy, m, g: dy * (m > 0), {"factor"})}
    if name == "conv_transpose" and key == "x":
        return {"kernel turned": (
            lambda dy, c, g: ops.conv_forward(dy, np.flip(c[1], (0, 1)).copy(), None,
                                              stride=2)[0], {"stamp turned"})}
    return {}


def _of_convolution():
    def paint(dy, cache, turn=False, stride=None, off=0, transposed=False, last=False):
        x, w, _, own, padding, *_ = cache
        spatial = tuple(range(w.ndim - 2))
        w = np.flip(w, spatial) if turn else w.swapaxes(-1, -2) if transposed else w
        stride, padding = stride or own, tuple(p + off for p in padding)
        if not last:
            return loops.data_gradient(dy, w, x.shape, stride, padding)
        dx = np.zeros(x.shape)
        for o, k, i in loops._meetings(x.shape, dy.shape[1:-1], w.shape[:-2], stride, padding):
            dx[i] = w[k] @ dy[o]
        return dx

    return {
        "kernel not turned": (lambda dy, c, g: paint(dy, c, turn=True), {"stamp turned"}),
        "stride forgotten": (lambda dy, c, g: paint(dy, c, stride=(1,) * (dy.ndim - 2)),
                             {"stride", "stamp moved"}),
        "padding off by one": (lambda dy, c, g: paint(dy, c, off=1), {"stamp moved", "moved"}),
        "= for +=": (lambda dy, c, g: paint(dy, c, last=True), {"missing", "where"}),
        "channels exchanged": (lambda dy, c, g: paint(dy, c, transposed=True)
                               if c[1].shape[-1] == c[1].shape[-2] else g(dy), {"channels"}),
    }

def _of_batch_norm():
    def terms(dy, cache, mean=1.0, std=1.0, gamma=True, axes=(0, 1, 2)):
        x_hat = (cache.x - cache.mean) * cache.inverse_std
        average = dy.mean(axis=axes, keepdims=True)
        along = (dy * x_hat).mean(axis=axes, keepdims=True)
        scale = cache.inverse_std * (cache.gamma if gamma else 1)
        return scale * (dy - mean * average - std * x_hat * along)

    return {
        "no 1/M": (lambda dy, c, g: terms(dy, c, 18, 18), {"mean"}),
        "no 1/M in the mean": (lambda dy, c, g: terms(dy, c, mean=18), {"mean"}),
        "μ and σ constant": (lambda dy, c, g: terms(dy, c, 0, 0), {"mean"}),
        "the mean's sign": (lambda dy, c, g: terms(dy, c, mean=-1), {"mean"}),
        "no way through σ": (lambda dy, c, g: terms(dy, c, std=0), set()),
        "γ forgotten": (lambda dy, c, g: terms(dy, c, gamma=False), {"along", "factor"}),
        "each image by itself": (lambda dy, c, g: terms(dy, c, axes=(1, 2)), {"mixed"}),
    }
