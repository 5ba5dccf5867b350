"""The page of a patient in a real browser: what it draws is what was found."""

import re

import numpy as np
import pytest
from browser import nameless, paper_and_inks, prefer, resize, start_browser, wait
from color_vision import contrast
from PIL import ImageColor

from minunet.tool.drawing import HIT, PREDICTION, TRUTH
from minunet.tool.patient_page.page import build_page
from minunet.tool.patient_page.scene import Scene, Words

SHAPE = 7, 40, 30  # (D, H, W), not cut: the scan is bright to its edges
LONG = 2.0  # how much longer than wide a pixel is
READ = """
    const {width, height} = canvas, copy = new OffscreenCanvas(width, height);
    const into = copy.getContext("2d", {willReadFrequently: true});
    const read = () => {
      into.drawImage(canvas, 0, 0);
      return [...into.getImageData(0, 0, width, height).data];
    };
"""


def example():
    """A head of grey ramps with a square in four slices, found two columns from where it is."""
    images = np.full((*SHAPE, 2), 40, np.float32)
    images[..., 0] += 20 * np.arange(7)[:, np.newaxis, np.newaxis]
    images[..., 1] += np.linspace(0, 150, 30)
    truth = np.zeros(SHAPE, np.uint8)
    truth[2:6, 10:20, 8:18] = 1
    truth[3, 9, 8:18] = 4
    return images, truth, np.roll(truth, 2, axis=2)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, and pages by name: `visit`."""
    driver = start_browser()
    driver.folder = tmp_path_factory.mktemp("pages")
    images, truth, found = example()
    names = {1: "core", 4: "rim"}
    scenes = {
        "both": Scene("a <b>head</b>", found, images, truth, names, ("T1", "FLAIR"),
                      (3, LONG, 1), True, facts={"found": "1 <ml>"}),
        "found": Scene("one", (found > 0) * 1, images[..., :1], facts={"found": "some"}),
        "bare": Scene("bare", found, None, None, names, words=Words("marked")),
        "nothing": Scene("nothing", 0 * found[:1], images[:1])}
    for name, scene in scenes.items():
        (driver.folder / f"{name}.html").write_text(build_page(scene), encoding="utf-8")
    yield driver
    driver.quit()


@pytest.fixture
def page(browser):
    """The page with scan and truth, fresh; no test leaves an error on the console."""
    visit(browser, "both")
    yield browser
    assert browser.get_log("browser") == []


def visit(browser, name):
    browser.get((browser.folder / f"{name}.html").as_uri())
    wait(browser, "document.body.dataset.ready")


def drawn(browser):
    """The colours in the middle of each pixel of the slice that is shown (H, W, 3)."""
    width, height, numbers = browser.execute_script(READ + "return [width, height, read()]")
    pixels = np.reshape(numbers, (height, width, 4))[..., :3]
    rows, columns = browser.execute_script("return [rows, columns]")
    middle = [((np.arange(count) + 0.5) * length / count).astype(int)
              for count, length in ((rows, height), (columns, width))]
    return pixels[np.ix_(*middle)]


def near(pixels, color):
    """Where pixels are of a colour, "#E69F00", but for rounding."""
    return (abs(pixels - ImageColor.getrgb(color)) < 6).all(axis=-1)


def set_opacity(browser, mode, share=1):
    browser.execute_script("MODES[arguments[0]].opacity = arguments[1]; chooseMode(arguments[0]); "
                           "toggleMarks(true); show()", mode, share)


def slice_of(browser):
    return browser.execute_script("return state.slice")


def press(browser, keys):
    browser.switch_to.active_element.send_keys(keys)


def test_it_begins_with_flair_in_the_slice_with_most_tumour_and_says_where_it_is(page):
    assert page.execute_script("return page.channels[state.channel].name") == "FLAIR"
    assert slice_of(page) == 3
    assert page.find_element("id", "where").text == (
        "Slice 4 of 7. Pixels: found 110, truth 110.")


def test_errors_are_drawn_where_they_are(page):
    _, truth, found = example()
    set_opacity(page, "errors")
    pixels, true, seen = drawn(page), truth[3] > 0, found[3] > 0
    np.testing.assert_array_equal(near(pixels, HIT), true & seen)
    np.testing.assert_array_equal(near(pixels, TRUTH), true & ~seen)
    np.testing.assert_array_equal(near(pixels, PREDICTION), seen & ~true)


@pytest.mark.parametrize("mode", ["found", "truth"])
def test_each_label_has_its_colour(page, mode):
    masks = dict(zip(("truth", "found"), example()[1:], strict=True))
    set_opacity(page, mode)
    pixels = drawn(page)
    for number, label in enumerate((1, 4)):
        color = page.execute_script("return labels[arguments[0]].color", number)
        np.testing.assert_array_equal(near(pixels, color), masks[mode][3] == label)


def test_a_single_mask_is_orange(browser):
    visit(browser, "found")
    set_opacity(browser, "found")
    np.testing.assert_array_equal(near(drawn(browser), PREDICTION), example()[2][3] > 0)
    assert not browser.find_element("id", "channel-line").is_displayed()


def test_outlines_run_between_the_pixels(page):
    width, height, changed = page.execute_script(READ + """
        toggleMarks(false); show();
        const bare = read();
        toggleMarks(true); show();
        return [width, height, read().map((value, k) => value !== bare[k])]""")
    changed = np.reshape(changed, (height, width, 4)).any(axis=-1)
    wide, high = width / SHAPE[2], height / SHAPE[1]
    rows, columns = np.nonzero(changed)
    assert abs(rows.min() - 9 * high) < 5 and abs(rows.max() - 20 * high) < 5
    assert abs(columns.min() - 8 * wide) < 5 and abs(columns.max() - 20 * wide) < 5
    assert not changed[int(11 * high):int(19 * high), int(11 * wide):int(17 * wide)].any()


def test_the_scan_is_drawn_with_one_window_and_in_true_proportions(page):
    page.execute_script("chooseChannel(0); toggleMarks(false)")
    greys = []
    for d in range(7):
        page.execute_script("goTo(arguments[0]); show()", d)
        pixels = drawn(page)
        assert np.ptp(pixels[4:-4, 4:-4]) <= 6, d  # further out the sheet's neighbours show
        greys.append(pixels.mean())
    assert (np.diff(greys) > 25).all()  # each slice is brighter by as much as it is
    width, height = page.execute_script("return [canvas.width, canvas.height]")
    assert abs(height / width - 40 * LONG / 30) < 0.01
    box = page.execute_script("const {width, height} = canvas.getBoundingClientRect(); "
                              "return height / width")
    assert abs(box - 40 * LONG / 30) < 0.02


def test_wheel_keys_slider_and_drag_go_through_the_slices(page):
    page.execute_script("""
        window.wheel = (y) => find("stage").dispatchEvent(
          new WheelEvent("wheel", {deltaY: y, cancelable: true}))""")
    page.execute_script("wheel(100)")
    assert slice_of(page) == 2
    page.execute_script("wheel(-100); wheel(-30)")
    assert slice_of(page) == 3
    page.execute_script("wheel(-30)")
    assert slice_of(page) == 4
    page.find_element("tag name", "body").send_keys("\ue014\ue012\ue013")  # right, left, up
    assert slice_of(page) == 5
    press(page, "\ue010")  # End
    assert slice_of(page) == 6
    press(page, "\ue015")  # down
    page.execute_script("const one = find('number'); one.value = 2; "
                        "one.dispatchEvent(new Event('input'))")
    assert slice_of(page) == 1
    page.execute_script("""
        canvas.setPointerCapture = () => {};
        for (const [type, x] of [["down", 100], ["move", 100 + 2 * 12], ["up", 0]])
          canvas.dispatchEvent(new PointerEvent(`pointer${type}`, {clientX: x, pointerId: 1}))""")
    assert slice_of(page) == 3


def test_keys_show_and_hide_the_marks_and_change_the_channel(page):
    before = drawn(page)
    press(page, "m")
    assert not page.find_element("id", "marks").is_selected()
    press(page, "m")
    np.testing.assert_array_equal(drawn(page), before)
    press(page, "c")
    assert page.find_element("id", "channel").get_attribute("value") == "0"
    page.execute_script("find('number').focus()")
    press(page, "\ue014")  # the slider's own arrows move one slice, not two
    assert slice_of(page) == 4


def test_opacity_is_that_of_the_slider(page):
    page.execute_script("chooseMode('errors'); toggleMarks(false); show()")
    bare = drawn(page)
    hit = (example()[1][3] > 0) & (example()[2][3] > 0)
    page.execute_script("toggleMarks(true); const one = find('opacity'); one.value = 50; "
                        "one.dispatchEvent(new Event('input'))")
    mixed = 0.5 * bare[hit] + 0.5 * np.array(ImageColor.getrgb(HIT))
    assert abs(drawn(page)[hit] - mixed).max() <= 2
    assert page.find_element("id", "opacity-value").text == "50 %"


def test_right_and_left_are_marked_only_where_they_are_known(browser):
    visit(browser, "both")
    right, left = (browser.find_element("css selector", f".side.{side}").rect["x"]
                   for side in ("right", "left"))
    assert right < left
    visit(browser, "found")
    assert not browser.find_elements("css selector", ".side")


def test_a_mask_without_a_scan_is_drawn_on_grey(browser):
    visit(browser, "bare")
    set_opacity(browser, "found")
    pixels = drawn(browser)
    assert (pixels[0, 0] == 60).all()
    assert (pixels != 60).any(axis=-1).sum() == 110
    assert browser.get_log("browser") == []


def test_an_empty_mask_says_so_and_one_slice_has_no_slider(browser):
    visit(browser, "nothing")
    assert browser.find_element("id", "nothing").text == "Found: nothing."
    assert not browser.find_element("id", "number").is_displayed()
    assert browser.get_log("browser") == []


def test_everything_that_can_be_used_has_a_name(page):
    assert nameless(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_reader_prefers_and_can_be_read(page, scheme):
    prefer(page, scheme)
    paper, inks = paper_and_inks(page, "body", ".quiet", "dt", "label")
    assert (paper.mean() > 0.5) == (scheme == "light")
    assert min(contrast(ink, paper) for ink in inks) >= 4.5


@pytest.mark.parametrize("width", [400, 1366])
def test_nothing_is_wider_than_the_window(page, width):
    resize(page, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_names_are_text_and_nothing_is_loaded(page):
    assert page.find_element("tag name", "h1").text == "a <b>head</b>"
    assert page.find_element("tag name", "dd").text == "1 <ml>"
    text = (page.folder / "both.html").read_text(encoding="utf-8")
    for address in re.findall(r"""(?:src|href|url)["']?\s*[=:(]\s*["']?([^"'\s)]+)""", text):
        assert address.startswith("data:") or address in ("url;", "url);"), address
    assert "http" not in re.sub(r"data:[^\"]*", "", text)
    assert page.execute_script(
        "return performance.getEntriesByType('resource').every(({name}) => "
        "name.startsWith('data:') || name.endsWith('favicon.ico'))")


def test_without_javascript_it_shows_a_slice_and_says_so(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get((page.folder / "both.html").as_uri())
        assert "Without JavaScript this page shows one slice" in page.find_element(
            "tag name", "body").text
        picture = page.find_element("tag name", "img")
        assert picture.is_displayed() and picture.size["width"] > 20
        assert abs(picture.size["height"] / picture.size["width"] - 40 * LONG / 30) < 0.1
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
