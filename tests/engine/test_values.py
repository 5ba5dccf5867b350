"""Single values: NumPy's become Python's, and what is none is named."""

import json

import numpy as np
import pytest

from minunet import UNet, ops
from minunet.data.preprocess import Preprocessing
from minunet.engine.files import InputError
from minunet.engine.values import real, truth, whole
from minunet.predict import predict_slices
from minunet.train import Settings

WHOLE = [3, np.int64(3), np.uint8(3), np.array(3)]
REAL = [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5)]


@pytest.mark.parametrize("value", WHOLE)
def test_a_whole_number_of_numpys_is_pythons(value):
    assert whole("n", value, 3, 3) == 3 and type(whole("n", value, 3)) is int


@pytest.mark.parametrize("value", [*REAL, *WHOLE])
def test_a_number_of_numpys_is_pythons(value):
    assert real("x", value) == float(value) and type(real("x", value)) is float


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True)])
def test_a_truth_value_of_numpys_is_pythons(value):
    assert truth("t", value) is True


@pytest.mark.parametrize("value", [2, 5, 3.0, np.float64(3), True, np.bool_(True), "3", None, [3],
                                   np.array([3]), float("nan")])
def test_what_is_no_whole_number_from_3_to_4_is_named(value):
    with pytest.raises(ValueError, match="n must be a whole number from 3 to 4, got "):
        whole("n", value, 3, 4)


@pytest.mark.parametrize("value, limits, words", [
    (-1, {}, "a finite number from 0"), (np.nan, {}, "a finite number from 0"),
    (np.inf, {}, "a finite number from 0"), (True, {}, "a finite number from 0"),
    ("1", {}, "a finite number from 0"), (None, {}, "a finite number from 0"),
    (0, {"above": True}, "a finite number above 0"), (1, {"below": 1}, "at least 0 and below 1")])
def test_what_is_no_such_number_is_named(value, limits, words):
    with pytest.raises(ValueError, match=f"x must be {words}, got {value!r}"):
        real("x", value, **limits)


@pytest.mark.parametrize("value", [0, 1, "True", None])
def test_what_is_no_truth_value_is_named(value):
    with pytest.raises(ValueError, match=f"t must be True or False, got {value!r}"):
        truth("t", value)


# What takes them


def test_a_network_made_with_numpys_numbers_is_the_same_and_can_be_saved(tmp_path):
    plain = UNet(2, 2, 3, 2, dropout=0.5, seed=1, dtype="float64")
    labels = np.array([0, 1])
    net = UNet(np.int64(2), labels.max() + 1, np.int32(3), np.array(2), dropout=np.float32(0.5),
               seed=np.uint8(1), dtype=np.float64, padding=np.str_("same"), norm=np.str_("batch"))
    assert net.config == plain.config == UNet(**plain.config | {"dtype": np.dtype("f8")}).config
    assert [type(value) for value in net.config.values()] == [
        type(value) for value in plain.config.values()]
    net.save(tmp_path / "net.npz")
    again = UNet.load(tmp_path / "net.npz").params
    for name, array in plain.params.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize("plain, numpys", [
    (Settings(32, 4, 2, learning_rate=0.5, one_tumour=True),
     Settings(np.int64(32), np.int32(4), np.uint8(2), learning_rate=np.float32(0.5),
              one_tumour=np.bool_(True))),
    (Preprocessing(32, 1, 99.5, True),
     Preprocessing(np.int64(32), np.int8(1), np.float32(99.5), np.bool_(True))),
], ids=["Settings", "Preprocessing"])
def test_settings_of_numpys_numbers_are_the_same_and_json_holds_them(plain, numpys):
    assert numpys == plain
    assert json.dumps(numpys.to_dict()) == json.dumps(plain.to_dict())


@pytest.mark.parametrize("settings, message", [
    ({"size": 0}, "size must be a whole number from 1, got 0"),
    ({"size": 96.0}, "size must be a whole number from 1, got 96.0"),
    ({"size": 30}, "size is 30 and depth 4: an image with H = 30 .* that go are 16 and 32"),
    ({"size": 8, "depth": 5}, "size is 8 and depth 5: .* the nearest that go are 32"),
    ({"base_channels": 0}, "base_channels must be a whole number from 1, got 0"),
    ({"depth": 9}, "depth must be a whole number from 1 to 5, got 9"),
    ({"epochs": 0}, "epochs must be a whole number from 1, got 0"),
    ({"epochs": 1.5}, "epochs must be a whole number from 1, got 1.5"),
    ({"epochs": True}, "epochs must be a whole number from 1, got True"),
    ({"batch_size": 0}, "batch_size must be a whole number from 1, got 0"),
    ({"learning_rate": 0}, "learning_rate must be a finite number above 0, got 0"),
    ({"learning_rate": np.nan}, "learning_rate must be a finite number above 0, got nan"),
    ({"learning_rate": "1e-3"}, "learning_rate must be a finite number above 0, got '1e-3'"),
    ({"weight_decay": -1}, "weight_decay must be a finite number from 0, got -1"),
    ({"seed": -1}, "seed must be a whole number from 0, got -1"),
    ({"one_tumour": "no"}, "one_tumour must be True or False, got 'no'"),
])
def test_a_setting_that_cannot_be_is_named_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        Settings(**settings)


X, ONE = np.ones((1, 4, 4, 1), np.float32), np.ones(1, np.float32)


@pytest.mark.parametrize("op", [
    lambda number: ops.batch_norm_forward(X, ONE, ONE, eps=number(1e-5))[0],
    lambda number: ops.batch_norm_relu_forward(X, ONE, ONE, eps=number(1e-5))[0],
    lambda number: ops.batch_norm_inference(X, ONE, ONE, ONE, ONE, eps=number(1e-5)),
    lambda number: ops.fold_batch_norm(X, ONE, ONE, ONE, ONE, eps=number(1e-5))[0],
    lambda number: ops.dropout_forward(X, number(0.5), np.random.default_rng(0))[0],
    lambda number: ops.dice_loss(X, X, smooth=number(2.0))[0],
])
def test_a_float64_of_numpys_makes_no_float64_of_an_op(op):
    plain, numpys = op(float), op(np.float64)
    assert numpys.dtype == plain.dtype == np.float32
    np.testing.assert_array_equal(numpys, plain)


@pytest.mark.parametrize("op, message", [
    (lambda: ops.batch_norm_forward(X, ONE, ONE, eps=-1), "eps must be a finite number from 0"),
    (lambda: ops.dropout_forward(X, True, None), "rate must be at least 0 and below 1, got True"),
    (lambda: ops.dice_loss(X, X, smooth=np.inf), "smooth must be a finite number from 0, got inf"),
    (lambda: predict_slices(UNet(base_channels=1, depth=1), X, tile=0),
     "tile must be a whole number from 1, got 0"),
    (lambda: predict_slices(UNet(base_channels=1, depth=1), X, batch_size=0.5),
     "batch_size must be a whole number from 1, got 0.5"),
])
def test_an_argument_of_a_function_that_cannot_be_is_named(op, message):
    with pytest.raises(ValueError, match=message):
        op()


@pytest.mark.parametrize("value", [np.int64(2), np.array(2), np.array([2, 2]), [np.int8(2), 2]])
def test_numpys_numbers_are_taken_per_axis(value):
    np.testing.assert_array_equal(ops.max_pool_forward(X, size=value)[0],
                                  ops.max_pool_forward(X, size=2)[0])


@pytest.mark.parametrize("value", [True, (1, True), np.bool_(True), 2.0, "2", None,
                                   np.ones((1, 2), int)])
def test_what_is_no_whole_number_per_axis_is_named(value):
    with pytest.raises(TypeError, match="size must be an int or one int for each axis, got "):
        ops.max_pool_forward(X, size=value)
