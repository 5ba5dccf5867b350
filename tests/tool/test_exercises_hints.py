"""Typical mistakes, each a small edit of a full solution: each fails, with a hint at its cause."""

from pathlib import Path

import pytest
import solved_exercises

from minunet.tool.exercises.tasks import examine

SOLUTION = Path(solved_exercises.__file__)
MISTAKES = [
    # task, the right code, the wrong code, words of the hint
    (1, "np.where(positive, x, 0), positive", "abs(x), positive", "this is |x|"),
    (1, "positive = x > 0", "positive = x >= 0", "the mask is x > 0, not x ≥ 0"),
    (1, "np.where(cache, dy, 0)", "np.where(dy > 0, dy, 0)", "the mask must come from x"),
    (1, "np.where(cache, dy, 0)", "dy", "dy went through unchanged"),
    (1, "np.where(cache, dy, 0)", "1.0 * cache", "the mask alone"),
    (2, "np.take_along_axis(windows, winner[..., None], axis=-1)[..., 0]",
     "windows.mean(axis=-1)", "the mean of each window"),
    (2, "winner[..., None], axis=-1)[..., 0]", "winner[..., None], axis=-1)[..., 0].clip(0)",
     "it starts from 0"),
    (2, "windows.argmax(axis=-1)", "3 - windows[..., ::-1].argmax(axis=-1)",
     "ties: the last of equal pixels"),
    (2, """    return y, (winner, x.shape)


def max_pool_backward(dy, cache):
""", """    return y, (x, y)


def max_pool_backward(dy, cache):
    x, y = cache
    large = np.zeros_like(x)
    for i in (0, 1):
        for j in (0, 1):
            part = x[:, i : 2 * y.shape[1] : 2, j : 2 * y.shape[2] : 2]
            large[:, i : 2 * y.shape[1] : 2, j : 2 * y.shape[2] : 2] = dy * (part == y)
    return large
""", "ties: all pixels that are equal"),
    (2, "dx = np.zeros(shape, dtype=dy.dtype)",
     "dx = np.zeros((shape[0], 2 * dy.shape[1], 2 * dy.shape[2], shape[3]))",
     "dx must be as large as x: the last row"),
    (2, "dx[n, 2 * h + i, 2 * w + j, c] =", "dx[n, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2, c] =",
     "all four pixels of a window got dy"),
    (2, "dx[n, 2 * h + i, 2 * w + j, c]", "dx[n, 2 * h + j, 2 * w + i, c]",
     "rows and columns are exchanged inside the windows"),
    (2, "dx[n, 2 * h + i, 2 * w + j, c]", "dx[n, 2 * h + i, 2 * w + j, -1 - c]",
     "wrong in every case with more than one channel"),
    (2, "dx[n, 2 * h + i, 2 * w + j, c]", "dx[n, 2 * h + 1 - i, 2 * w + j, c]",
     "pencil and paper"),
    (2, "dx = np.zeros(shape, dtype=dy.dtype)", "dx = np.zeros(shape, dtype=int)",
     "is there an array of integers"),
    (2, "x[:, : 2 * oh, : 2 * ow].reshape", "x.reshape", "every case with an odd H or W"),
    (3, "            y += padded[", "            y = padded[", "collect with `+=`"),
    (3, "- kh) // s + 1, (width", "- kh) // s, (width", "OH = ⌊(H + 2P − KH) / S⌋ + 1"),
    (3, "@ w[i, j]\n", "@ w[kh - 1 - i, kw - 1 - j]\n", "the kernel is turned by half a turn"),
    (3, "        y += b\n    return y, (padded", "        pass\n    return y, (padded",
     "b is not added"),
    (3, "@ w[i, j]\n    if b is not None:\n        y += b\n",
     "@ w[i, j]\n            y += 0 if b is None else b\n", "once for each place of the kernel"),
    (3, "s, p = stride, padding\n    padded", "s, p = 1, padding\n    padded",
     "stride is forgotten"),
    (3, "s, p = stride, padding\n    padded", "s, p = stride, 0\n    padded",
     "padding is forgotten"),
    (3, "@ w[i, j]\n", "@ w[i, j].T\n", "channels exchanged"),
    (3, "padded[:, p : p + h, p : p + width] = x", "padded[:, p:-p, p:-p] = x", "padding 0"),
    (3, "        y += b\n    return", "        y += b\n    y[1:] = 0\n    return",
     "the first image alone"),
    (3, "y = np.zeros((n, oh, ow, f), dtype=x.dtype)\n    for i in range(kh)",
     "y = np.zeros((n, oh, ow, f), dtype=np.float32)\n    for i in range(kh)",
     "too few digits: something on the way to y is float32; keep the dtype of x"),
    (4, "dy.sum(axis=(0, 1, 2))\n    return dx, dw, db", "dy.sum(axis=(1, 2))\n"
     "    return dx, dw, db",
     "db is not summed over the images"),
    (4, "dy.sum(axis=(0, 1, 2))\n    return dx, dw, db", "dy[0].sum(axis=(0, 1))\n"
     "    return dx, dw, db", "right for the first image alone"),
    (4, "dy.sum(axis=(0, 1, 2))\n    return dx, dw, db", "dy.mean(axis=(0, 1, 2))\n"
     "    return dx, dw, db", "db is a mean"),
    (4, "None if b is None else dy.sum(axis=(0, 1, 2))\n    return dx, dw, db",
     "dy.sum(axis=(0, 1, 2))\n    return dx, dw, db", "and db is None"),
    (4, "    return dx, dw, db\n", "    return dx, dw / len(dy), db\n",
     "dw is divided by the number of images"),
    (4, "    return dx, dw, db\n", "    return dx, dw[::-1, ::-1], db\n",
     "dw is turned by half a turn"),
    (4, "    return dx, dw, db\n", "    return dx, dw.swapaxes(2, 3), db\n", "channels exchanged"),
    (4, "np.tensordot(padded[here],", "np.tensordot(padded[:, i : i + oh, j : j + ow],",
     "stride is forgotten"),
    (4, "dw[i, j] += np.tensordot(padded[here], dy, axes=((0, 1, 2), (0, 1, 2)))",
     "for n in range(len(dy)):\n                dw[i, j] = np.tensordot(padded[here][n], dy[n], "
     "axes=((0, 1), (0, 1)))", "that of the last image alone"),
    (4, "    return dx, dw, db\n", "    return dx, db, dw\n", "dw and db are exchanged"),
    (5, "dpadded[here] += dy @ w[i, j].T", "dpadded[here] += dy @ w[-1 - i, -1 - j].T",
     "the kernel is turned by half a turn"),
    (5, "dpadded[here] += dy", "dpadded[here] = dy", "`=` replaces"),
    (5, "dpadded[:, p : p + h, p : p + width]", "dpadded", "padding is not cut off"),
    (5, "dpadded[:, p : p + h, p : p + width]", "dpadded[:, p:-p, p:-p]", "empty where P is 0"),
    (5, "dpadded[:, p : p + h, p : p + width]", "dpadded[:, :h, :width]", "at one side only"),
    (5, "dpadded[here] += dy @", "dpadded[:, i : i + oh, j : j + ow] += dy @",
     "stride is forgotten"),
    (5, "dpadded[here] += dy @ w[i, j].T", "dpadded[here] += dy @ w[i, j]",
     "channels exchanged"),
    (5, "    return dx, dw, db\n", "    return dw, dx, db\n",
     "these are exchanged: the order is dx, dw, db"),
    (5, "    return dx, dw, db\n", "    return dw, db, dx\n",
     "these are exchanged: the order is dx, dw, db"),
    (6, "return dx, dw, None if", "return dw, dx, None if",
     "these are exchanged: the order is dx, dw, db"),
    (6, "1 : s] += (", "1 : s] = (", "`=` replaces"),
    (6, "x @ w[i, j].T)", "x @ w[-1 - i, -1 - j].T)", "the kernel is turned"),
    (6, "painted[:, p : size[0] - p, p : size[1] - p]", "painted", "padding is not cut off"),
    (6, "painted[:, p : size[0] - p, p : size[1] - p]", "painted[:, p:-p, p:-p]",
     "empty where P is 0"),
    (6, """x @ w[i, j].T)
    y = painted[:, p : size[0] - p, p : size[1] - p]
    if b is not None:
        y = y + b
""", """x @ w[i, j].T + (0 if b is None else b))
    y = painted[:, p : size[0] - p, p : size[1] - p]
""", "b is added with every stamp"),
    (6, "return dx, dw, None if", "return dx, dw.swapaxes(2, 3), None if", "channels exchanged"),
    (6, "None if b is None else dy.sum(axis=(0, 1, 2))\n\n\ndef batch",
     "None if b is None else dy.sum(axis=0)\n\n\ndef batch", "db is not summed over the pixels"),
    (7, "std = np.sqrt(var + eps)", "std = np.sqrt(var) + eps", "belongs under the root"),
    (7, "std = np.sqrt(var + eps)", "std = np.sqrt(var + 1e-5)", "eps is an argument"),
    (7, "x.var(axis=(0, 1, 2))", "x.var(axis=(0, 1, 2), ddof=int(x[..., 0].size > 1))",
     "divided by M − 1"),
    (7, "mean = x.mean(axis=(0, 1, 2))\n    var = x.var(axis=(0, 1, 2))",
     "mean = x.mean(axis=(1, 2), keepdims=True)\n    var = x.var(axis=(1, 2), keepdims=True)",
     "those of each image"),
    (7, "    std = np.sqrt(var + eps)", "    global running\n"
     "    mean = running = 0.9 * globals().get('running', 0 * mean) + 0.1 * mean[0]\n"
     "    std = np.sqrt(var + eps)", "running statistics"),
    (7, "(dy - dbeta / m - x_hat * dgamma / m)", "dy", "two of three terms are missing"),
    (7, "(dy - dbeta / m - x_hat * dgamma / m)", "(dy - x_hat * dgamma / m)",
     "the term through μ is missing"),
    (7, "(dy - dbeta / m - x_hat * dgamma / m)", "(dy - dbeta / m)",
     "the term through σ² is missing"),
    (7, "(dy - dbeta / m - x_hat * dgamma / m)", "(dy - dbeta - x_hat * dgamma)",
     "1/M is missing in both"),
    (7, "m = dy[..., 0].size", "m = len(dy)", "M is the number of images here"),
    (7, "m = dy[..., 0].size", "m = dy[0, ..., 0].size", "M is H·W here"),
    (7, "dx = gamma / std *", "dx = 1 / std *", "γ is missing"),
    (7, "dx = gamma / std * ", "dx = ", "the factor γ / √(σ² + ε) is missing"),
    (7, "- x_hat * dgamma / m", "- dgamma / m", "x̂ is missing in the term through σ²"),
    (7, "return gamma * x_hat + beta", "return gamma * (x_hat + beta)",
     "β is multiplied with γ"),
    (7, "(dy * x_hat).sum(axis=(0, 1, 2))", "dy.sum(axis=(0, 1, 2))", "this is dβ"),
    (7, "return dx, dgamma, dbeta", "return dx, dbeta, dgamma", "returned as dx, dgamma, dbeta"),
    (8, "np.concatenate([skip[:, a : a + oh, b : b + ow], up]",
     "np.concatenate([up, skip[:, a : a + oh, b : b + ow]]", "the order is [skip, up]"),
    (8, "skip[:, a : a + oh, b : b + ow]", "skip[:, :oh, :ow]", "the crop is not the centre"),
    (8, "(skip.shape[1] - oh) // 2, (skip.shape[2] - ow) // 2",
     "(skip.shape[1] - oh + 1) // 2, (skip.shape[2] - ow + 1) // 2", "an odd border"),
    (8, "    return dskip, dy[..., shape[-1] :]", "    return dy[..., : shape[-1]], "
     "dy[..., shape[-1] :]", "the shape of the crop"),
    (8, "    return dskip, dy[..., shape[-1] :]", "    return dy[..., shape[-1] :], dskip",
     "dskip and dup are exchanged"),
    (8, "dy[..., : shape[-1]]\n    return dskip, dy[..., shape[-1] :]",
     "dy[..., -shape[-1] :]\n    return dskip, dy[..., : -shape[-1]]",
     "the last channels of dy were taken"),
    (8, "dy[..., : shape[-1]]\n    return dskip, dy[..., shape[-1] :]",
     "dy[..., shape[-1] :]\n    return dskip, dy[..., : shape[-1]]",
     "the last channels of dy were taken"),
    (8, "dskip + max_pool_backward(dpooled, pool), dw", "max_pool_backward(dpooled, pool), dw",
     "the way across is missing"),
    (8, "dskip + max_pool_backward(dpooled, pool), dw", "dskip, dw", "the way down is missing"),
    (9, "dskips[level] + max_pool_backward(dx, pool)", "max_pool_backward(dx, pool)",
     "the skip's gradient is missing"),
    (9, "dskips[level] + max_pool_backward(dx, pool)", "dskips[level]",
     "the gradient of the way down is missing"),
    (9, "        x, relu = relu_forward(x)\n", "        _, relu = relu_forward(x)\n",
     "the ReLU is missing in the blocks"),
    (9, "dy, grads[f\"{name}.conv{k}.w\"], _ = conv_backward(dy, conv)",
     "dy, _, _ = conv_backward(dy, conv)", "the names of grads"),
    (9, "        x, norm = batch_norm_forward(x, p[f\"{name}.norm{k}.gamma\"], "
     "p[f\"{name}.norm{k}.beta\"])\n        x, relu = relu_forward(x)\n",
     "        x, relu = relu_forward(x)\n"
     "        x, norm = batch_norm_forward(x, p[f\"{name}.norm{k}.gamma\"], "
     "p[f\"{name}.norm{k}.beta\"])\n", "the ReLU comes after the normalisation"),
    (9, "        x, relu = relu_forward(x)\n", "        x, relu = relu_forward(x) if k == '1' "
     "else (x, x > 0)\n", "the second ReLU of the blocks is missing"),
    (9, "        x, relu = relu_forward(x)\n", "        x, relu = relu_forward(x) if k == '2' "
     "else (x, x > 0)\n", "the first ReLU of the blocks is missing"),
    (9, "    return logits, (caches", "    return 1 / (1 + np.exp(-logits)), (caches",
     "these are probabilities"),
    (9, "    return logits, (caches", "    return relu_forward(logits)[0], (caches",
     "there is a ReLU after the head"),
    (9, "batch_norm_forward(x, p[f\"{name}.norm{k}.gamma\"], p[f\"{name}.norm{k}.beta\"])",
     "batch_norm_forward(x, p[f\"{name}.norm{k}.beta\"], p[f\"{name}.norm{k}.gamma\"])",
     "γ and β are exchanged"),
    (9, "concat_forward(skips[level - 1], up)", "concat_forward(up, skips[level - 1])",
     "[skip, up]"),
    (9, "    return dx, grads\n", "    return dx, grads | {'enc9.conv1.w': None}\n",
     "the names of grads are those of p, and no others"),
    (9, 'grads[f"{name}.norm{k}.gamma"], grads[f"{name}.norm{k}.beta"] = (',
     'grads[f"{name}.norm{k}.beta"], grads[f"{name}.norm{k}.gamma"] = (',
     "the first wrong one on the way back is dec1.norm2.gamma"),
    (9, "x, pool = max_pool_forward(x)\n        caches",
     "x, pool = max_pool_forward(0.9 * x)\n        caches", "one line after the other"),
    (9, "for k, conv, norm, relu in reversed(caches):", "for k, conv, norm, relu in caches:",
     "from the last to the first"),
]


def spoiled(old, new):
    """The solution with one edit, as `examine` takes it."""
    text = SOLUTION.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} must be there once"
    functions = {"__name__": "spoiled", "__file__": str(SOLUTION)}
    exec(compile(text.replace(old, new), str(SOLUTION), "exec"), functions)
    return functions


@pytest.mark.parametrize("number", range(1, 9))
def test_the_solution_passes(number):
    assert examine(number, spoiled("All nine tasks", "All")).passed


@pytest.mark.parametrize(("number", "old", "new", "words"), MISTAKES)
def test_a_mistake_fails_with_a_hint_that_names_its_cause(number, old, new, words):
    verdict = examine(number, spoiled(old, new))
    assert not verdict.passed
    assert words in verdict.hint


@pytest.mark.parametrize(("number", "old", "new", "words"), [
    (1, "    return np.where(positive, x, 0)", "    x[~positive] = 0\n    return x",
     "forward changes it"),
    (1, "    return np.where(cache, dy, 0)", "    dy *= cache\n    return dy",
     "backward changes it"),
    (5, "    dx = dpadded[", "    padded[...] = 0\n    dx = dpadded[", "backward gives other"),
    (7, "    m = dy[..., 0].size", "    m = dy[..., 0].size\n    std *= 2\n    std = std / 2",
     "backward gives other"),
])
def test_an_operation_that_changes_what_it_is_given_fails(number, old, new, words):
    verdict = examine(number, spoiled(old, new))
    assert words in verdict.problem


def test_a_hint_at_the_shape_is_of_a_case_whose_shape_is_wrong():
    for old, new in [("    return dx, dw, db\n", "    return dx.mean(axis=0), dw, db\n"),
                     ("    return dx, dw, db\n",
                      "    return (1.5 * dx if len(dx) == 1 else dx[:1]), dw, db\n")]:
        verdict = examine(5, spoiled(old, new))
        shapes = [line for line in verdict.case if "yours: (" in line and "of shape" in line]
        assert bool(shapes) == ("has the wrong shape" in verdict.hint)


def test_numbers_that_differ_in_late_digits_are_printed_with_these():
    verdict = examine(3, spoiled("        y += b\n    return y, (padded",
                                 "        y += b\n    return y * (1 + 1e-7), (padded"))
    right, got = verdict.case[-1].split("; ")[:2]
    assert right.partition(" = ")[2] + ".0000063" == got.removeprefix("yours: ")


def test_what_was_expected_is_not_shown_where_backward_raises():
    verdict = examine(4, spoiled("dw[i, j] += np.tensordot", "1 / 0; dw[i, j] += np.tensordot"))
    assert "conv_backward raises ZeroDivisionError: division by zero (line " in verdict.problem
    assert not any("expected" in line for line in verdict.case)
    assert "dy = " in verdict.case[-1]


GLOBAL = [
    (1, "relu"), (2, "max_pool"), (4, "conv"), (5, "conv"), (6, "conv_transpose"),
    (7, "batch_norm"), (8, "concat"), (8, "level")]


@pytest.mark.parametrize(("number", "name"), GLOBAL)
def test_an_operation_that_keeps_its_cache_in_a_global_name_fails(number, name):
    functions, kept = spoiled("All nine tasks", "All"), []
    forward, backward = functions[f"{name}_forward"], functions[f"{name}_backward"]

    def keeping(*arguments, **options):
        y, cache = forward(*arguments, **options)
        kept[:] = [cache]
        return y, None

    functions[f"{name}_forward"] = keeping
    functions[f"{name}_backward"] = lambda dy, cache: backward(dy, kept[0])
    verdict = examine(number, functions)
    assert "is wrong if forward was called on another case in between" in verdict.problem
    assert "nothing from a global name" in verdict.hint


def test_a_maximum_that_starts_from_0_is_shown_a_window_of_negative_numbers():
    verdict = examine(2, spoiled("winner[..., None], axis=-1)[..., 0]",
                                 "winner[..., None], axis=-1)[..., 0].clip(0)"))
    assert "x (1, 2, 2, 1)" in verdict.case[0]
    assert verdict.case[2].startswith("expected: y = -1; yours: 0")


def test_pencil_and_paper_are_asked_for_only_where_the_numbers_are_printed():
    for least in (0, 40):
        verdict = examine(2, spoiled("    return y, (winner, x.shape)\n",
                                     "    return y * 1.5**(np.arange(y.size).reshape(y.shape) % 7 "
                                     f"+ (x.size < 8)) if x.size > {least} else y, "
                                     "(winner, x.shape)\n"))
        assert "compare with the formula" in verdict.hint
        printed = any(line.startswith("given: ") for line in verdict.case)
        assert printed == (least == 0) == ("pencil and paper" in verdict.hint)
