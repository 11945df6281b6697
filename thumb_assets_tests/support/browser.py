"""Chromium for tests of pages: Debian's, driven by playwright, which brings no browser of its own here."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser without a window; the test is skipped where the machine has none, unless it must have one."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        message = "no Chromium is installed here (Debian: apt-get install chromium)"
        if os.environ.get("THUMB_ASSETS_REQUIRE_BROWSER") == "1":
            pytest.fail(message + ", and THUMB_ASSETS_REQUIRE_BROWSER=1 asks for it")
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # As root, as in containers, Chromium runs without its sandbox or not at all.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
