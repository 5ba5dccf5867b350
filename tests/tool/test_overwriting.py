"""No command overwrites what it finds. What predict does is in `test_predict_inputs`."""

import pytest
from conftest import SMALL
from image_files import square, write

from minunet.engine.files import InputError, check_new


@pytest.mark.parametrize("name", ["report.json", "report.csv", "report.png", "report.html"])
def test_a_report_is_not_overwritten(tmp_path, refused, name):
    mask = write(tmp_path / "mask.png", square((60, 64)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("another patient's")
    for masks in ([mask], ["--before", mask, "--after", mask]):
        line = refused("report", *masks, "--out", tmp_path / "out")
        assert f"{name} is there already, and nothing is overwritten" in line


@pytest.mark.parametrize("name", ["scores.csv", "summary.json", "index.html",
                                  "pages/phantom_003.html"])
def test_scores_are_not_overwritten(trained, tree, tmp_path, refused, name):
    (tmp_path / "pages").mkdir()
    (tmp_path / name).write_text("another model's")
    assert f"{name} is there already" in refused("evaluate", trained, tree, "--out", tmp_path)


@pytest.mark.parametrize("command", [["demo"], ["train", "{tree}", *SMALL]])
def test_a_run_is_not_overwritten(trained, tree, refused, command):
    before = (trained / "model.npz").read_bytes()
    line = refused(*(word.format(tree=tree) for word in command), "--out", trained)
    assert "holds a run" in line
    assert (trained / "model.npz").read_bytes() == before


def test_a_link_that_leads_nowhere_is_there(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="link is there already"):
        check_new([tmp_path / "new", tmp_path / "link"])
