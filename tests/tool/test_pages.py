"""Pages of patients, their index and their contact sheets as files: sizes, orders, names."""

import base64
import io
import re
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from minunet.data.scheme import BINARY
from minunet.engine.files import InputError
from minunet.tool.patient_page import Pages, sheets
from minunet.tool.patient_page.index import Share, build_index
from minunet.tool.patient_page.page import build_page
from minunet.tool.patient_page.scene import (
    Scene,
    agreement_fact,
    describe_amount,
    millilitres,
)
from minunet.tool.predict_results import Results
from minunet.tool.web import as_json, as_text

GREY = np.random.default_rng(0).integers(0, 255, (5, 20, 24, 1)).astype(np.uint8)


def scene(name="anna", depth=5, **more):
    found = np.zeros((depth, 20, 24), np.uint8)
    found[0, 4:9, 5:11] = 1
    return Scene(name, found, GREY[:depth], **more)


# Sheets

def test_a_sheet_has_the_slices_row_by_row():
    slices = np.arange(5 * 2 * 3).reshape(5, 2, 3).astype(np.uint8)
    laid = sheets.sheet(slices)
    assert laid.shape == (4, 9)
    for d in range(5):
        row, column = divmod(d, sheets.across(5))
        np.testing.assert_array_equal(laid[2 * row:2 * row + 2, 3 * column:3 * column + 3],
                                      slices[d])


def test_air_around_the_head_is_cut_off_but_nothing_that_is_marked():
    grey, marked = np.zeros((1, 3, 60, 50), np.uint8), np.zeros((3, 60, 50), bool)
    grey[0, 1, 20:40, 10:30] = 200
    cut = sheets.choose_cut(grey, marked)
    assert (cut.rows, cut.columns, cut.step) == (slice(18, 42), slice(8, 32), 1)
    marked[2, 55, 45] = True
    cut = sheets.choose_cut(grey, marked)
    assert (cut.rows.stop, cut.columns.stop) == (58, 48)


def test_a_large_scan_is_made_smaller_and_no_voxel_of_the_mask_is_lost(monkeypatch):
    monkeypatch.setattr(sheets, "MOST", 3 * 60 * 50 // 4)
    cut = sheets.choose_cut(np.full((1, 3, 60, 50), 99, np.uint8), np.zeros((3, 60, 50), bool))
    assert cut.step == 2
    mask = np.zeros((3, 60, 50), np.uint8)
    mask[1, 33, 21] = 4
    assert np.argwhere(sheets.cut_out(mask, cut, np.max)).tolist() == [[1, 16, 10]]
    assert sheets.cut_out(mask[:, :59, :49], cut, np.mean).shape == (3, 30, 25)


def test_each_channel_has_one_window_for_all_slices():
    images = np.zeros((3, 30, 40, 2), np.uint16)
    images[0, ..., 0], images[1, ..., 0] = 1000, 500
    images[..., 1] = 7
    first, second = sheets.greys(images)
    assert [int(part.mean()) for part in first] == [255, 127, 0]
    assert len(np.unique(second)) == 1


# A page

def test_the_mask_in_the_page_is_the_mask_to_the_last_voxel():
    labels = np.random.default_rng(1).choice([0, 2, 4, 700], (5, 20, 24))
    text = build_page(Scene("anna", labels, labels={2: "a", 4: "b", 700: "c"}))
    [url] = re.findall(r'data:image/png;base64,([^"]+)', text)
    stored = np.asarray(Image.open(io.BytesIO(base64.b64decode(url))))
    np.testing.assert_array_equal(np.array([0, 2, 4, 700])[stored], sheets.sheet(labels))


@pytest.mark.parametrize("shape", [(1, 20, 24), (1, 1, 400), (300, 4, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_every_shape_and_type_has_a_page(shape, kind):
    images = np.zeros((*shape, 1), kind)
    images[0, 0, :3] = 1
    text = build_page(Scene("anna", np.zeros(shape, np.uint8), images))
    assert "Found: nothing." in text
    assert f"with it, all {shape[0]}." in text


def test_a_volume_of_155_slices_and_four_channels_fits_a_page_of_a_megabyte_and_a_half():
    d, h, w = np.mgrid[-1:1:155j, -1:1:240j, -1:1:240j].astype(np.float32)
    ball = np.maximum(0, 1 - 2 * (d**2 + h**2 + w**2))
    waves = 0.1 * np.sin(40 * h) * np.sin(30 * w) * (ball > 0)
    images = np.stack([ball + k * waves for k in range(4)], axis=-1)
    text = build_page(Scene("ball", (ball > 0.8).astype(np.uint8), images, spacing=(1, 1, 1)))
    assert len(text) < 1.5e6


@pytest.mark.parametrize("voxels, spacing, flat, text", [
    (0, None, False, "nothing"), (1, None, True, "1 pixel"), (1234, None, False, "1,234 voxels"),
    (1500, (2, 1, 1), False, "1,500 voxels, 3.00 ml")])
def test_an_amount_is_said_in_what_is_known(voxels, spacing, flat, text):
    assert describe_amount(voxels, spacing, flat) == text
    assert (millilitres(voxels, spacing) is None) == (spacing is None)


def test_agreement_is_a_fact_where_it_is_known():
    assert agreement_fact(float("nan")) == {}
    assert list(agreement_fact(0.967).values()) == ["0.96"]
    assert list(agreement_fact(0.67).values()) == ["0.67, look closely"]


def test_the_index_of_predictions_says_where_to_look_closely(tmp_path):
    results = Results(tmp_path, ["sure", "unsure"], BINARY)
    for name, agreement in (("sure", 0.98), ("unsure", 0.67)):
        results.add(name, np.ones((1, 8, 8, 1)), np.ones((1, 8, 8), np.uint8), agreement=agreement)
    results.finish()
    index = (tmp_path / "index.html").read_text("utf-8")
    assert "</span>0.98</td>" in index and "</span>0.67, look closely</td>" in index


def test_text_cannot_become_markup():
    assert as_text("<a&b>\udcff") == "&lt;a&amp;b&gt;?"
    assert "<" not in as_json({"name": "</script><script>"})


# The index

def order_of(text):
    return re.findall(r'<a href="[^"]*">([^<]+)</a>', text)


def test_the_index_has_the_worst_first_and_a_bar_as_long_as_the_share(tmp_path):
    pages = Pages(tmp_path, ["a", "b", "c"])
    for name, share in (("a", 0.9), ("b", 0.25), ("c", 0.5)):
        pages.add(scene(name), [Share(share), "1", None], share)
    pages.finish("Scores", ["3 <patients>"], ["Dice", "ml", "agreement"])
    text = (tmp_path / "index.html").read_text("utf-8")
    assert order_of(text) == ["b", "c", "a"]
    assert re.findall(r"width:([\d.]+)%", text) == ["25.0", "50.0", "90.0"]
    assert "agreement" not in text  # known of nobody
    assert "3 &lt;patients&gt;" in text


def test_equals_stand_in_the_order_of_the_names_whoever_is_ready_first(tmp_path):
    pages = Pages(tmp_path, ["anna", "bert"])
    for name in ("bert", "anna"):
        pages.add(scene(name), [])
    pages.finish("Title", [], [])
    assert order_of((tmp_path / "index.html").read_text("utf-8")) == ["anna", "bert"]


def test_links_lead_to_the_pages_whatever_the_names(tmp_path):
    names = ["HGG/anna", "患者 1", "50% & more?", "quote's #2"]
    pages = Pages(tmp_path, names)
    for name in names:
        pages.add(scene(name), [])
    pages.finish("Found", [], [])
    text = (tmp_path / "index.html").read_text("utf-8")
    for name, href in zip(names, re.findall(r'<a href="([^"]*)">', text), strict=True):
        assert (tmp_path / unquote(href)).read_text("utf-8").count(as_text(name))
        assert (tmp_path / "pages" / f"{name}.png").exists()


def test_what_has_no_score_has_a_dash():
    text = build_index("Scores", [], ["Dice"],
                       [("a", "a.html", [Share(float("nan"))]), ("b", "b.html", [Share(0.5)])])
    assert "<td class=\"share\">–</td>" in text and text.count('class="bar"') == 1


def test_pages_are_not_overwritten(tmp_path):
    Pages(tmp_path, ["anna"]).add(scene(), [])
    with pytest.raises(InputError, match="anna.html is there already"):
        Pages(tmp_path, ["ben", "anna"])
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match="index.html is there already"):
        Pages(tmp_path, ["ben"])


def test_discarded_pages_leave_nothing_and_take_nothing_else_along(tmp_path):
    pages = Pages(tmp_path, ["HGG/anna", "ben"])
    pages.add(scene("HGG/anna"), [])
    pages.discard()
    assert not list(tmp_path.iterdir())
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "notes.txt").write_text("mine")
    pages = Pages(tmp_path, ["ben"])
    pages.add(scene("ben"), [])
    pages.discard()
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["notes.txt"]


def test_a_contact_sheet_shows_both_masks(tmp_path):
    truth = np.zeros((5, 20, 24), np.uint8)
    truth[0, 10:15, 5:11] = 1
    pages = Pages(tmp_path, ["anna"])
    pages.add(scene(truth=truth), [])
    pixels = np.asarray(Image.open(tmp_path / "pages" / "anna.png").convert("RGB"))
    colors = set(map(tuple, pixels.reshape(-1, 3).tolist()))
    assert {(0xE6, 0x9F, 0), (0x56, 0xB4, 0xE9)} <= colors
