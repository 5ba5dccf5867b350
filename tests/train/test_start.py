"""A run that begins with the weights of another model."""

import json

import numpy as np
import pytest
from commands import refusal
from conftest import TINY, save_model

from minunet import UNet
from minunet.data.scheme import Scheme
from minunet.data.seen import Seen
from minunet.engine import checkpoint
from minunet.engine.files import InputError, warn
from minunet.tool.cli import main
from minunet.train import record, train
from minunet.train.start import Start

pytestmark = pytest.mark.usefixtures("undrawn")
ABC = Scheme((), ("background", "b", "c"), (0, 1, 2))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models that nobody trained, of 2 base channels and depth 2."""
    folder = tmp_path_factory.mktemp("start")
    return {"grey": save_model(folder / "grey.npz", 1, Scheme(("FLAIR",))),
            "classes": save_model(folder / "classes.npz", 1, ABC)}


def filled(model, net, scheme):
    """Fill a network; give the names of what was kept, and the lines."""
    before = {name: array.copy() for name, array in net.params.items()}
    source = UNet.load(model).params
    lines = Start(model).fill([net], scheme)
    for name, array in net.params.items():
        kept = name in source and source[name].shape == array.shape \
            and np.array_equal(array, source[name])
        assert kept or np.array_equal(array, before[name]), name
    return {line.split(",")[0].removeprefix("new: ") for line in lines[1:]}, lines[0]


def test_all_is_kept_of_a_model_of_the_same_kind(models):
    net = UNet(1, 1, base_channels=2, depth=2, seed=9)
    new, first = filled(models["grey"], net, Scheme(("FLAIR",)))
    size = sum(array.size for array in net.params.values())
    assert new == set() and first == f"from {models['grey']}: {size:,} of {size:,} parameters kept"
    x = np.ones((1, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(net.predict(x), UNet.load(models["grey"]).predict(x))


@pytest.mark.parametrize("model, channels, scheme, new", [
    ("grey", 3, Scheme(), {"enc1.conv1.w"}), ("grey", 1, ABC, {"head.w", "head.b"}),
    ("grey", 1, Scheme(("T1",)), {"enc1.conv1.w"}), ("grey", 1, Scheme(), set()),
    ("classes", 1, Scheme((), ("background", "b", "d"), (0, 1, 2)), {"head.w", "head.b"}),
    ("grey", 1, Scheme((), ("background", "lesion")), set())])
def test_what_reads_other_channels_or_tells_other_classes_is_new_and_named(models, model, channels,
                                                                           scheme, new):
    net = UNet(channels, scheme.outputs, base_channels=2, depth=2, seed=9)
    assert filled(models[model], net, scheme)[0] == new


def test_a_deeper_network_keeps_the_levels_that_it_shares(models):
    net = UNet(1, 1, base_channels=2, depth=3, seed=9)
    before = net.params["enc3.conv1.w"].copy()
    lines = Start(models["grey"]).fill([net], Scheme())
    np.testing.assert_array_equal(net.params["dec1.up.w"],
                                  UNet.load(models["grey"]).params["dec1.up.w"])
    np.testing.assert_array_equal(net.params["enc3.conv1.w"], before)
    assert "new: enc3.conv1.w, the model has none" in lines and len(lines) == 8
    assert lines[-1].endswith("arrays more")


def test_a_wider_network_keeps_nothing_and_is_refused(models):
    net = UNet(1, 1, base_channels=4, depth=2)
    with pytest.raises(InputError, match="no convolution of .*grey.npz fits this run: it has 2 "
                       "base channels and depth 2, the run 4 base channels and depth 2; leave"):
        Start(models["grey"]).fill([net], Scheme())


def test_a_run_begins_with_the_weights_and_nothing_else(phantoms, whole, tmp_path):
    """The optimiser's state is new: the first step is as large as that of any run."""
    states = []

    def look(net, optimiser, images, target):
        if not states:
            states.append({name: array.copy() for name, array in net.params.items()})
            assert optimiser.steps == 0 and not any(map(np.any, optimiser.state.values()))
        return 0.0

    run = train(phantoms[:3], phantoms[3:], TINY, tmp_path, start=Start(whole), step=look)
    for name, array in UNet.load(whole / "model.npz").params.items():
        np.testing.assert_array_equal(states[0][name], array)
        np.testing.assert_array_equal(run.averaged.params[name], array)


# As a user does it

def fine_tune(tree, out, *more):
    return ["train", str(tree), "--out", str(out), "--batch-size", "4", "--epochs", "1", *more]


def test_depth_size_and_base_channels_are_the_models_and_it_is_written_down(
        trained, tree, tmp_path, capfd):
    assert main(fine_tune(tree, tmp_path, "--from", str(trained))) == 0
    printed = capfd.readouterr()
    assert f"from {trained}: 7,549 of 7,549 parameters kept" in printed.out
    assert "new:" not in printed.out and "warning" not in printed.err  # the same are held out
    found = record.read(tmp_path)
    assert [found["settings"][name] for name in ("size", "base_channels", "depth")] == [32, 4, 2]
    assert found["start"]["model"] == str(trained)


def test_patients_that_the_model_was_trained_on_and_are_now_held_out_are_named(
        trained, tree, tmp_path, capfd):
    warn.cache_clear()
    assert main(fine_tune(tree, tmp_path, "--from", str(trained), "--fold", "1/2")) == 0
    known = checkpoint.load(trained / "model.npz")[1]["patients"]["training"]
    held = record.read(tmp_path)["patients"]["validation"]
    both = [name for name in held if name in known]
    assert both
    assert (f"was trained on {len(both)} patient{'s' * (len(both) > 1)} that the run holds out: "
            f"{', '.join(both)}; their scores") in capfd.readouterr().err
    # evaluate remembers: whoever has been seen by the model before is no new patient.
    seen = Seen.of(checkpoint.load(tmp_path / "model.npz")[1])
    assert known and seen.known >= set(known.values())
    assert main(["evaluate", str(tmp_path), str(tree)]) == 0
    assert capfd.readouterr().out.count(" * ") == 5


def test_a_model_that_knows_its_patients_by_name_only_leaks_by_name(tmp_path):
    UNet(1, 1, base_channels=2, depth=2).save(tmp_path / "old.npz", patients={"training": ["a"]})
    start = Start(tmp_path / "old.npz")
    assert "1 patient that the run holds out (told by name): a;" in start.leaked({"a": "", "b": ""})
    assert start.leaked({"b": "0"}) is None


def test_a_fine_tuning_goes_on_even_if_its_model_is_gone(trained, tree, tmp_path, capsys):
    model = tmp_path / "model.npz"
    model.write_bytes((trained / "model.npz").read_bytes())
    out = tmp_path / "run"
    assert main(fine_tune(tree, out, "--from", str(model))) == 0
    before = (out / "model.npz").read_bytes()
    resume = ["train", str(tree), "--out", str(out), "--resume"]
    assert main([*resume, "--from", str(trained)]) == 0  # the same weights from elsewhere
    model.unlink()
    assert main(resume) == 0
    assert (out / "model.npz").read_bytes() == before
    capsys.readouterr()
    (out / "last.npz").unlink()  # killed in its first epoch: now the model is needed
    assert f"no model at {model}" in refusal(capsys, *resume)
    model.write_bytes((trained / "model.npz").read_bytes())
    assert main(resume) == 0
    assert (out / "model.npz").read_bytes() == before


def test_a_run_goes_on_from_what_it_began_with_only(trained, models, tree, tmp_path, capsys):
    out = tmp_path / "run"
    main(fine_tune(tree, out, "--from", str(trained)))
    resume = ["train", str(tree), "--out", str(out), "--resume"]
    line = refusal(capsys, *resume, "--from", models["grey"])
    assert f"it did not begin with {models['grey']}; leave out --from" in line
    (out / "last.npz").unlink()
    config = json.loads((out / "config.json").read_text())
    config["start"]["digest"] = "other"
    (out / "config.json").write_text(json.dumps(config))
    assert "the run began with another model than" in refusal(capsys, *resume)


def test_more_epochs_are_refused_with_the_reason_and_the_way(trained, tree, capsys):
    line = refusal(capsys, "train", tree, "--out", trained, "--resume", "--epochs", "9")
    assert "epochs was 2 and is now 9; the learning rate has fallen, or will, to its end" in line
    assert "--from RUN --out ANOTHER" in line
