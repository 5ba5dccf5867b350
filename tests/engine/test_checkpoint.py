"""Model files: what goes in comes out bit for bit, and what is no model is one clear error."""

import io
import json
import zipfile

import numpy as np
import pytest

from minunet import UNet
from minunet.engine import checkpoint
from minunet.engine.files import InputError


def small(**changes):
    return UNet(**{"in_channels": 2, "base_channels": 1, "depth": 1, "seed": 3} | changes)


@pytest.fixture
def model(tmp_path):
    """A saved network."""
    small().save(tmp_path / "model.npz", preprocessing={"size": 64})
    return tmp_path / "model.npz"


@pytest.mark.parametrize("changes", [{}, {"dtype": "float64"}, {"norm": None, "dropout": 0.5},
                                     {"padding": "valid", "out_channels": 3}])
def test_a_network_comes_back_bit_for_bit(tmp_path, changes):
    net = small(**changes)
    net.forward(np.random.default_rng(0).normal(size=(1, 20, 20, 2)).astype(net.config["dtype"]),
                training=True)  # so that the running statistics are of something
    net.save(tmp_path / "model.npz")
    same = UNet.load(tmp_path / "model.npz")
    assert same.config == net.config
    for ours, theirs in ((net.params, same.params), (net.buffers, same.buffers)):
        assert list(ours) == list(theirs)
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_what_was_saved_beside_the_weights_comes_back(model):
    net, meta = checkpoint.load_model(model, UNet)
    assert meta == {"config": net.config, "preprocessing": {"size": 64}}


def test_a_folder_stands_for_the_model_in_it(model):
    np.testing.assert_array_equal(UNet.load(model.parent).params["head.w"],
                                  UNet.load(model).params["head.w"])


def test_the_same_network_gives_the_same_bytes(model):
    small().save(model.parent / "again.npz", preprocessing={"size": 64})
    assert (model.parent / "again.npz").read_bytes() == model.read_bytes()


def test_no_folder_to_write_to_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot write .*: No such file or directory"):
        small().save(tmp_path / "missing" / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_finished_leaves_the_old_one(model, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    before = model.read_bytes()
    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(InputError, match="cannot write .*: No space left"):
        small(seed=4).save(model)
    assert [*model.parent.iterdir()] == [model]
    assert model.read_bytes() == before


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def half_empty(path):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


def damaged(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def encrypted(path):
    """Set the flag that says so, in the archive's table of contents."""
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def deep(path):
    """JSON that is nested too deeply for its reader."""
    np.savez(path, **{"meta.json": np.array("[" * 10**5)})


def array(path):
    with open(path, "wb") as file:
        np.save(file, np.ones(3))


def claims(shape):
    """Write an archive whose array has the `shape` by its header, and 1,000 bytes."""
    def write(path):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("params/enc1.conv1.w.npy", header.getvalue() + bytes(1000))

    return write


def compressed(path):
    """A megabyte of zeros in a kilobyte."""
    np.savez_compressed(path, x=np.zeros(2**18, np.float32))


def claims_in_its_table(path):
    """Set the size of an entry in the archive's table of contents to 2 GiB."""
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)


def objects(path):
    np.savez(path, x=np.array([{"a": 1}], dtype=object))


def pickled(path):
    np.array([{"a": 1}], dtype=object).dump(path)


def other_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.json", json.dumps({"format": 1, "config": {}}))


@pytest.mark.parametrize("spoil, message", [
    (lambda path: path.unlink(), "no model at .*; give a run's folder, its model.npz, or"),
    (lambda path: path.write_bytes(b""), "is truncated or not a minunet model"),
    (lambda path: path.write_text("epoch,loss\n1,0.5\n"), "is truncated or not a minunet model"),
    (truncated, "is truncated or not a minunet model"),
    (half_empty, "is truncated or not a minunet model"),
    (damaged, "is truncated or not a minunet model"),
    (encrypted, "is truncated or not a minunet model"),
    (deep, "is an .npz file but not a minunet model"),
    (array, "is truncated or not a minunet model"),
    (claims((1 << 33,)), "is damaged: params/enc1.conv1.w.npy claims the shape"),
    (claims((1 << 40, 0)), "is damaged: params/enc1.conv1.w.npy claims the shape"),
    (claims((2,)), "is damaged: params/enc1.conv1.w.npy claims the shape"),
    (compressed, "bytes and claims to hold more"),
    (claims_in_its_table, "bytes and claims to hold more"),
    (objects, "is truncated or not a minunet model"),
    (pickled, "is truncated or not a minunet model"),
    (other_archive, "is truncated or not a minunet model"),
    (lambda path: np.savez(path, x=np.ones(3)), "is an .npz file but not a minunet model"),
    (lambda path: checkpoint.save(path, {}, {"format": 99}),
     "has format 99, this version of minunet reads 1; use the version that wrote it"),
    (lambda path: checkpoint.save(path, {}, {}),
     r"holds no usable network configuration \('config' is missing"),
    (lambda path: checkpoint.save(path, {}, {"config": small().config | {"depth": 9}}),
     r"holds no usable network configuration \(depth must be a whole number from 1 to 5"),
    (lambda path: checkpoint.save(path, {}, {"config": {"width": 9}}),
     r"holds no usable network configuration \('dropout' is missing"),
    (lambda path: checkpoint.save(path, {}, {"config": [1]}),
     "holds no usable network configuration"),
    (lambda path: checkpoint.save(path, {}, {"config": small().config}),
     "does not fit its own configuration at"),
])
def test_what_is_no_model_is_one_line(model, spoil, message):
    spoil(model)
    before = sorted(model.parent.iterdir())
    with pytest.raises(InputError, match=message) as error:
        UNet.load(model)
    assert str(model) in str(error.value) and "\n" not in str(error.value)
    assert sorted(model.parent.iterdir()) == before


@pytest.mark.parametrize("change", [
    lambda arrays: arrays.update({"params/head.w": np.ones((1, 1, 1, 2))}),
    lambda arrays: arrays.update({"params/extra.w": np.ones(1)}),
    lambda arrays: arrays.pop("params/head.b"),
    lambda arrays: arrays.pop("buffers/enc1.norm1.mean"),
])
def test_arrays_that_do_not_fit_the_configuration_are_named(model, change):
    arrays, meta = checkpoint.load(model)
    names = set(arrays)
    change(arrays)
    changed = next(iter(names ^ set(arrays)), "params/head.w").split("/")[1]
    checkpoint.save(model, arrays, meta)
    with pytest.raises(InputError, match=f"does not fit its own configuration at '{changed}'"):
        UNet.load(model)


@pytest.mark.parametrize("size", [{"base_channels": 4096, "depth": 5}, {"in_channels": 10**9},
                                  {"base_channels": 10**30}, {"out_channels": 10**12}])
def test_a_configuration_that_does_not_fit_the_arrays_is_refused_before_a_network_is_built(
        model, size, monkeypatch):
    arrays, meta = checkpoint.load(model)
    checkpoint.save(model, arrays, meta | {"config": meta["config"] | size})
    monkeypatch.setattr(UNet, "__init__", lambda *_, **__: pytest.fail("was built"))
    with pytest.raises(InputError, match="does not fit its own configuration at"):
        checkpoint.load_model(model, UNet)


def test_no_cut_gives_another_error(model):
    content = model.read_bytes()
    for length in range(0, len(content), 101):
        model.write_bytes(content[:length])
        with pytest.raises(InputError):
            UNet.load(model)
