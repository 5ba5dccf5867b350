"""Scores of a model on patients."""

import csv

import numpy as np
import pytest

from minunet import UNet
from minunet.data.patient import Patient
from minunet.data.preprocess import Preprocessing
from minunet.evaluate import evaluate, format_table, write_csv


class Bright:
    """A network that finds what is bright: it knows the answer."""

    config = UNet(base_channels=1, depth=1).config
    device = "cpu"

    def folded(self):
        return self

    def predict(self, x):
        return (x > 0.5).astype(np.float32)


def _patient(name, tumour):
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[:, 4:12, 4:12] = tumour
    head = 1 + 0.2 * np.indices((2, 16, 16)).sum(axis=0) / 32  # (D, H, W), never constant
    head[:, :2] = 0  # air
    images = (head + 3 * masks)[..., None].astype(np.float32)
    return Patient(name, ("1", "2"), lambda: (images, masks), (2.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def rows():
    patients = [_patient("ill", 1), _patient("healthy", 0)]
    return list(evaluate(Bright(), Preprocessing(size=None, low=0, high=100), patients))


def test_each_patient_is_scored_over_its_whole_volume(rows):
    assert [row["patient"] for row in rows] == ["ill", "healthy"]
    assert rows[0]["volume_truth"] == 2 * 8 * 8 * 2.0  # voxels of 2 mm³
    assert rows[0]["unit"] == "mm"


def test_a_perfect_segmentation_scores_one(rows):
    assert rows[0]["dice"] == rows[0]["iou"] == rows[0]["sensitivity"] == 1
    assert rows[0]["hausdorff95"] == 0


def test_the_table_stars_patients_that_were_trained_on_and_says_what_it_averages(rows):
    table = format_table(rows, seen={"ill"})
    assert "ill *" in table
    assert "healthy *" not in table
    assert "mean and median over 2 patients, sensitivity over 1 where it is defined" in table


def test_the_csv_has_a_row_a_patient(rows, tmp_path):
    write_csv(rows, tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["patient"] for row in read] == ["ill", "healthy"]
    assert float(read[0]["dice"]) == 1


@pytest.mark.parametrize("name", ["Łukasz", "患者", "\udcff"])
def test_the_csv_is_utf_8_and_keeps_the_bytes_of_a_name_that_is_not(rows, tmp_path, name):
    write_csv([rows[0] | {"patient": name}], tmp_path / "scores.csv")
    written = (tmp_path / "scores.csv").read_bytes()
    assert written.splitlines()[1].startswith(name.encode("utf-8", "surrogateescape") + b",")
