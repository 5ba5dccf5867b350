"""Figures: written whole, readable where there is nothing to show, and nothing left behind."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from image_files import imread
from matplotlib.figure import Figure

from minunet.data.phantom import phantom_patients
from minunet.engine.files import InputError
from minunet.tool import plots
from minunet.tool.watch import WATCH
from minunet.train import Settings, train

ROWS, COLUMNS = np.mgrid[:40, :48]
BLOB = np.exp(-((ROWS - 18) ** 2 + (COLUMNS - 20) ** 2) / 60)
HEAD = 100.0 * ((ROWS - 20) ** 2 + (COLUMNS - 24) ** 2 < 300) + 50 * BLOB
EMPTY = np.zeros_like(BLOB)


def history(epochs=5, **changes):
    return [{"epoch": e, "loss": 1 / e, "learning_rate": 1e-3 / e, "seconds": 2.0,
             "validation_dice_mean": e / 10, "validation_dice_median": e / 9} | changes
            for e in range(1, epochs + 1)]


def row(**changes):
    return {"name": "patient_1", "image": HEAD, "truth": BLOB > 0.4, "probability": BLOB,
            "dice": 0.87} | changes


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept as they are saved."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig",
                        lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))
    return figures


def texts(figure):
    """Everything written in a figure."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def assert_is_a_whole_figure(path):
    pixels = imread(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert min(pixels.shape[:2]) > 100
    assert pixels[..., :3].std() > 5  # something is drawn
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# Every figure is written, whatever it shows

@pytest.mark.parametrize("rows", [
    pytest.param(history(), id="a-run"),
    pytest.param(history(1), id="one-epoch"),
    pytest.param(history(60), id="long"),
    pytest.param(history(validation_dice_mean=math.nan, validation_dice_median=math.nan),
                 id="no-dice"),
    pytest.param(history(loss=math.nan), id="diverged"),
    pytest.param(history(loss=math.inf, learning_rate=0.0), id="infinite-loss"),
])
def test_a_history_is_drawn(tmp_path, rows):
    plots.plot_history(rows, tmp_path / "history.png")
    assert_is_a_whole_figure(tmp_path / "history.png")


@pytest.mark.parametrize("changes", [
    pytest.param({}, id="blob"),
    pytest.param({"truth": EMPTY, "probability": EMPTY, "dice": math.nan}, id="healthy"),
    pytest.param({"truth": EMPTY + 1, "probability": EMPTY + 1}, id="all-tumour"),
    pytest.param({"image": EMPTY + 7}, id="constant-image"),
    pytest.param({"image": np.where(BLOB > 0.9, 1.0, 0.0)}, id="almost-constant-image"),
    pytest.param({"image": np.where(BLOB > 0.5, np.nan, HEAD)}, id="nan-in-image"),
    pytest.param({"image": np.where(BLOB > 0.5, np.inf, HEAD)}, id="infinity-in-image"),
    pytest.param({"image": EMPTY * np.nan}, id="nothing-but-nan"),
    pytest.param({"name": "a$b_$c^{", "image": HEAD.astype(np.uint8)}, id="formula-as-name"),
])
def test_every_image_is_drawn(tmp_path, changes):
    case = row(**changes)
    plots.plot_predictions([row(), case], tmp_path / "p.png", title=case["name"])
    assert_is_a_whole_figure(tmp_path / "p.png")
    plots.plot_grid([(case["name"], case["image"], {"signed": True, "colorbar": True})] * 3,
                    tmp_path / "p.png", columns=2)
    assert_is_a_whole_figure(tmp_path / "p.png")


@pytest.mark.parametrize("shape", [(1, 1), (4, 400), (400, 4)])
def test_a_figure_takes_the_shape_of_its_image(tmp_path, shape):
    plots.plot_grid([("", np.zeros(shape), {"truth": np.ones(shape)})], tmp_path / "p.png")
    assert_is_a_whole_figure(tmp_path / "p.png")


# What a figure says

def test_the_best_epoch_is_the_one_with_the_highest_mean_dice(tmp_path, drawn):
    rows = history()
    rows[1]["validation_dice_mean"], rows[3]["validation_dice_mean"] = 0.91, math.nan
    plots.plot_history(rows, tmp_path / "history.png")
    assert "best: 0.910, epoch 2" in texts(drawn[0])


@pytest.mark.parametrize("mean, label", [(0.5, "best: 0.500, epoch 3"),
                                         (math.nan, "kept, epoch 3")])
def test_the_epoch_that_a_run_kept_is_marked_whatever_its_mean(tmp_path, drawn, mean, label):
    rows = [row | {"kept": int(row["epoch"] in (1, 3))} for row in history()]
    rows[2]["validation_dice_mean"] = mean
    plots.plot_history(rows, tmp_path / "history.png")
    assert label in texts(drawn[0])


def test_a_curve_without_a_value_has_no_line_in_the_legend(drawn, tmp_path):
    nobody = dict.fromkeys(("validation_loss", "validation_dice_mean",
                            "validation_dice_median"), math.nan)
    plots.plot_history(history(**nobody, training_dice_mean=0.5), tmp_path / "history.png")
    said = " ".join(texts(drawn[0]))
    assert "trained on" in said and "held out" not in said


def test_a_dice_is_written_at_its_row_and_an_undefined_one_as_a_dash(tmp_path, drawn):
    plots.plot_predictions([row(), row(dice=math.nan)], tmp_path / "p.png")
    assert [text for text in texts(drawn[0]) if "Dice" in text] == ["Dice 0.87", "Dice –"]


def test_a_long_name_keeps_its_ends(tmp_path, drawn):
    plots.plot_predictions([row(name="left_" + "x" * 40 + "_right")], tmp_path / "p.png")
    (name,) = [text for text in texts(drawn[0]) if "…" in text]
    assert (name[:5], name[-6:], len(name)) == ("left_", "_right", 24)


def test_hits_misses_and_false_alarms_have_each_their_colour_and_place(tmp_path, drawn):
    left, top = COLUMNS < 24, ROWS < 20
    shown = row(truth=left, probability=np.where(top, 0.51, 0.5))
    plots.plot_predictions([shown], tmp_path / "p.png")
    shades = [shade.get_array() for shade in drawn[0].axes[3].images[1:]]
    for shade, color, where in zip(shades, (plots.HIT, plots.TRUTH, plots.PREDICTION),
                                   (left & top, left & ~top, top & ~left), strict=True):
        np.testing.assert_array_equal(shade[..., 3] > 0, where)
        assert matplotlib.colors.to_hex(shade[0, 0, :3]).upper() == color


@pytest.mark.parametrize("spacing, ratio", [(None, 1), ((1.0, 1.0), 1), ((2.0, 0.5), 4)])
def test_pixels_are_drawn_as_long_and_wide_as_they_are(tmp_path, drawn, spacing, ratio):
    plots.plot_predictions([row(spacing=spacing)], tmp_path / "p.png")
    assert [axes.get_aspect() for axes in drawn[0].axes] == [ratio] * 4


def test_the_voxels_of_a_volume_reach_the_figure_of_its_training(tmp_path, monkeypatch):
    drawn_rows = []
    monkeypatch.setattr("minunet.tool.watch.plot_predictions",
                        lambda rows, *rest: drawn_rows.extend(rows))
    one, other = (replace(patient, spacing=spacing) for patient, spacing in zip(
        phantom_patients(2, size=32, slices=3, seed=0), [(3.0, 2.0, 1.0), None], strict=True))
    settings = Settings(size=16, base_channels=2, depth=1, epochs=1)
    train([other], [one], settings, tmp_path / "run", watch=WATCH)
    train([one], [other], settings, tmp_path / "other", watch=WATCH)
    assert [row["spacing"] for row in drawn_rows] == [(2.0, 1.0), None]


def test_an_outline_is_closed_also_at_the_border(tmp_path, drawn):
    plots.plot_grid([("all", EMPTY, {"truth": EMPTY + 1})], tmp_path / "p.png")
    (line,) = drawn[0].axes[0].lines
    np.testing.assert_array_equal(line.get_xydata()[0], line.get_xydata()[-1])
    assert line.get_xydata().min(0).tolist() == [-0.5, -0.5]
    assert line.get_xydata().max(0).tolist() == [47.5, 39.5]
    assert drawn[0].axes[0].get_xlim() == (-0.5, 47.5)  # nothing but the image


# Grey and signed scales

def limits_of(figure):
    return figure.axes[0].images[0].get_clim()


def test_grey_runs_from_the_1st_to_the_99th_percentile(tmp_path, drawn):
    ramp = np.arange(101.0)[None].repeat(3, 0)
    plots.plot_grid([("ramp", ramp, {})], tmp_path / "p.png")
    assert limits_of(drawn[0]) == (1, 99)


@pytest.mark.parametrize("image, limits", [
    (np.array([[-1, 0, 3.0]]), (-3, 3)), (EMPTY, (-1, 1)),
    (np.pad([[-2.0]], 20), (-2, 2)),
])
def test_zero_is_white_in_a_signed_array(tmp_path, drawn, image, limits):
    plots.plot_grid([("filter", image, {"signed": True})], tmp_path / "p.png")
    assert limits_of(drawn[0]) == limits


@pytest.mark.parametrize("image, limits", [
    (np.pad([[8.0]], 20), (0, 8)), (EMPTY + 7, (6.5, 7.5)), (EMPTY * np.nan, (0, 1)),
], ids=["one-bright-pixel", "constant", "nothing-but-nan"])
def test_grey_has_two_ends_even_where_the_percentiles_are_one(tmp_path, drawn, image, limits):
    plots.plot_grid([("image", image, {})], tmp_path / "p.png")
    assert limits_of(drawn[0]) == limits


def test_given_limits_are_kept(tmp_path, drawn):
    plots.plot_grid([("image", HEAD, {"limits": (0, 1000)})], tmp_path / "p.png")
    assert limits_of(drawn[0]) == (0, 1000)


# Good manners, and what doesn't fit

def test_no_window_system_is_touched(tmp_path):
    code = ("import sys; from minunet.tool import plots;"
            "plots.plot_grid([('', [[1, 2]], {})], 'p.png');"
            "sys.exit('matplotlib.pyplot' in sys.modules)")
    environment = os.environ | {"PYTHONPATH": str(Path(plots.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)


def test_the_suffix_names_the_format(tmp_path):
    plots.plot_history(history(), tmp_path / "history.svg")
    plots.plot_history(history(), tmp_path / "without")
    assert b"<svg" in (tmp_path / "history.svg").read_bytes()
    assert (tmp_path / "without").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_figure_without_content_is_refused(tmp_path):
    for draw, name in ((plots.plot_history, "history"), (plots.plot_predictions, "rows"),
                       (plots.plot_grid, "panels")):
        with pytest.raises(ValueError, match=f"{name} is empty"):
            draw([], tmp_path / "p.png")
    assert not list(tmp_path.iterdir())


def test_shapes_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"truth has shape \(40, 40\); expected image's \(40, 48"):
        plots.plot_predictions([row(truth=np.ones((40, 40)))], tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"prediction has shape \(8, 8\)"):
        plots.plot_grid([("", HEAD, {"prediction": np.ones((8, 8))})], tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"image has shape \(40, 48, 3\); expected \(H, W\)"):
        plots.plot_grid([("", np.dstack([HEAD] * 3), {})], tmp_path / "p.png")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        plots.plot_history(history(), tmp_path / "nowhere" / "history.png")


# In a notebook

@pytest.mark.parametrize("draw", [
    lambda *path: plots.plot_history(history(), *path),
    lambda *path: plots.plot_predictions([row()], *path),
    lambda *path: plots.plot_grid([("image", HEAD, {})], *path),
], ids=["history", "predictions", "grid"])
def test_a_figure_is_returned_shown_by_a_notebook_and_written_only_if_a_path_is_given(
        draw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figure = draw()
    assert isinstance(figure, Figure) and not list(tmp_path.iterdir())
    assert figure._repr_png_().startswith(b"\x89PNG")
    draw("p.png")
    assert_is_a_whole_figure(tmp_path / "p.png")


def test_each_value_is_written_into_its_pixel_black_on_light_and_white_on_dark():
    figure = plots.plot_grid([("", [[0, 1], [-0.256, 12]], {"numbers": True, "limits": (0, 12)})])
    written = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert written == {"0": "white", "1": "white", "-0.26": "white", "12": "black"}
    assert [text.get_position() for text in figure.axes[0].texts][1:3] == [(1, 0), (0, 1)]


def test_errors_are_shaded_in_the_colours_of_the_legend():
    truth, prediction = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])
    options = {"truth": truth, "prediction": prediction, "errors": True}
    axes = plots.plot_grid([("", np.zeros((1, 4)), options)]).axes[0]
    assert not axes.lines  # no outline
    for shaded, color, column in zip(axes.images[1:], (plots.HIT, plots.TRUTH, plots.PREDICTION),
                                     (0, 1, 2), strict=True):
        pixels = np.asarray(shaded.get_array())[0]
        assert np.flatnonzero(pixels[:, 3]).tolist() == [column]
        np.testing.assert_allclose(pixels[column, :3], matplotlib.colors.to_rgb(color))


def test_curves_have_a_panel_of_their_own_between_images():
    figure = plots.plot_grid([("loss", {"right": [4, 1, 0.1], "wrong": [4, 2]}, {"log": True}),
                              ("image", HEAD, {})])
    curves, image = figure.axes
    assert [line.get_ydata().tolist() for line in curves.lines] == [[4, 1, 0.1], [4, 2]]
    assert [text.get_text() for text in curves.get_legend().get_texts()] == ["right", "wrong"]
    assert curves.get_yscale() == "log" and curves.get_title() == "loss" and image.images


def test_where_numbers_are_an_outline_runs_along_the_edges_of_pixels():
    mask = np.zeros((3, 4))
    mask[1:, :2] = 1
    figure = plots.plot_grid([("", np.zeros((3, 4)), {"numbers": True, "prediction": mask})])
    [line] = figure.axes[0].lines
    assert np.allclose(np.min(line.get_xydata(), axis=0), (-0.5, 0.5))
    assert np.allclose(np.max(line.get_xydata(), axis=0), (1.5, 2.5))
    assert np.abs(line.get_xydata() - (1.5, 0.5)).sum(axis=1).min() < 0.2  # its corner is kept
