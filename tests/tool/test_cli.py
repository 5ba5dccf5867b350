"""The commands, as a user types them: what they print, what they write, how they refuse."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from commands import refusal
from conftest import SMALL
from image_files import imread, write

import minunet.tool.demo
from minunet.engine.threads import threads
from minunet.tool.cli import main
from minunet.train import Settings

COMMANDS = ["demo", "train", "evaluate", "predict", "report", "gradcheck", "summary", "look",
            "exercises", "grade"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: minunet {command}" in capsys.readouterr().out


def test_python_m_minunet_is_the_command():
    done = subprocess.run([sys.executable, "-m", "minunet", "--version"], capture_output=True,
                          text=True, check=True)
    assert done.stdout.startswith("minunet ")


def test_the_demo_trains_and_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(minunet.tool.demo, "SETTINGS", Settings(size=32, base_channels=4, depth=2,
                                                           epochs=1))
    monkeypatch.setattr(minunet.tool.demo, "TRAINING", 2)
    monkeypatch.setattr(minunet.tool.demo, "SLICES", 4)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert "held-out Dice" in capsys.readouterr().out
    assert {"predictions.png", "history.png", "model.npz"} <= set(os.listdir(tmp_path))
    assert main(["demo", "--out", str(tmp_path)]) == 0  # a second time is no error


def test_evaluate_prints_a_table_and_writes_it(trained, tree, tmp_path, capsys):
    assert main(["evaluate", str(trained), str(tree), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "mean" in printed
    assert "4 of 5 patients: the model was trained on them" in printed
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 5
    assert len(list((tmp_path / "pages").glob("*.html"))) == 5


def test_evaluate_can_leave_out_what_was_trained_on(trained, tree, capsys):
    assert main(["evaluate", str(trained / "model.npz"), str(tree), "--held-out"]) == 0
    assert "over 1 patient" in capsys.readouterr().out


def test_predict_says_what_it_found_in_each_input(trained, tree, tmp_path, capsys):
    patient = next(path for path in tree.iterdir() if path.is_dir())
    assert main(["predict", str(trained), str(patient), "--out", str(tmp_path / "out")]) == 0
    assert f"{patient.name}: 6 slices" in capsys.readouterr().out
    assert imread(tmp_path / "out" / patient.name / f"{patient.name}_1_mask.png").shape == (48, 48)


def test_gradcheck_prints_a_row_an_argument_and_the_verdict(capsys):
    assert main(["gradcheck"]) == 0
    printed = capsys.readouterr().out
    assert "batch_norm: gamma" in printed
    assert "all gradients are right" in printed
    assert "WRONG" not in printed


def test_gradcheck_says_wrong_and_exits_with_1(monkeypatch, capsys):
    right = minunet.ops.batch_norm_backward
    monkeypatch.setattr(minunet.ops, "batch_norm_backward",
                        lambda dy, cache: tuple(1.001 * g for g in right(dy, cache)))
    assert main(["gradcheck"]) == 1
    assert "gradients are WRONG" in capsys.readouterr().out


def test_summary_knows_the_networks_of_the_design(capsys):
    assert main(["summary"]) == 0
    assert "7,763,041" in capsys.readouterr().out
    assert main(["summary", "--paper"]) == 0
    printed = capsys.readouterr().out
    assert "31,030,658" in printed
    assert "(388, 388, 2)" in printed


def test_summary_of_a_network_that_cannot_be(capsys):
    assert "depth must be a whole number from 1 to 5" in refusal(capsys, "summary", "--depth", "7")
    assert "the nearest that go are 96 and 112" in refusal(capsys, "summary", "--size", "100")


def test_summary_of_a_trained_model(trained, capsys):
    assert main(["summary", str(trained), "--size", "64"]) == 0
    assert "enc2.conv1" in capsys.readouterr().out


def test_a_command_or_option_that_does_not_exist(capsys):
    assert "invalid choice" in refusal(capsys, "diagnose")
    assert "--epochs" in refusal(capsys, "train", "x", "--out", "y", "--epochs", "0")
    assert "--learning-rate" in refusal(capsys, "train", "x", "--out", "y",
                                        "--learning-rate", "inf")
    assert "--validation" in refusal(capsys, "train", "x", "--out", "y", "--validation", "1")


def test_a_data_folder_that_does_not_exist(tmp_path, capsys):
    out = tmp_path / "run"
    assert "nowhere does not exist" in refusal(capsys, "train", tmp_path / "nowhere", "--out", out)
    assert not out.exists()


def test_a_truncated_image_in_the_middle_of_the_data(tree, tmp_path, capsys):
    for path in tree.rglob("*.tif"):
        (tmp_path / "data" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path.relative_to(tree)).write_bytes(path.read_bytes())
    victim = sorted((tmp_path / "data").rglob("*_3.tif"))[0]
    victim.write_bytes(victim.read_bytes()[:200])
    line = refusal(capsys, "train", tmp_path / "data", "--out", tmp_path / "run", *SMALL)
    assert victim.name in line
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(trained, tree, capsys):
    before = (trained / "model.npz").read_bytes()
    assert "holds a run already" in refusal(capsys, "train", tree, "--out", trained, *SMALL)
    assert (trained / "model.npz").read_bytes() == before


def test_resume_with_other_settings_names_the_setting(trained, tree, capsys):
    line = refusal(capsys, "train", tree, "--out", trained, *SMALL, "--depth", "1", "--resume")
    assert "depth was 2 and is now 1" in line


def test_resume_where_there_is_no_run(tree, tmp_path, capsys):
    line = refusal(capsys, "train", tree, "--out", tmp_path / "none", *SMALL, "--resume")
    assert "no run to resume" in line


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0 and not os.path.exists("/proc/self"),
                    reason="needs a folder that cannot be written to")
def test_an_output_folder_that_cannot_be_written(tree, trained, capsys):
    patient = next(path for path in tree.iterdir() if path.is_dir())
    for command in (["train", tree, *SMALL], ["predict", trained, patient],
                    ["evaluate", trained, tree]):
        assert "cannot write" in refusal(capsys, *command, "--out", "/proc/self/minunet")


def test_a_model_that_is_missing_truncated_no_model_or_pickled(trained, tmp_path, capsys):
    image = tmp_path / "scan.png"
    write(image, np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8))
    whole = (trained / "model.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("no model")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"w": 1}))
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name in ("missing", "half", "text", "pickle", "objects", "other"):
        model = tmp_path / f"{name}.npz"
        line = refusal(capsys, "predict", model, image, "--out", tmp_path / "out")
        assert f"{name}.npz" in line
    assert not (tmp_path / "out").exists()


def test_an_image_of_other_channels_than_the_model(trained, tmp_path, capsys):
    image = tmp_path / "grey.png"
    write(image, np.random.default_rng(0).integers(0, 255, (48, 48), np.uint8))
    line = refusal(capsys, "predict", trained, image, "--out", tmp_path / "out")
    assert "grey has 1 channel, the model takes 3" in line


def test_a_gpu_that_is_not_there_says_why(monkeypatch, tree, tmp_path, capsys):
    monkeypatch.setattr("minunet.engine.backend.cuda_problem", lambda: "CuPy finds no CUDA GPU")
    for command in (["demo"], ["train", tree]):
        line = refusal(capsys, *command, "--out", tmp_path / "out", "--device", "cuda")
        assert "CuPy finds no CUDA GPU" in line
    assert "device must be" in refusal(capsys, "demo", "--device", "tpu")


def test_held_out_patients_of_a_model_that_saw_all(trained, tree, tmp_path, capsys):
    names = [path for path in tree.iterdir() if path.is_dir()]
    seen = next(path for path in names
                if main(["evaluate", str(trained), str(path), "--held-out"]) == 2)
    capsys.readouterr()
    line = refusal(capsys, "evaluate", trained, seen, "--held-out")
    assert "1 of 1 patient left out: the model was trained on them" in line


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("minunet.tool.commands.gradcheck.prove_ops", interrupt)
    assert main(["gradcheck"]) == 130
    assert capsys.readouterr().err == "minunet: interrupted\n"


def test_the_command_alone_explains_itself(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0
    assert "COMMAND" in capsys.readouterr().out


def test_the_number_of_threads_is_an_argument(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("minunet.tool.commands.demo.demo",
                        lambda *_, **__: seen.append(threads()) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["demo", "--out", str(tmp_path / "run"), "--threads", "3"])
    assert seen == [3]
    assert threads() != 3 or os.cpu_count() == 3
