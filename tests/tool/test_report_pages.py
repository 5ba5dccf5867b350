"""The pages of the reports: all text lies on the page and apart, and says what is marked where."""

import itertools
import json

import numpy as np
import pytest
from color_vision import contrast
from image_files import noise, write
from report_shapes import LARGE, SMALL, box, ellipsoid, labels, stored
from test_report_odd import inside

from minunet.tool.drawing import LABEL_COLORS
from minunet.tool.report import report, report_change
from minunet.tool.report.canvas import WIDTH, Page

SHAPE = (12, 60, 60)


@pytest.fixture
def drawn(monkeypatch):
    """The figures of pages, which are not written."""
    figures = []
    monkeypatch.setattr(Page, "save", lambda page, path: figures.append(page.figure))
    return figures


def many_labels(count):
    """A ball cut into sectors of a label each."""
    ball = inside(SHAPE, ellipsoid((4, 22, 22), (1, 1, 1), (0, 0, 0))[3:-3, 3:-3, 3:-3])
    _, y, x = np.indices(SHAPE)
    sector = np.floor((np.arctan2(y - 29.5, x - 29.5) / (2 * np.pi) + 0.5) * count) % count
    return (ball * (1 + sector)).astype(np.int16)


def brats():
    """Labels 1, 2 and 4, in three tumours."""
    marked = 2 * many_labels(1)
    marked[4:8, 20:40, 20:40], marked[5:7, 26:34, 26:34] = 4, 1
    for k in range(2):
        marked[2:8, 0:5, 7 * k:7 * k + 5] = 2
    return marked


MASKS = {"three labels": brats(), "ten labels": many_labels(10),
         "one label": many_labels(1), "nothing": many_labels(1) * 0,
         "a speck": box(SHAPE, (3, 4, 5), (4, 5, 6)).astype(np.int16),
         "specks of two labels": many_labels(2) * box(SHAPE, (6, 28, 30), (7, 32, 31)),
         "one slice": many_labels(3) * box(SHAPE, (6, 0, 0), (7, 60, 60)),
         "one-slice volume": many_labels(3)[6:7], "all": np.ones(SHAPE, np.int16)}


def words(figure):
    """All texts of a page, those of its panels too."""
    return [text for text in itertools.chain(figure.texts, *(axes.texts for axes in figure.axes))
            if text.get_text()]


def check_page(figure):
    """No text leaves the page, lies on another one, or is hard to read."""
    boxes = {text: text.get_window_extent() for text in figure.texts if text.get_text()}
    for text, place in boxes.items():
        assert place.x0 > 0 and place.y0 > 0, text
        assert place.x1 < figure.bbox.x1 and place.y1 < figure.bbox.y1, text
        assert contrast(text.get_color(), "white") > 4.5, text
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        wide, high = (min(getattr(a, f"{axis}1"), getattr(b, f"{axis}1"))
                      - max(getattr(a, f"{axis}0"), getattr(b, f"{axis}0")) for axis in "xy")
        assert wide <= 0 or high <= 3, (one, other)  # pixels: a line's height has some air
    assert not [text for text in figure.texts if "■" in text.get_text()]


@pytest.mark.parametrize("with_image", [True, False])
@pytest.mark.parametrize("kind", MASKS)
def test_a_page_has_all_its_text_on_it_and_apart(kind, with_image, tmp_path, drawn):
    mask = stored(tmp_path / f"{'m' * 90}.nii", MASKS[kind])
    image = stored(tmp_path / "i.nii", noise(MASKS[kind].shape).astype(np.float32))
    report(mask, image if with_image else None, tmp_path / "out")
    check_page(drawn[0])


@pytest.mark.parametrize("before, after", [
    ("three labels", "one label"), ("ten labels", "three labels"),
    ("nothing", "nothing"), ("nothing", "one label"), ("a speck", "nothing")])
def test_a_page_of_a_change_has_all_its_text_on_it_and_apart(before, after, tmp_path, drawn):
    paths = [stored(tmp_path / f"{k}{'m' * 90}.nii", MASKS[kind])
             for k, kind in enumerate((before, after))]
    report_change(*paths, tmp_path / "out")
    check_page(drawn[0])


def folder(path, mask):
    for number, marked in enumerate(mask, 1):
        name = f"TCGA_a_patient_of_a_long_name_19990606_{number}_mask.png"
        write(path / name, 255 * (marked > 0).astype(np.uint8))
    return path


def test_pages_of_folders_name_the_files(tmp_path, drawn):
    path = folder(tmp_path / "p", MASKS["one label"])
    report(path, None, tmp_path / "out")
    report_change(path, path, tmp_path / "change")
    for figure in drawn:
        check_page(figure)
        shown = [text.get_text() for text in words(figure)]
        assert [line for line in shown if "slice 6 of 12" in line.lower()]
        assert [line for line in shown if line.endswith("_6_mask.png")]
    assert [line for line in shown if line == "Before, slice 6 of 12"]


@pytest.mark.parametrize("kind, said, not_said", [
    ("nothing", "Nothing marked", "tumour"), ("a speck", "no tumours, 1 speck", "nothing"),
    ("one slice", "slice 7", "slices 7"), ("one label", "slices 2 to 10", "nothing")])
def test_a_page_says_what_is_marked(kind, said, not_said, tmp_path, drawn):
    report(stored(tmp_path / "m.nii", MASKS[kind]), None, tmp_path / "out")
    shown = [text.get_text() for text in words(drawn[0]) if text.get_text() != "Tumour report"]
    assert [line for line in shown if said in line]
    assert not [line for line in shown if not_said in line]


@pytest.mark.parametrize("kind, count", [("ten labels", 10), ("three labels", 3)])
def test_every_label_has_a_bar_a_square_with_its_size_and_a_tint(kind, count, tmp_path, drawn):
    found = report(stored(tmp_path / "m.nii", MASKS[kind]), None, tmp_path / "out")
    figure = drawn[0]
    expected = LABEL_COLORS if count == 10 else [LABEL_COLORS[k] for k in (0, 1, 3)]
    bar = next(axes for axes in figure.axes if len(axes.patches) == count)
    assert [_hex(patch.get_facecolor()) for patch in bar.patches] == list(expected)
    squares = [axes for axes in figure.axes if _hex(axes.get_facecolor()) in expected]
    assert [_hex(axes.get_facecolor()) for axes in squares] == list(expected)
    regions = found["total"]["regions"]
    names = [name.partition(", ")[2] or name for name in regions if name.startswith("label")]
    legend = [text.get_text() for text in figure.texts if text.get_fontsize() == 8.5][:count]
    assert [line.rsplit(" ", 2)[0] for line in legend] == names
    numbers = {text.get_text() for text in words(figure)} & {str(n) for n in range(1, 11)}
    assert len(numbers) == (10 if count == 10 else 0)  # more than four tints are too alike


def _hex(color):
    return "#" + "".join(f"{round(255 * part):02X}" for part in color[:3])


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 1.0), (2.0, 1.0, 2.0), (6.0, 0.5, 0.5)])
def test_a_ball_of_oblong_voxels_is_drawn_round(spacing, tmp_path, drawn):
    matrix = np.diag([-spacing[2], -spacing[1], spacing[0], 1])
    ball = ellipsoid((9, 9, 9), spacing, (0, 0, 0)).astype(np.uint8)
    report(stored(tmp_path / "m.nii", ball, matrix), None, tmp_path / "out")
    drawn[0].draw_without_rendering()
    outlines = [line for axes in drawn[0].axes for line in axes.lines
                if line.get_linewidth() in (1.4, 1.6) and len(line.get_xdata()) > 10]
    assert len(outlines) == 2  # in the slice and in its window
    for line in outlines:
        width, height = np.ptp(line.get_transform().transform(line.get_xydata()), axis=0)
        assert width / height == pytest.approx(1, abs=0.15)


def test_a_name_in_another_script_is_on_the_page_and_in_the_files(tmp_path):
    name = "患者一号 😀 Ünsal $x$ \udcff.nii"  # the last is a byte that is no UTF-8
    path = stored(tmp_path / name, labels(LARGE, SMALL))
    report(path, None, tmp_path / "one")
    report_change(path, path, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["before"] == name


def test_a_page_is_as_high_as_its_legend_needs(tmp_path, drawn):
    for kind in ("nothing", "specks of two labels"):
        report(stored(tmp_path / "m.nii", MASKS[kind]), None, tmp_path / kind)
    few, more = (figure.get_size_inches() for figure in drawn)
    assert few[0] == more[0] == WIDTH
    assert more[1] > few[1]
