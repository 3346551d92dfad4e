# SPDX-License-Identifier: EUPL-1.2
"""A browser for the whole run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the journey is shared with `make screens`

from playwright.sync_api import Browser, sync_playwright
from visitor import launch


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
