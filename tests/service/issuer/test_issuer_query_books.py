# SPDX-License-Identifier: EUPL-1.2
"""The issuer compares its records of queries with the log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from issuer.services import KEY
from ledger import promise as promises
from ledger.reconciliation import Count, ExceptionKind
from protocol.errors import UnavailableError
from testimoni.verify_reconciliation import compare_with_log, verify_stated
from tests.conftest import LEDGER_URL, LOG_ORIGIN, NOW
from tests.fakes.query_records import SINCE, UNTIL, answer


def reconcile(app):
    return app.extensions[KEY].reconciliations.run("universitat", since=SINCE, until=UNTIL)


def test_books_when_every_query_is_in_the_log_fit(app, asked, outbox, ledger, trust, world):
    outbox.run()
    ledger.sequence()
    stated = reconcile(app)
    assert stated.exceptions == ()
    assert [stated.counts[each] for each in (Count.QUERIES, Count.RECORDED, Count.IN_LOG)] == [1, 1, 1]
    assert (stated.counts[Count.UNPROMISED], stated.counts[Count.WAITING]) == (0, 0)
    assert [(head.log, head.size) for head in stated.heads] == [(LOG_ORIGIN, 8)]
    (token,) = app.test_client().get("/universitat/reconciliations").get_json()["reconciliations"]
    verified = verify_stated(token, trust, now=NOW)
    assert verified == stated
    assert compare_with_log([verified], trust, LEDGER_URL, http=world.http) == []


def test_record_without_promise_waits_and_then_is_an_exception_by_its_commitment(
    app, asked, ledger, checkpoint_key, world
):
    world.clock.advance(timedelta(seconds=60))
    stated = reconcile(app)
    assert (stated.exceptions, stated.counts[Count.UNPROMISED]) == ((), 1)
    world.clock.advance(timedelta(seconds=1))
    stated = reconcile(app)
    assert [(each.kind, each.reference) for each in stated.exceptions] == [
        (ExceptionKind.NOT_PROMISED, asked.commitment)
    ]
    assert stated.counts[Count.UNPROMISED] == 0


def test_promised_record_that_is_not_in_the_log_when_due_is_an_exception_by_its_commitment(
    app, asked, outbox, ledger, checkpoint_key, world
):
    promise = promises.make(
        world.promise_key,
        log=LOG_ORIGIN,
        commitment=asked.commitment,
        now=world.clock.now(),
        maximum_merge_delay=timedelta(seconds=60),
    )
    honest = world.http.apps[LEDGER_URL]
    answer(world, lambda: promise)
    outbox.run()
    world.http.apps[LEDGER_URL] = honest
    world.clock.advance(timedelta(seconds=60))
    stated = reconcile(app)
    assert (stated.exceptions, stated.counts[Count.WAITING]) == ((), 1)
    world.clock.advance(timedelta(seconds=1))
    stated = reconcile(app)
    assert [(each.kind, each.reference) for each in stated.exceptions] == [
        (ExceptionKind.NOT_IN_LOG, asked.commitment)
    ]
    assert stated.counts[Count.WAITING] == 0


def test_books_state_nothing_when_the_log_cannot_be_read(app, asked, ledger, checkpoint_key, world):
    world.http.down.add(LEDGER_URL)
    with pytest.raises(UnavailableError):
        reconcile(app)
    client = app.test_client()
    assert client.get("/universitat/reconciliations").get_json() == {"reconciliations": []}
