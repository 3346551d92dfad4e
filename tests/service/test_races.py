# SPDX-License-Identifier: EUPL-1.2
"""Two at the same moment: what only one may have, and what a database refuses; on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import select

from ledger.commitment import Commitment
from ledger.kill_points import NoKillPoints
from ledger.recorders import Recorders, SqlRecorderStore
from ledger.store import SqlStore as LedgerStore
from ledger.tables import EntryRow, LeaseRow
from ledger.values import LogCondition
from ledger.worker import Worker
from ledger.worker_store import WorkerStore
from protocol.errors import Error, QuotaError, RequestError, StoreConflictError, UnavailableError
from protocol.runtime.database import check_migrated, migrate, open_database
from protocol.runtime.leases import Leases
from tests.fakes.presentations import honest
from verifier.model import Withdrawal
from wallet import vault
from wallet.rows import Pending, Vault
from wallet.store import SqlStore as WalletStore

AT_ONCE = 6


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """Make all calls from threads that start together; return results, and errors of ours as they were raised."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = calls[index]()
        except Error as exc:
            results[index] = exc
        except BaseException as exc:  # noqa: BLE001 - shown by the test that compares
            results[index] = exc

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def wallet(new_database):
    database = open_database(new_database("wallet"))
    migrate(database, "wallet")
    return WalletStore(database)


def a_vault(name: str) -> Vault:
    return Vault(name, vault.WrappedKey(vault.KDF, bytes(16), vault.ROUNDS, bytes(12), bytes(48)), b"proof")


def test_owner_gets_one_vault(wallet, clock):
    actor = wallet.get_actor(b"marta", now=clock.now())
    results = at_once(
        [lambda n=n: wallet.put_vault(actor, a_vault(f"v{n}"), now=clock.now()) for n in range(AT_ONCE)]  # type: ignore[misc]
    )
    assert sorted(type(each).__name__ for each in results) == ["NoneType"] + ["StoreConflictError"] * (AT_ONCE - 1)
    winner = results.index(None)
    assert wallet.find_vault(actor).id == f"v{winner}"


def test_person_who_signs_in_twice_is_one_actor(wallet, clock):
    results = at_once([lambda: wallet.get_actor(b"marta", now=clock.now())] * AT_ONCE)
    assert len(set(results)) == 1


def test_pending_item_is_taken_once(wallet, clock):
    actor = wallet.get_actor(b"marta", now=clock.now())
    wallet.put_pending(actor, Pending("p", "offer", b"sealed", clock.now() + timedelta(hours=1)))
    results = at_once([lambda: wallet.take_pending(actor, "p", "offer", now=clock.now())] * AT_ONCE)
    assert sum(each is not None for each in results) == 1
    assert not any(isinstance(each, BaseException) for each in results)


def test_share_has_one_open_withdrawal(office, world):
    started = office.start()
    office.answer(office.fetch(started["request_url"]), honest(world, None))
    now = world.clock.now()

    def withdrawal(number: int) -> Withdrawal:
        return Withdrawal(
            id=f"w{number}",
            administration_id="ajuntament",
            presentation_id=started["id"],
            token=f"t{number}",
            commitment=Commitment(bytes([number]) * 32),
            kind="withdraw",
            record=b"r",
            key=b"k",
            signature="s",
            promise="p",
            marker_promise="m",
            received_at=now,
            due_on=now.date(),
        )

    store = office.services.store
    results = at_once([lambda n=n: store.add_withdrawal(withdrawal(n)) for n in range(AT_ONCE)])  # type: ignore[misc]
    kinds = Counter(type(each).__name__ for each in results)
    assert kinds == {"Withdrawal": 1, "StoreConflictError": AT_ONCE - 1}
    assert len(store.withdrawals_of("ajuntament", started["id"])) == 1


def test_quota_is_never_exceeded(world, ledger, ledger_settings):
    recorders = Recorders(SqlRecorderStore(open_database(ledger_settings.database_url)), world.clock)
    token = recorders.add("wallet-north", quota=10)

    def call() -> int:
        admitted = 0
        for _ in range(4):
            try:
                recorders.admit(f"Bearer {token}")
                admitted += 1
            except QuotaError:
                pass
        return admitted

    results = at_once([call] * AT_ONCE)
    assert sum(int(str(each)) for each in results) == 10
    assert recorders.recorders()[0].used == 10


def test_commitment_gets_one_promise(world, ledger, ledger_settings):
    store = LedgerStore(open_database(ledger_settings.database_url))
    commitment, due_at = Commitment(secrets.token_bytes(32)), world.clock.now() + timedelta(seconds=60)
    results = at_once(
        [lambda n=n: store.add_promise("2026", commitment, f"token-{n}", due_at=due_at) for n in range(AT_ONCE)]  # type: ignore[misc]
    )
    assert len(set(results)) == 1
    assert store.find_promise("2026", commitment) == results[0]


def test_log_closes_with_every_promise_kept_or_refused(world, ledger, ledger_settings):
    """Promises, a sequencer and the end of the log at the same moment: nothing promised stays outside."""
    settings = ledger_settings.model_copy(update={"freezes_at": world.clock.now() + timedelta(seconds=60)})
    world.clock.advance(timedelta(seconds=61))
    Worker(settings, clock=world.clock).sequence()
    database = open_database(settings.database_url)
    leases = Leases(database, LeaseRow, world.clock, lifetime=timedelta(seconds=30))
    world.clock.advance(timedelta(seconds=61))
    lease = leases.find("sequencer:2026", "test")
    assert lease is not None
    store = WorkerStore(database, leases, NoKillPoints())
    # open it again, without an end that would refuse by itself
    store.set_condition(lease, "2026", LogCondition.OPEN, "")
    store.attend(lease, "2026", at=None, freezes_at=None)

    def promise(number: int) -> int:
        given = 0
        for index in range(8):
            value = Commitment(bytes([number, index]) + secrets.token_bytes(30))
            try:
                store.add_promise("2026", value, "token", due_at=world.clock.now())
                given += 1
            except UnavailableError:
                return given
        return given

    def close() -> str:
        return "closed" if store.close(lease, "2026") else "waits"

    results = at_once([*(lambda n=n: promise(n) for n in range(AT_ONCE)), close])  # type: ignore[misc]
    promised = sum(int(str(each)) for each in results[:-1])
    assert store.count_waiting("2026") == promised
    # closed only when nothing waited at that moment, and then nothing came after
    assert (results[-1], promised > 0) in {("closed", False), ("waits", True)}


def test_job_has_one_holder(world, ledger, ledger_settings):
    leases = Leases(
        open_database(ledger_settings.database_url), LeaseRow, world.clock, lifetime=timedelta(seconds=30)
    )
    results = at_once([lambda n=n: leases.find("job", f"holder-{n}") for n in range(AT_ONCE)])  # type: ignore[misc]
    assert sum(each is not None for each in results) == 1
    assert not any(isinstance(each, BaseException) for each in results)


def test_workers_that_sequence_at_once_give_each_entry_one_place(world, ledger, ledger_settings):
    database = open_database(ledger_settings.database_url)
    store = LedgerStore(database)
    added = [Commitment(secrets.token_bytes(32)) for _ in range(40)]
    for each in added:
        store.add_promise("2026", each, "token", due_at=world.clock.now() + timedelta(seconds=60))
    world.clock.advance(timedelta(seconds=31))
    workers = [Worker(ledger_settings, clock=world.clock) for _ in range(3)]
    results = at_once([worker.sequence for worker in workers])
    assert all(isinstance(each, int | StoreConflictError) for each in results)
    size = store.find_log("2026").size
    assert sorted(store.entries("2026", 0, size)) == sorted(added)
    with database.read() as session:
        assert session.exec(select(EntryRow).where(EntryRow.leaf_index == None)).first() is None  # noqa: E711 - SQL


def test_tables_are_made_once_by_processes_that_start_together(new_database):
    url = new_database("ledger")
    results = at_once([lambda: migrate(open_database(url), "ledger")] * 4)
    assert results == [None] * 4
    check_migrated(open_database(url), "ledger")


def test_text_with_a_nul_is_refused_or_unknown_and_never_an_error_of_ours(office, wallet, clock):
    answer = office.api("POST", "/presentations", {"procedure": "borsa\x00treball"})
    assert 400 <= answer.status_code < 500
    assert office.api("GET", "/presentations/a%00b").status_code in {400, 404}
    actor = wallet.get_actor(b"marta", now=clock.now())
    for call in (
        lambda: wallet.find_share(actor, "a\x00b"),
        lambda: wallet.find_pending(actor, "a\x00b", "offer", now=clock.now()),
        lambda: wallet.put_pending(actor, Pending("a\x00b", "offer", b"sealed", clock.now())),
    ):
        # refused where the database cannot hold it
        with suppress(RequestError):
            call()
