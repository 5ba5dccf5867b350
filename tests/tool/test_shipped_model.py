"""The model that comes with the package: what it is, and that its card tells the truth."""

import csv
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest

from minunet import UNet
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing
from minunet.engine import checkpoint
from minunet.metrics import dice
from minunet.predict import segment
from minunet.tool.cli import main

DOCS = Path(__file__).parents[2] / "docs"
FOLDS = DOCS / "_static" / "lgg_folds.csv"
CARD = (DOCS / "model_card.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lgg():
    return checkpoint.load_model("lgg", UNet)


def test_the_shipped_model_is_small_and_as_large_as_its_card_says(lgg):
    net, _ = lgg
    assert checkpoint.find("lgg").stat().st_size <= 5_000_000
    assert f"{sum(array.size for array in net.params.values()):,} parameters" in CARD


def test_it_was_trained_on_all_the_patients_whom_its_card_lists(lgg):
    _, meta = lgg
    assert not meta["patients"]["validation"]
    listed = re.findall(r"^(TCGA\w+) +\d ", CARD, re.MULTILINE)
    assert len(listed) == 85 and sorted(meta["patients"]["training"]) == listed


def test_the_means_of_the_card_are_those_of_its_rows():
    with open(FOLDS, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for column, count in (("dice_before", 85), ("dice", 85), ("sensitivity", 85),
                          ("precision", 84), ("agreement", 84)):
        values = [float(row[column]) for row in rows if row[column]]
        assert len(values) == count
        for name, summary in (("mean", np.mean), ("median", np.median)):
            assert f"{summary(values):.3f}" in re.search(f"^{name} .*", CARD, re.MULTILINE)[0]
    for row in rows:
        line = re.search(f"^{row['patient']} .*", CARD, re.MULTILINE)[0]
        assert line.split()[1:4] == [row["fold"], row["dice_before"], row["dice"]]
    assert f"{np.mean([float(row['dice']) for row in rows]):.3f}** | **0.877" in CARD


def test_the_shipped_model_names_its_channels(lgg):
    assert lgg[1]["scheme"]["modalities"] == ["T1", "FLAIR", "T1ce"]


def test_the_shipped_model_segments_what_it_never_saw_without_an_error(lgg):
    net, meta = lgg
    images, masks = phantom_patients(1, size=96, slices=6, seed=0)[0].load()
    flair_between_t1 = images[..., [1, 0, 2]]  # the channels of its data
    probabilities = segment(net, flair_between_t1, Preprocessing.from_dict(meta["preprocessing"]))
    assert probabilities.shape == (*masks.shape, 1) and np.isfinite(probabilities).all()
    assert probabilities.min() >= 0 and probabilities.max() <= 1


def test_predict_takes_it_by_its_name(tree, tmp_path, capsys):
    folder = next(path for path in sorted(tree.iterdir()) if path.is_dir())
    assert main(["predict", "lgg", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert "6 slices" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / folder.name).glob("*_mask.png"))) == 6


def test_no_score_is_given_on_patients_that_it_was_trained_on_where_held_out_ones_are_asked_for(
        lgg_folder, capsys):
    assert main(["evaluate", "lgg", str(lgg_folder), "--held-out"]) == 2
    assert "the model was trained on them" in capsys.readouterr().err


def test_volumes_are_found_by_the_names_of_its_channels(brats_folder, tmp_path, capsys):
    folder = next(path for path in (brats_folder, *sorted(brats_folder.iterdir()))
                  if list(path.glob("*seg.nii.gz")))
    assert main(["predict", "lgg", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert "155 slices" in capsys.readouterr().out
    found = nibabel.load(next((tmp_path / "out").glob("*_mask.nii.gz"))).get_fdata() > 0
    truth = nibabel.load(next(folder.glob("*seg.nii.gz"))).get_fdata() > 0
    assert dice(found, truth) == pytest.approx(0.804, abs=0.002)
    assert re.search(r"Dice of 0\.804", CARD)
