"""Looking inside shows what the network computes, and leaves it as it was."""

import doctest
from copy import copy

import numpy as np
import pytest

from minunet import UNet, look, ops
from minunet.layers import list_layers, trace
from minunet.look import field, gauges, predict_without, wiring

CONFIGS = [{}, {"norm": None}, {"padding": "valid"}, {"out_channels": 3, "depth": 1},
           {"depth": 3, "dropout": 0.5}]


def draw(size=44, dtype="float64", images=2, **config):
    """A network whose running statistics are not those of the first day, and images."""
    rng = np.random.default_rng(0)
    net = UNet(**{"in_channels": 2, "base_channels": 3, "depth": 2, "dtype": dtype} | config)
    size = 48 if net.depth == 3 else size
    x = rng.normal(size=(images, size, size, 2)).astype(dtype)
    for name, a in (net.params | net.buffers).items():
        if not name.endswith(".w"):
            a += rng.uniform(0, 0.3, a.shape)
    return net, x


def everything(net):
    arrays = {**net.params, **net.buffers}
    return {k: a.tobytes() for k, a in arrays.items()}, net.rng.bit_generator.state


@pytest.mark.parametrize("config", CONFIGS)
def test_the_last_map_is_what_the_network_says(config):
    net, x = draw(**config)
    assert np.allclose(look.look(net, x)["head"], net.forward(x)[0], atol=1e-10)
    assert np.allclose(predict_without(net, x, []), net.predict(x), atol=1e-10)


@pytest.mark.parametrize("config", CONFIGS)
def test_there_is_a_map_for_every_op_in_order_and_of_the_size_on_paper(config):
    net, x = draw(**config)
    maps = look.look(net, x)
    assert list(maps) == [name for name, _ in wiring(net)]
    sizes = trace(net.config, x.shape[1:3])
    for layer, size in zip(list_layers(net.config), sizes, strict=True):
        assert maps[layer.name].shape == (len(x), *size, layer.f)
    assert all((a >= 0).all() for name, a in maps.items() if "relu" in name)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_network_stays_as_it_is_to_the_bit(config):
    net, x = draw(**config)
    before, image = everything(net), x.tobytes()
    look.look(net, x)
    predict_without(net, x, [1])
    field(net, x, (0, 0))
    gauges(net, x, None, lambda logits, target: (0.0, np.ones_like(logits)))
    assert everything(net) == before and x.tobytes() == image


@pytest.mark.parametrize("skip", [1, 2])
def test_a_cut_skip_gives_zeros_and_leaves_the_other_ways_alone(skip):
    net, x = draw()
    whole, cut = look.look(net, x), look.look(net, x, [skip])
    concat, f = f"dec{skip}.concat", 3 * 2 ** (skip - 1)
    assert not cut[concat][..., :f].any()
    assert np.array_equal(cut[concat][..., f:], whole[concat][..., f:])
    assert np.array_equal(cut["bottom.relu2"], whole["bottom.relu2"])
    # The weights that read the skip set to zero do the same.
    net.params[f"dec{skip}.conv1.w"][:, :, :f] = 0
    assert np.allclose(predict_without(net, x, [skip]), net.predict(x), atol=1e-12)


def test_several_classes_without_skips_are_probabilities_still():
    net, x = draw(out_channels=3)
    assert np.allclose(predict_without(net, x, [1, 2]).sum(axis=-1), 1)


def test_a_skip_that_is_not_there_is_named():
    net, x = draw()
    with pytest.raises(ValueError, match=r"no skip 3; the network's are \[1, 2\]"):
        predict_without(net, x, [1, 3])


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("pixel", [(0, 3), (2, 1), (3, 3)])
def test_no_pixel_outside_of_the_box_has_an_effect_and_its_sides_are_reached(config, pixel):
    net, x = draw(images=24, **config)
    seen = field(net, x, pixel)
    inside = np.zeros(x.shape[1:3], bool)
    inside[seen.box] = True
    assert not seen.effect[:, ~inside].any()
    for axis in (1, 2):
        at = np.flatnonzero(seen.effect.any(axis=(0, axis)))
        assert (at[0], at[-1] + 1) == (seen.box[2 - axis].start, seen.box[2 - axis].stop)


@pytest.mark.parametrize("config", [{}, {"padding": "valid", "out_channels": 2}])
def test_the_effect_is_the_slope_of_the_logit(config):
    net, x = draw(images=1, **config)
    [seen], step = field(net, x, (1, 2), of=0).effect, 1e-6
    for row, column in ((20, 20), (3, 2), (9, 14)):
        slopes = 0
        for channel in range(2):
            ahead, behind = x.copy(), x.copy()
            ahead[0, row, column, channel] += step
            behind[0, row, column, channel] -= step
            a, b = (net.forward(image)[0][0, 1, 2, 0] for image in (ahead, behind))
            slopes += abs(a - b) / (2 * step)
        assert seen[row, column] == pytest.approx(slopes, rel=1e-5, abs=1e-8)


def test_without_a_class_the_likeliest_is_meant():
    net, x = draw(out_channels=3, images=12)
    net.params["head.b"] -= net.forward(x)[0][:, 4, 5].mean(axis=0)
    best = net.predict(x)[:, 4, 5].argmax(axis=-1)
    assert len(set(best)) > 1
    effects = [field(net, x, (4, 5), of=k).effect for k in range(3)]
    expected = [effects[k][image] for image, k in enumerate(best)]
    assert np.array_equal(field(net, x, (4, 5)).effect, expected)


def test_the_centre_of_a_field_lies_in_the_image_where_the_pixel_does():
    for config, lost in (({}, 0), ({"padding": "valid"}, 20)):
        net, x = draw(size=48, **config)
        assert net.output_shape((48, 44)) == (48 - 2 * lost, 44 - 2 * lost)
        assert field(net, x[:, :, :-4], (1, 2)).centre == (1 + lost, 2 + lost)


def test_rounding_is_not_taken_for_an_effect():
    net, x = draw(size=96, dtype="float32", images=1)
    seen = field(net, x, (48, 48))
    inside = np.zeros(x.shape[1:3], bool)
    inside[seen.box] = True
    assert not seen.effect[0, ~inside].any() and not inside.all()


def test_the_side_grows_with_the_share():
    effect = np.zeros((1, 9, 9))
    effect[0, 4, 4], effect[0, 4, 6], effect[0, 1, 4] = 5, 3, 2
    seen = look.Field((slice(0, 9), slice(0, 9)), (4, 4), effect)
    assert [seen.side(share) for share in (0.5, 0.7, 0.8, 0.9, 1)] == [1, 5, 5, 7, 7]


@pytest.mark.parametrize("pixel, of", [((44, 0), None), ((-1, 0), None), ((0, 44), None),
                                       ((0, -1), None), ((0, 0), 1), ((0, 0), -1)])
def test_a_pixel_or_class_that_is_not_there_is_named(pixel, of):
    net, x = draw()
    with pytest.raises(ValueError, match="44 × 44 pixels and 1 classes"):
        field(net, x, pixel, of)


@pytest.mark.parametrize("config", [{}, {"norm": None}, {"padding": "valid"}, {"depth": 3}])
def test_gauges_read_what_the_network_finds(config):
    net, x = draw(**config)
    target = np.ones((2, *net.output_shape(x.shape[1:3]), 1))
    read = gauges(net, x, target)
    logits, cache = net.forward(x, training=True)
    dx, grads = net.backward(ops.sigmoid_cross_entropy(logits, target)[1], cache)
    weights = [k.removesuffix(".w") for k in net.params if k.endswith(".w")]
    assert [gauge.layer for gauge in read] == weights
    for gauge in read:
        ratio = (np.linalg.norm(grads[f"{gauge.layer}.w"])
                 / np.linalg.norm(net.params[f"{gauge.layer}.w"]))
        assert gauge.dw == pytest.approx(ratio, rel=1e-9)
        assert ("conv" in gauge.layer) == (0 < gauge.zeros < 1)
    assert read[0].dx == pytest.approx(np.linalg.norm(dx), rel=1e-9)


def test_a_dead_layer_shows():
    net, x = draw(norm=None)
    net.params["bottom.conv2.b"][:] = -1e6
    read = {gauge.layer: gauge for gauge in gauges(net, x, np.ones((2, 44, 44, 1)))}
    assert read["bottom.conv2"].zeros == 1 and read["bottom.conv2"].dw == 0
    assert read["enc1.conv1"].dw > 0  # by way of the first two skips


def test_on_another_device_all_is_the_same(backend):
    net, x = draw(out_channels=2)
    labels = np.arange(2 * 44 * 44).reshape(2, 44, 44) % 2

    def read(asarray):
        there = copy(net)
        for arrays in (there.params, there.buffers):
            arrays.update({name: asarray(a) for name, a in arrays.items()})
        image = asarray(x)
        gauged = gauges(there, image, asarray(labels), ops.softmax_cross_entropy)
        return (look.look(there, image)["dec2.concat"], predict_without(there, image, [2]),
                field(there, image, (3, 4)).effect, np.array([gauge[1:] for gauge in gauged]))

    *maps, effect, gauged = read(backend.asarray)
    expected = read(np.asarray)
    for got, want in zip((*map(backend.asnumpy, maps), effect, gauged), expected, strict=True):
        assert np.allclose(got, want, rtol=1e-6, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", ["wiring", "look", "predict_without", "field", "gauges"])
def test_the_example_of_every_function_prints_what_it_says(name):
    x = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
    net, finder = UNet(1, 1, base_channels=4, depth=2), doctest.DocTestFinder(recurse=False)
    globs = {"np": np, "net": net, "x": x, **vars(look)}
    [test] = finder.find(getattr(look, name), name, globs=globs)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0, "the difference is printed above"
