"""``tests/gpu.sh`` goes through on an imagined GPU, and says so where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import gpu_figures
import pytest

SCRIPT = Path(gpu_figures.ROOT, "tests", "gpu.sh")
FAKE = Path(gpu_figures.__file__).with_name("fake_cupy")


def gpu_script(out, path):
    """Run the script where `path` is looked through for modules; give the process."""
    environment = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(path),
                                "MINUNET_THREADS": "1"}
    return subprocess.run([str(SCRIPT), str(out), "--tiny"], env=environment, text=True,
                          capture_output=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_every_part_comes_to_its_end(tmp_path):
    done = gpu_script(tmp_path / "out", FAKE)
    results = json.loads((tmp_path / "out" / "bench-imagined-gpu-1.json").read_text("utf-8"))
    assert not [result for result in results["parts"] if "failed" in result], done.stdout
    assert done.returncode == 0
    assert [result["part"] for result in results["parts"]] == sum(gpu_figures.TURNS, [])
    assert results["machine"]["gpu"] == "Imagined GPU 1"
    for result in results["parts"]:
        for row in result["rows"]:
            assert f"{row['what']}" in done.stdout and str(row["value"]) in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_without_cupy_every_part_says_so(tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('no CuPy here')\n", encoding="utf-8")
    done = gpu_script(tmp_path / "out", tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert all("failed" in line and "CuPy cannot be imported (no CuPy here)" in line
               for line in lines[1:])
    assert len(lines[1:]) == len(sum(gpu_figures.TURNS, []))
    assert "Traceback" not in done.stdout + done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.txt"]


def test_all_parts_together_take_less_than_eight_minutes():
    limits = gpu_figures.LIMITS
    assert limits["device"] + sum(max(limits[part] for part in turn)
                                  for turn in gpu_figures.TURNS) < 480


def test_a_part_that_fails_or_hangs_is_one_line_and_ends_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_figures, "LIMITS", {"no such part": 60, "device": 0})
    [failed] = gpu_figures.take_turn(["no such part"], tmp_path, ["--tiny"])
    assert failed["failed"] == "KeyError: 'no such part'"
    [late] = gpu_figures.take_turn(["device"], tmp_path, ["--tiny"])
    assert late["failed"] == "took longer than 0 s"
