"""Values and gradients against PyTorch, in double precision, on 200 random shapes for each op."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import convolutions, does, poolings, proof, seeds, transposed_convolutions

from minunet import UNet, ops, optim, proofs
from minunet.ops.fast.choose import METHODS

torch = pytest.importorskip("torch")
F = torch.nn.functional

many = settings(proof, max_examples=200)


def leaf(a):
    """Give a tensor with a gradient."""
    return torch.tensor(a, requires_grad=True)


def channels_first(x):
    return x.movedim(-1, 1).contiguous()  # PyTorch's gradients ask for it


def channels_last(x):
    return x.movedim(1, -1)


def weight(w):
    """(KH, KW, C, F) → (F, C, KH, KW), for both convolutions."""
    return w.movedim((-1, -2), (0, 1)).contiguous()


def assert_same(pairs, relative_to=None):
    """Compare (ours, theirs) to 1e-10 of the largest value, of each pair or of `relative_to`."""
    for ours, theirs in pairs:
        theirs = theirs.detach().numpy()
        assert ours.shape == theirs.shape
        scale = np.abs(theirs if relative_to is None else relative_to).max()
        assert np.abs(ours - theirs).max() <= 1e-10 * scale


def compare(case, function):
    """Compare an op's output and gradients with those of `function` on the same tensors."""
    forward, backward, arguments, _ = case
    y, cache = forward(*arguments.values())
    dy = np.random.default_rng((1, 1)).normal(size=y.shape)
    gradients = backward(dy, cache)
    leaves = [leaf(a) for a in arguments.values()]
    expected = function(*leaves)
    expected.backward(torch.tensor(dy))
    assert_same([(y, expected)])
    for ours, tensor in zip(gradients if isinstance(gradients, tuple) else (gradients,), leaves,
                            strict=True):
        assert_same([(ours, tensor.grad)])


@given(shape=convolutions, bias=st.booleans(), method=st.sampled_from(list(METHODS)), seed=seeds)
@many
def test_conv(shape, bias, method, seed):
    def convolve(x, w, b=None):
        function = (F.conv1d, F.conv2d, F.conv3d)[len(shape.size) - 1]
        return channels_last(function(channels_first(x), weight(w), b, shape.stride,
                                      shape.padding))

    compare(proofs.conv_case(np.random.default_rng(seed), *shape, bias=bias,
                             method=method if does(method, shape) else "auto"), convolve)


@given(shape=transposed_convolutions, bias=st.booleans(), seed=seeds)
@many
def test_conv_transpose(shape, bias, seed):
    def convolve(x, w, b=None):
        functions = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
        return channels_last(functions[len(shape.size) - 1](
            channels_first(x), weight(w), b, shape.stride, shape.padding))

    compare(proofs.conv_transpose_case(np.random.default_rng(seed), *shape, bias=bias), convolve)


@given(shape=poolings, seed=seeds)
@many
def test_max_pool(shape, seed):
    def pool(x):
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(shape.size) - 1]
        return channels_last(function(channels_first(x), window, stride, padding))

    n, size, c, _, window, stride, padding = shape
    compare(proofs.max_pool_case(np.random.default_rng(seed), n, size, c, window, stride,
                                 padding), pool)


@given(n=st.integers(1, 3), size=st.lists(st.integers(1, 3), max_size=2), c=st.integers(1, 4),
       seed=seeds)
@many
def test_batch_norm(n, size, c, seed):
    def normalise(x, gamma, beta):
        return channels_last(F.batch_norm(channels_first(x), None, None, gamma, beta,
                                          training=True))

    compare(proofs.batch_norm_case(np.random.default_rng(seed), n, (*size, 4), c), normalise)


@pytest.mark.parametrize("name, function", [
    ("sigmoid_cross_entropy", lambda z, t, w: F.binary_cross_entropy_with_logits(z, t, w)),
    ("softmax_cross_entropy", lambda z, t, w: (F.cross_entropy(
        channels_first(z), t, reduction="none") * w).mean()),
])
def test_losses(rng, name, function):
    softmax = name == "softmax_cross_entropy"
    z = rng.normal(size=(2, 3, 4, 3 if softmax else 1))
    target = rng.integers(0, 3, (2, 3, 4)) if softmax else rng.integers(0, 2, z.shape) * 1.0
    w = rng.uniform(0, 3, target.shape)
    value, dlogits = getattr(ops, name)(z, target, w)
    expected = function(tensor := leaf(z), torch.tensor(target), torch.tensor(w))
    expected.backward()
    assert_same([(value, expected), (dlogits, tensor.grad)])


def twin(net, tensors, x, training=True):
    """Compute the logits of `net` in PyTorch; `tensors` are its parameters and buffers."""
    conv, up, pool = ((F.conv2d, F.conv_transpose2d, F.max_pool2d) if net.config["axes"] == 2
                      else (F.conv3d, F.conv_transpose3d, F.max_pool3d))

    def block(name, x):
        for i in (1, 2):
            x = conv(x, weight(tensors[f"{name}.conv{i}.w"]), tensors.get(f"{name}.conv{i}.b"),
                     padding=net.pad)
            if net.norm:
                norm = (tensors[f"{name}.norm{i}.{k}"] for k in ("mean", "var", "gamma", "beta"))
                x = F.batch_norm(x, *norm, training=training)
            x = F.relu(x)
        return x

    x, skips = channels_first(x), []
    for level in range(1, net.depth + 1):
        x = block(f"enc{level}", x)
        skips.append(x)
        x = pool(x, 2)
    x = block("bottom", x)
    for level in range(net.depth, 0, -1):
        w, b = (tensors[f"dec{level}.up.{k}"] for k in "wb")
        x, skip = up(x, weight(w), b, stride=2), skips.pop()
        for axis in range(2, x.ndim):
            skip = skip.narrow(axis, (skip.shape[axis] - x.shape[axis]) // 2, x.shape[axis])
        x = block(f"dec{level}", torch.cat([skip, x], dim=1))
    return channels_last(conv(x, weight(tensors["head.w"]), tensors["head.b"]))


@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.parametrize("padding, depth, size", [
    ("same", 1, (6, 10)), ("same", 3, (24, 16)), ("same", 4, (32, 48)),
    ("valid", 1, (22, 20)), ("valid", 2, (44, 52)), ("valid", 3, (92, 100)),
    ("same", 1, (4, 6, 10)), ("same", 2, (8, 4, 12)), ("valid", 1, (18, 22, 20)),
])
def test_unet(rng, padding, depth, size, norm):
    net = UNet(3, 2, base_channels=4, depth=depth, padding=padding, norm=norm, dtype="float64",
               axes=len(size))
    for name, value in net.params.items():
        if not name.endswith(".w"):  # so that no bias, γ or β is 0 or 1
            value += rng.normal(0, 0.5, size=value.shape)
    tensors = {k: leaf(v) for k, v in net.params.items()}
    buffers = {k: torch.tensor(v) for k, v in net.buffers.items()}
    x = rng.normal(size=(2, *size, 3))

    logits, cache = net.forward(x, training=True)
    dlogits = rng.normal(size=logits.shape)
    dx, grads = net.backward(dlogits, cache)
    expected = twin(net, tensors | buffers, image := leaf(x))
    expected.backward(torch.tensor(dlogits))

    assert_same([(logits, expected), (dx, image.grad)])
    # Before a normalisation a bias has the gradient 0, and rounding: compare with the largest.
    largest = max(np.abs(g).max() for g in grads.values())
    assert_same([(grads[k], tensors[k].grad) for k in grads], relative_to=largest)
    assert_same([(net.buffers[k], buffers[k]) for k in buffers])
    assert_same([(net.forward(x)[0], twin(net, tensors | buffers, image, training=False))])


@pytest.mark.parametrize("ours, theirs", [
    (lambda p: optim.Adam(p, lr=0.1), lambda p: torch.optim.Adam(p, lr=0.1)),
    (lambda p: optim.Adam(p, lr=0.1, weight_decay=0.2),
     lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.2)),
    (lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
     lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
])
def test_optimisers(rng, ours, theirs):
    params = {"conv.w": rng.normal(size=(3, 4))}
    tensor = leaf(params["conv.w"].copy())
    opt, reference = ours(params), theirs([tensor])
    for _ in range(10):
        g = rng.normal(size=(3, 4))
        opt.step({"conv.w": g})
        tensor.grad = torch.tensor(g)
        reference.step()
        assert_same([(params["conv.w"], tensor)])
