# SPDX-License-Identifier: EUPL-1.2
"""A person with a browser: opens pages, taps, types; counts screens, taps and what had to be typed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, Playwright, Response, expect

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PHONE = {"width": 360, "height": 800}
DESK = {"width": 1280, "height": 900}
PATIENCE_MS = 15_000
# what the browser says when a page that keeps itself current reloads in the moment in which one leaves it
RELOADS = 3
RELOADING = ("net::ERR_ABORTED", "interrupted by another navigation")

# Called with the page's name at each stop of a walk
Stop = Callable[["Visitor", str], None]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    )


@dataclass
class Visitor:
    """One person at one device."""

    page: Page
    language: str
    at_stop: Stop
    screens: int = 0
    taps: int = 0
    typed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        """Type or scan an address; again, when the page at hand was just reloading itself with its news."""
        answer = None
        for _ in range(RELOADS):
            answer = self._go(url)
            if answer is not None:
                break
            self.page.wait_for_load_state()
        assert answer is not None, url
        assert answer.ok, f"{url}: {answer.status}"

    def _go(self, url: str) -> Response | None:
        try:
            return self.page.goto(url)
        except Error as exc:
            if not any(sign in exc.message for sign in RELOADING):
                raise
            return None

    def stop(self, name: str) -> None:
        """Look at this page: the test checks it, `make screens` photographs it."""
        self.screens += 1
        self.page.wait_for_load_state()
        self.at_stop(self, name)

    def tap(self, what: Locator) -> None:
        self.taps += 1
        expect(what).to_be_visible(timeout=PATIENCE_MS)
        what.click(timeout=PATIENCE_MS)

    def type(self, where: Locator, text: str, what: str) -> None:
        self.typed.append(what)
        where.fill(text, timeout=PATIENCE_MS)

    def wait_for(self, what: Locator) -> Locator:
        expect(what).to_be_visible(timeout=PATIENCE_MS)
        return what

    def start_counting(self) -> None:
        self.screens, self.taps, self.typed = 0, 0, []


@contextmanager
def visit(browser: Browser, language: str, at_stop: Stop, *, size: dict[str, int] = PHONE) -> Iterator[Visitor]:
    """Give a person a fresh browser in a language while the block lasts."""
    context = browser.new_context(viewport=size, locale=language, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    visitor = Visitor(page, language, at_stop)

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error":
            visitor.complaints.append(f"{page.url}: {message.text}")

    page.on("console", complain)
    page.on("pageerror", lambda error: visitor.complaints.append(f"{page.url}: {error}"))
    try:
        yield visitor
    finally:
        context.close()
