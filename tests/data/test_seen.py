"""What a model was trained on is told by the data, whatever patients are called."""

import shutil

import numpy as np
import pytest
from conftest import SMALL
from phantom_tree import write_lgg_tree

from minunet.data.patient import Patient
from minunet.data.seen import Seen, digest, noting, settle
from minunet.engine import checkpoint
from minunet.engine.files import InputError, warn
from minunet.tool.cli import main


def patient(name, seed, mask=1):
    images = np.random.default_rng(seed).integers(0, 255, (2, 5, 6, 3)).astype(np.uint8)
    return Patient(name, ("1", "2"), lambda: (images, np.full((2, 5, 6), mask, np.uint8)))


def test_a_digest_is_of_the_images_their_shape_and_their_type():
    images = patient("a", 0).load()[0]
    known = digest(images)
    assert digest(images.copy()) == digest(np.asfortranarray(images)) == known
    wide = images.astype(np.uint16)
    assert digest(wide.astype(">u2")) == digest(wide)
    others = [images.reshape(2, 6, 5, 3), wide, images + np.uint8(1), images[:1]]
    assert len({known, *map(digest, others)}) == 5


def test_digests_are_noted_when_patients_are_read_and_not_before():
    noted = {}
    [one, two] = noting([patient("a", 0), patient("b", 1)], noted)
    assert noted == {}
    images, _ = one.load()
    assert noted == {"a": digest(images)}
    two.load()
    one.load()
    assert list(noted) == ["a", "b"]


def test_one_name_for_two_patients_is_refused():
    one, two = noting([patient("a", 0), patient("a", 1)], {})
    one.load()
    with pytest.raises(InputError, match="two patients are called a"):
        two.load()


def test_the_same_images_under_two_names_are_a_line(capfd):
    warn.cache_clear()
    noted = {}
    for part in noting([patient("a", 0), patient("b", 0)], noted):
        part.load()
    assert settle(noted) == noted
    error = capfd.readouterr().err
    assert "warning: the patients a and b have the same images" in error


def sifted(training, patients, leave_out=False):
    seen = Seen(training)
    return [p.name for p in seen.sift(patients, leave_out)], seen


def test_a_model_with_digests_knows_patients_by_their_data():
    known = {"a": digest(patient("", 0).load()[0]), "b": digest(patient("", 1).load()[0])}
    patients = [patient("renamed", 0), patient("b", 7), patient("b outlined anew", 1, mask=0)]
    names, seen = sifted(known, patients)
    assert names == ["renamed", "b", "b outlined anew"]
    assert seen.names == ["renamed", "b outlined anew"]
    assert sifted(known, patients, leave_out=True)[0] == ["b"]
    assert "2 of 3 patients: the model was trained on them" in seen.note(3, False)


def test_a_model_without_digests_knows_patients_by_name_reads_none_and_says_so():
    patients = [Patient("a", ("1",), None), Patient("c", ("1",), None)]
    names, seen = sifted(["a", "b"], patients, leave_out=True)
    assert (names, seen.names) == (["c"], ["a"])
    assert "1 of 2 patients left out: the model was trained on patients of these names (told by " \
           "name only" in seen.note(2, True)


def test_a_patient_is_read_once_and_not_kept():
    reads = []
    one = patient("a", 0)
    counted = Patient("a", one.slices, lambda: reads.append(1) or one.load())
    [found] = Seen({}).sift([counted], False)
    assert (found.load()[0] == one.load()[0]).all() and reads == [1]


def test_a_model_that_was_trained_on_nobody_has_no_note():
    for training in ({}, []):
        names, seen = sifted(training, [patient("a", 0)])
        assert names == ["a"] and seen.note(1, False) == ""


# As a user does it

@pytest.fixture(scope="module")
def elsewhere(tree, tmp_path_factory):
    """The training patients' folders under other names, and other patients under theirs."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for path in tree.iterdir():
        shutil.copytree(path, folder / "renamed" / path.name.replace("phantom", "head"))
    write_lgg_tree(folder / "others", seed=9)
    return folder


def test_the_model_file_holds_a_digest_for_each_patient(trained):
    patients = checkpoint.load(trained / "model.npz")[1]["patients"]
    digests = patients["training"] | patients["validation"]
    assert len(patients["training"]) == 4 and len(set(digests.values())) == 5


def test_renamed_patients_get_their_star_and_are_left_out(trained, elsewhere, capsys):
    assert main(["evaluate", str(trained), str(elsewhere / "renamed")]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" *") == 4
    assert "4 of 5 patients: the model was trained on them" in printed
    assert main(["evaluate", str(trained), str(elsewhere / "renamed"), "--held-out"]) == 0
    assert "over 1 patient" in (printed := capsys.readouterr().out)
    assert "4 of 5 patients left out: the model was trained on them" in printed


def test_other_patients_of_the_same_names_are_new(trained, elsewhere, capsys):
    assert main(["evaluate", str(trained), str(elsewhere / "others"), "--held-out"]) == 0
    printed = capsys.readouterr().out
    assert "over 5 patients" in printed and "trained on" not in printed


def test_a_run_of_two_copies_of_a_patient_says_so(tree, tmp_path, capfd):
    paths = sorted(path for path in tree.iterdir())
    for name, path in (("a", paths[0]), ("b", paths[0])):
        shutil.copytree(path, tmp_path / "data" / name)
    assert main(["train", str(tmp_path / "data"), "--out", str(tmp_path / "run"), *SMALL,
                 "--epochs", "1"]) == 0
    assert "have the same images; leave one of them out" in capfd.readouterr().err
