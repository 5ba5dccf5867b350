"""Scores of a model on patients."""

import csv
import io
import json
import sys

import numpy as np
import pytest

import minunet
from minunet import UNet
from minunet.data.patient import Patient
from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import Scheme
from minunet.engine.files import InputError, WriteError
from minunet.engine.words import width
from minunet.tool.cli import main
from minunet.tool.evaluate import evaluate, format_table, print_scores
from minunet.tool.evaluate_results import ScoreResults


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
    assert rows[0]["agreement"] == 1


def test_the_table_stars_patients_that_were_trained_on_and_says_what_it_averages(rows):
    table = format_table(rows, {"ill": "*", "healthy": ""}.get)
    assert "ill *" in table
    assert "healthy *" not in table
    assert "mean and median over 2 patients, sensitivity over 1 where it is defined" in table


def _row(name, volume=1234.0, unit="mm", **more):
    return {"patient": name, **more, "dice": 0.5, "iou": 0.25, "sensitivity": 1.0,
            "precision": float("nan"), "agreement": 0.75, "hausdorff95": 373.1,
            "volume_truth": volume, "volume_prediction": volume, "unit": unit}


@pytest.mark.parametrize("name", ["a", "TCGA_CS_5393_19990606", "27_letters_with_the_star___",
                                  "患者" * 6, "sub-01/ses-01/anat/" * 3, "x" * 78])
def test_the_table_fits_80_columns(name):
    rows = [_row(name, 1234567.0, unit="voxel"), _row("b", unit="voxel")]
    for line in format_table(rows, {name: "*", "b": ""}.get).splitlines():
        assert width(line) <= 80 or line == name + " *"


def test_a_name_that_is_too_long_has_a_line_of_its_own_and_is_whole():
    lines = format_table([_row("x" * 40), _row("anna")]).splitlines()
    assert lines[1:3] == ["x" * 40, "        0.500 1.000     – 0.750  373.1      1,234      1,234"]
    assert lines[3] == "anna    0.500 1.000     – 0.750  373.1      1,234      1,234"
    assert lines[0] == "patient  Dice sens. prec. agree   HD95  true vol.  predicted"


def test_columns_stand_below_each_other_whatever_the_names():
    lines = format_table([_row("患者"), _row("Łukasz"), _row("new\nline")]).splitlines()
    assert [width(line[:line.index("0.500")]) for line in lines[1:4]] == [9, 9, 9]
    assert lines[3].startswith("new?line ")


@pytest.mark.parametrize("unit, note", [("mm", "HD95 in mm, volumes in mm³"),
                                        ("voxel", "HD95 in voxels, volumes in voxels")])
def test_the_table_says_its_units(unit, note):
    assert (f"agree: with the mask of the mirrored image; {note}"
            in " ".join(format_table([_row("anna", unit=unit)]).splitlines()))


def failing(error):
    """The scores of one patient, and then an error."""
    yield _row("anna", region="core")
    yield _row("anna", region="whole")
    raise error


@pytest.mark.parametrize("error", [InputError("bert.nii is truncated"), KeyboardInterrupt()])
def test_what_was_scored_before_an_unusable_patient_is_printed_and_no_file_written(
        tmp_path, capsys, error):
    with pytest.raises(type(error)):
        print_scores(failing(error), ["anna", "b", "c"], results=results(tmp_path / "out"))
    printed = capsys.readouterr().out
    assert printed.startswith("only 1 of 3 patients scored:\ncore\npatient")
    assert printed.count("anna") == 2
    assert not list(tmp_path.iterdir())


def test_an_unusable_first_patient_leaves_no_table(capsys):
    def damaged():
        yield from ()
        raise InputError("damaged")

    with pytest.raises(InputError):
        print_scores(damaged(), ["a"])
    assert capsys.readouterr().out == ""


def test_the_files_are_written_though_nobody_reads_the_table(tmp_path, monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        print_scores([_row("Łukasz 患者")], ["Łukasz 患者"],
                     results=results(tmp_path, "Łukasz 患者"))
    with open(tmp_path / "scores.csv", newline="", encoding="utf-8") as file:
        assert [row["patient"] for row in csv.DictReader(file)] == ["Łukasz 患者"]


@pytest.mark.parametrize("place", ["write_csv", "write_json", "Pages.add"])
def test_the_table_is_printed_though_a_file_cannot_be_written_and_none_stays(
        tmp_path, monkeypatch, capsys, place):
    def refuse(*_, **__):
        raise WriteError("no space left")

    monkeypatch.setattr(f"minunet.tool.evaluate_results.{place}", refuse)
    with pytest.raises(InputError, match="no space left"):
        score(tmp_path / "out")
    assert "mean and median over 2 patients" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


# The files

def results(out, *names):
    return ScoreResults(out, [_patient(name, 0) for name in names], "mine")


def score(out, seen=()):
    """Score an ill and a healthy patient; give the rows of scores.csv."""
    patients = [_patient("ill", 1), _patient("healthy", 0)]
    files = ScoreResults(out, patients, "mine", seen)
    print_scores(evaluate(Bright(), Preprocessing(size=None, low=0, high=100), patients,
                          show=files.show), ["ill", "healthy"], results=files)
    with open(out / "scores.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_csv_has_a_row_a_patient(tmp_path):
    ill, healthy = score(tmp_path)
    assert (ill["patient"], float(ill["dice"]), healthy["patient"]) == ("ill", 1, "healthy")


def test_the_scores_say_by_which_model_and_how_large_voxels_are(tmp_path):
    row, _ = score(tmp_path)
    assert (row["model"], row["minunet"]) == ("mine", minunet.__version__)
    assert [row[f"spacing_{axis}_mm"] for axis in "dhw"] == ["2.0", "1.0", "1.0"]


def test_the_summary_is_json_in_which_what_is_not_defined_is_null(tmp_path):
    score(tmp_path, seen=["ill"])
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert (summary["model"], summary["patients"], summary["trained_on"]) == ("mine", 2, 1)
    scores = summary["scores"]["tumour"]
    assert (scores["dice"]["mean"], scores["sensitivity"]["defined"]) == (0.5, 1)
    assert scores["hausdorff95"]["median"] is None


def test_each_patient_has_a_page_with_its_scores_and_the_index_leads_there(tmp_path):
    score(tmp_path, seen=["ill"])
    index = (tmp_path / "index.html").read_text("utf-8")
    assert index.index("pages/healthy.html") < index.index("pages/ill.html")  # the worst first
    assert "mean 0.500" in index
    assert ">ill *</a>" in index and "The model was trained on 1 of them" in index
    page = (tmp_path / "pages" / "ill.html").read_text("utf-8")
    for fact in ("<dd>1.000</dd>", "128 voxels, 0.26 ml", "2 × 1 × 1 mm", "its scores say nothing"):
        assert fact in page
    assert "Truth: nothing." in (
        tmp_path / "pages" / "healthy.html").read_text("utf-8")


def test_agreement_with_the_mirror_image_is_shown_where_it_is_known(tmp_path):
    patient = _patient("ill", 1)
    images, masks = patient.load()
    files = ScoreResults(tmp_path, [patient], "mine")
    rows = [_row("ill") | {"agreement": 0.67}]
    files.show(patient, images, masks, masks, rows)
    files.finish(rows)
    assert "<dd>0.67, look closely</dd>" in (tmp_path / "pages" / "ill.html").read_text("utf-8")
    index = (tmp_path / "index.html").read_text("utf-8")
    assert "agreement with the mirror image" in index and "</span>0.67, look closely</td>" in index


def test_channels_that_the_data_does_not_name_have_the_models_names(tmp_path):
    patient = _patient("ill", 1)
    images, masks = patient.load()
    assert not patient.scheme.modalities
    for folder, names, shown in (("with", ["FLAIR"], "FLAIR"), ("without", [], "channel 1 of 1")):
        files = ScoreResults(tmp_path / folder, [patient], "mine", channels=names)
        files.show(patient, images, masks, masks, [_row("ill")])
        files.finish([_row("ill")])
        assert shown in (tmp_path / folder / "pages" / "ill.html").read_text("utf-8")


def test_evaluates_pages_name_the_channels_as_the_model_does(tree, tmp_path):
    net, path = UNet(3, 1, 2, 2), tmp_path / "model.npz"
    net.save(path, preprocessing=Preprocessing(32).to_dict(), scheme=Scheme(
        modalities=("T1", "FLAIR", "T1ce")).to_dict())
    assert main(["evaluate", str(path), str(tree), "--out", str(tmp_path / "out")]) == 0
    page = next((tmp_path / "out" / "pages").glob("*.html")).read_text("utf-8")
    assert all(f'"{name}"' in page for name in ("T1", "FLAIR", "T1ce"))


class Terminal(io.StringIO):
    """A standard error that somebody watches."""

    def isatty(self):
        return True


@pytest.mark.parametrize("watched", [False, True])
def test_a_bar_is_drawn_where_somebody_watches_and_is_gone_before_the_table(
        monkeypatch, capsys, watched):
    seen = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)

    def scored():
        for name in "abb":
            print("scoring" in seen.getvalue(), seen.getvalue().endswith("\r"))
            yield _row(name)

    print_scores(scored(), ["a", "b"])
    assert capsys.readouterr().out.startswith(f"{watched} False\n" * 3 + "patient")
    assert seen.getvalue().endswith("\r" if watched else "")
    assert bool(seen.getvalue()) == watched


@pytest.mark.parametrize("name", ["Łukasz", "患者", "\udcff"])
def test_the_csv_is_utf_8_and_keeps_the_bytes_of_a_name_that_is_not(tmp_path, name):
    results(tmp_path, name).finish([_row(name)])
    written = (tmp_path / "scores.csv").read_bytes()
    assert written.splitlines()[1].startswith(name.encode("utf-8", "surrogateescape") + b",")
