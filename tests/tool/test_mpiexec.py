"""``mpiexec -n N minunet …``: several processes do the work of one, and end together."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SMALL

from minunet.engine import mpi
from minunet.engine.files import InputError
from minunet.tool.bench import ranks

MPIEXEC = ranks.mpiexec()
ENVIRONMENT = os.environ | {"MINUNET_THREADS": "1", "MINUNET_BALANCE": "8"}


@pytest.fixture
def mpiexec():
    if not MPIEXEC:
        pytest.skip("there is no mpi4py, or no mpiexec")


def command(count, *arguments):
    # Not by the path of this folder: pytest's own may stand before it.
    code = "import sys; from minunet.__main__ import main; sys.exit(main())"
    return [MPIEXEC, "-n", str(count), sys.executable, "-c", code, *map(str, arguments)]


def run(count, *arguments, code=0):
    """Run a command on so many ranks; give what it said on both streams."""
    done = subprocess.run(command(count, *arguments), env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def losses(folder):
    with open(folder / "history.csv", encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_a_run_of_two_ranks_is_that_of_one_but_for_rounding(mpiexec, tree, tmp_path):
    for count in (1, 2):
        said = run(count, "train", tree, "--out", tmp_path / str(count), *SMALL)
        assert said.count("epoch   1") == said.count("4 to train on, 1 held out") == 1
    one, two = files(tmp_path / "1"), files(tmp_path / "2")
    assert one.keys() == two.keys()
    assert losses(tmp_path / "2") == pytest.approx(losses(tmp_path / "1"), rel=1e-3)
    assert "Traceback" not in said


def test_a_run_whose_rank_was_killed_goes_on_to_the_same_bytes_or_with_other_ranks(
        mpiexec, tree, tmp_path):
    arguments = ["train", tree, *SMALL, "--epochs", "4", "--validation", "0.4", "--out"]
    run(2, *arguments, tmp_path / "whole")
    killed = tmp_path / "killed"
    with subprocess.Popen(command(2, *arguments, killed), env=ENVIRONMENT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while not (killed / "last.npz").exists() and process.poll() is None:
            time.sleep(0.02)
        os.kill(max(ranks_of(process.pid)), signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode != 0
    shutil.copytree(killed, tmp_path / "other")
    run(2, "train", tree, "--resume", "--out", killed)
    assert (killed / "model.npz").read_bytes() == (tmp_path / "whole" / "model.npz").read_bytes()
    said = run(3, "train", tree, "--resume", "--out", tmp_path / "other")
    assert "ranks was 2 and is now 3: rounding will differ" in said
    assert losses(tmp_path / "other") == pytest.approx(losses(killed), rel=1e-2)


def ranks_of(launcher):
    """The processes that run minunet among those that `launcher` has started."""
    found, parents = [], {launcher}
    for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if parent in parents:
            parents.add(int(path.name))
            if words[0] == sys.executable.encode():
                found.append(int(path.name))
    return found


def test_two_ranks_leave_the_files_of_one(mpiexec, tree, tmp_path):
    model = tmp_path / "model"
    run(1, "train", tree, "--out", model, *SMALL, "--validation", "0")
    patients = sorted(tree.iterdir())[:3]
    for count in (1, 2):
        said = run(count, "evaluate", model, tree, "--out", tmp_path / f"scores{count}")
        assert said.count("look at") == said.count("5 of 5 patients: the model was trained") == 1
        said = run(count, "predict", model, *patients, "--out", tmp_path / f"masks{count}")
        assert said.count("agrees with") + said.count("no tumour found") >= 3
    assert files(tmp_path / "scores1") == files(tmp_path / "scores2")
    assert files(tmp_path / "masks1") == files(tmp_path / "masks2")


@pytest.mark.parametrize("arguments, said", [
    (["train", "/nowhere", "--out", "RUN"], "/nowhere does not exist"),
    (["train"], "the following arguments are required"),
    (["demo"], "demo is no work for several processes; start it without mpiexec"),
    (["train", "TREE", "--out", "RUN", *SMALL, "--batch-size", "1"],
     "2 ranks cannot share batches of 1; give a --batch-size of 2 or more")])
def test_what_all_ranks_refuse_is_said_once(mpiexec, tree, tmp_path, arguments, said):
    places = {"TREE": tree, "RUN": tmp_path / "run"}
    lines = run(2, *(places.get(word, word) for word in arguments), code=2).splitlines()
    [line] = [line for line in lines if "minunet: error" in line]
    assert said in line
    assert not any("Traceback" in line for line in lines) and not (tmp_path / "run").exists()


def test_what_one_rank_cannot_read_ends_all(mpiexec, tree, tmp_path):
    patients = tmp_path / "patients"
    shutil.copytree(tree, patients)
    for broken in (patients / sorted(os.listdir(patients))[1]).glob("*"):
        broken.write_bytes(b"nothing")
    lines = run(2, "train", patients, "--out", tmp_path / "run", *SMALL, code=2).splitlines()
    assert len([line for line in lines if "minunet: error" in line]) == 1


def test_without_mpi4py_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(InputError, match=r'started as 2 processes, .*pip install "minunet\[mpi\]"'):
        mpi.world()


def test_ranks_that_do_not_see_each_other_are_told_so(monkeypatch):
    pytest.importorskip("mpi4py.MPI")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(InputError, match="mpiexec and mpi4py are of two MPIs"):
        mpi.world()


@pytest.mark.parametrize("size", [None, "1"])
def test_a_process_alone_needs_no_mpi(monkeypatch, size):
    for name in mpi.LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    if size:
        monkeypatch.setenv("PMI_SIZE", size)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert mpi.world() is None
