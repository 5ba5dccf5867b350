"""Several models as one, and each patient by those that were not trained on it."""

import csv
import re

import numpy as np
import pytest
from commands import refusal
from conftest import SMALL, save_model
from image_files import imread

from minunet import UNet
from minunet.data.scheme import Scheme
from minunet.engine import checkpoint
from minunet.tool.cli import main
from minunet.tool.ensemble import Ensemble, open_models


@pytest.fixture(scope="module")
def runs(tree, tmp_path_factory):
    """The runs of both halves."""
    folder = tmp_path_factory.mktemp("halves")
    outs = [str(folder / f"half{k}") for k in (1, 2)]
    for k, out in enumerate(outs, 1):
        assert main(["train", str(tree), "--out", out, "--fold", f"{k}/2", *SMALL]) == 0
    return outs


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["patient"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("classes", [1, 3])
def test_an_ensemble_predicts_the_mean(rng, classes):
    nets = [UNet(2, classes, base_channels=2, depth=1, seed=seed) for seed in range(3)]
    x = rng.random((2, 8, 8, 2), dtype=np.float32)
    mean = np.mean([net.predict(x) for net in nets], axis=0)
    for ensemble in (Ensemble(nets), Ensemble(nets).folded()):
        np.testing.assert_allclose(ensemble.predict(x), mean, rtol=1e-4)


def test_predict_writes_the_mean_of_the_probabilities(runs, tree, tmp_path):
    patient = str(sorted(tree.iterdir())[0])
    for out, models in (("a", runs[:1]), ("b", runs[1:]), ("both", runs)):
        assert main(["predict", models[0], patient, *(f"--with={m}" for m in models[1:]),
                     "--out", str(tmp_path / out)]) == 0
    a, b, both = (np.stack([imread(path).astype(float) for path in
                            sorted((tmp_path / out).rglob("*_probability.png"))])
                  for out in ("a", "b", "both"))
    assert np.abs(both - (a + b) / 2).max() <= 1  # of 255: all three are rounded
    assert np.abs(a - b).max() > 1


def test_one_tumour_is_decided_on_the_mean(monkeypatch, runs, tree, tmp_path):
    seen = []
    monkeypatch.setattr("minunet.predict.keep_surest", lambda p: seen.append(p) or p)
    for run in runs:
        arrays, meta = checkpoint.load(checkpoint.find(run))
        meta["preprocessing"]["one_tumour"] = True
        checkpoint.save(tmp_path / f"{run[-1]}.npz", arrays, meta)
    patient = str(sorted(tree.iterdir())[0])
    assert main(["predict", str(tmp_path / "1.npz"), patient, "--with", str(tmp_path / "2.npz"),
                 "--out", str(tmp_path / "out")]) == 0
    assert len(seen) == 2  # the image and its mirror image, however many models there are


def test_each_patient_is_scored_by_the_run_that_has_not_seen_it(runs, tree, tmp_path, capsys):
    assert main(["evaluate", *runs, str(tree), "--held-out", "--out", str(tmp_path)]) == 0
    printed, rows = capsys.readouterr().out, rows_of(tmp_path / "scores.csv")
    assert len(rows) == 5
    for k, run in enumerate(runs, 1):
        main(["evaluate", run, str(tree), "--held-out", "--out", str(tmp_path / str(k))])
        alone = rows_of(tmp_path / str(k) / "scores.csv")
        assert {name for name, row in rows.items() if row["models"] == run} == alone.keys()
        for name, row in alone.items():
            del row["model"]  # of two runs it is both
            assert {key: rows[name][key] for key in row} == row
            assert re.search(rf"^{name} \({k}\) ", printed, re.M)
        mean = np.nanmean([float(row["dice"]) for row in alone.values()])
        assert (f"({k}) {run}: {len(alone)} patients that it was not trained on, "
                f"mean Dice {mean:.3f}") in printed
    worst = min(rows.values(), key=lambda row: float(row["dice"]))
    assert f"worst Dice {float(worst['dice']):.3f}: {worst['patient']}" in printed
    assert "mean and median over 5 patients" in printed


def test_who_was_seen_by_every_run_is_left_out_and_by_none_has_the_mean(
        runs, trained, tree, tmp_path, capsys):
    # `trained` holds out one patient, which one of the two halves holds out as well.
    [held] = checkpoint.load(trained / "model.npz")[1]["patients"]["validation"]
    halves = [checkpoint.load(checkpoint.find(run))[1]["patients"]["validation"] for run in runs]
    k = next(k for k in (0, 1) if held in halves[k])
    assert main(["evaluate", runs[k], str(trained), str(tree), "--held-out", "--out",
                 str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    rows = rows_of(tmp_path / "scores.csv")
    assert rows.keys() == set(halves[k])
    assert rows[held]["models"] == f"{runs[k]} + {trained}"
    assert f"{held} (1,2) " in printed
    assert "1 patient by the mean of several models, none of which was trained on them" in printed
    left = set(halves[1 - k])
    assert f"{len(left)} patients left out, since every model was trained on them: " in printed


def test_without_anyone_to_score_it_is_one_line(runs, trained, tree, tmp_path, capsys):
    half = tmp_path / "half"
    patients = checkpoint.load(checkpoint.find(runs[0]))[1]["patients"]["training"]
    both = patients.keys() & checkpoint.load(trained / "model.npz")[1]["patients"]["training"]
    for name in both:
        half.mkdir(exist_ok=True)
        (half / name).symlink_to(tree / name)
    line = refusal(capsys, "evaluate", runs[0], trained, half, "--held-out")
    assert "no patient is left to score: every one of these models was trained on all" in line


def test_without_held_out_the_mean_of_all_is_scored_and_patients_have_their_star(
        runs, tree, capsys):
    assert main(["evaluate", *runs, str(tree)]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" * ") == 5 and "5 of 5 patients: the model was trained" in printed


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Models of different kinds that nobody trained."""
    folder = tmp_path_factory.mktemp("kinds")
    found = {"grey": save_model(folder / "grey.npz", 1, Scheme()),
             "color": save_model(folder / "color.npz", 3, Scheme()),
             "classes": save_model(folder / "classes.npz", 1, Scheme((), tuple("abc"), (0, 1, 2))),
             "flair": save_model(folder / "flair.npz", 1, Scheme(("FLAIR",))),
             "t1": save_model(folder / "t1.npz", 1, Scheme(("T1",)))}
    for name, changes in {"large": {"size": 32}, "one": {"size": 16, "one_tumour": True}}.items():
        arrays, meta = checkpoint.load(found["grey"])
        found[name] = folder / f"{name}.npz"
        checkpoint.save(found[name], arrays, meta | {"preprocessing": changes})
    return found


@pytest.mark.parametrize("first, second, message", [
    ("grey", "color", "it takes the channels 3, not 1"),
    ("grey", "classes", "its classes are a, b, c, not background, tumour"),
    ("flair", "t1", "it takes the channels T1, not FLAIR"),
    ("grey", "large", "its size is 32, not 16"), ("grey", "one", "its one_tumour is True, not"),
    ("grey", "grey", "is given twice")])
def test_models_of_different_kinds_are_refused_in_one_line(kinds, tree, tmp_path, capsys, first,
                                                           second, message):
    first, second = kinds[first], kinds[second]
    patient = sorted(tree.iterdir())[0]
    for command in (["predict", first, patient, "--with", second, "--out", tmp_path / "out"],
                    ["evaluate", first, second, tree, "--held-out"], ["evaluate", first, second,
                                                                     tree]):
        assert message in refusal(capsys, *command)
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_name_its_channels_goes_with_one_that_does(kinds):
    assert open_models([kinds["grey"], kinds["t1"]])[2].modalities == ("T1",)


def test_predict_takes_no_input_for_a_model(runs, tree, tmp_path, capsys):
    patients = sorted(tree.iterdir())[:2]
    line = refusal(capsys, "predict", runs[0], patients[0], "--with", patients[1], "--out",
                   tmp_path / "out")
    assert f"no model at {patients[1]}" in line
