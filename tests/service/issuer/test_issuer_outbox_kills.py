# SPDX-License-Identifier: EUPL-1.2
"""SIGKILL between any two steps of a query's way to the ledger: nothing is lost, and nothing is entered twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlmodel import Session

from issuer.outbox import LEASE_LIFETIME
from issuer.services import KEY
from issuer.worker import open_outbox
from ledger import promise as promises
from ledger.app import create_app as create_ledger
from protocol.runtime.database import open_database
from tests.conftest import LEDGER_URL, LOG_ORIGIN, WsgiHTTP
from tests.fakes.query_records import all_records, leaves


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def signal_that_ends(run: Callable[[], object]) -> int:
    """Run it in a process of its own and return the signal that ended that; 0 when it came to its end."""
    child = os.fork()
    if not child:
        try:
            run()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


class DyingLedger:
    """A ledger's client that ends the process before or after the ledger has answered, or at the next commit."""

    def __init__(self, client, step: str) -> None:
        self._client = client
        self._step = step

    def add_entry(self, commitment):
        if self._step == "before the ledger is asked":
            die()
        promise = self._client.add_entry(commitment)
        if self._step == "before the promise is written":
            die()
        if self._step == "before the promise is committed":
            event.listen(Session, "before_commit", die)
        return promise


@pytest.mark.parametrize(
    ("step", "left"),
    [
        ("before the ledger is asked", 1),
        ("before the promise is written", 1),
        ("before the promise is committed", 1),
        ("after the promise is committed", 0),
    ],
)
def test_worker_killed_at_any_step_loses_nothing_and_enters_nothing_twice(
    settings, ledger_settings, asked, ledger, outbox, kept, world, step, left
):
    def turn():
        # connections of its own: those of the parent are not touched
        http = WsgiHTTP({LEDGER_URL: create_ledger(ledger_settings, clock=world.clock)})
        mortal = open_outbox(settings, open_database(settings.database_url), world.clock, http)
        opening = mortal._open_ledger
        mortal._open_ledger = lambda origin: DyingLedger(opening(origin), step)
        mortal.run()
        die()

    assert signal_that_ends(turn) == signal.SIGKILL
    assert outbox.run() == 0
    world.clock.advance(LEASE_LIFETIME)
    assert outbox.run() == left
    (found,) = all_records(kept, "universitat")
    promises.verify_undated(
        found.promise, world.promise_key.public_key, log=LOG_ORIGIN, commitment=asked.commitment
    )
    assert leaves(ledger, world).count(asked.commitment) == 1


class Killed(BaseException):
    """Nothing after it runs."""


def test_web_worker_killed_while_the_source_answers_leaves_a_query_that_is_recorded(
    app, citizen, ledger, outbox, kept, world, monkeypatch
):
    def killed(_query):
        raise Killed

    monkeypatch.setattr(app.extensions[KEY].enquiries._source, "query", killed)
    with pytest.raises(Killed):
        citizen.get("universitat", "university-degree")
    assert outbox.run() == 1
    (found,) = all_records(kept, "universitat")
    assert leaves(ledger, world).count(found.commitment) == 1


def test_web_worker_killed_before_the_record_is_kept_asks_nobody(app, citizen, kept, world, monkeypatch):
    def killed(*_):
        raise Killed

    monkeypatch.setattr(app.extensions[KEY].enquiries._store, "add_query", killed)
    with pytest.raises(Killed):
        citizen.get("universitat", "university-degree")
    assert all_records(kept, "universitat") == []
    assert not [url for _, url in world.http.calls if "siri-proxy" in url]
