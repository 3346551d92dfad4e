# SPDX-License-Identifier: EUPL-1.2
"""What the worker asks its store at every step is one step into an index, however many anchors are final."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, text

from ledger.kill_points import NoKillPoints
from ledger.tables import AnchorRow, LeaseRow
from ledger.values import AnchorState
from ledger.worker_store import WorkerStore
from protocol.runtime.database import migrate, open_database
from protocol.runtime.leases import Leases
from tests.conftest import NOW

FINAL = 3000


@pytest.fixture
def store(world, ledger_settings):
    database = open_database(ledger_settings.database_url)
    migrate(database, "ledger")
    leases = Leases(database, LeaseRow, world.clock, lifetime=timedelta(seconds=30))
    made = WorkerStore(database, leases, NoKillPoints())
    put(made, *(("2026", size, AnchorState.FINAL) for size in range(1, FINAL + 1)))
    return made


def put(store, *anchors):
    rows = [
        {
            "log": log,
            "prev_size": size - 1,
            "size": size,
            "root": bytes(32),
            "state": state.value,
            "transaction_hash": f"{log}{state.value}{size}".encode(),
            "stored_at": NOW,
            "evidence": "",
        }
        for log, size, state in anchors
    ]
    with store._database.write() as session:
        session.execute(insert(AnchorRow), rows)


def plans(store, ask):
    """Return how SQLite comes to what `ask` asks for."""
    asked, engine = [], store._database.engine

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if "FROM anchors" in statement:
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        ask("2026")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert asked
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", given) for one, given in asked]
        return [row[-1] for each in found for row in each]


@pytest.mark.parametrize("question", ["find_in_flight", "find_settled", "find_failed"])
def test_anchor_in_a_state_is_found_without_walking_those_that_are_final(store, question):
    for plan in plans(store, getattr(store, question)):
        assert plan == "SEARCH anchors USING INDEX ix_anchors_log_state_size (log=? AND state=?)"


def test_anchor_in_flight_is_the_oldest_of_its_log_that_is_not_final(store):
    assert store.find_in_flight("2026") is None
    put(store, ("2025", 1, AnchorState.PENDING), ("2026", FINAL + 3, AnchorState.PENDING))
    put(store, ("2026", FINAL + 9, AnchorState.ABANDONED), ("2026", FINAL + 1, AnchorState.FAILED))
    assert store.find_in_flight("2026").size == FINAL + 3
    put(store, ("2026", FINAL + 2, AnchorState.INCLUDED), ("2026", FINAL + 4, AnchorState.INCLUDED))
    assert (store.find_in_flight("2026").size, store.find_in_flight("2026").state) == (FINAL + 2, "included")
    assert store.find_in_flight("2025").size == 1
    assert store.find_settled("2026").size == FINAL + 4
    assert store.find_failed("2026").size == FINAL + 1
    assert store.find_settled("2025") is None


def test_anchors_of_one_size_are_told_apart_by_which_was_stored_last(store):
    put(store, ("2026", FINAL + 1, AnchorState.INCLUDED))
    with store._database.write() as session:
        session.execute(
            text("UPDATE anchors SET size = :size WHERE size = :old"), {"size": FINAL + 1, "old": FINAL}
        )
    assert store.find_settled("2026").state is AnchorState.INCLUDED
