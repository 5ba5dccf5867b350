"""What predict takes for a patient, and that no result takes the place of another file."""

import os

import numpy as np
import pytest
from nifti_files import write_brats
from PIL import Image

from minunet.data.formats.folder import IMAGES, MASKS
from minunet.engine.files import InputError
from minunet.tool.cli import main
from minunet.tool.predict_inputs import find_inputs, is_volume, list_patients, list_slices

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 24), np.uint8)


def draw(folder, *names):
    """Write pictures; those whose names end with "/" are empty folders."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            Image.fromarray(PIXELS).save(path)
    return folder


def predict(model, folder, *inputs):
    """Run the command; give its exit code and the masks that it wrote."""
    code = main(["predict", str(model), *(str(folder / name) for name in inputs), "--out",
                 str(folder / "out")])
    return code, sorted(path.relative_to(folder / "out").as_posix()
                        for path in (folder / "out").rglob("*_mask.png"))


@pytest.mark.parametrize("inputs, masks", [
    (["1"], ["1/1_mask.png", "1/2_mask.png"]),
    (["1", "2.png"], ["1/1_mask.png", "1/2_mask.png", "2_mask.png"]),
    (["1/2.png", "1/1.png"], ["1_mask.png", "2_mask.png"]),
    (["one"], ["one/one_mask.png"]),
])
def test_results_of_a_folder_go_to_a_folder_of_its_name(models, tmp_path, inputs, masks):
    draw(tmp_path, "1/1.png", "1/2.png", "2.png", "one/one.png")
    assert predict(models["grey"], tmp_path, *inputs) == (0, masks)


@pytest.mark.parametrize("files, inputs, message", [
    (["p/a.png", "p/a.jpg"], ["p"], "p/a.jpg and p/a.png would both be written to"),
    (["p/a.png", "p/A.bmp"], ["p"], "p/A.bmp and p/a.png would both be written to"),
    (["a.png", "q/A.png"], ["a.png", "q/A.png"], "two inputs are called A"),
    (["p/1.png", "P.bmp"], ["p", "P.bmp"], "two inputs are called P"),
    (["x/anat/1.png", "y/anat/1.png"], ["x", "y"], "two inputs are called anat"),
    (["a.png", "a_mask.png/1.png"], ["a.png", "a_mask.png"], "the mask of a.png has that name"),
    (["é.png", "q/e\u0301.png"], ["é.png", "q/e\u0301.png"], "two inputs are called e"),
])
def test_two_results_of_one_name_are_refused_before_anything_is_written(
        models, tmp_path, refused, files, inputs, message):
    draw(tmp_path, *files)
    if sum(path.is_file() for path in tmp_path.rglob("*")) < len(files):
        pytest.skip("this file system holds two of the names to be one")
    line = refused("predict", models["grey"], *(tmp_path / name for name in inputs), "--out",
                   tmp_path / "out")
    assert message in line.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("name", ["a_mask.png", "a_probability.png", "pages/a.html",
                                  "pages/a.png", "index.html", "summary.csv"])
def test_no_file_is_overwritten(models, tmp_path, refused, name):
    draw(tmp_path, "a.png")
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_text("mine")
    line = refused("predict", models["grey"], tmp_path / "a.png", "--out", tmp_path / "out")
    assert f"{name} is there already, and nothing is overwritten" in line


def test_no_volume_is_overwritten(models, tmp_path, refused, capfd):
    write_brats(tmp_path, "anna", seed=0)
    command = ["predict", models["brats"], tmp_path / "anna", "--out", tmp_path / "out"]
    assert main([*map(str, command), "--probabilities"]) == 0
    capfd.readouterr()
    assert "anna_mask.nii.gz is there already" in refused(*command)
    (tmp_path / "out" / "anna_mask.nii.gz").unlink()
    assert "anna_probability_1.nii.gz is there" in refused(*command, "--probabilities")
    assert "index.html is there already" in refused(*command)


def test_results_among_the_slices_are_not_taken_for_slices(models, tmp_path):
    draw(tmp_path, "p/a.png", "p/b_probability.png")
    assert main(["predict", str(models["grey"]), str(tmp_path / "p" / "a.png"), "--out",
                 str(tmp_path / "p")]) == 0
    assert len(os.listdir(tmp_path / "p")) == 4 + 3
    assert [file.name for file in list_slices(tmp_path / "p")] == ["a.png", "b_probability.png"]


@pytest.mark.parametrize("files, found", [
    (["b/1.png", "a/1.png", "a/2.png"], ["a", "b"]),
    (["1.png", "a/1.png"], ["."]),
    (["HGG/b/1.png", "LGG/a/1.png", "notes/"], ["HGG/b", "LGG/a"]),
    ([f"{IMAGES}/a/1.png", f"{MASKS}/a/1.png"], [f"{IMAGES}/a"]),
    ([".hidden/1.png", "a/1.png"], ["a"]),
    (["a/", "b/"], ["."]),
])
def test_a_folder_of_patients_is_many_patients(tmp_path, files, found):
    draw(tmp_path, *files)
    paths = list_patients([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == found


def test_a_link_has_its_own_name_and_a_dot_that_of_the_folder(tmp_path, monkeypatch):
    draw(tmp_path, "scans/anna/1.png")
    (tmp_path / "ben").symlink_to(tmp_path / "scans" / "anna")
    monkeypatch.chdir(tmp_path / "scans" / "anna")
    assert list(find_inputs([tmp_path / "ben", "."], tmp_path)) == ["ben", "anna"]


def test_a_folder_of_patients_is_predicted(models, tmp_path, capsys):
    draw(tmp_path, "all/p10/1.png", "all/p2/1.png", "all/p2/2.png")
    (tmp_path / "all" / "data.csv").write_text("what comes with an archive")
    code, masks = predict(models["grey"], tmp_path, "all")
    assert (code, masks) == (0, ["p10/1_mask.png", "p2/1_mask.png", "p2/2_mask.png"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in printed[:2]] == ["p2: 2 slices", "p10: 1 slice"]


def test_a_folder_of_patients_with_volumes_is_predicted(models, tmp_path):
    for name in ("anna", "bert"):
        write_brats(tmp_path / "brats", name, seed=0)
    assert main(["predict", str(models["brats"]), str(tmp_path / "brats"), "--out",
                 str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [
        "anna_mask.nii.gz", "bert_mask.nii.gz"]


def test_a_folder_that_is_called_like_a_volume_is_none(tmp_path):
    draw(tmp_path, "p/scan.nii.gz/", "p/1.png")
    assert not is_volume(tmp_path / "p")
    assert list(find_inputs([tmp_path / "p"], tmp_path)["p"]) == [tmp_path / "p" / "1.png"]


def test_a_tree_without_pictures_is_refused(tmp_path):
    draw(tmp_path, "a/b/")
    with pytest.raises(InputError, match="holds no images"):
        find_inputs(list_patients([tmp_path]), tmp_path)
