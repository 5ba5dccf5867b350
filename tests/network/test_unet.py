"""The network: its size and names, both directions, and what it refuses."""

from copy import copy

import numpy as np
import pytest

from minunet import UNet, ops
from minunet.blocks import double_conv_forward
from minunet.inference import _double_conv, fold_norms


def small(**changes):
    return UNet(**{"base_channels": 2, "depth": 1} | changes)


def image(net, *size, n=2, seed=0):
    shape = (n, *size, net.config["in_channels"])
    return np.random.default_rng(seed).normal(size=shape).astype(net.config["dtype"])


def move(net, backend):
    """Move the network to the backend's device."""
    for arrays in (net.params, net.buffers):
        arrays.update({name: backend.asarray(array) for name, array in arrays.items()})
    return net


def step(net, x, target):
    """Give the logits, dx and gradients of one training step without the update."""
    logits, cache = net.forward(x, training=True)
    _, dlogits = ops.dice_loss(logits, target)
    return logits, *net.backward(dlogits, cache)


# What it is


def test_the_network_of_the_issue_has_7763041_parameters():
    assert sum(p.size for p in UNet(3, 1, base_channels=32).params.values()) == 7_763_041


def test_the_network_of_the_paper():
    net = UNet.paper()
    assert sum(p.size for p in net.params.values()) == 31_030_658
    assert net.params["head.w"].shape == (1, 1, 64, 2)
    assert net.params["bottom.conv1.w"].shape == (3, 3, 512, 1024)
    assert net.output_shape((572, 572)) == (388, 388)
    assert net.buffers == {}


def test_arguments_override_the_paper():
    assert UNet.paper(base_channels=1, depth=1).config == UNet(
        1, 2, base_channels=1, depth=1, padding="valid", norm=None, dropout=0.5).config


BLOCK = ["conv1.w", "norm1.gamma", "norm1.beta", "conv2.w", "norm2.gamma", "norm2.beta"]
PLAIN = ["conv1.w", "conv1.b", "conv2.w", "conv2.b"]


@pytest.mark.parametrize("norm, block, buffers", [
    ("batch", BLOCK, ["norm1.mean", "norm1.var", "norm2.mean", "norm2.var"]), (None, PLAIN, []),
])
def test_names_stand_in_the_order_in_which_data_meets_them(norm, block, buffers):
    net = small(depth=2, norm=norm)
    up = ["up.w", "up.b"]
    expected = {"enc1": block, "enc2": block, "bottom": block, "dec2": up + block,
                "dec1": up + block, "head": ["w", "b"]}
    assert list(net.params) == [f"{k}.{name}" for k, names in expected.items() for name in names]
    assert list(net.buffers) == [f"{k}.{name}" for k in expected if k != "head"
                                 for name in buffers]
    _, _, grads = step(net, image(net, 8, 8), np.ones((2, 8, 8, 1), np.float32))
    assert [(k, g.shape, g.dtype) for k, g in grads.items()] == [
        (k, p.shape, p.dtype) for k, p in net.params.items()]


def test_weights_come_from_the_seed():
    one, same, other = (small(seed=seed).params for seed in (1, 1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
        assert (one[name] != other[name]).any() == name.endswith(".w")


@pytest.mark.parametrize("name, inputs", [("enc1.conv2.w", 9 * 64), ("dec1.up.w", 128),
                                          ("head.w", 64)])
def test_weights_are_spread_as_he_et_al_say(name, inputs):
    weights = small(base_channels=64, out_channels=64).params[name]
    assert weights.std() == pytest.approx(np.sqrt(2 / inputs), rel=0.05)


# What it computes


@pytest.mark.parametrize("padding, depth, size, expected", [
    ("same", 1, (2, 4), (2, 4)), ("same", 3, (8, 24), (8, 24)),
    ("valid", 1, (18, 20), (2, 4)), ("valid", 2, (44, 52), (4, 12)),
    ("valid", 3, (92, 100), (4, 12)),
])
def test_the_output_has_the_size_that_was_promised(padding, depth, size, expected):
    net = small(padding=padding, depth=depth, out_channels=3)
    assert net.output_shape(size) == expected
    logits, _ = net.forward(image(net, *size))
    assert logits.shape == (2, *expected, 3)


@pytest.mark.parametrize("padding, size", [("same", (8, 12)), ("valid", (44, 48))])
@pytest.mark.parametrize("norm", ["batch", None])
def test_every_backend_gives_what_numpy_gives(backend, norm, padding, size):
    settings = {"depth": 2, "norm": norm, "padding": padding, "dropout": 0.3, "dtype": "float64"}
    net, there = small(**settings), move(small(**settings), backend)
    x, target = image(net, *size), np.ones((2, *net.output_shape(size), 1))
    expected = step(net, x, target)
    got = step(there, backend.asarray(x), backend.asarray(target))
    pairs = [*zip(expected[:2], got[:2], strict=True),
             (net.predict(x), there.predict(backend.asarray(x)))]
    for ours, theirs in ((expected[2], got[2]), (net.buffers, there.buffers)):
        pairs += zip(ours.values(), theirs.values(), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(backend.asnumpy(b), a, rtol=0, atol=1e-12)


@pytest.mark.parametrize("classes", [1, 3])
def test_predict_is_sigmoid_or_softmax_of_forward(backend, classes):
    net = small(out_channels=classes, dtype="float64")
    x = image(net, 8, 6)
    logits = net.forward(x)[0]
    exp = np.exp(logits)
    expected = exp / (exp + 1) if classes == 1 else exp / exp.sum(axis=-1, keepdims=True)
    p = backend.asnumpy(move(net, backend).predict(backend.asarray(x)))
    np.testing.assert_allclose(p, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_has_the_dtype_of_the_network(dtype):
    net = small(dtype=dtype, dropout=0.5)
    logits, dx, grads = step(net, image(net, 4, 4), np.ones((2, 4, 4, 1), dtype))
    for a in (logits, dx, *grads.values(), *net.params.values(), *net.buffers.values(),
              net.predict(image(net, 4, 4))):
        assert a.dtype == dtype


def test_running_statistics_follow_pytorchs_rule():
    """A tenth of each new batch, and the variance the unbiased one."""
    net = small(dtype="float64")
    mean, var = np.zeros(2), np.ones(2)
    for seed in (1, 2):
        x = image(net, 4, 6, seed=seed)
        y, _ = ops.conv_forward(x, net.params["enc1.conv1.w"], padding=1)
        mean = 0.9 * mean + 0.1 * y.mean(axis=(0, 1, 2))
        var = 0.9 * var + 0.1 * y.var(axis=(0, 1, 2), ddof=1)
        net.forward(x, training=True)
        np.testing.assert_allclose(net.buffers["enc1.norm1.mean"], mean, rtol=1e-12)
        np.testing.assert_allclose(net.buffers["enc1.norm1.var"], var, rtol=1e-12)


def test_one_pixel_at_the_bottom_leaves_the_statistics_finite():
    net = small()
    net.forward(image(net, 2, 2, n=1), training=True)
    assert all(np.isfinite(b).all() for b in net.buffers.values())


def test_inference_normalises_with_the_running_statistics(backend, rng):
    net = small(dtype="float64")
    for arrays in (net.params, net.buffers):
        for name, array in arrays.items():
            if "norm" in name:
                array[...] = rng.uniform(0.5, 2, array.shape)
    x = expected = image(net, 4, 6)
    for i in (1, 2):
        expected, _ = ops.conv_forward(expected, net.params[f"enc1.conv{i}.w"], padding=1)
        expected = ops.relu_forward(ops.batch_norm_inference(
            expected, *(net.params[f"enc1.norm{i}.{k}"] for k in ("gamma", "beta")),
            *(net.buffers[f"enc1.norm{i}.{k}"] for k in ("mean", "var"))))[0]
    move(net, backend)
    y = _double_conv(backend.asarray(x), "enc1", fold_norms(net.params, net.buffers), padding=1)
    np.testing.assert_allclose(backend.asnumpy(y), expected, rtol=1e-12, atol=1e-12)


def test_the_folded_network_is_a_network_without_normalisation(rng):
    net = small()
    net.forward(image(net, 8, 8), training=True)  # moves the running statistics
    folded = net.folded()
    assert list(folded.params) == list(small(norm=None).params)
    assert folded.config == net.config | {"norm": None}
    assert folded.folded() is folded
    x = image(net, 8, 8)
    np.testing.assert_array_equal(folded.predict(x), net.predict(x))
    assert net.norm == "batch"


def test_inference_changes_nothing_and_repeats():
    net = small(dropout=0.5)
    x = image(net, 4, 4)
    before = {name: a.copy() for name, a in {**net.params, **net.buffers, "x": x}.items()}
    np.testing.assert_array_equal(net.forward(x)[0], net.forward(x)[0])
    for name, array in {**net.params, **net.buffers, "x": x}.items():
        np.testing.assert_array_equal(array, before[name])


def test_training_drops_other_units_each_time_and_the_same_from_a_seed():
    def run(seed):
        net = small(dropout=0.5, seed=seed)
        return [net.forward(image(net, 8, 8), training=True)[0] for _ in range(2)]

    first, second = run(1)
    assert (first != second).any()
    np.testing.assert_array_equal(run(1), [first, second])


def test_other_parameters_may_be_given_and_a_copy_has_its_own():
    net, other = small(), small(seed=1)
    x, kept = image(net, 4, 4), copy(net)
    before = net.predict(x)
    net.params = other.params
    np.testing.assert_array_equal(net.predict(x), other.predict(x))
    np.testing.assert_array_equal(kept.predict(x), before)
    kept.buffers["enc1.norm1.var"] = 2 * kept.buffers["enc1.norm1.var"]
    np.testing.assert_array_equal(net.predict(x), other.predict(x))


# What it refuses


@pytest.mark.parametrize("params, error, message", [
    ({}, ValueError, "params must have the keys of the network's; they differ at 'bottom.conv1.w'"),
    (small(norm=None).params, ValueError, "they differ at 'bottom.conv1.b'"),
    (small(base_channels=3).params, ValueError, r"params\['enc1.conv1.w'\] must have shape"),
    (small(dtype="float64").params, TypeError, r"params\['enc1.conv1.w'\] is float64, the other"),
    ([1], TypeError, "params must be a dict of arrays, got list"),
])
def test_parameters_of_another_network_are_refused(params, error, message):
    net = small()
    before = dict(net.params)
    with pytest.raises(error, match=message):
        net.params = params
    assert all(net.params[name] is array for name, array in before.items())


def test_a_cache_is_used_once():
    net = small()
    logits, cache = net.forward(image(net, 4, 4), training=True)
    net.backward(logits, cache)
    with pytest.raises(ValueError, match="cache is empty: backward has used it already"):
        net.backward(logits, cache)


@pytest.mark.parametrize("norm", ["batch", None])
def test_only_training_keeps_a_cache_for_the_way_back(norm):
    net = small(norm=norm)
    logits, cache = net.forward(image(net, 4, 4))
    assert cache == {"training": False}
    with pytest.raises(ValueError, match=r"cache is from forward\(x, training=False\)"):
        net.backward(logits, cache)


@pytest.mark.parametrize("x, error, message", [
    (np.zeros((1, 4, 4, 3)), TypeError, "x is float64, the other arguments are float32"),
    (np.zeros((1, 4, 4, 3), np.uint8), TypeError, "x must be floating-point, got uint8"),
    ([[0.0]], TypeError, "x must be a NumPy or CuPy array, got list"),
    (np.zeros((4, 4, 3), np.float32), ValueError, r"x must have 4 axes, got shape \(4, 4, 3\)"),
    (np.zeros((1, 3, 4, 4), np.float32), ValueError,
     r"x must be \(N, H, W, 3\), channels last; got \(1, 3, 4, 4\)"),
    (np.zeros((1, 4, 5, 3), np.float32), ValueError, "W = 5 .* nearest that go are 4 and 6"),
    (np.zeros((0, 4, 4, 3), np.float32), ValueError, r"x must not be empty, got shape \(0, 4"),
])
def test_what_does_not_fit_is_named(x, error, message):
    net = small(in_channels=3)
    for use in (net.forward, net.predict):
        with pytest.raises(error, match=message):
            use(x)


def test_an_image_on_another_device_is_named(backend):
    if backend.name == "numpy":
        pytest.skip("needs a second device")
    net = small()
    with pytest.raises(TypeError, match="x lies on another device"):
        net.forward(backend.asarray(image(net, 4, 4)))


def test_a_block_does_not_keep_what_its_second_convolution_got_but_makes_it_again():
    net = UNet(in_channels=2, base_channels=3, depth=1, dtype="float64")
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 2))
    _, cache = double_conv_forward(x, "enc1", net.params, net.buffers, padding=1)
    y, _ = ops.conv_forward(x, net.params["enc1.conv1.w"], padding=1)
    y, _ = ops.batch_norm_relu_forward(y, net.params["enc1.norm1.gamma"],
                                       net.params["enc1.norm1.beta"])
    (_, _, _), (_, _, (conv2, _)) = cache
    assert not isinstance(conv2[0], np.ndarray)
    np.testing.assert_array_equal(conv2[0](), y)
