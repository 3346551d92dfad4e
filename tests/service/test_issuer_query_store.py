# SPDX-License-Identifier: EUPL-1.2
"""The store of queries' records by itself, on SQLite and on PostgreSQL; and a database from before there were any."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import as_file, files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from issuer.interop import Authorisation, Consent, Officer
from issuer.outbox import LEASE, LEASE_LIFETIME
from issuer.records import Administration, Person, QueryRecord, SourceQuery
from issuer.store import SqlStore
from issuer.store_queries import SqlQueryRecords
from issuer.tables import LeaseRow
from ledger.commitment import Commitment
from protocol.errors import StoreConflictError
from protocol.runtime.database import migrate, open_database
from protocol.runtime.leases import Lease, Leases
from tests.conftest import LOG_ORIGIN, NOW

MARTA, LAIA = Person(b"m" * 32), Person(b"l" * 32)
KEEP = timedelta(days=1095)


@pytest.fixture
def database(new_database):
    return open_database(new_database("issuer"))


@pytest.fixture
def leases(database, clock):
    return Leases(database, LeaseRow, clock, lifetime=LEASE_LIFETIME)


@pytest.fixture
def store(database):
    migrate(database, "issuer")
    made = SqlStore(database)
    for name in ("a", "b"):
        by = Authorisation(name, name, "F", Officer("O", "00000000T"))
        made.put_administration(Administration(name, name, {"ca": name}, by, "file:k", ("c",), ("t",)))
    return made


@pytest.fixture
def kept(database, leases, store):
    return SqlQueryRecords(database, leases)


@pytest.fixture
def ask(store):
    def add(name: str, administration: str = "a", person: Person = MARTA, at=NOW) -> QueryRecord:
        query = SourceQuery(
            name, administration, person, "t", "R", "R", "P", "M", "F", Consent.LAW, None, at, "asked", "", "c"
        )
        commitment = Commitment(name.encode().ljust(32, b"\0"))
        record = QueryRecord(commitment, administration, name, LOG_ORIGIN, b"sealed", at, at + KEEP, at)
        store.add_query(query, record)
        return record

    return add


def test_records_are_read_by_person_by_period_and_by_administration(ask, kept):
    first, second = ask("1"), ask("2", at=NOW + timedelta(seconds=1))
    other, elsewhere = ask("3", person=LAIA), ask("4", "b")
    assert kept.records_about("a", MARTA) == {"1": first, "2": second}
    assert kept.records_about("b", MARTA) == {"4": elsewhere}
    assert kept.find_record("a", LAIA, "3") == other
    assert kept.find_record("a", MARTA, "3") is kept.find_record("b", MARTA, "1") is None
    until = NOW + timedelta(seconds=1)
    assert kept.records_between("a", since=NOW, until=until) == [first, other]
    assert kept.records_between("a", since=until, until=until + timedelta(seconds=1)) == [second]


def test_records_are_counted_by_period_and_found_by_commitment_and_of_destroyed_ones_the_day_is_left(ask, kept):
    first, _ = ask("1"), ask("2", at=NOW + timedelta(days=1))
    elsewhere = ask("3", "b")
    day = NOW.replace(hour=0, minute=0)
    tomorrow, end = day + timedelta(days=1), day + timedelta(days=2)
    assert [kept.count_between("a", since=day, until=until) for until in (NOW, tomorrow, end)] == [0, 1, 2]
    assert kept.find_by_commitment("a", first.commitment) == first
    assert kept.find_by_commitment("a", elsewhere.commitment) is None
    assert not kept.is_destroyed("a", first.commitment)
    assert kept.destroy_due("a", first.keep_until) == 1
    assert kept.find_by_commitment("a", first.commitment) is None
    assert kept.is_destroyed("a", first.commitment)
    assert not kept.is_destroyed("b", first.commitment)
    assert not kept.is_destroyed("b", elsewhere.commitment)
    assert kept.count_between("a", since=day, until=end) == 1
    for since, until, count in (
        (day, end, 1),
        (day, tomorrow, 1),
        (tomorrow, end, 0),
        (day - (end - day), day, 0),
    ):
        assert kept.count_destroyed("a", since=since, until=until) == count
    assert kept.count_destroyed("b", since=day, until=end) == 0
    assert kept.destroy_due("a", first.keep_until) == 0


def test_question_and_record_are_kept_both_or_neither(ask, store, kept):
    ask("1")
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        ask("1")
    assert len(store.queries_about("a", MARTA)) == len(kept.records_about("a", MARTA)) == 1


def test_promise_is_kept_once_and_waiting_records_come_by_their_failures(ask, kept, leases):
    first, second = ask("1"), ask("2")
    lease = leases.find(LEASE, "one")
    kept.postpone(lease, first.commitment, NOW + timedelta(seconds=2))
    assert [each.query_id for each in kept.waiting(NOW, limit=9)] == ["2"]
    later = NOW + timedelta(seconds=2)
    assert [(each.query_id, each.attempts) for each in kept.waiting(later, limit=9)] == [("2", 0), ("1", 1)]
    assert [each.query_id for each in kept.waiting(later, limit=1)] == ["2"]
    assert kept.keep_promise(lease, second.commitment, "promise")
    assert not kept.keep_promise(lease, second.commitment, "another")
    assert not kept.keep_promise(lease, Commitment(bytes(32)), "of nothing")
    assert kept.records_about("a", MARTA)["2"].promise == "promise"
    assert [each.query_id for each in kept.waiting(later, limit=9)] == ["1"]


def test_holder_of_another_lease_writes_nothing(ask, kept, leases):
    record = ask("1")
    held = leases.find(LEASE, "one")
    for stale in (Lease(LEASE, "one", held.token + 1), Lease(LEASE, "two", held.token), Lease("other", "one", 1)):
        with pytest.raises(StoreConflictError):
            kept.keep_promise(stale, record.commitment, "promise")
        with pytest.raises(StoreConflictError):
            kept.postpone(stale, record.commitment, NOW)
    assert kept.waiting(NOW, limit=9) == [record]


def test_what_is_due_is_destroyed_with_its_question_and_nothing_else(ask, store, kept):
    ask("1")
    ask("2", "b")
    later = ask("3", at=NOW + timedelta(seconds=1))
    assert kept.destroy_due("a", NOW + KEEP - timedelta(microseconds=1)) == 0
    assert kept.destroy_due("a", NOW + KEEP) == 1
    assert kept.records_about("a", MARTA) == {"3": later}
    assert [each.id for each in store.queries_about("a", MARTA)] == ["3"]
    assert [each.id for each in store.queries_about("b", MARTA)] == ["2"]
    assert len(kept.records_about("b", MARTA)) == 1


def test_database_from_before_queries_were_recorded_is_brought_up_to_date(database, leases):
    with as_file(files("issuer") / "migrations") as folder, database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(
            text(
                "INSERT INTO administrations (id, code, names, requester_code, requester_name, finality,"
                " officer_name, officer_document, signer_url, x5c, credential_types, support_url)"
                " VALUES ('a', 'a', '{\"ca\": \"a\"}', 'R', 'R', 'F', 'O', 'D', 'file:k', '[\"c\"]', '[\"t\"]', 'https://s')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO queries (id, administration_id, person, type_id, requester_code, requester_name, product,"
                " modality, finality, consent, asked_at, outcome, source_code, correlation_id)"
                " VALUES ('1', 'a', :person, 't', 'R', 'R', 'P', 'M', 'F', 'Ley', :at, 'found', '', 'c')"
            ),
            {"person": MARTA, "at": NOW},
        )
    migrate(database, "issuer")
    store, kept = SqlStore(database), SqlQueryRecords(database, leases)
    office = store.find_administration("a")
    # the words are missing, and nothing stands in their place
    assert (office.privacy_url, office.dpa_name, office.dpa_contact) == ("", "", "")
    assert [each.id for each in store.queries_about("a", MARTA)] == ["1"]
    assert kept.records_about("a", MARTA) == {}
    assert kept.destroy_due("a", NOW + 10 * KEEP) == 0
