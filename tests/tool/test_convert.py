"""Weights from and for other programs: the same logits, or one line that says what does not fit."""

import json
import sys

import numpy as np
import pytest
from commands import refusal

from minunet import UNet
from minunet.engine import checkpoint
from minunet.layers import smallest_input
from minunet.tool.arguments.convert import NAMES
from minunet.tool.cli import main
from minunet.tool.convert.names import NAMINGS

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.fixture
def model(tmp_path):
    """A small network with nothing left as it was drawn, saved as a model is."""
    rng, net = np.random.default_rng(0), UNet(3, 1, base_channels=2, depth=2)
    for name, array in (net.params | net.buffers).items():
        array += rng.uniform(0.1, 1, array.shape) if not name.endswith(".w") else 0
    path = tmp_path / "model.npz"
    net.save(path, preprocessing={"size": 64, "low": 1.0, "high": 99.0, "one_tumour": True},
             scheme={"modalities": ["T1", "FLAIR", "T1ce"], "values": [0, 1],
                     "classes": ["background", "tumour"]}, epoch=3)
    return path


@pytest.mark.parametrize("naming", NAMES)
def test_there_and_back_a_model_is_the_same_to_the_last_byte(model, tmp_path, naming):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    assert main(["convert", str(model), str(there), "--names", naming]) == 0
    assert main(["convert", str(there), str(back)]) == 0
    assert back.read_bytes() == model.read_bytes()


@pytest.mark.parametrize("naming", NAMES)
def test_a_network_for_volumes_goes_there_and_back_too(tmp_path, naming):
    net, there = UNet(2, 3, base_channels=2, depth=2, axes=3), tmp_path / "there.safetensors"
    net.save(tmp_path / "net.npz")
    assert main(["convert", str(tmp_path / "net.npz"), str(there), "--names", naming]) == 0
    safetensors.save_file(safetensors.load_file(there), there)  # without what it says of itself
    assert main(["convert", str(there), str(tmp_path / "back.npz")]) == 0
    back = UNet.load(tmp_path / "back.npz")
    assert back.config == net.config
    for name, array in net.params.items():
        np.testing.assert_array_equal(back.params[name], array)


def test_names_are_those_that_the_documentation_lists():
    """For a network of depth 1: nine arrays of each kind of layer, in each naming."""
    ours = ["enc1.conv1.w", "enc1.norm1.mean", "bottom.conv2.w", "bottom.norm2.gamma",
            "dec1.up.w", "dec1.up.b", "dec1.conv1.w", "dec1.norm1.var", "head.b"]
    theirs = {
        "minunet": ours,
        "pytorch": ["enc1.conv1.weight", "enc1.norm1.running_mean", "bottom.conv2.weight",
                    "bottom.norm2.weight", "dec1.up.weight", "dec1.up.bias", "dec1.conv1.weight",
                    "dec1.norm1.running_var", "head.bias"],
        "keras": ["enc1_conv1/kernel", "enc1_norm1/moving_mean", "bottom_conv2/kernel",
                  "bottom_norm2/gamma", "dec1_up/kernel", "dec1_up/bias", "dec1_conv1/kernel",
                  "dec1_norm1/moving_variance", "head/bias"],
        "brain-segmentation": [
            "encoder1.enc1conv1.weight", "encoder1.enc1norm1.running_mean",
            "bottleneck.bottleneckconv2.weight", "bottleneck.bottlenecknorm2.weight",
            "upconv1.weight", "upconv1.bias", "decoder1.dec1conv1.weight",
            "decoder1.dec1norm1.running_var", "conv.bias"],
        "milesial": [
            "inc.double_conv.0.weight", "inc.double_conv.1.running_mean",
            "down1.maxpool_conv.1.double_conv.3.weight",
            "down1.maxpool_conv.1.double_conv.4.weight", "up1.up.weight", "up1.up.bias",
            "up1.conv.double_conv.0.weight", "up1.conv.double_conv.1.running_var",
            "outc.conv.bias"]}
    assert theirs.keys() == NAMINGS.keys()
    for naming, names in theirs.items():
        assert [NAMINGS[naming].name(name, 1) for name in ours] == names
    assert NAMINGS["milesial"].name("dec2.up.w", 4) == "up3.up.weight"  # counted from the bottom


@pytest.mark.parametrize("naming", NAMINGS)
def test_axes_go_there_and_back(naming):
    way, w = NAMINGS[naming], np.arange(3 * 3 * 2 * 5).reshape(3, 3, 2, 5)
    there = way.give("enc1.conv1.w", w)
    assert there.shape == ((5, 2, 3, 3) if way.as_pytorch else (3, 3, 2, 5))
    np.testing.assert_array_equal(way.take("enc1.conv1.w", there), w)


def test_what_is_joined_the_other_way_round_is_put_in_our_order():
    w = np.arange(4).reshape(1, 1, 4, 1)  # two channels from below, two from the skip
    there = NAMINGS["brain-segmentation"].give("dec1.conv1.w", w)
    ours = NAMINGS["brain-segmentation"].take("dec1.conv1.w", there)
    assert ours.ravel().tolist() == [2, 3, 0, 1]
    assert NAMINGS["milesial"].take("dec1.conv1.w", there).ravel().tolist() == [0, 1, 2, 3]


def stored(model, naming="pytorch", **changes):
    """Arrays of the model as a file of this naming has them, with changes; None takes one away."""
    net, way = UNet.load(model), NAMINGS[naming]
    arrays = {way.name(name, 2): np.ascontiguousarray(way.give(name, array))
              for name, array in (net.params | net.buffers).items()}
    return {name: array for name, array in (arrays | changes).items() if array is not None}


def test_a_file_that_says_nothing_of_itself_is_known_by_its_names_and_shapes(model, tmp_path,
                                                                             capsys):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    safetensors.save_file({f"module.{name}": array for name, array in stored(model).items()}, there)
    assert main(["convert", str(there), str(back)]) == 0
    assert "not as it was trained" in capsys.readouterr().out
    net, meta = checkpoint.load_model(back, UNet)
    x = np.random.default_rng(1).normal(size=(1, 8, 12, 3)).astype(np.float32)
    np.testing.assert_array_equal(net.predict(x), UNet.load(model).predict(x))
    assert meta["preprocessing"]["size"] is None and meta["scheme"] == {}
    assert main(["info", str(back)]) == 0


def test_classes_that_have_no_names_are_numbered(tmp_path):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    UNet(1, 3, 2, 1).save(tmp_path / "net.npz")
    safetensors.save_file(stored(tmp_path / "net.npz"), there)
    assert main(["convert", str(there), str(back)]) == 0
    _, meta = checkpoint.load_model(back, UNet)
    assert meta["scheme"] == {"classes": ["background", "class 1", "class 2"],
                              "values": [0, 1, 2]}


def test_the_public_network_for_gliomas_takes_its_authors_channels_and_size(model, tmp_path):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    safetensors.save_file(stored(model, "brain-segmentation"), there)
    assert main(["convert", str(there), str(back)]) == 0
    _, meta = checkpoint.load_model(back, UNet)
    assert meta["scheme"]["modalities"] == ["T1", "FLAIR", "T1ce"]
    assert meta["preprocessing"]["size"] == 256


@pytest.mark.parametrize("changes, line", [
    ({"dec2.up.bias": None}, "lacks dec2.up.bias"),
    ({"enc2.conv1.weight": np.ones((4, 2, 5, 5), np.float32)},
     "enc2.conv1.weight is float32 (4, 2, 5, 5); expected numbers with a point, (4, 2, 3, 3)"),
    ({"enc2.conv1.weight": np.ones((4, 2, 3, 3), np.int32)}, "enc2.conv1.weight is int32"),
    ({"attention.weight": np.ones(3, np.float32)}, "holds attention.weight, for which"),
    ({"enc1.conv1.weight": None}, "called as in no network that minunet knows"),
    ({"head.weight": None}, "its shapes are not those of a U-Net"),
    ({"enc1.conv1.weight": np.ones(3, np.float32)}, "its shapes are not those of a U-Net")])
def test_what_does_not_fit_is_said_in_one_line_and_nothing_is_written(model, tmp_path, capsys,
                                                                      changes, line):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    safetensors.save_file(stored(model, **changes), there)
    assert line in refusal(capsys, "convert", there, back)
    assert not back.exists()


def test_biases_before_a_normalisation_go_into_its_mean(model, tmp_path):
    there, back = tmp_path / "there.safetensors", tmp_path / "back.npz"
    bias = np.array([0.5, -2], np.float32)
    mean = UNet.load(model).buffers["enc1.norm1.mean"]
    safetensors.save_file(stored(model, **{"enc1.conv1.bias": bias}), there)
    assert main(["convert", str(there), str(back)]) == 0
    np.testing.assert_array_equal(UNet.load(back).buffers["enc1.norm1.mean"], mean - bias)


@pytest.mark.parametrize("name, line", [
    ("weights.pt", "weights_only=True"), ("weights.pth", "save_file"), ("model.h5", "Keras's own"),
    ("model.onnx", "does not read them"), ("nowhere.safetensors", "cannot read"),
    ("nowhere", "no model at nowhere")])
def test_what_is_not_read_is_told_how_it_can_be(tmp_path, capsys, monkeypatch, name, line):
    monkeypatch.chdir(tmp_path)
    assert line in refusal(capsys, "convert", name, "out.npz")


@pytest.mark.parametrize("content", [b"", b"\x08" + 7 * b"\0" + b"not json", b"\xff" * 64])
def test_a_damaged_file_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    assert "is damaged, no safetensors file" in refusal(capsys, "convert", path,
                                                        tmp_path / "out.npz")


def test_what_a_file_says_of_itself_may_be_wrong(model, tmp_path, capsys):
    path = tmp_path / "there.safetensors"
    for said, line in (("[]", "what it says of itself is damaged"), ("{", "is damaged"),
                       (json.dumps({"config": 3}), "its shapes are not those of a U-Net")):
        safetensors.save_file(stored(model), path, {"minunet": said})
        assert line in refusal(capsys, "convert", path, tmp_path / "out.npz")


@pytest.mark.parametrize("out, more, line", [
    ("out.pt", (), "must end in .npz, .safetensors or .onnx"),
    ("out.npz", ("--names", "keras"), "is for a .safetensors file")])
def test_what_is_not_written_is_said(model, tmp_path, capsys, out, more, line):
    assert line in refusal(capsys, "convert", model, tmp_path / out, *more)
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("config", [
    {}, {"out_channels": 3}, {"norm": None}, {"padding": "valid"}, {"depth": 3, "in_channels": 1},
    {"padding": "valid", "norm": None, "out_channels": 2, "depth": 1},
    {"axes": 3}, {"axes": 3, "padding": "valid", "depth": 1}])
def test_an_onnx_file_computes_the_same_logits_and_probabilities(tmp_path, config):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from minunet.tool.convert import onnx_file

    rng = np.random.default_rng(0)
    net = UNet(**{"in_channels": 3, "base_channels": 4, "depth": 2, **config})
    for name, array in (net.params | net.buffers).items():
        array += rng.uniform(0.1, 1, array.shape) if not name.endswith(".w") else 0
    onnx_file.write(tmp_path / "net.onnx", net, {"config": net.config})
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    least, axes = smallest_input(net.config, 1), net.config["axes"]
    for n, sides in ((1, (least, least + 8, least)), (2, (least + 8, least, least + 16))):
        x = rng.normal(size=(n, *sides[:axes], net.config["in_channels"])).astype(np.float32)
        found = session.run(["logits", "probabilities"], {"images": np.moveaxis(x, -1, 1)})
        logits = net.forward(x)[0]
        tolerance = 1e-5 * max(1, np.abs(logits).max())
        for ours, theirs in zip((logits, net.predict(x)), found, strict=True):
            theirs = np.moveaxis(theirs, 1, -1)
            assert theirs.shape == ours.shape
            np.testing.assert_allclose(theirs, ours, atol=tolerance)


def test_an_onnx_file_says_how_images_are_prepared_in_json_that_every_program_reads(tmp_path):
    onnx = pytest.importorskip("onnx")
    UNet(1, base_channels=2, depth=1).save(tmp_path / "net.npz", preprocessing={"size": 64},
                                           validation_dice=float("nan"))
    assert main(["convert", str(tmp_path / "net.npz"), str(tmp_path / "net.onnx")]) == 0
    said = {prop.key: prop.value for prop in onnx.load(tmp_path / "net.onnx").metadata_props}
    about = json.loads(said["minunet"], parse_constant=lambda name: pytest.fail(name))
    assert about["preprocessing"]["size"] == 64 and about["validation_dice"] is None


def test_nothing_is_overwritten(model, tmp_path, capsys):
    before = model.read_bytes()
    assert "nothing is overwritten" in refusal(capsys, "convert", "lgg", model)
    assert model.read_bytes() == before


@pytest.mark.parametrize("name, out", [("safetensors.numpy", "net.safetensors"),
                                       ("onnx", "net.onnx")])
def test_a_missing_package_is_named_with_how_to_get_it(model, tmp_path, capsys, monkeypatch, name,
                                                       out):
    monkeypatch.setitem(sys.modules, name, None)
    line = refusal(capsys, "convert", model, tmp_path / out)
    assert name in line and 'pip install "minunet[convert]"' in line
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("build, arguments", [
    ("recipe", (1, 1, 4, 2)), ("recipe", (3, 3, 2, 4)), ("Brain", (3, 1, 4)),
    ("Milesial", (3, 2, 4)), ("Milesial", (1, 1, 2, True))])
def test_pytorchs_networks_have_the_same_logits_here(tmp_path, build, arguments):
    torch = pytest.importorskip("torch")
    import torch_unets
    from safetensors.torch import save_file

    theirs = torch_unets.randomised(getattr(torch_unets, build)(*arguments))
    save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    assert main(["convert", str(tmp_path / "net.safetensors"), str(tmp_path / "net.npz")]) == 0
    ours = UNet.load(tmp_path / "net.npz")
    x = np.random.default_rng(0).normal(size=(2, 32, 48, arguments[0])).astype(np.float32)
    with torch.inference_mode():
        expected = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(ours.forward(x)[0], expected, atol=1e-5 * scale)


def test_pytorch_reads_what_is_written_for_it_strictly(model, tmp_path):
    torch = pytest.importorskip("torch")
    import torch_unets
    from safetensors.torch import load_file

    there = tmp_path / "there.safetensors"
    assert main(["convert", str(model), str(there), "--names", "pytorch"]) == 0
    theirs = torch_unets.recipe(3, 1, 2, 2)
    theirs.load_state_dict(load_file(there))
    x = np.random.default_rng(0).normal(size=(1, 16, 16, 3)).astype(np.float32)
    with torch.inference_mode():
        found = theirs.eval()(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), UNet.load(model).forward(x)[0],
                               atol=1e-5)


def test_milesials_bilinear_network_is_refused_with_the_reason(tmp_path, capsys):
    pytest.importorskip("torch")
    import torch_unets
    from safetensors.torch import save_file

    net = torch_unets.Milesial(3, 2, 2, bilinear=True)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    assert "enlarges by interpolation" in refusal(capsys, "convert", tmp_path / "net.safetensors",
                                                  tmp_path / "net.npz")
