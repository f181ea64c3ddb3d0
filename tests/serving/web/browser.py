"""A headless Chromium for tests of the page; they are skipped where it or Selenium is not installed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the browser tests need selenium from the dev extra")

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as DriverService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
WAIT_S = 60


def installed(*programs: str) -> str | None:
    return next((path for program in programs if (path := shutil.which(program))), None)


needs_browser = pytest.mark.skipif(
    installed(*PROGRAMS) is None or installed("chromedriver") is None,
    reason="no chromium and chromedriver on this machine; apt-get install chromium chromium-driver",
)


class Browser:
    """One window on one server."""

    def __init__(self, driver: Chrome, url: str, pictures: Path) -> None:
        self.driver = driver
        self._url = url
        self._pictures = pictures
        self._num_pictures = 0

    def visit(self, query: str = "", *, is_new: bool = True) -> None:
        """Open the page, as somebody who was never here where `is_new`."""
        self.driver.get(f"{self._url}/{query}")
        if is_new:
            self.run("localStorage.clear()")
            self.driver.get(f"{self._url}/{query}")
        self.settle()

    def settle(self) -> None:
        """Until the page is drawn and nothing is asked for."""
        self.until(lambda: self.all("#main[aria-busy='false']") and self.all(".row .card"))

    def look(self, width: int, height: int, scheme: str = "dark") -> None:
        """Size of the window and the colours that the system prefers."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.one(selector).click()

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, is_so: Callable[[], object]) -> None:
        WebDriverWait(self.driver, WAIT_S, poll_frequency=0.05).until(lambda _: is_so())

    def told(self, words: str) -> None:
        """Until the page says `words` in its note on what changed, and stands still."""
        self.until(lambda: self.all("#changes:popover-open") and words in self.one("#changes").text)
        self.settle()

    def titles(self) -> list[str]:
        """Item ids of the cards in view, in order."""
        ids: list[str] = self.run("return [...document.querySelectorAll('.card')].map(card => card.dataset.item)")
        return ids

    def picture(self, name: str) -> None:
        self._num_pictures += 1
        self.driver.save_screenshot(str(self._pictures / f"{self._num_pictures:02d}-{name}.png"))

    def complaints(self) -> list[str]:
        """Warnings and errors in the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


@contextmanager
def browsing(url: str, pictures: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    os.environ.setdefault("SE_OFFLINE", "true")
    os.environ.setdefault("SE_AVOID_STATS", "true")
    options = ChromeOptions()
    options.binary_location = str(installed(*PROGRAMS))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
            options.add_argument(flag)
        driver = Chrome(options=options, service=DriverService(installed("chromedriver")))
        driver.set_script_timeout(2 * WAIT_S)
        try:
            yield Browser(driver, url, pictures)
        finally:
            driver.quit()
