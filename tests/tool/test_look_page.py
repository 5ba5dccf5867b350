"""The page of ``minunet look`` in a real browser: its network says what ours says."""

import re

import numpy as np
import pytest
from browser import nameless, paper_and_inks, prefer, resize, start_browser, wait
from color_vision import contrast

from minunet import UNet
from minunet.data.phantom import phantom_patients
from minunet.data.preprocess import Preprocessing, prepare
from minunet.data.scheme import BINARY, Scheme
from minunet.engine import checkpoint
from minunet.look import field, look
from minunet.ops import sigmoid
from minunet.predict import predict_slices
from minunet.tool.look_page.page import STEPS, build_page
from minunet.tool.look_page.scan import Scan

SIZE, TOLERANCE = 32, 1e-3  # the latter of the largest logit
SHARP = Preprocessing(SIZE)


def network(x, outputs):
    """A network that nobody trained, but which has seen x: its logits have both signs."""
    net = UNet(4, outputs, base_channels=4, depth=3, seed=1)
    for _ in range(40):
        net.forward(x, training=True)  # moves the running statistics
    net.params["head.b"][:] = -np.median(net.forward(x)[0], axis=(0, 1, 2))
    net = net.folded()
    for array in net.params.values():
        array[...] = array.astype(np.float16)  # so that the page rounds nothing
    return net


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium on the page of each of two networks, by the number of their logits: `visit`."""
    driver = start_browser()
    folder = tmp_path_factory.mktemp("pages")
    images, masks = phantom_patients(1, size=SIZE, slices=4, seed=7)[0].load()
    driver.x = prepare(images, SHARP)
    driver.nets = {}
    scan = Scan("a <b>head</b>", [f"slice {d}" for d in range(4)], images, masks > 0)
    for outputs, scheme in ((1, BINARY), (3, Scheme((), ("background", "core", "rim"), (0, 1, 2)))):
        driver.nets[outputs] = network(driver.x, outputs)
        text, slices = build_page(driver.nets[outputs], SHARP, scheme, "model", scan)
        assert slices == np.count_nonzero(masks.any(axis=(1, 2)))
        (folder / f"{outputs}.html").write_text(text, encoding="utf-8")
    driver.picked = np.flatnonzero(masks.any(axis=(1, 2)))
    driver.folder = folder
    yield driver
    driver.quit()


@pytest.fixture
def page(browser):
    """The page, fresh; no test leaves an error on the console."""
    visit(browser)
    yield browser
    assert browser.get_log("browser") == []


def visit(browser, name=1):
    browser.get((browser.folder / f"{name}.html").as_uri())
    settle(browser)


def settle(browser):
    wait(browser, "state.before && !busy && !changed.size")


def shown(browser):
    """The slice (1, H, W, C) that the page is on."""
    return browser.x[browser.picked[browser.execute_script("return state.slice")]][np.newaxis]


def array(browser, name):
    """A map (H, W, C) that the network in the page made."""
    *shape, numbers = browser.execute_script(
        "const {H, W, C, data} = state.maps[arguments[0]]; return [H, W, C, [...data]]", name)
    return np.reshape(numbers, shape)


def mask(browser):
    return np.reshape(browser.execute_script("return [...predictedMask()]"), (SIZE, SIZE))


def close(found, expected):
    """Whether logits are equal to a thousandth of the largest."""
    error = abs(found - expected).max() / abs(expected).max()
    print(f"off by {error:.1e} of the largest")
    return error <= TOLERANCE


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_logits_are_ours(browser, outputs):
    visit(browser, outputs)
    net, last = browser.nets[outputs], len(browser.picked) - 1
    browser.execute_script(f"chooseSlice({last})")
    settle(browser)
    x = shown(browser)
    assert close(array(browser, "head"), net.forward(x)[0][0])
    assert abs(array(browser, "probability") - net.predict(x)[0]).max() < 1e-2
    assert browser.get_log("browser") == []


def test_the_logits_of_the_model_that_comes_with_it_are_those_of_predict(browser):
    net, meta = checkpoint.load_model("lgg", UNet)
    preprocessing = Preprocessing.from_dict(meta["preprocessing"])
    images, masks = phantom_patients(1, size=120, slices=5, seed=7)[0].load()
    images, masks = images[1:3, :, :101, :3], masks[1:3, :, :101] > 0  # of another size than 96²
    text, _ = build_page(net, preprocessing, BINARY, "lgg", Scan("head", ["1", "2"], images, masks))
    (browser.folder / "lgg.html").write_text(text, encoding="utf-8")
    visit(browser, "lgg")
    slice_ = browser.execute_script("return state.slice")
    x = prepare(images, preprocessing)[slice_:slice_ + 1]
    assert close(array(browser, "head"), net.forward(x)[0][0])
    assert abs(array(browser, "probability") - predict_slices(net, x)[0]).max() < 2e-3


def test_every_map_is_ours(page):
    maps = look(page.nets[1], shown(page))
    for name in ("enc1.pool", "bottom.relu2", "dec3.up", "dec2.concat", "dec1.relu2"):
        assert close(array(page, name.replace("relu", "conv")), maps[name][0]), name


def test_a_cut_skip_changes_the_mask_as_ours_does(page):
    before = mask(page)
    page.find_element("id", "skip-2").click()
    settle(page)
    logits = look(page.nets[1], shown(page), [2])["head"][0, ..., 0]
    assert close(array(page, "head")[..., 0], logits)
    sure = abs(logits) > TOLERANCE * abs(logits).max()
    np.testing.assert_array_equal(mask(page)[sure], sigmoid(logits)[sure] > 0.5)
    assert (mask(page) != before).any()
    assert page.find_element("id", "result").text.startswith("Cut: skip 2. Dice ")


def test_only_what_lies_downstream_of_a_change_is_computed_again(page):
    page.execute_script("worker.addEventListener('message', "
                        "({data}) => { window.fresh = Object.keys(data.maps); })")
    page.find_element("id", "skip-1").click()
    settle(page)
    assert page.execute_script("return fresh") == [
        "dec1.concat", "dec1.conv1", "dec1.conv2", "head", "probability"]


def test_a_silenced_channel_says_nothing_and_what_follows_hears_it(page):
    before = array(page, "head")
    page.find_element("css selector", "#channels .channel:nth-child(2) button").click()
    settle(page)
    assert not array(page, "enc1.conv2")[..., 1].any()
    assert array(page, "enc1.conv2")[..., 0].any()
    assert abs(array(page, "head") - before).max() > 0


def test_paint_changes_the_outline_and_starting_again_takes_it_back(page):
    before = mask(page)
    page.find_element("css selector", "input[value=brighter]").click()
    page.execute_script("state.brush = 8; for (let k = 0; k < 5; k++) brush()")
    settle(page)
    assert (mask(page) != before).any()
    page.find_element("id", "reset").click()
    settle(page)
    np.testing.assert_array_equal(mask(page), before)


def test_a_moved_tumour_takes_its_truth_along(page):
    where = "return Array.from(state.truth)"
    before = np.reshape(page.execute_script(where), (SIZE, SIZE))
    page.execute_script("moveTumour([2, -3])")
    settle(page)
    after = np.reshape(page.execute_script(where), (SIZE, SIZE))
    np.testing.assert_array_equal(after[2:, :-3], before[:-2, 3:])
    image = np.reshape(page.execute_script("return Array.from(currentImage().data)"),
                       (SIZE, SIZE, 4))
    moved = np.roll(after, (-2, 3), (0, 1)).astype(bool)  # where it was
    tolerance = np.ptp(page.x) / STEPS
    assert abs(np.roll(image, (-2, 3), (0, 1)) - shown(page)[0])[moved].max() <= tolerance


def test_the_field_of_every_pixel_is_ours(page):
    x, net = shown(page), page.nets[1]
    for pixel in ((0, 0), (6, 18), (31, 9)):
        top, bottom, left, right = page.execute_script("return box('head', arguments[0])", pixel)
        assert (slice(top, bottom + 1), slice(left, right + 1)) == field(net, x, pixel).box
    assert page.execute_script("return box('enc2.conv1', [4, 4])") == [4, 13, 4, 13]  # 10 × 10


def test_the_effect_is_that_of_the_nearest_pixel_of_the_grid(page):
    page.execute_script("state.pixel = [11, 21]; describePixel()")
    number, row, column = page.execute_script("return gridPoint()")
    assert max(abs(row - 11), abs(column - 21)) <= 2
    seen = field(page.nets[1], shown(page), (row, column))
    stored = page.execute_script("return Array.from(unpacked(payload.slices[state.slice].effect))")
    coarse = seen.effect[0].reshape(SIZE // 2, 2, SIZE // 2, 2).sum(axis=(1, 3))
    expected = np.sqrt(coarse / coarse.max())
    found = np.reshape(stored, (-1, SIZE // 2, SIZE // 2))[number] / 15
    assert abs(found - expected).max() <= 0.5 / 15 + 1e-6
    assert f"half of what counts lies within {seen.side(0.5)} × " in page.find_element(
        "id", "where").text


def test_the_sum_that_makes_a_number_is_shown(page):
    page.execute_script("openMap('enc2.conv1'); chooseChannel(0); place = [5, 6]; explain()")
    text, value = page.find_element("id", "sum").text, array(page, "enc2.conv1")[5, 6, 0]
    assert text.splitlines()[0].replace("−", "-").endswith(f"column 6: {value:.2f}")
    assert re.search(rf"ReLU: {value:.2f}\.", text)
    assert len(page.find_elements("css selector", "#sum td")) == 27
    for layer in ("enc1.pool", "dec1.up", "dec1.concat", "head", "probability"):
        page.execute_script(f"openMap('{layer}')")
        assert page.find_element("id", "sum").text


def test_it_works_by_keyboard_alone(page):
    def press(keys):
        page.switch_to.active_element.send_keys(keys)

    left, space, enter, down = "\ue012", " ", "\ue007", "\ue00f"
    before, row = mask(page), page.execute_script("return state.pixel")
    page.find_element("tag name", "body").send_keys("\ue004")  # Tab: the scan comes first
    assert page.switch_to.active_element.get_attribute("id") == "scan"
    press(left)
    assert page.execute_script("return state.pixel") == [row[0], row[1] - 1]
    press("\ue004")
    press("\ue014\ue014")  # of the tools, the second next: darker
    assert page.execute_script("return state.tool") == "darker"
    press("\ue008\ue004")  # back to the scan
    page.switch_to.active_element.send_keys("\ue000" + space * 6)
    settle(page)
    assert page.execute_script("return state.paint.some((value) => value < 0)")
    assert (mask(page) != before).any()
    page.execute_script("find('skip-1').focus()")
    press(enter)
    assert page.execute_script("return state.cuts") == [1]
    page.execute_script("document.querySelector('#channels canvas').focus()")
    press(down)
    assert page.execute_script("return openChannel") == 1
    row, column = page.execute_script("return place")
    press(left)
    assert page.execute_script("return place") == [row, column - 1]
    settle(page)


def test_everything_that_can_be_used_has_a_name(page):
    assert nameless(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_reader_prefers_and_can_be_read(page, scheme):
    prefer(page, scheme)
    paper, inks = paper_and_inks(page, "body", ".quiet")
    assert (paper.mean() > 0.5) == (scheme == "light")
    assert min(contrast(ink, paper) for ink in inks) >= 4.5


@pytest.mark.parametrize("width", [400, 1366])
def test_nothing_is_wider_than_the_window(page, width):
    resize(page, width)
    for block in ("enc1", "bottom", "dec1", "output"):
        page.execute_script(f"open('{block}')")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_names_are_text_and_nothing_is_loaded(page):
    assert "a <b>head</b>" in page.find_element("id", "about").text
    text = (page.folder / "1.html").read_text(encoding="utf-8")
    text = re.sub(r'(<script id="pack".*?>).*?<', r"\1<", text, flags=re.S)  # base64
    for word in ("http", "//www", " src=", " href=", "import(", "fetch(", "@import"):
        assert word not in text
    assert "not for diagnosis" in text
    assert page.execute_script("return performance.getEntriesByType('resource').length") <= 1
