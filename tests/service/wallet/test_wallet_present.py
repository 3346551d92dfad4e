# SPDX-License-Identifier: EUPL-1.2
"""Deciding and sharing in the web wallet: what is shown, what is sent, what must not be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.keys import PrivateKey
from protocol.sd_jwt import UnverifiedSDJWT
from tests.fakes.holder import CLAIMS
from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import LEDGER, VERIFIER, asks_more


def test_first_visit_by_link_leads_through_sign_in_vault_and_missing_document_back_to_request(wallet_app, peers):
    citizen = Citizen(wallet_app)
    start = citizen.get(peers.verifier.link())
    assert start.request.path == "/sign-in"
    assert "An office asks for a document" in start.get_data(as_text=True)
    assert citizen.sign_in().request.path == "/vault/new"
    made = citizen.make_vault()
    assert made.get_json()["next"].startswith("/present?")
    missing = citizen.get(made.get_json()["next"])
    text = missing.get_data(as_text=True)
    assert "asks for a document that is not in your wallet yet" in text
    assert "/universitat/get/university-degree?return=" in text
    assert citizen.receive(peers.issuer.link()).get_json()["next"] == missing.request.path
    assert "They will see exactly this" in citizen.get(missing.request.path).get_data(as_text=True)


def test_decision_page_shows_who_why_what_how_long_and_complaint(graduate, peers):
    text = graduate.get(peers.verifier.link()).get_data(as_text=True)
    for said in (
        "Vilaprova Town Council asks for this",
        "Job pool of the public library",
        "Grau en Biologia",
        "Puig Ferrer",
        "One year, while the job pool lasts.",
        "article 6.1.a",
        "You lose no right",
        "Autoritat Catalana",
        "I consent",
        "I do not consent",
    ):
        assert said in text
    assert "1998" not in text  # the birth date was not asked for


@pytest.mark.parametrize("language", ["ca", "es"])
def test_decision_page_speaks_the_languages(wallet_app, peers, language):
    citizen = Citizen(wallet_app, language=language)
    citizen.enter()
    citizen.receive(peers.issuer.link())
    text = citizen.get(peers.verifier.link()).get_data(as_text=True)
    assert {"ca": "Hi consento", "es": "Doy mi consentimiento"}[language] in text
    assert "I consent" not in text


def test_share_when_decided_then_outcome_is_shown_and_request_answered_once(graduate, peers):
    answer = graduate.share(peers.verifier.link())
    assert answer.status_code == 201
    page = graduate.get(answer.get_json()["next"])
    text = page.get_data(as_text=True)
    for said in ("Accepted", "REF-1", "We will write to you.", "1 December 2026", "Grau en Biologia"):
        assert said in text
    assert "blockchain" not in text.lower()
    # the same link again leads to what was decided
    again = graduate.get(peers.verifier.link())
    assert again.request.path == page.request.path
    assert len(peers.verifier.received) == 1
    assert "Accepted" in graduate.get("/shares").get_data(as_text=True)


def test_share_with_ledger_down_at_decision_time_sends_nothing_and_stays_decidable(
    graduate, peers, world, database_file
):
    world.http.down.add(LEDGER)
    answer = graduate.share(peers.verifier.link())
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "ledger_unavailable"
    assert "nothing was sent" in answer.get_json()["sentence"]
    assert peers.verifier.received == []
    assert "Nothing yet" in graduate.get("/shares").get_data(as_text=True)
    with closing(sqlite3.connect(database_file)) as connection:
        assert connection.execute("SELECT count(*) FROM shares").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM copies WHERE shown_at IS NOT NULL").fetchone() == (0,)
    world.http.down.clear()
    assert graduate.share(peers.verifier.link()).status_code == 201
    assert len(peers.verifier.received) == 1


def test_share_with_promise_by_untrusted_log_sends_nothing(graduate, peers):
    peers.ledger.key = PrivateKey.generate()
    assert graduate.share(peers.verifier.link()).status_code == 503
    assert peers.verifier.received == []


def test_share_with_signatures_swapped_is_refused_before_the_ledger(graduate, peers):
    answer = graduate.share(peers.verifier.link(), swap=True)
    assert answer.status_code == 400
    assert answer.get_json()["check"] == "signature"
    assert peers.ledger.entries == []
    assert peers.verifier.received == []


def test_answer_lost_after_delivery_is_settled_by_opening_the_page(graduate, peers):
    peers.verifier.lose_answers = 1
    page = graduate.share(peers.verifier.link()).get_json()["next"]
    assert len(peers.verifier.received) == 1
    assert "Accepted" in graduate.get(page).get_data(as_text=True)
    assert len(peers.verifier.received) == 2
    assert len(set(peers.verifier.received)) == 1
    assert len(peers.ledger.entries) == 1


def test_delivery_unknown_is_said_retried_by_button_and_given_up_when_request_expires(graduate, peers, world):
    graduate.get(peers.verifier.link())
    peers.verifier.lose_answers = 9
    page = graduate.share(peers.verifier.link()).get_json()["next"]
    text = graduate.get(page).get_data(as_text=True)
    assert "We do not know yet whether it arrived" in text
    assert 'data-live="5"' in text
    graduate.submit(f"{page}/retry")
    world.clock.advance(timedelta(minutes=6))
    peers.verifier.lose_answers = 9
    before = len(peers.verifier.received)
    assert "The request has expired" in graduate.get(page).get_data(as_text=True)
    assert len(peers.verifier.received) == before


def test_share_rejected_shows_failed_line_and_remedy(graduate, peers):
    peers.verifier.result = "rejected"
    page = graduate.share(peers.verifier.link()).get_json()["next"]
    text = graduate.get(page).get_data(as_text=True)
    assert "Received, but not accepted" in text
    assert "The document has expired." in text
    assert "Get a new document." in text


def test_refusal_looks_like_a_missing_document_and_only_the_citizen_keeps_a_note(graduate, peers):
    request = graduate.get(peers.verifier.link()).request.path
    page = graduate.submit(f"{request}/refuse")
    assert "You said no" in page.get_data(as_text=True)
    assert peers.verifier.refusals == ["access_denied"]
    assert peers.ledger.entries == []
    assert peers.verifier.received == []
    graduate.submit(f"{page.request.path}/forget")
    assert "You said no" not in graduate.get("/shares").get_data(as_text=True)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda v: setattr(v, "change", asks_more), "over_asking"),
        (lambda v: setattr(v, "signer", PrivateKey.generate()), "invalid_request"),
        (
            lambda v: setattr(v, "change", lambda m: replace(m, client_id="x509_hash:" + "A" * 43)),
            "invalid_request",
        ),
        (
            lambda v: setattr(v, "change", lambda m: replace(m, expires_at=m.issued_at - timedelta(seconds=1))),
            "request_expired",
        ),
        (lambda v: setattr(v, "brings_back_nonce", False), "invalid_request"),
    ],
)
def test_request_that_is_wrong_is_refused_with_a_sentence(graduate, peers, spoil, code):
    spoil(peers.verifier)
    page = graduate.get(peers.verifier.link())
    assert page.status_code == 400
    if code == "over_asking":
        assert "more than it has registered" in page.get_data(as_text=True)
    assert peers.verifier.received == []


def test_request_gone_at_the_verifier_is_told(graduate, peers, world):
    link = peers.verifier.link()
    world.http.down.add(VERIFIER)
    assert graduate.get(link).status_code == 503


def test_prepared_signatures_serve_once(graduate, peers):
    answer, _, _, _ = graduate.prepare_share(peers.verifier.link())
    body = {"signatures": [], "sealed_consent_key": "x"}
    complete = answer.get_json()["complete"]
    assert graduate.post(complete, body).status_code == 400
    assert graduate.post(complete, body).status_code == 404


def test_two_documents_at_once_are_shared_with_one_record(graduate, peers, world):
    from tests.fakes.wallet_peers import FakeIssuer, install_peers

    census = FakeIssuer(world, "ajuntament", "census-registration")
    assert graduate.receive(census.link()).status_code == 201
    fresh = install_peers(world, party_id="universitat", procedure="beca-estudis")
    text = graduate.get(fresh.verifier.link()).get_data(as_text=True)
    assert "I send this" in text
    assert "I consent" not in text
    answer = graduate.share(fresh.verifier.link())
    assert answer.status_code == 201
    assert set(fresh.verifier.response.vp_token) == {"degree", "residence"}
    assert len(fresh.verifier.response.consent_receipt["bindings"]) == 2
    assert len(fresh.ledger.entries) == 1


def test_two_missing_documents_are_spoken_of_as_several(citizen, peers, world):
    from tests.fakes.wallet_peers import install_peers

    fresh = install_peers(world, party_id="universitat", procedure="beca-estudis")
    text = citizen.get(fresh.verifier.link()).get_data(as_text=True)
    assert "asks for documents that are not in your wallet yet" in text


def test_several_documents_that_would_do_are_a_choice_and_the_chosen_one_is_sent(graduate, peers, world):
    world.clock.advance(timedelta(seconds=1))
    second = {**CLAIMS["university-degree"], "degree_title": "Màster en Dret"}
    peers.issuer.mint = lambda _index, key: peers.issuer.issue(key, claims=second)
    assert graduate.receive(peers.issuer.link()).status_code == 201
    text = graduate.get(peers.verifier.link()).get_data(as_text=True)
    assert "Several of your documents would do" in text
    assert "Grau en Biologia" in text
    assert "Màster en Dret" in text
    page = graduate.share(peers.verifier.link(), pick=1).get_json()["next"]
    shown = {
        d.name: d.value for d in UnverifiedSDJWT.parse(peers.verifier.response.vp_token["degree"][0]).disclosures
    }
    assert shown["degree_title"] == "Grau en Biologia"
    assert "Màster en Dret" not in graduate.get(page).get_data(as_text=True)


def test_document_that_was_not_offered_as_a_choice_is_refused(graduate, peers):
    shown = graduate.data(graduate.get(peers.verifier.link()))
    key = PrivateKey.generate().public_key.jwk()
    answer = graduate.post(shown["prepare"], {"consent_key": key, "chosen": {"degree": "another"}})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "access_denied")
