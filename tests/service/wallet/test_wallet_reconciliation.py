# SPDX-License-Identifier: EUPL-1.2
"""A person compares everything that they shared with the record book, at one look."""

from __future__ import annotations

import json
import re
import secrets
from datetime import timedelta

import flask
import pytest

from ledger.app import create_app as create_ledger
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.record import RecordType
from protocol.runtime.signer import read_secret_file
from tests.conftest import LOG_ORIGIN
from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import LEDGER, VERIFIER
from tests.fakes.wallet_service import open_wallet

OLD_LOG = "localhost:8104/2025"


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
    return re.search('data-standing="([a-z-]*)"', text)[1], text


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


@pytest.fixture
def two_shares(world, peers, graduate, database_file):
    """A share promised by the log of last year, and one promised by this year's; their addresses."""
    old = {**world.log, "origin": OLD_LOG, "checkpoint_key": new_checkpoint_key(OLD_LOG)}
    world.write_trust_list(sequence=2, logs=[world.log, old])
    peers.ledger.log = peers.verifier.log = OLD_LOG
    last_year = Citizen(open_wallet(world, database_file, log=OLD_LOG), data_key=graduate.data_key)
    come_back(last_year)
    first = last_year.share(peers.verifier.link()).get_json()["next"]
    peers.ledger.log = peers.verifier.log = LOG_ORIGIN
    peers.verifier.nonce = secrets.token_urlsafe(24)
    world.clock.advance(timedelta(seconds=1))
    return old, first


@pytest.fixture
def two_logs(two_shares, world, graduate, peers, ledger, ledger_settings, request):
    """The ledger with this year's log as it is, and last year's as the test says; this year's share is recorded."""
    app = create_ledger(ledger_settings, clock=world.clock)
    app.before_request(lambda: "garbage" if flask.request.path.startswith("/2025/") else None)
    app.after_request(lambda answer: with_log(answer, OLD_LOG) if request.param != "not shown" else answer)
    world.http.apps[LEDGER] = app
    signer = CheckpointSigner.from_pem(LOG_ORIGIN, read_secret_file(world.folder / "checkpoint.key"))
    world.log["checkpoint_key"] = signer.key.text()
    old, first = two_shares
    world.write_trust_list(sequence=3, logs=[world.log] if request.param == "not trusted" else [world.log, old])
    return first, graduate.share(peers.verifier.link()).get_json()["next"]


def new_checkpoint_key(origin):
    return CheckpointSigner.from_pem(origin, new_key_pem()).key.text()


def with_log(answer, origin):
    if flask.request.path == "/log/v1/logs":
        shown = answer.get_json()
        answer.set_data(json.dumps({"logs": [*shown["logs"], {"name": origin[-4:], "origin": origin}]}))
    return answer


def states(text):
    """Return the word for each share of the page, newest first."""
    return re.findall(
        "Permanently recorded|Not in the record book yet|Could not be checked|Promised, and not", text
    )


@pytest.mark.parametrize("two_logs", ["garbage", "not shown", "not trusted"], indirect=True)
def test_check_when_one_log_is_unusable_still_judges_the_shares_of_the_others(two_logs, graduate, ledger):
    ledger.sequence()
    found, text = standing(graduate)
    assert states(text) == ["Permanently recorded", "Could not be checked"]
    assert found == "could-not-tell"
    assert "Please check again tomorrow" in text


@pytest.mark.parametrize("two_logs", ["garbage"], indirect=True)
def test_check_that_finds_a_broken_promise_says_that_first_and_what_it_could_not_tell(two_logs, graduate, world):
    world.clock.advance(timedelta(seconds=61))
    found, text = standing(graduate)
    assert states(text) == ["Promised, and not", "Could not be checked"]
    assert found == "missing"
    assert "Some shares could not be checked now" in text


@pytest.mark.parametrize("change", ["garbage", "no answer", "no day"])
def test_check_when_an_office_answers_garbage_is_no_pass_for_its_share(
    graduate, book, share, world, peers, change
):
    if change == "no day":
        peers.verifier.due = "never"
    graduate.take_back(share, "withdraw")
    book.sequence()
    if change == "garbage":
        peers.verifier.answers.append({"record": "%", "key": [], "promise": None})
    elif change == "no answer":
        world.http.down.add(VERIFIER)
    found, text = standing(graduate)
    assert (found, states(text)) == ("could-not-tell", ["Could not be checked"])


def test_check_says_unanswered_after_the_month_whatever_the_office_answers(graduate, book, share, world, peers):
    graduate.take_back(share, "withdraw")
    book.sequence()
    peers.verifier.answers.append({"record": "%"})
    world.clock.advance(timedelta(days=31))
    world.write_trust_list(sequence=4)
    come_back(graduate)
    assert standing(graduate)[0] == "unanswered"
