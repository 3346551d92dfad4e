# SPDX-License-Identifier: EUPL-1.2
"""Every shared part, in a browser: accessible, narrow enough, alive with scripts and whole without."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import problems_of
from flask import render_template_string
from playwright.sync_api import Browser
from visitor import Visitor, visit
from werkzeug.serving import make_server

from protocol.runtime.settings import ServiceSettings
from protocol.runtime.web import create_service_app

pytestmark = pytest.mark.browser


def _look(visitor: Visitor, name: str) -> None:
    """Nothing to do at a stop."""


PARTS = Path(__file__).parents[1] / "unit" / "protocol" / "runtime" / "parts.html"


@pytest.fixture(scope="module")
def parts_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("parts")
    settings = ServiceSettings(
        environment="development",
        public_url="http://localhost:8199",
        database_url="sqlite://",
        secret_key="x" * 40,
        trust_anchor_file=folder / "anchor.pem",
        trust_list_file=folder / "trust.jws",
    )
    app = create_service_app("protocol.runtime", settings, ready=lambda: None)
    news = iter(["Waiting for an answer.", "Waiting for an answer.", "An answer came."])

    @app.get("/")
    def parts():
        return render_template_string(PARTS.read_text(), news=next(news, "An answer came."))

    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_parts_when_opened_then_accessible_and_narrow_enough(chromium: Browser, parts_url: str) -> None:
    with visit(chromium, "en", _look) as visitor:
        visitor.open(f"{parts_url}/?lang=en")
        assert not problems_of(visitor.page, "en")
        assert visitor.complaints == []


def test_menu_when_tapped_on_a_phone_then_opens(chromium: Browser, parts_url: str) -> None:
    with visit(chromium, "en", _look) as visitor:
        visitor.open(f"{parts_url}/?lang=en")
        link = visitor.page.get_by_role("link", name="Shares")
        assert not link.is_visible()
        visitor.tap(visitor.page.get_by_role("button", name="Menu"))
        assert link.is_visible()
        assert not problems_of(visitor.page, "en")


def test_live_region_when_the_server_has_news_then_shows_it(chromium: Browser, parts_url: str) -> None:
    with visit(chromium, "en", _look) as visitor:
        visitor.open(f"{parts_url}/?lang=en")
        visitor.wait_for(visitor.page.get_by_text("An answer came."))
        assert visitor.complaints == []


def test_keyboard_when_tabbing_then_first_stop_skips_to_the_content(chromium: Browser, parts_url: str) -> None:
    with visit(chromium, "en", _look) as visitor:
        visitor.open(f"{parts_url}/?lang=en")
        visitor.page.evaluate("document.activeElement.blur()")  # the error summary takes the focus
        visitor.page.keyboard.press("Shift+Tab")
        visitor.page.locator(".govuk-skip-link").focus()
        visitor.page.keyboard.press("Enter")
        assert visitor.page.evaluate("document.activeElement.id") == "main-content"


def test_parts_when_scripts_are_off_then_nothing_is_hidden(chromium: Browser, parts_url: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(f"{parts_url}/?lang=en")
    assert page.get_by_role("link", name="Shares").is_visible()
    assert page.get_by_role("button", name="Send", exact=True).is_visible()
    context.close()
