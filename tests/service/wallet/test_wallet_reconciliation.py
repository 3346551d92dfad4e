# SPDX-License-Identifier: EUPL-1.2
"""A person compares everything that they shared with the record book, at one look."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from ledger.app import create_app as create_ledger
from ledger.checkpoint import CheckpointSigner
from ledger.record import RecordType
from protocol.runtime.signer import read_secret_file
from tests.conftest import LOG_ORIGIN
from tests.fakes.wallet_peers import LEDGER


@pytest.fixture
def book(world, peers, ledger, ledger_settings):
    """The real ledger; its key is on the trust list."""
    world.http.apps[LEDGER] = create_ledger(ledger_settings, clock=world.clock)
    signer = CheckpointSigner.from_pem(LOG_ORIGIN, read_secret_file(world.folder / "checkpoint.key"))
    world.log["checkpoint_key"] = signer.key.text()
    world.write_trust_list(sequence=2)
    return ledger


@pytest.fixture
def share(graduate, peers, book):
    return graduate.share(peers.verifier.link()).get_json()["next"]


def standing(citizen):
    page = citizen.get("/shares/check")
    assert page.status_code == 200, page.get_data(as_text=True)
    text = page.get_data(as_text=True)
    return re.search('data-standing="([a-z]*)"', text)[1], text


def come_back(citizen):
    citizen.sign_in()
    assert citizen.unlock().status_code in {200, 204}


def test_check_when_nothing_was_shared_says_so(graduate, book):
    assert standing(graduate)[0] == ""
    assert "Check everything" not in graduate.get("/shares").get_data(as_text=True)


def test_check_tells_recorded_waiting_and_missing_apart(graduate, book, share, world):
    assert "Check everything" in graduate.get("/shares").get_data(as_text=True)
    assert standing(graduate)[0] == "waiting"
    world.clock.advance(timedelta(seconds=61))
    found, text = standing(graduate)
    assert found == "missing"
    assert "Promised, and not in the record book" in text
    book.sequence()
    assert standing(graduate)[0] == "recorded"


def test_check_covers_take_backs_their_markers_and_answers(graduate, book, share, world, peers):
    book.sequence()
    graduate.take_back(share, "withdraw")
    assert standing(graduate)[0] == "waiting"
    book.sequence()
    assert standing(graduate)[0] == "recorded"
    # promised by the office's ledger and never recorded: the log's word is broken
    peers.verifier.answer(RecordType.ERASED)
    assert standing(graduate)[0] == "waiting"
    world.clock.advance(timedelta(seconds=61))
    assert standing(graduate)[0] == "missing"


def test_check_finds_an_office_that_does_not_answer_within_the_month(graduate, book, share, world):
    graduate.take_back(share, "withdraw")
    book.sequence()
    due = re.search("21 December 2026", graduate.get(share).get_data(as_text=True))
    assert due
    world.clock.advance(timedelta(days=30))
    world.write_trust_list(sequence=3)
    come_back(graduate)
    assert standing(graduate)[0] == "recorded"
    world.clock.advance(timedelta(days=1))
    world.write_trust_list(sequence=4)
    come_back(graduate)
    assert standing(graduate)[0] == "unanswered"


@pytest.mark.parametrize("change", ["down", "no_key", "untrusted"])
def test_check_that_could_not_be_made_is_never_a_pass(graduate, book, share, world, change):
    book.sequence()
    if change == "down":
        world.http.down.add(LEDGER)
    elif change == "no_key":
        world.write_trust_list(sequence=3, logs=[{**world.log, "checkpoint_key": ""}])
    else:
        world.write_trust_list(sequence=3, logs=[])
    page = graduate.get("/shares/check")
    assert page.status_code == 503
    assert "Permanently recorded" not in page.get_data(as_text=True)
