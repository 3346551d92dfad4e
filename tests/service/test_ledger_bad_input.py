# SPDX-License-Identifier: EUPL-1.2
"""What goes wrong around a ledger: full databases, stale and wrong nodes, another chain, clocks that jump."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from ledger.app import create_app
from ledger.commitment import Commitment
from ledger.recorders import Recorders, SqlRecorderStore
from ledger.store import SqlStore
from ledger.trust import log_id
from ledger.values import LogCondition
from ledger.worker import Worker
from protocol.encoding import b64url_encode
from protocol.errors import ConfigurationError, UnavailableError
from protocol.runtime.database import Database, open_database
from tests.fakes.ledger_bench import Bench
from tests.fakes.memory_chain import MemoryChain, MemorySealer


@pytest.fixture
def bench(world, ledger_settings) -> Bench:
    return Bench(ledger_settings, world.clock, MemoryChain(log_id(ledger_settings.origin)))


@contextmanager
def full(database: Database) -> Iterator[None]:
    """Let SQLite files grow no more, as on a full disk; the free pages that they have are used up first."""

    def limit(connection, _record) -> None:
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count={pages}")

    database.engine.dispose()
    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)
        database.engine.dispose()


def count(database: Database, table: str) -> int:
    with database.engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())  # noqa: S608 - ours


def test_database_when_full_gives_no_promise_and_keeps_nothing_half(world, ledger, ledger_settings):
    database = open_database(ledger_settings.database_url)
    given = {}
    with full(database):
        flask = create_app(ledger_settings, clock=world.clock).test_client()
        for _ in range(400):
            commitment = secrets.token_bytes(32)
            answer = flask.post("/log/v1/entries", json={"commitment": b64url_encode(commitment)})
            if answer.status_code != 201:
                break
            given[commitment] = answer.json["promise"]
    assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")
    assert "Retry-After" in answer.headers
    store = SqlStore(database)
    assert store.find_promise("2026", Commitment(commitment)) is None
    assert count(database, "entries") == len(given)
    # with room again, what was refused is taken, and what was promised stands
    flask = create_app(ledger_settings, clock=world.clock).test_client()
    assert flask.post("/log/v1/entries", json={"commitment": b64url_encode(commitment)}).status_code == 201
    for value, promise in given.items():
        assert store.find_promise("2026", Commitment(value)) == promise


def test_database_when_full_closes_no_half_batch(bench):
    due_at = bench.clock.now() + timedelta(seconds=60)
    for _ in range(200):
        bench.store.add_promise("2026", Commitment(secrets.token_bytes(32)), "x" * 700, due_at=due_at)
    with full(bench.database):
        worker = bench.another_worker()
        bench.later(31)
        with pytest.raises(UnavailableError, match="temporarily_unavailable"):
            worker.sequence()
    assert bench.log().size == 0
    assert [count(bench.database, table) for table in ("nodes", "checkpoints")] == [0, 1]
    assert bench.store.count_waiting("2026") == 200
    bench.restart()
    bench.worker.sequence()
    bench.worker.anchor()
    bench.check_whole()


def test_quota_when_the_database_is_full_admits_nobody(world, ledger, ledger_settings):
    database = open_database(ledger_settings.database_url)
    recorders = Recorders(SqlRecorderStore(database), world.clock)
    token = recorders.add("wallet-north", quota=5)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=1")

    @event.listens_for(database.engine, "connect")
    def _read_only(connection, _record) -> None:
        connection.execute("pragma query_only=1")

    database.engine.dispose()
    with pytest.raises(UnavailableError):
        recorders.admit(f"Bearer {token}")


def test_commitment_when_repeated_a_hundred_times_is_one_entry(world, ledger, ledger_settings):
    flask = create_app(ledger_settings, clock=world.clock).test_client()
    body = {"commitment": b64url_encode(secrets.token_bytes(32))}
    answers = {flask.post("/log/v1/entries", json=body).json["promise"] for _ in range(100)}
    assert len(answers) == 1
    assert count(open_database(ledger_settings.database_url), "entries") == 1


@pytest.mark.parametrize("size", [1024, 1025, 1024 * 1024, 1024 * 1024 + 1])
def test_entry_when_oversized_is_refused_and_not_kept(world, ledger, ledger_settings, size):
    flask = create_app(ledger_settings, clock=world.clock).test_client()
    head, tail = b'{"commitment":"' + b"A" * 43 + b'","log":"2026"', b"}"
    body = head + b" " * (size - len(head) - len(tail)) + tail
    answer = flask.post("/log/v1/entries", data=body)
    expected = 201 if size == 1024 else 413 if size > 1024 * 1024 else 400
    assert answer.status_code == expected
    assert count(open_database(ledger_settings.database_url), "entries") == (size == 1024)


def test_leaf_that_another_recorder_repeats_is_promised_and_added_once(bench):
    """Fillers look like every other leaf: nobody learns which they are by asking for them."""
    bench.grow()
    leaves = bench.leaves()
    flask = create_app(bench.settings, clock=bench.clock).test_client()
    for leaf in leaves:
        assert flask.post("/log/v1/entries", json={"commitment": b64url_encode(leaf)}).status_code == 201
    bench.worker.sequence()
    assert bench.leaves() == leaves


def test_stale_node_moves_nothing_and_its_anchors_count_again_when_it_catches_up(bench):
    for _ in range(3):
        bench.grow()
        bench.worker.anchor()
    whole = list(bench.chain.blocks)
    bench.chain.mines_at_once = False
    # a node that lags two blocks behind the one that answered before
    del bench.chain.blocks[-2:]
    bench.grow()
    for _ in range(3):
        with pytest.raises(UnavailableError, match="chain_behind"):
            bench.worker.anchor()
        bench.worker.sequence()
    bench.chain.blocks = whole
    bench.chain.drop_pool()
    bench.chain.mines_at_once = True
    for _ in range(3):
        bench.worker.anchor()
    assert len([raw for block in bench.chain.blocks for raw in block.transactions]) == 4
    bench.check_whole()


def test_node_of_another_chain_gets_nothing(bench):
    bench.grow()
    bench.worker.anchor()
    bench.grow()
    bench.chain.number = 1
    with pytest.raises(ConfigurationError, match="wrong_chain"):
        bench.worker.anchor()
    assert len(bench.chain.sent) == 1
    assert bench.log().condition is LogCondition.OPEN
    bench.chain.number = 1337
    bench.worker.anchor()
    bench.check_whole()


def test_node_that_invents_a_head_stops_the_log_and_a_full_comparison_opens_it_again(bench, monkeypatch):
    bench.grow()
    bench.worker.anchor()
    genuine = bench.chain.head
    monkeypatch.setattr(bench.chain, "head", lambda log_id: replace(genuine(log_id), root=bytes(32)))
    bench.worker.anchor()
    assert bench.log().condition is LogCondition.FROZEN
    monkeypatch.undo()
    # by itself it stays frozen: somebody must look
    bench.restart()
    assert bench.worker.sequence() == 0
    assert bench.log().condition is LogCondition.FROZEN
    assert bench.worker.restore("2026", [], is_vouched=True).condition is LogCondition.OPEN
    bench.grow()
    bench.worker.anchor()
    bench.check_whole()


def test_node_that_invents_a_longer_chain_is_not_believed(bench, monkeypatch):
    bench.grow()
    bench.worker.anchor()
    genuine = bench.chain.head
    monkeypatch.setattr(bench.chain, "head", lambda log_id: replace(genuine(log_id), size=4096))
    bench.worker.anchor()
    assert bench.log().condition is LogCondition.RESTORING
    with pytest.raises(UnavailableError, match="chain_inconsistent"):
        bench.worker.sequence()
    monkeypatch.undo()
    bench.worker.sequence()
    assert (bench.log().condition, bench.log().size) == (LogCondition.OPEN, 8)


def test_clock_that_jumps_ahead_and_back_loses_no_promise_and_blocks_no_worker(bench):
    bench.grow()
    bench.worker.anchor()
    added = Commitment(secrets.token_bytes(32))
    bench.later(86_400 * 365)
    bench.restart()
    bench.worker.sequence()
    bench.store.add_promise("2026", added, "token", due_at=bench.clock.now() + timedelta(seconds=60))
    bench.worker.anchor()
    # back again: leases, batches and checkpoints of the future are behind us
    bench.later(-86_400 * 365 - 3600)
    bench.worker = bench.another_worker()
    bench.worker.sequence()
    assert bench.store.find_index("2026", added) is not None
    assert not bench.store.has_overdue("2026", now=bench.clock.now())
    bench.worker.anchor()
    bench.check_whole()


@pytest.mark.parametrize(
    "fault",
    [
        ConfigurationError("wrong_contract", "no code yet: the node is syncing"),
        UnavailableError("chain_unavailable", "the node does not answer"),
        KeyError("topics"),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("job", ["anchor", "follow_registry"])
def test_turn_of_another_job_that_fails_in_any_way_does_not_stop_the_sequencer(bench, monkeypatch, job, fault):
    stop, failed = threading.Event(), threading.Event()
    sequenced = []
    genuine = bench.worker.sequence

    def fail() -> None:
        failed.set()
        raise fault

    def sequence() -> int:
        assert failed.wait(timeout=30)
        bench.store.add_promise("2026", Commitment(secrets.token_bytes(32)), "t", due_at=bench.clock.now())
        sequenced.append(genuine())
        if len(sequenced) == 3:
            stop.set()
        return sequenced[-1]

    monkeypatch.setattr(bench.worker, job, fail)
    monkeypatch.setattr(bench.worker, "sequence", sequence)
    monkeypatch.setattr(bench.worker, "_until_next_batch", lambda _: 0.0)
    bench.worker.run(stop)
    assert sequenced == [1, 1, 1]
    assert bench.log().size == 24


def test_worker_of_a_new_log_whose_chain_is_another_says_so_at_its_first_turn(world, ledger_settings, monkeypatch):
    chain = MemoryChain(log_id(ledger_settings.origin))
    bench = Bench(ledger_settings, world.clock, chain)
    stop = threading.Event()

    def wrong(**_: object) -> None:
        raise ConfigurationError("wrong_chain", "expected chain 1337, the node is on 1")

    chain.check = wrong
    settings = bench.settings.model_copy(update={"database_url": f"{bench.settings.database_url}.new"})
    worker = Worker(settings, clock=world.clock, sealer=MemorySealer())
    monkeypatch.setattr("ledger.chain.client.open_chain", lambda *_, **__: chain)
    with pytest.raises(ConfigurationError, match="wrong_chain"):
        worker.run(stop)
    assert stop.is_set()
