"""The examples print what they promise, and what they say about themselves is true."""

import importlib.util
import io
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from check_example import difference, promise, run
from image_files import imread, write

from minunet import UNet, ops
from minunet.data.phantom.cells import draw_cells
from minunet.gradcheck import check

FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(FOLDER.glob("*.py"))
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def load(name):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@each_script
def test_an_example_prints_what_it_promises_and_draws_one_figure(script, tmp_path):
    printed = run(script, tmp_path / "figure.png")
    assert difference(printed, *promise(script)) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
    assert imread(tmp_path / "figure.png").std() > 10  # not blank


@each_script
def test_an_example_has_at_most_100_lines_and_a_row_in_both_tables(script):
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    assert f"| `{script.name}` |" in (FOLDER / "README.md").read_text(encoding="utf-8")
    title = re.match(r'"""(.+)\n=+\n\n', text)[1]
    gallery = (FOLDER.parent / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert f"| [{title}](../examples/{script.name}) |" in gallery


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call a script, in an empty folder, with words that must keep it from running.

    Gives its exit code and what it printed on standard output and on standard error.
    """
    def run_path(script, *words):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setattr("sys.argv", [str(script), *words])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
        assert not list(Path().iterdir())
        return end.value.code, *capsys.readouterr()

    return run_path


@each_script
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_prints_the_docstring_and_draws_nothing(script, word, call):
    code, out, error = call(script, word)
    assert (code, error) == (0, "")
    assert out.startswith(runpy.run_path(str(script))["__doc__"].strip())


@each_script
@pytest.mark.parametrize("words, reason", [
    (["--steps"], "unrecognized arguments: --steps"),
    (["a.png", ".", "more"], "unrecognized arguments: "),
    (["a.xyz"], "a.xyz has the ending of no kind of picture; take .png"),
    (["nowhere/a.png"], "nowhere is not a folder; make it first"),
    ([".."], ".. is a folder; name a file in it"),
])
def test_wrong_words_are_one_line(script, words, reason, call):
    code, out, error = call(script, *words)
    assert (code, out) == (2, "")
    assert error.startswith(f"{script.name}: error: ") and reason in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("folder, reason", [
    ("nowhere", "nowhere is not a folder"), (".", "image does not exist")])
def test_a_folder_without_cells_is_one_line(folder, reason, call):
    code, out, error = call(FOLDER / "05_the_papers_experiment.py", "a.png", folder)
    assert (code, out) == (2, "") and reason in error and error.count("\n") == 1


@each_script
def test_where_a_code_page_lacks_a_letter_help_is_printed_all_the_same(script, monkeypatch):
    page = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", page)
    monkeypatch.setattr("sys.argv", [str(script), "--help"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize("module, passes", [
    ("skimage.measure", True), ("minunet.tool.plots", False), ("minunet.ops.pool", False),
    ("__main__", False)])
def test_an_example_is_held_to_its_own_deprecations_alone(module, passes, tmp_path):
    script = tmp_path / "script.py"
    line = "warnings.warn('old', DeprecationWarning)"
    script.write_text(f"import warnings\nprint(1)\nexec({line!r}, "
                      f"{{'__name__': {module!r}, 'warnings': warnings}})\n", encoding="utf-8")
    if passes:
        assert run(script, tmp_path / "figure.png") == "1\n"
    else:
        with pytest.raises(RuntimeError, match="DeprecationWarning: old"):
            run(script, tmp_path / "figure.png")


def test_in_a_notebook_the_figure_is_returned_and_no_word_of_its_kernel_is_read(
        tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    monkeypatch.setattr("sys.stdout", io.StringIO())  # as a notebook's, it has no code page
    names = {"__name__": "__main__"}  # and no __file__, for cells are in none
    exec((FOLDER / "02_check_a_gradient.py").read_text(encoding="utf-8"), names)
    assert names["figure"]._repr_png_().startswith(b"\x89PNG")
    assert not list(tmp_path.iterdir())


def test_without_a_path_the_figure_is_named_like_the_script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load("02_check_a_gradient").main()
    assert [path.name for path in tmp_path.iterdir()] == ["02_check_a_gradient.png"]


@pytest.mark.parametrize("size, stride", [(1, 1), (2, 1), (3, 2), (2, 3)])
def test_the_readers_op_is_right_with_other_windows_too(size, stride, rng):
    example = load("02_check_a_gradient")
    example.SIZE, example.STRIDE = size, stride
    x = {"x": rng.normal(size=(2, 7, 6, 2))}
    assert check(example.forward, example.right_backward, x, linear=["x"]).ok
    overlap = size > stride
    assert check(example.forward, example.wrong_backward, x, linear=["x"]).ok is not overlap


def test_an_image_not_learnt_by_heart_is_said_to_be_at_fault(tmp_path, capsys):
    load("03_overfit_one_image").main(tmp_path / "figure.png", steps=2)
    assert "Dice > 0.99" not in (printed := capsys.readouterr().out)
    assert printed.splitlines()[-1].endswith("something is at fault")


def test_cut_skips_pass_nothing_forward_or_backward(rng, monkeypatch):
    """Zero weights do what zeros in place of the skips do, to logits and gradients."""
    example = load("04_with_and_without_skips")
    net = UNet(2, 1, base_channels=2, depth=example.DEPTH, dtype="float64")
    x, dlogits = rng.normal(size=(1, 16, 16, 2)), rng.normal(size=(1, 16, 16, 1))

    def both_ways():
        logits, cache = net.forward(x, training=True)
        dx, grads = net.backward(dlogits, cache)
        return {"logits": logits, "dx": dx} | grads

    def zero_forward(skip, up, forward=ops.concat_forward):
        return forward(np.zeros_like(skip), up)

    def zero_backward(dy, cache, backward=ops.concat_backward):
        dskip, dup = backward(dy, cache)
        return np.zeros_like(dskip), dup

    whole = both_ways()
    with monkeypatch.context() as patch:
        patch.setattr(ops, "concat_forward", zero_forward)
        patch.setattr(ops, "concat_backward", zero_backward)
        zeroed = both_ways()
    example.cut_skips(net)
    cut = both_ways()
    assert np.abs(cut["dx"] - whole["dx"]).max() > 0.1
    for level in range(1, example.DEPTH + 1):  # what the dead weights get has no effect
        dw = cut[f"dec{level}.conv1.w"]
        dw[:, :, : dw.shape[2] // 2] = 0
    for name, value in zeroed.items():
        np.testing.assert_allclose(cut[name], value, rtol=1e-8, atol=1e-10, err_msg=name)


def test_a_network_trained_without_skips_has_none_at_the_end(rng):
    example = load("04_with_and_without_skips")
    images = rng.normal(size=(8, 16, 16, 4)).astype(np.float32)
    masks = (images[..., 0] > 1).astype(np.uint8)
    for cut in ((), (1, 2, 3)):
        w = example.train(images, masks, cut, steps=2).params["dec1.conv1.w"]  # [skip, up]
        assert w[:, :, 8:].all() and w[:, :, :8].any() == (not cut)


def test_cells_run_together_if_they_share_a_found_piece():
    example = load("05_the_papers_experiment")
    truth = np.zeros((2, 9, 14), int)
    truth[:, 1:8, 1:6], truth[:, 1:8, 8:13] = 1, 1  # two cells an image, and never across images
    assert example.number(truth).max() == 4
    assert example.run_together(truth, truth) == 0
    leak = truth.copy()
    leak[1, 4, 6:8] = 1  # one of the two walls has a hole
    assert example.run_together(truth, leak) == 0.5
    assert example.run_together(truth, np.ones_like(truth)) == 1
    assert example.run_together(truth, np.zeros_like(truth)) == 0
    touched = truth.copy()
    touched[1, 1:8, 8:13] = 0
    touched[1, 4, 6:9] = 1  # the piece has one pixel of 35 in the neighbour: not its cell
    assert example.run_together(truth, touched) == 0


def test_the_papers_experiment_reads_real_cells_if_a_folder_is_named(tmp_path, capsys):
    images, masks = draw_cells(6, 128)
    for k, (image, mask) in enumerate(zip(images, masks, strict=True)):
        write(tmp_path / "isbi" / "image" / f"{k}.png", image[..., 0])
        write(tmp_path / "isbi" / "label" / f"{k}.png", mask * np.uint8(255))
    example = load("05_the_papers_experiment")
    example.main(tmp_path / "named.png", tmp_path / "isbi", steps=2)
    named = capsys.readouterr().out
    example.draw_cells = lambda count, size: (images, masks)
    example.main(tmp_path / "drawn.png", None, steps=2)
    assert named == capsys.readouterr().out and len(named.splitlines()) == 3


def test_three_verbs_are_a_convolution_whatever_the_numbers(rng, capsys):
    example = load("06_one_convolution_in_steps")
    for name, shape in ("X", (6, 5)), ("W", (3, 3)), ("DY", (4, 3)):
        setattr(example, name, rng.integers(-3, 4, shape))
    example.main(None)
    assert capsys.readouterr().out.endswith("conv_backward have it: True\n")


def test_three_terms_are_the_slopes_whatever_the_numbers(rng):
    example = load("07_three_terms_on_four_pixels")
    example.X, example.DY, example.GAMMA = rng.normal(size=4), rng.normal(size=4), 0.7
    direct, mean, spread = example.terms()
    dx = example.GAMMA / example.X.std() * (direct + mean + spread)
    assert np.allclose(dx, example.differences(), atol=1e-8)
    assert not np.allclose(dx, example.GAMMA / example.X.std() * (direct + mean), atol=1e-2)


@pytest.mark.parametrize("printed, expected, slack, same", [
    ("a  1.50\n", "\na 1.50", 0, True),
    ("a 1.50", "a 1.51", 0, False),
    ("a 1.50", "a 1.55", 5, True),
    ("a 1.50", "a 1.56", 5, False),
    ("a 1.5", "a 1.50", 5, False),  # fewer digits are another output
    ("a -0.01", "a 0.01", 5, True),
    ("a nan", "a 0.01", 5, False),
    ("a 3", "a 4", 5, False),  # a whole number is no rounded one
    ("a 1e-16 ok 0,3", "a ... ok ...", 0, True),
    ("a 1e-16 WRONG 0,3", "a ... ok ...", 0, False),
    ("a", "a\nb", 0, False),
    ("a\nb", "a", 0, False),
])
def test_the_comparison_of_output_can_fail(printed, expected, slack, same):
    assert (difference(printed, expected, slack) == "") is same
