"""Every op and the network, ready for the gradient check: what ``minunet gradcheck`` runs.

Each ``…_case`` draws the arguments of one op and gives what `gradcheck.check` takes. The tests
call the same functions with many random shapes.
"""

from itertools import product

import numpy as np

from minunet import gradcheck, ops
from minunet.ops.fast.choose import METHODS
from minunet.unet import UNet


def conv_case(rng, n, size, c, f, kernel, stride=1, padding=0, *, method="auto", bias=True):
    """Draw a convolution of an image, signal or volume; `size` and `kernel` fix the axes."""
    arguments = {"x": rng.normal(size=(n, *size, c)), "w": rng.normal(size=(*kernel, c, f))}
    if bias:
        arguments["b"] = rng.normal(size=f)

    def forward(x, w, b=None):
        return ops.conv_forward(x, w, b, stride=stride, padding=padding, method=method)

    def backward(dy, cache):
        return ops.conv_backward(dy, cache)[: len(arguments)]

    return forward, backward, arguments, ("x", "w", "b")


def conv_transpose_case(rng, n, size, c, f, kernel, stride=1, padding=0, *, bias=True):
    """Draw a transposed convolution."""
    arguments = {"x": rng.normal(size=(n, *size, c)), "w": rng.normal(size=(*kernel, f, c))}
    if bias:
        arguments["b"] = rng.normal(size=f)

    def forward(x, w, b=None):
        return ops.conv_transpose_forward(x, w, b, stride=stride, padding=padding)

    def backward(dy, cache):
        return ops.conv_transpose_backward(dy, cache)[: len(arguments)]

    return forward, backward, arguments, ("x", "w", "b")


def max_pool_case(rng, n, size, c, window=2, stride=None, padding=0):
    """Draw a max pooling whose values are all at least 1e-3 apart: no step changes a winner."""
    shape = (n, *size, c)
    x = 1e-3 * rng.permutation(np.prod(shape)).reshape(shape).astype(float)

    def forward(x):
        return ops.max_pool_forward(x, size=window, stride=stride, padding=padding)

    return forward, ops.max_pool_backward, {"x": x}, ()


def relu_case(rng, shape):
    """Draw a ReLU with no value nearer to 0, its kink, than 0.1."""
    x = rng.uniform(0.1, 2, size=shape) * rng.choice([-1, 1], size=shape)
    return ops.relu_forward, ops.relu_backward, {"x": x}, ()


def batch_norm_case(rng, n, size, c):
    """Draw a batch normalisation; it is linear in γ and β, not in x."""
    arguments = {"x": rng.normal(1, 2, size=(n, *size, c)), "gamma": rng.normal(size=c),
                 "beta": rng.normal(size=c)}
    return ops.batch_norm_forward, ops.batch_norm_backward, arguments, ("gamma", "beta")


def batch_norm_relu_case(rng, n, size, c):
    """Draw a batch normalisation with ReLU whose kink is out of reach of the steps."""
    _, _, arguments, _ = batch_norm_case(rng, n, size, c)
    while np.abs(ops.batch_norm_forward(**arguments)[0]).min() < 1e-3:
        _, _, arguments, _ = batch_norm_case(rng, n, size, c)
    return ops.batch_norm_relu_forward, ops.batch_norm_relu_backward, arguments, ()


def dropout_case(rng, shape, rate):
    """Draw a dropout; every call gets the same mask."""
    seed = int(rng.integers(2**31))

    def forward(x):
        return ops.dropout_forward(x, rate, np.random.default_rng(seed))

    return forward, ops.dropout_backward, {"x": rng.normal(size=shape)}, ("x",)


def concat_case(rng, n, size, c, f, border):
    """Draw a skip that is `border` pixels larger than what it meets, along every axis."""
    larger = tuple(h + border for h in size)
    arguments = {"skip": rng.normal(size=(n, *larger, c)), "up": rng.normal(size=(n, *size, f))}
    return ops.concat_forward, ops.concat_backward, arguments, ("skip", "up")


def loss_cases(rng, n, size, classes):
    """Draw the losses: pairs of a name and (loss, logits)."""
    one, many = rng.normal(size=(n, *size, 1)), rng.normal(size=(n, *size, classes))
    target = rng.integers(0, 2, size=one.shape).astype(float)
    labels = rng.integers(0, classes, size=many.shape[:-1])
    weight = rng.uniform(0, 3, size=one.shape)
    several = np.concatenate([one, many], axis=-1)  # the background, and at least one class more
    of_several = rng.integers(0, classes + 1, size=labels.shape)
    return {
        "sigmoid_cross_entropy": (lambda z: ops.sigmoid_cross_entropy(z, target, weight), one),
        "softmax_cross_entropy": (
            lambda z: ops.softmax_cross_entropy(z, labels, weight[..., 0]), many),
        "dice_loss": (lambda z: ops.dice_loss(z, target), one),
        "softmax_dice_loss": (lambda z: ops.softmax_dice_loss(z, of_several), several),
    }


def prove_ops(seed=0):
    """Check every op, in one, two and three dimensions.

    Parameters
    ----------
    seed : int

    Returns
    -------
    gradcheck.Report
    """
    rng = np.random.default_rng(seed)
    cases = {}
    for method in METHODS:
        stride, padding = ((3, 3), 0) if method == "tiles" else (1, 1)
        cases[f"conv {method}"] = conv_case(rng, 2, (7, 6), 3, 2, (3, 3), stride, padding,
                                            method=method)
    cases |= {
        "conv strided": conv_case(rng, 2, (7, 6), 2, 3, (3, 2), (2, 3), (1, 0)),
        "conv 1-D": conv_case(rng, 2, (9,), 2, 3, (4,), 3, 2),
        "conv 3-D": conv_case(rng, 1, (4, 3, 5), 2, 2, (3, 2, 3), 2, 1),
        "conv_transpose": conv_transpose_case(rng, 2, (3, 4), 3, 2, (2, 2), 2),
        "conv_transpose 1-D": conv_transpose_case(rng, 2, (4,), 2, 2, (5,), 3, 1),
        "conv_transpose 3-D": conv_transpose_case(rng, 1, (2, 3, 2), 2, 2, (3, 3, 2), (2, 1, 2)),
        "max_pool": max_pool_case(rng, 2, (4, 6), 3),
        "max_pool overlap": max_pool_case(rng, 2, (5, 6), 2, 3, 2, 1),
        "relu": relu_case(rng, (2, 3, 4, 2)),
        "batch_norm": batch_norm_case(rng, 2, (3, 4), 3),
        "batch_norm_relu": batch_norm_relu_case(rng, 2, (3, 4), 3),
        "dropout": dropout_case(rng, (2, 3, 4, 2), 0.4),
        "concat": concat_case(rng, 2, (3, 2), 2, 3, 3),
    }
    report = gradcheck.Report()
    for name, (forward, backward, arguments, linear) in cases.items():
        report += gradcheck.check(forward, backward, arguments, linear=linear, name=name)
    for name, (loss, logits) in loss_cases(rng, 2, (3, 4), 3).items():
        report += gradcheck.check_loss(loss, logits, name=name)
    return report


def prove_networks(seed=0):
    """Check whole networks: padded and not, normalised and not, with dropout.

    Parameters
    ----------
    seed : int

    Returns
    -------
    gradcheck.Report
        The worst row of each network.
    """
    rng, report = np.random.default_rng(seed), gradcheck.Report()
    for padding, norm in product(("same", "valid"), ("batch", None)):
        net = UNet(2, 1, base_channels=3, depth=2, padding=padding, norm=norm, dropout=0.2,
                   seed=seed, dtype="float64")
        for key, value in net.params.items():
            if key.endswith(".b"):  # where all inputs are 0, a bias of 0 sits on ReLU's kink
                value += rng.normal(0, 0.1, size=value.shape)
        x = rng.normal(size=(2, *((44, 44) if padding == "valid" else (12, 8)), 2))
        rows = gradcheck.check_network(net, x, seed=seed,
                                       name=f"UNet {padding}, norm {norm}")
        report.append(max(rows, key=lambda row: row.error))
    return report
