# SPDX-License-Identifier: EUPL-1.2
"""Receiving in the web wallet: the offer page, the code, what arrives, and what is kept."""

from __future__ import annotations

from protocol.keys import PrivateKey
from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import ISSUER


def test_offer_page_shows_what_and_by_whom_before_the_code(citizen, peers):
    text = citizen.get(peers.issuer.link()).get_data(as_text=True)
    assert "University degree" in text
    assert "University of Vilaprova" in text
    assert "six digits" in text


def test_document_when_received_is_listed_and_can_be_looked_into_and_deleted(citizen, peers):
    page = citizen.receive(peers.issuer.link()).get_json()["next"]
    text = citizen.get(page).get_data(as_text=True)
    assert "Grau en Biologia" in text
    assert "2 March 1998" in text
    assert "3 copies are left" in text
    assert "University degree" in citizen.get("/").get_data(as_text=True)
    citizen.submit(f"{page}/delete")
    assert "Your wallet is empty" in citizen.get("/").get_data(as_text=True)
    assert citizen.get(page).status_code == 404


def test_wrong_code_is_told_and_right_one_still_works(citizen, peers):
    answer = citizen.receive(peers.issuer.link(), code="000000")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "offer_code_wrong")
    assert "six digits" in answer.get_json()["sentence"]
    assert citizen.receive(peers.issuer.link()).status_code == 201


def test_issuer_that_wants_a_fresh_nonce_gets_new_proofs(citizen, peers):
    peers.issuer.stale_nonces = 1
    assert citizen.receive(peers.issuer.link()).status_code == 201
    assert len(peers.issuer.nonces) == 2


def test_credential_that_is_wrong_is_refused_told_to_the_issuer_and_not_kept(citizen, peers):
    peers.issuer.mint = lambda _index, key: peers.issuer.issue(key, signer=PrivateKey.generate())
    answer = citizen.receive(peers.issuer.link())
    assert (answer.status_code, answer.get_json()["error"]) == (400, "credential_refused")
    assert "not kept" in answer.get_json()["sentence"]
    assert peers.issuer.notifications[-1]["event"] == "credential_failure"
    assert "Your wallet is empty" in citizen.get("/").get_data(as_text=True)


def test_offer_when_issuer_is_down_is_unavailable(citizen, peers, world):
    world.http.down.add(ISSUER)
    assert citizen.get(peers.issuer.link()).status_code == 503


def test_offer_link_before_sign_in_survives_it(wallet_app, peers):
    visitor = Citizen(wallet_app)
    assert "A document is waiting for you" in visitor.get(peers.issuer.link()).get_data(as_text=True)
    visitor.sign_in()
    assert visitor.make_vault().get_json()["next"].startswith("/receive?credential_offer_uri=")


def test_return_address_outside_this_wallet_is_ignored(citizen, peers):
    page = citizen.receive(peers.issuer.link() + "&return=https://evil.example/present/x").get_json()["next"]
    assert page.startswith("/documents/")


def test_catalogue_lists_issuers_and_counts_those_that_do_not_answer(citizen, world):
    text = citizen.get("/catalogue").get_data(as_text=True)
    assert "/universitat/get/university-degree" in text
    assert "/ajuntament/get/census-registration" in text
    world.http.down.add(ISSUER)
    assert "Some offices do not answer right now" in citizen.get("/catalogue").get_data(as_text=True)
