# SPDX-License-Identifier: EUPL-1.2
"""Taking back in the web wallet, the office's answer, and the evidence file."""

from __future__ import annotations

import pytest

from ledger.evidence import Evidence
from ledger.record import RecordType
from tests.fakes.wallet_peers import LEDGER, VERIFIER, install_peers


@pytest.fixture
def share(graduate, peers):
    return graduate.share(peers.verifier.link()).get_json()["next"]


def test_consent_when_withdrawn_then_recorded_sent_and_legal_clock_shown(graduate, peers, share):
    assert "Withdraw my consent" in graduate.get(share).get_data(as_text=True)
    assert graduate.take_back(share, "withdraw").status_code == 201
    assert len(peers.ledger.entries) == 3
    assert set(peers.verifier.withdrawals[0]) == {"record", "key", "signature", "promise", "marker_promise"}
    text = graduate.get(share).get_data(as_text=True)
    assert "You took it back" in text
    assert "21 December 2026" in text
    assert "/take-back" not in text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (RecordType.ERASED, "Erased"),
        (RecordType.BLOCKED, "Blocked"),
        (RecordType.REFUSAL_TO_ERASE, "Llei 1/2000"),
    ],
)
def test_answer_of_the_office_is_shown_in_plain_words(graduate, peers, share, kind, words):
    graduate.take_back(share, "withdraw")
    peers.verifier.answer(kind)
    assert words in graduate.get(share).get_data(as_text=True)


def test_answer_of_another_administration_is_not_believed(graduate, peers, share, world):
    graduate.take_back(share, "withdraw")
    peers.verifier.answer(RecordType.ERASED, party=world.parties["universitat"])
    text = graduate.get(share).get_data(as_text=True)
    assert "Erased" not in text
    assert "Waiting for the office" in text


def test_take_back_with_ledger_down_asks_nothing(graduate, peers, share, world):
    world.http.down.add(LEDGER)
    assert graduate.take_back(share, "withdraw").status_code == 503
    assert peers.verifier.withdrawals == []
    world.http.down.clear()
    assert graduate.take_back(share, "withdraw").status_code == 201


def test_take_back_with_verifier_down_is_sent_when_the_page_opens_again(graduate, peers, share, world):
    world.http.down.add(VERIFIER)
    assert graduate.take_back(share, "withdraw").status_code == 201
    assert "not yet known to have arrived" in graduate.get(share).get_data(as_text=True)
    world.http.down.clear()
    assert "Waiting for the office" in graduate.get(share).get_data(as_text=True)
    assert len(peers.verifier.withdrawals) == 1


def test_take_back_twice_is_refused(graduate, share):
    graduate.take_back(share, "withdraw")
    answer = graduate.post(f"{share}/take-back", {"request": "withdraw"})
    assert (answer.status_code, answer.get_json()["error"]) == (409, "take_back_impossible")


def test_law_gives_objection_and_erasure_but_no_withdrawal(graduate, world):
    from tests.fakes.wallet_peers import FakeIssuer

    fresh = install_peers(world, party_id="universitat", procedure="beca-estudis")
    graduate.receive(FakeIssuer(world, "ajuntament", "census-registration").link())
    share = graduate.share(fresh.verifier.link()).get_json()["next"]
    assert "Object or ask for erasure" in graduate.get(share).get_data(as_text=True)
    assert graduate.post(f"{share}/take-back", {"request": "withdraw"}).status_code == 409
    assert graduate.take_back(share, "object").status_code == 201
    assert graduate.take_back(share, "erase").status_code == 201
    assert "You asked for erasure" in graduate.get(share).get_data(as_text=True)


def test_evidence_file_holds_share_take_back_and_answer_but_no_value(graduate, peers, share):
    graduate.take_back(share, "withdraw")
    peers.verifier.answer(RecordType.ERASED)
    graduate.get(share)
    answer = graduate.get(f"{share}/evidence")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(Evidence.parse(answer.data).records) == 3
    for value in (b"Mariona", b"12345678Z"):
        assert value not in answer.data


def test_check_without_checkpoint_key_is_could_not_tell(graduate, share):
    page = graduate.get(f"{share}?check=yes")
    assert page.status_code == 503
    assert "could not be checked" in page.get_data(as_text=True)
