"""The model that comes with the package: what it is, and that its card tells the truth."""

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

CARD = (Path(__file__).parents[2] / "docs" / "model_card.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lgg():
    return checkpoint.load_model("lgg", UNet)


def test_the_shipped_model_is_small_and_as_large_as_its_card_says(lgg):
    net, _ = lgg
    assert checkpoint.find("lgg").stat().st_size <= 5_000_000
    assert f"{sum(array.size for array in net.params.values()):,} parameters" in CARD


def test_the_card_names_the_patients_that_it_was_not_trained_on(lgg):
    _, meta = lgg
    held_out = meta["patients"]["validation"]
    assert len(held_out) == 9 and len(meta["patients"]["training"]) == 36
    assert re.findall(r"^ *(TCGA\w+) ", CARD, re.MULTILINE) == held_out


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


def test_evaluate_prints_what_the_card_says(lgg_folder, capsys):
    assert main(["evaluate", "lgg", str(lgg_folder), "--held-out"]) == 0
    printed = capsys.readouterr().out
    scores = {}
    for text in (printed, CARD):
        rows = re.findall(r"^ *(TCGA\w+|mean|median) +([\d.]+)", text, re.MULTILINE)
        scores[text] = {name: float(score) for name, score in rows}
    assert len(scores[CARD]) == 11 and scores[CARD].keys() == scores[printed].keys()
    for name, score in scores[CARD].items():
        assert scores[printed][name] == pytest.approx(score, abs=0.002), name


def test_volumes_are_found_by_the_names_of_its_channels(brats_folder, tmp_path, capsys):
    folder = next(path for path in (brats_folder, *sorted(brats_folder.iterdir()))
                  if list(path.glob("*seg.nii.gz")))
    assert main(["predict", "lgg", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert "155 slices" in capsys.readouterr().out
    found = nibabel.load(next((tmp_path / "out").glob("*_mask.nii.gz"))).get_fdata() > 0
    truth = nibabel.load(next(folder.glob("*seg.nii.gz"))).get_fdata() > 0
    assert dice(found, truth) == pytest.approx(0.848, abs=0.002)
    assert re.search(r"Dice of 0\.848", CARD)
