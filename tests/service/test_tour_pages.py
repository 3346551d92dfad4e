# SPDX-License-Identifier: EUPL-1.2
"""The tour: each walk in each language, where its buttons lead, how the services are."""

from __future__ import annotations

import shlex
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from lxml import html

from ledger.cli import verify_evidence_command
from ledger.findings import ExitStatus
from protocol.errors import UnavailableError
from protocol.runtime.fetch import Response
from testimoni.tour.app import create_app
from testimoni.tour.services import Sample
from testimoni.tour.settings import TourSettings

WALKS = ("citizen", "clerk", "auditor", "operator", "decider")
PAGES = ("", *WALKS, "why", "limits", "operator/health")


class FewServices:
    """The issuer is well, the wallet is not ready, the others do not answer."""

    def get(self, url, *, headers=None):
        if url == "https://issuer.example/readyz":
            return Response(200, {}, b"{}")
        if url == "https://wallet.example/readyz":
            return Response(503, {}, b"{}")
        raise UnavailableError("temporarily_unavailable", "no answer")

    def post(self, url, *, body, content_type, headers=None, read_timeout=10.0):
        raise AssertionError("the tour sends nothing")


@pytest.fixture
def tour(tmp_path: Path) -> Flask:
    settings = TourSettings(
        environment="production",
        public_url="https://tour.example",
        secret_key="x" * 40,
        trust_anchor_file=tmp_path / "anchor.pem",
        trust_list_file=tmp_path / "trust.jws",
        issuer_url="https://issuer.example",
        wallet_url="https://wallet.example",
        verifier_url="https://verifier.example",
        ledger_url="https://ledger.example",
        sandbox_url="https://sandbox.example",
        chain_url="http://127.0.0.1:8106",
        evidence_trust_file=tmp_path / "trust.json",
    )
    return create_app(settings, http=FewServices())


def _open(tour: Flask, path: str, language: str = "en") -> html.HtmlElement:
    response = tour.test_client().get(f"/{path}?lang={language}", headers={"Accept": "text/html"})
    assert response.status_code == 200, path
    return html.fromstring(response.text)


@pytest.mark.parametrize("language", ["ca", "es", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_page_when_opened_then_one_heading_in_its_language(tour: Flask, path: str, language: str) -> None:
    page = _open(tour, path, language)
    assert len(page.xpath("//h1")) == 1
    assert page.get("lang") == language
    if language != "en":
        assert page.xpath("string(//h1)") != _open(tour, path).xpath("string(//h1)")


@pytest.mark.parametrize("walk", WALKS)
def test_walk_when_opened_then_three_to_six_steps_and_at_least_two_doors(tour: Flask, walk: str) -> None:
    page = _open(tour, walk)
    steps = page.xpath("//li[@class='tm-step']")
    assert 3 <= len(steps) <= 6
    hrefs = page.xpath("//li[@class='tm-step']//a[contains(@class,'govuk-button')]/@href")
    assert hrefs
    assert all(href.startswith("https://") and href.endswith("?lang=en") for href in hrefs)
    assert page.xpath("//*[contains(@class,'govuk-inset-text')]")


def test_home_when_opened_then_leads_to_every_walk(tour: Flask) -> None:
    assert _open(tour, "").xpath("//a[@class='tm-card__link']/@href") == [f"/{walk}" for walk in WALKS]


def test_auditor_when_opened_then_the_command_names_this_set_up(tour: Flask) -> None:
    command = shlex.split(_open(tour, "auditor").xpath("string(//pre)").replace("\\\n", ""))
    assert command[1:6] == ["audit", "--ledger", "https://ledger.example", "--chain", "http://127.0.0.1:8106"]


def test_why_when_opened_then_the_same_eight_rows_as_the_document(tour: Flask) -> None:
    document = (Path(__file__).parents[2] / "docs" / "why.md").read_text()
    rows = [line for line in document.splitlines() if line.startswith("| ") and line[2].isdigit()]
    best = [row.split("**")[1].split()[0].strip(",").lower() for row in rows]
    words = {"ask": "direct", "this": "this", "the": "eu", "nothing": "doing"}
    shown = [
        tag.text_content().split()[0].lower()
        for tag in _open(tour, "why").xpath("//*[contains(@class,'govuk-tag')]")
    ]
    assert [words[word] for word in shown] == best
    assert len(best) == 8


def test_health_when_services_differ_then_each_is_told_apart(tour: Flask) -> None:
    rows = _open(tour, "operator/health").xpath("//li[@data-outcome]")
    assert [row.get("data-outcome") for row in rows] == ["holds", "violated", "could-not-tell", "could-not-tell"]


def test_unknown_walk_when_opened_then_not_found(tour: Flask) -> None:
    assert tour.test_client().get("/nobody").status_code == 404


@pytest.mark.parametrize("change", ["purpose", "time", "place"])
def test_forgery_when_one_value_is_changed_then_the_genuine_copy_holds_and_the_other_is_rejected(
    tour: Flask, change: str
) -> None:
    response = tour.test_client().get(f"/auditor/forgery?lang=en&change={change}")
    page = html.fromstring(response.text)
    verdicts = page.xpath("//div[contains(@class,'tm-outcome')]/@data-outcome")
    assert verdicts == ["holds", "violated"]
    genuine, forged = page.xpath("//ol[@class='tm-checklist']")
    assert "violated" not in genuine.xpath("./li/@data-outcome")
    assert forged.xpath("./li/@data-outcome").count("violated") == 1
    assert len(genuine) == len(forged)


def test_forged_copy_when_downloaded_then_the_command_rejects_it(tour: Flask, tmp_path: Path, capsys) -> None:
    client = tour.test_client()
    for name in ("evidence.json", "forged.json", "trust.json"):
        (tmp_path / name).write_bytes(client.get(f"/auditor/sample/{name}").data)
    trust = ["--trust", str(tmp_path / "trust.json")]
    assert verify_evidence_command([str(tmp_path / "evidence.json"), *trust]) == ExitStatus.HOLDS
    assert verify_evidence_command([str(tmp_path / "forged.json"), *trust]) == ExitStatus.VIOLATED
    assert "VIOLATED" in capsys.readouterr().out


def test_own_evidence_when_uploaded_then_judged_by_this_set_ups_trust(tour: Flask, tmp_path: Path) -> None:
    sample = Sample.load()
    (tmp_path / "trust.json").write_bytes(sample.trust)
    response = tour.test_client().post(
        "/auditor/forgery?lang=en", data={"evidence": (BytesIO(sample.evidence), "mine.json"), "change": "time"}
    )
    page = html.fromstring(response.text)
    assert page.xpath("//div[contains(@class,'tm-outcome')]/@data-outcome") == ["holds", "violated"]
    assert "forged.json" not in response.text


@pytest.mark.parametrize(
    "given", [b"", b"{}", b"[1]", b'{"schema":"testimoni/evidence/1","records":[{}]}', b"\xff"]
)
def test_own_evidence_when_it_is_none_then_a_sentence_says_so(tour: Flask, tmp_path: Path, given: bytes) -> None:
    (tmp_path / "trust.json").write_bytes(Sample.load().trust)
    response = tour.test_client().post(
        "/auditor/forgery?lang=en",
        data={"evidence": (BytesIO(given), "mine.json")},
        headers={"Accept": "text/html"},
    )
    assert response.status_code == 400
    assert html.fromstring(response.text).xpath("//h1")
