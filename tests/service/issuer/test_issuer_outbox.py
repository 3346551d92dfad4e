# SPDX-License-Identifier: EUPL-1.2
"""The outbox: outages, killed and outrun workers, promises that do not hold."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from issuer.outbox import BATCH, LEASE, LEASE_LIFETIME, LONGEST_WAIT
from issuer.tables import QueryRecordRow
from issuer.worker import _turn, run
from ledger import promise as promises
from ledger.commitment import Commitment
from protocol.errors import StoreConflictError, UnavailableError
from protocol.keys import PrivateKey
from tests.conftest import LEDGER_URL, LOG_ORIGIN
from tests.fakes.query_records import all_records, answer, calls, leaves


def test_query_is_promised_once_and_is_in_the_log(asked, ledger, outbox, kept, world):
    assert outbox.run() == 1
    (found,) = all_records(kept, "universitat")
    promises.verify_undated(
        found.promise, world.promise_key.public_key, log=LOG_ORIGIN, commitment=found.commitment
    )
    assert outbox.run() == 0
    assert len(calls(world, "POST", "/log/v1/entries")) == 1
    assert leaves(ledger, world).count(asked.commitment) == 1


def test_ledger_that_is_down_stops_nobody_and_gets_the_entry_when_it_is_back(citizen, outbox, kept, ledger, world):
    world.http.down.add(LEDGER_URL)
    assert "offer" in citizen.get("universitat", "university-degree")
    assert "Waiting to be written in the record book" in citizen.open("/universitat/queries").text
    for attempt in range(12):
        with pytest.raises(UnavailableError):
            outbox.run()
        (waiting,) = all_records(kept, "universitat")
        wait = waiting.due_at - world.clock.now()
        assert (waiting.attempts, waiting.promise) == (attempt + 1, None)
        assert wait == min(timedelta(seconds=2 * 2**attempt), LONGEST_WAIT)
        # before its time nothing is tried
        assert outbox.run() == 0
        world.clock.advance(wait)
    world.http.down.clear()
    assert outbox.run() == 1
    (found,) = all_records(kept, "universitat")
    assert leaves(ledger, world).count(found.commitment) == 1


def test_worker_killed_between_promise_and_keeping_it_loses_nothing_and_enters_nothing_twice(
    asked, ledger, new_outbox, kept, world, monkeypatch
):
    class Killed(BaseException):
        """SIGKILL: nothing after it runs."""

    def killed(*_):
        raise Killed

    first = new_outbox()
    monkeypatch.setattr(first._store, "keep_promise", killed)
    with pytest.raises(Killed):
        first.run()
    (waiting,) = all_records(kept, "universitat")
    assert waiting.promise is None
    second = new_outbox()
    # the dead one's lease has to end first
    assert second.run() == 0
    world.clock.advance(LEASE_LIFETIME)
    assert second.run() == 1
    assert leaves(ledger, world).count(asked.commitment) == 1
    (found,) = all_records(kept, "universitat")
    assert promises.verify_undated(
        found.promise, world.promise_key.public_key, log=LOG_ORIGIN, commitment=asked.commitment
    )


def test_worker_that_lost_its_lease_while_the_ledger_answered_writes_nothing(
    asked, ledger, new_outbox, kept, world
):
    slow, other = new_outbox(), new_outbox()
    opening = slow._open_ledger

    class SlowLedger:
        def __init__(self, client) -> None:
            self._client = client

        def add_entry(self, commitment):
            promise = self._client.add_entry(commitment)
            world.clock.advance(LEASE_LIFETIME)
            assert other.run() == 1
            return promise

    slow._open_ledger = lambda origin: SlowLedger(opening(origin))
    with pytest.raises(StoreConflictError) as lost:
        slow.run()
    assert lost.value.code == "lease_lost"
    (found,) = all_records(kept, "universitat")
    assert (found.promise is None, found.attempts) == (False, 0)
    assert leaves(ledger, world).count(asked.commitment) == 1


def test_second_worker_waits_and_takes_over_at_once_when_the_first_ends(asked, ledger, new_outbox, world):
    first, second = new_outbox(), new_outbox()
    assert first.run() == 1
    assert second.run() == 0
    first.hand_over()
    second.hand_over()
    assert len(calls(world, "POST", "/log/v1/entries")) == 1


def test_promise_that_does_not_hold_is_not_kept_and_the_record_goes_on_waiting(asked, outbox, kept, world):
    def promised(key=world.promise_key, **changes):
        given = {
            "log": LOG_ORIGIN,
            "commitment": asked.commitment,
            "now": world.clock.now(),
            "maximum_merge_delay": timedelta(seconds=60),
        }
        return promises.make(key, **{**given, **changes})

    wrong = [
        lambda: promised(log="localhost:8104/2025"),
        lambda: promised(commitment=Commitment(bytes(32))),
        lambda: promised(PrivateKey.generate()),
        lambda: promised(now=asked.made_at - timedelta(minutes=2)),
        lambda: promised(now=world.clock.now() + timedelta(minutes=2)),
        lambda: promised(maximum_merge_delay=timedelta(seconds=61)),
        lambda: "no.jws",
        lambda: "",
    ]
    for number, token in enumerate(wrong, 1):
        answer(world, token)
        with capture_logs() as logged:
            assert outbox.run() == 0
        assert [(each["event"], each["log_level"]) for each in logged] == [("query not recorded", "error")]
        (found,) = all_records(kept, "universitat")
        assert (found.promise, found.attempts) == (None, number)
        world.clock.advance(found.due_at - world.clock.now())
    # no text at all: no promise was given
    answer(world, lambda: 7)
    with pytest.raises(UnavailableError):
        outbox.run()
    # the true one is kept when it comes
    world.clock.advance(LONGEST_WAIT)
    answer(world, promised)
    assert outbox.run() == 1


def test_log_that_is_not_on_the_trust_list_gets_no_entry(asked, ledger, outbox, world, kept):
    world.write_trust_list(sequence=3, logs=[])
    assert outbox.run() == 0
    assert calls(world, "POST", "/log/v1/entries") == []
    assert all_records(kept, "universitat")[0].attempts == 1


def test_record_in_trouble_holds_up_no_other(citizen, new_citizen, outbox, ledger, kept, world):
    citizen.get("universitat", "university-degree")
    (first,) = all_records(kept, "universitat")
    with kept._database.write() as session:
        row = session.get_one(QueryRecordRow, first.commitment)
        row.log = "localhost:8104/2025"
        session.add(row)
    assert outbox.run() == 0
    world.clock.advance(timedelta(minutes=1))
    new_citizen().get("universitat", "university-degree", "laia")
    assert outbox.run() == 1
    assert [each.promise is None for each in all_records(kept, "universitat")] == [True, False]


def test_waiting_records_are_given_as_many_as_a_turn_takes(asked, kept, world):
    assert kept.waiting(world.clock.now(), limit=BATCH) == [asked]
    assert kept.waiting(world.clock.now(), limit=0) == []
    assert kept.waiting(world.clock.now() - timedelta(microseconds=1), limit=BATCH) == []


def test_worker_goes_on_after_a_turn_in_trouble_and_hands_over_at_the_end(asked, ledger, outbox, world):
    class Stop(threading.Event):
        """Ends the loop after the second pause."""

        def __init__(self) -> None:
            super().__init__()
            self.pauses = []

        def wait(self, timeout=None):
            self.pauses.append(timeout)
            world.clock.advance(timedelta(seconds=timeout or 0))
            world.http.down.clear()
            if len(self.pauses) == 2:
                self.set()
            return self.is_set()

    world.http.down.add(LEDGER_URL)
    stop = Stop()
    run(outbox, stop)
    assert stop.pauses == [10.0, 1.0]
    assert leaves(ledger, world).count(asked.commitment) == 1
    leases = outbox._leases
    assert leases.find(LEASE, "somebody else") is not None


def test_defect_in_a_turn_is_logged_without_its_words(outbox, monkeypatch):
    def broken():
        raise ValueError("99990001P")

    monkeypatch.setattr(outbox, "run", broken)
    with capture_logs() as logged:
        assert not _turn(outbox)
    assert [each["reason"] for each in logged] == ["ValueError"]
    assert "99990001P" not in str(logged)
