"""A browser without a window, for the tests of pages."""

import re
import shutil
import time

import numpy as np
import pytest

CHROMIUM = "chromium", "chromium-browser", "google-chrome"


def start_browser():
    """Start Chromium; the test is skipped where it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("needs Chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def wait(browser, condition, seconds=60):
    """Wait until a condition in JavaScript holds."""
    end = time.monotonic() + seconds
    while not browser.execute_script(f"return Boolean({condition})"):
        assert time.monotonic() < end, (condition, browser.get_log("browser"))
        time.sleep(0.02)


def resize(browser, width, height=900):
    """Give the page a size in pixels; a window could not be as narrow as a phone."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})


def prefer(browser, scheme):
    """Ask for the "light" or "dark" colours, as a system does."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})


def nameless(browser):
    """What can be used on the page but has no name to be read out, as HTML."""
    return browser.execute_script("""
        return [...document.querySelectorAll("button, input, select, canvas[tabindex]")]
          .filter((one) => !(one.textContent || one.getAttribute("aria-label") ||
                             one.labels && one.labels.length)).map((one) => one.outerHTML)""")


def paper_and_inks(browser, *selectors):
    """The colours, RGB 0 … 1: of the page's ground, and of the text in these elements."""
    colors = browser.execute_script("""
        const style = (one) => getComputedStyle(document.querySelector(one));
        return [style("body").backgroundColor, ...[...arguments].map((one) => style(one).color)]""",
        *selectors)
    paper, *inks = (np.array(re.findall(r"\d+", color)[:3], float) / 255 for color in colors)
    return paper, inks
