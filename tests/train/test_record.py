"""What a run was made with, and when another may go on from it."""

import json
from functools import partial

import pytest
from conftest import TINY

from minunet.data.patient import Patient
from minunet.data.preprocess import Preprocessing
from minunet.data.scheme import BINARY
from minunet.engine import checkpoint
from minunet.engine.files import InputError
from minunet.engine.rates import using_balance
from minunet.train import Settings, record, train
from minunet.train.run import Run

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def run(tmp_path):
    """A run that has been begun."""
    run = Run(TINY, Preprocessing(32), 1, tmp_path, "cpu", {}, "", BINARY)
    run.start()
    return run


def rewrite(folder, change):
    """Change the run's ``config.json``."""
    content = json.loads((folder / record.NAME).read_text())
    change(content)
    (folder / record.NAME).write_text(json.dumps(content))


def test_a_run_of_an_older_version_is_said_to_be_one(run):
    rewrite(run.out, lambda content: content.pop("format"))
    with pytest.raises(InputError, match="config.json is from an older version of minunet .run "
                       "format 1, this version has 3.; begin again in another --out; its"):
        run.resume()


def test_a_run_of_a_newer_version_is_said_to_be_one(run):
    rewrite(run.out, lambda content: content.update(format=4))
    with pytest.raises(InputError, match="is from a newer version of minunet .* update minunet"):
        run.resume()


def test_a_state_of_an_older_version_is_said_to_be_one(run):
    run.finish_epoch(1.0, [0.5], 0.0)
    arrays, meta = checkpoint.load(run.out / "last.npz")
    del meta["run_format"]
    checkpoint.save(run.out / "last.npz", arrays, meta)
    with pytest.raises(InputError, match="last.npz is from an older version of minunet"):
        run.resume()


@pytest.mark.parametrize("lost", ["optimiser_steps", "data_random_state", "history"])
def test_a_state_that_lacks_something_is_damaged(run, lost):
    run.finish_epoch(1.0, [0.5], 0.0)
    arrays, meta = checkpoint.load(run.out / "last.npz")
    del meta[lost]
    checkpoint.save(run.out / "last.npz", arrays, meta)
    with pytest.raises(InputError, match=f"last.npz is damaged .'{lost}'"):
        run.resume()


@pytest.mark.parametrize("content", ["", "[]", "3", '{"settings": ', '{"format": 3}', "[" * 10**5,
                                     '{"format": 3, "settings": [], "patients": {}}',
                                     "\udcff"])
def test_a_config_that_is_damaged_is_one_line(tmp_path, content):
    path = tmp_path / record.NAME
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=f"{path} is damaged; begin again in another --out"):
        record.read(tmp_path)


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(InputError, match=f"no run to resume in {tmp_path} .config.json: No such"):
        record.read(tmp_path)


@pytest.mark.parametrize("changed", ["threads", "NumPy", "device"])
def test_going_on_where_rounding_differs_is_said_in_a_line(phantoms, tmp_path, capsys, changed):
    train(phantoms[:3], phantoms[3:], TINY, tmp_path)
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, resume=True)
    assert capsys.readouterr().err == ""
    rewrite(tmp_path, lambda content: content["conditions"].update({changed: "other"}))
    train(phantoms[:3], phantoms[3:], TINY, tmp_path, resume=True)
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith(f"minunet: {changed} was other and is now ")
    assert "rounding will differ" in line


def test_a_run_goes_on_convolving_as_it_began(phantoms, tmp_path):
    wide = Settings(**TINY.to_dict() | {"base_channels": 16, "epochs": 2})
    models = []
    for before, after in ((16, 16), (16, 2), (2, 2)):
        out = tmp_path / f"{before} {after}"
        with using_balance(before), pytest.raises(ZeroDivisionError):
            train(phantoms[:3], phantoms[3:], wide, out, watch=[lambda *_: 1 / 0])  # epoch 1
        with using_balance(after):
            train(phantoms[:3], phantoms[3:], wide, out, resume=True)
        assert record.read(out)["conditions"]["balance"] == before
        assert checkpoint.load(out / "last.npz")[1]["conditions"]["balance"] == before
        models.append((out / "model.npz").read_bytes())
    assert models[0] == models[1] != models[2]


@pytest.mark.parametrize("settings", [{"depth": 9}, {"size": 30}, {"base_channels": 0}])
def test_settings_are_checked_before_patients_are_read(phantoms, tmp_path, settings):
    unread = [Patient("a", ("1",), partial(pytest.fail, "was read"))] * 2
    with pytest.raises(ValueError):
        train(unread, unread, Settings(**TINY.to_dict() | settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("others", [{"epochs": 9}, {"names": True}])
def test_what_cannot_go_on_is_refused_before_patients_are_read(whole, phantoms, others):
    unread = [Patient(patient.name + "x" * ("names" in others), ("1",),
                      partial(pytest.fail, "was read")) for patient in phantoms]
    settings = Settings(**TINY.to_dict() | {k: v for k, v in others.items() if k == "epochs"})
    with pytest.raises(InputError, match="cannot resume"):
        train(unread[:3], unread[3:], settings, whole, resume=True)
