# SPDX-License-Identifier: EUPL-1.2
"""The base page, the error page and every shared part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from lxml import html

from protocol.errors import RequestError, UnavailableError
from protocol.runtime.settings import ServiceSettings
from protocol.runtime.web import create_service_app

PARTS = (Path(__file__).parent / "parts.html").read_text()


@pytest.fixture
def base_app(tmp_path: Path) -> Flask:
    settings = ServiceSettings(
        environment="development",
        public_url="http://localhost:8199",
        database_url=f"sqlite:///{tmp_path}/base.db",
        secret_key="x" * 40,
        trust_anchor_file=tmp_path / "anchor.pem",
        trust_list_file=tmp_path / "trust.jws",
    )
    app = create_service_app("protocol.runtime", settings, ready=lambda: None)

    @app.get("/")
    def parts():
        return render_template_string(PARTS)

    @app.get("/refused")
    def refused():
        raise RequestError("invalid_request", "expected <this>, got that")

    @app.get("/away")
    def away():
        raise UnavailableError("temporarily_unavailable", "no answer from https://ledger.example")

    @app.get("/broken")
    def broken():
        raise ZeroDivisionError

    return app


@pytest.fixture
def base_client(base_app: Flask) -> FlaskClient:
    return base_app.test_client()


def _page(client: FlaskClient, path: str) -> html.HtmlElement:
    return html.fromstring(client.get(path, headers={"Accept": "text/html"}).text)


@pytest.mark.parametrize("language", ["ca", "es", "en"])
def test_page_when_language_is_chosen_then_html_says_so_and_the_choice_is_kept(
    base_client: FlaskClient, language: str
) -> None:
    page = _page(base_client, f"/?lang={language}")
    assert page.get("lang") == language
    assert _page(base_client, "/").get("lang") == language


def test_page_when_browser_says_nothing_then_catalan(base_client: FlaskClient) -> None:
    page = _page(base_client, "/")
    assert page.get("lang") == "ca"
    assert page.xpath("string(//a[contains(@class,'govuk-skip-link')])") == "Ves al contingut principal"


def test_language_switch_when_address_has_a_query_then_it_is_kept(base_client: FlaskClient) -> None:
    page = _page(base_client, "/?q=a%26b&lang=en&q=c")
    assert page.xpath("//a[@hreflang='es']/@href") == ["/?q=a%26b&q=c&lang=es"]


def test_page_when_rendered_then_nothing_is_inline(base_client: FlaskClient) -> None:
    response = base_client.get("/")
    page = html.fromstring(response.text)
    nonce = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert nonce
    assert not page.xpath("//@style | //style | //@onclick | //script[not(@src)][not(@type='application/json')]")
    assert set(page.xpath("//script/@nonce")) == {nonce.group(1)}
    assert all(src.startswith("/") for src in page.xpath("//script/@src | //link/@href"))


def test_page_when_rendered_then_one_heading_one_main_and_labelled_controls(base_client: FlaskClient) -> None:
    page = _page(base_client, "/")
    assert len(page.xpath("//h1")) == len(page.xpath("//main")) == 1
    labelled = set(page.xpath("//label/@for"))
    controls = page.xpath("//input[not(@type='hidden')] | //select | //textarea")
    assert controls
    assert {control.get("id") for control in controls} <= labelled
    assert all(button.text_content().strip() or button.get("aria-label") for button in page.xpath("//button"))


def test_checklist_when_shown_then_each_state_has_a_word_and_an_icon(base_client: FlaskClient) -> None:
    rows = _page(base_client, "/?lang=en").xpath("//li[@data-outcome]")
    words = {
        row.get("data-outcome"): row.xpath("string(.//*[contains(@class,'tm-check__word')])").strip()
        for row in rows
    }
    assert words == {
        "holds": "Correct",
        "violated": "Not correct",
        "could-not-tell": "Could not be checked",
        "assumed": "Assumed",
        "waiting": "Waiting",
        "not-checked": "Not checked",
    }
    assert all(row.xpath(".//svg[@aria-hidden='true']") for row in rows)


def test_big_code_when_copied_then_digits_have_no_gap(base_client: FlaskClient) -> None:
    code = _page(base_client, "/").xpath("//*[@class='tm-code']")[0]
    assert code.text_content() == "123456"
    assert len(code) == 2


def test_practice_banner_when_in_production_then_not_shown(base_app: Flask) -> None:
    assert "tm-practice" in base_app.test_client().get("/").text
    base_app.jinja_env.globals["environment"] = "production"
    assert "tm-practice" not in base_app.test_client().get("/").text


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/refused", 400, "This did not work"),
        ("/away", 503, "Not available right now"),
        ("/nowhere", 404, "Page not found"),
        ("/broken", 500, "Something went wrong"),
    ],
)
def test_error_page_when_something_fails_then_sentence_remedy_and_reference(
    base_client: FlaskClient, path: str, status: int, heading: str
) -> None:
    response = base_client.get(f"{path}?lang=en", headers={"Accept": "text/html"})
    page = html.fromstring(response.text)
    assert response.status_code == status
    assert page.xpath("string(//h1)").strip() == heading
    assert response.headers["X-Correlation-Id"] in page.xpath("string(//main)")
    assert page.xpath("//main//a[contains(@class,'govuk-button')]")
    assert "expected <this>" not in response.text
    assert "example" not in response.text
    assert response.text.count("<title>") == 1
    assert page.xpath("string(//title)").startswith(heading)


def test_error_page_when_service_is_away_then_the_button_tries_the_same_address(base_client: FlaskClient) -> None:
    page = _page(base_client, "/away?lang=en&x=1")
    assert page.xpath("//main//a[contains(@class,'govuk-button')]/@href") == ["/away?lang=en&x=1"]


def test_assets_when_asked_for_then_served_without_the_crown(base_client: FlaskClient) -> None:
    for name in ("testimoni.css", "base.js", "favicon.svg", "manifest.json", "mark.svg"):
        with base_client.get(f"/base/{name}") as response:
            assert response.status_code == 200
            assert "GDS Transport" not in response.text
            assert "crown" not in response.text.lower()


def test_assets_when_linked_from_a_page_then_kept_until_they_change(base_client: FlaskClient) -> None:
    style = _page(base_client, "/").xpath("//link[@rel='stylesheet']/@href")[0]
    with base_client.get(style) as response:
        assert "immutable" in response.headers["Cache-Control"]
    with base_client.get("/base/testimoni.css") as response:
        assert response.headers["Cache-Control"] == "no-cache"
