"""The U on paper: names, sizes, multiplications and receptive fields."""

import re
from itertools import pairwise

import numpy as np
import pytest

from minunet import UNet
from minunet.layers import list_layers, smallest_input, trace
from minunet.tool.summary import summarise


def config(**changes):
    return UNet(**{"base_channels": 1, "depth": 1} | changes).config


def test_the_layers_stand_in_the_order_in_which_data_meets_them():
    names = [layer.name for layer in list_layers(config(norm=None))]
    assert names == ["enc1.conv1", "enc1.conv2", "enc1.pool", "bottom.conv1", "bottom.conv2",
                     "dec1.up", "dec1.concat", "dec1.conv1", "dec1.conv2", "head"]


def test_every_convolution_but_the_head_is_normalised():
    names = [layer.name for layer in list_layers(config(depth=2))]
    for name in names:
        if ".conv" in name:
            assert names[names.index(name) + 1] == name.replace("conv", "norm")


def test_the_sizes_of_the_paper():
    """Figure 1 of Ronneberger et al. 2015."""
    paper = config(depth=4, padding="valid", norm=None)
    sizes = dict(zip((layer.name for layer in list_layers(paper)), trace(paper, (572, 572)),
                     strict=True))
    expected = {"enc1.conv2": 568, "enc2.conv2": 280, "enc3.conv2": 136, "enc4.conv2": 64,
                "bottom.conv2": 28, "dec4.up": 56, "dec3.conv2": 100, "dec2.conv2": 196,
                "dec1.up": 392, "head": 388}
    assert {name: sizes[name] for name in expected} == {k: (v, v) for k, v in expected.items()}


@pytest.mark.parametrize("changes, size, message", [
    ({"depth": 4}, (64, 100), "W = 100 .* depth 4 with same padding.* are 96 and 112$"),
    ({"depth": 3}, (9, 8), "H = 9 .* are 8 and 16$"),
    ({"depth": 3}, (7, 8), "H = 7 .* that go are 8$"),
    ({"depth": 4, "padding": "valid"}, (572, 570), "W = 570 .* valid padding.* are 556 and 572$"),
    ({"depth": 1, "padding": "valid"}, (3, 20), "H = 3 .* that go are 18$"),
    ({}, (16, 16, 1), r"size must be \(H, W\), got \(16, 16, 1\)"),
    ({}, 16, r"size must be \(H, W\), got 16"),
])
def test_a_size_that_does_not_go_through_names_the_nearest(changes, size, message):
    with pytest.raises(ValueError, match=message):
        trace(config(**changes), size)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_nearest_sizes_are_the_nearest(padding, depth):
    """Every size that does not go through names the next below and above that do."""
    settings = config(depth=depth, padding=padding)
    results = {h: sizes_or_error(settings, h) for h in range(1, 140)}
    good = [h for h, result in results.items() if isinstance(result, list)]
    for below, above in pairwise(good):
        for h in range(below + 1, above):
            assert results[h].endswith(f"the nearest that go are {below} and {above}")


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("output", [1, 4, 50])
def test_no_smaller_input_gives_as_large_an_output(padding, output):
    settings = config(depth=2, padding=padding)
    smallest = smallest_input(settings, output)
    large_enough = [h for h in range(1, 140) if isinstance(sizes := sizes_or_error(settings, h),
                                                           list) and sizes[-1][0] >= output]
    assert smallest == large_enough[0]


def sizes_or_error(settings, h):
    try:
        return trace(settings, (h, h))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("changes, message", [
    ({"in_channels": True}, "in_channels must be a whole number from 1, got True"),
    ({"in_channels": 0}, "in_channels must be a whole number from 1, got 0"),
    ({"out_channels": 1.5}, "out_channels must be a whole number from 1, got 1.5"),
    ({"base_channels": "8"}, "base_channels must be a whole number from 1, got '8'"),
    ({"depth": 6}, r"depth must be a whole number from 1 to 5, got 6"),
    ({"depth": True}, "depth must be a whole number from 1 to 5, got True"),
    ({"padding": "full"}, r"padding must be one of \('same', 'valid'\), got 'full'"),
    ({"norm": "layer"}, r"norm must be one of \('batch', None\), got 'layer'"),
    ({"dtype": "float16"}, r"dtype must be one of \('float32', 'float64'\), got 'float16'"),
    ({"dtype": None}, r"dtype must be one of \('float32', 'float64'\), got None"),
    ({"dtype": float}, r"dtype must be one of .*, got <class 'float'>"),
    ({"seed": -1}, "seed must be a whole number from 0, got -1"),
    ({"dropout": "0.5"}, "dropout must be at least 0 and below 1, got '0.5'"),
    ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
])
def test_an_argument_of_the_network_that_is_none_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        UNet(**changes)


def table(text):
    """Read what `summarise` printed: by layer (shape, parameters, multiplications, sees)."""
    rows = {}
    for line in text.splitlines()[1:]:
        name, shape, numbers = re.fullmatch(r"(\S+) +(?:\((.*)\))?([ \d,]+)", line).groups()
        rows[name] = (shape, *(int(number.replace(",", "")) for number in numbers.split()))
    return rows


def test_the_table_counts_parameters_and_multiplications():
    rows = table(summarise(config(in_channels=3, base_channels=2), (8, 6)))
    assert rows["enc1.conv1"] == ("8, 6, 2", 9 * 3 * 2, 48 * 9 * 3 * 2, 3)
    assert rows["enc1.norm1"] == ("8, 6, 2", 2 + 2, 0, 3)
    assert rows["enc1.pool"][:3] == ("4, 3, 2", 0, 0)
    assert rows["dec1.up"][:3] == ("8, 6, 2", 4 * 4 * 2 + 2, 12 * 4 * 4 * 2)
    assert rows["dec1.concat"][:3] == ("8, 6, 4", 0, 0)
    assert rows["head"][:3] == ("8, 6, 1", 2 + 1, 48 * 2)
    layers = [row for name, row in rows.items() if name != "total"]
    assert rows["total"] == (None, sum(row[1] for row in layers), sum(row[2] for row in layers))


@pytest.mark.parametrize("changes", [{}, {"norm": None}, {"depth": 3, "out_channels": 4}])
def test_the_table_counts_the_parameters_that_the_network_has(changes):
    net = UNet(**{"base_channels": 2, "depth": 1} | changes)
    total = sum(p.size for p in net.params.values())
    assert table(summarise(net.config, (16, 16)))["total"][1] == total


@pytest.mark.parametrize("depth, size", [(1, 24), (2, 60)])
def test_one_output_pixel_sees_as_far_as_the_table_says(depth, size):
    """Light up one column of the input at a time and look which outputs change."""
    net = UNet(base_channels=1, depth=depth, padding="valid", norm=None, dtype="float64")
    for value in net.params.values():
        np.abs(value, out=value)  # so that light adds, and no ReLU takes it away
    columns = np.broadcast_to(np.eye(size)[:, None, :, None], (size, size, size, 1))
    lit = net.forward(columns.copy())[0].max(axis=(1, 3)) > 0  # (column of input, of output)
    seen = max(np.ptp(np.flatnonzero(column)) + 1 for column in lit.T)
    assert seen == table(summarise(net.config, (size, size)))["head"][3]
