# SPDX-License-Identifier: EUPL-1.2
from datetime import timedelta

import pytest
from sqlalchemy import event, insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import registry
from sqlmodel import Session, SQLModel

from protocol.errors import ConfigurationError, StoreConflictError
from protocol.runtime.database import open_database
from protocol.runtime.leases import Leases
from protocol.runtime.tables import LeaseColumns


class Base(SQLModel, registry=registry()):
    pass


class LeaseRow(LeaseColumns, Base, table=True):
    __tablename__ = "leases"


@pytest.fixture
def database(tmp_path):
    made = open_database(f"sqlite:///{tmp_path}/x.sqlite3")
    Base.metadata.create_all(made.engine)
    yield made
    made.engine.dispose()


@pytest.fixture
def leases(database, clock):
    return Leases(database, LeaseRow, clock, lifetime=timedelta(seconds=10))


def test_lease_is_one_holders_until_it_expires(leases, clock):
    first = leases.find("job", "a")
    assert leases.find("job", "b") is None
    assert leases.find("job", "a") == first
    clock.advance(timedelta(seconds=11))
    second = leases.find("job", "b")
    assert second.token == first.token + 1


def test_lease_from_before_the_clock_was_set_back_blocks_nobody(leases, clock):
    first = leases.find("job", "a")
    clock.advance(timedelta(hours=-1))
    second = leases.find("job", "b")
    assert second.token == first.token + 1


def test_lease_of_a_host_whose_clock_is_a_little_ahead_is_respected(leases, clock):
    clock.advance(timedelta(seconds=10))
    leases.find("job", "a")
    clock.advance(timedelta(seconds=-10))
    assert leases.find("job", "b") is None
    clock.advance(timedelta(seconds=-1))
    assert leases.find("job", "b") is not None


def test_write_under_a_lost_lease_is_refused(leases, database, clock):
    first = leases.find("job", "a")
    clock.advance(timedelta(seconds=11))
    leases.find("job", "b")
    with pytest.raises(StoreConflictError), database.write() as session:
        leases.check(session, first)


def test_released_lease_is_free_at_once(leases):
    leases.release(leases.find("job", "a"))
    assert leases.find("job", "b") is not None


def test_lease_is_looked_at_under_a_row_lock_where_the_database_has_one(leases, database):
    """Else on PostgreSQL two workers both read an expired lease and both take it."""
    seen = []

    def note(state):
        seen.append("FOR UPDATE" in str(state.statement.compile(dialect=postgresql.dialect())))

    event.listen(Session, "do_orm_execute", note)
    try:
        lease = leases.find("job", "a")
        with database.write() as session:
            leases.check(session, lease)
        leases.release(lease)
    finally:
        event.remove(Session, "do_orm_execute", note)
    assert seen == [True, True, True]


def test_lease_when_another_process_makes_it_at_the_same_moment_is_the_others(leases, clock):
    def race(session, _context, _instances):
        row = {"name": "job", "holder": "b", "token": 1, "expires_at": clock.now() + timedelta(seconds=10)}
        session.connection().execute(insert(LeaseRow.__table__).values(**row))

    event.listen(Session, "before_flush", race)
    try:
        assert leases.find("job", "a") is None
    finally:
        event.remove(Session, "before_flush", race)


def test_open_database_when_url_is_of_another_kind_refuses_to_start():
    with pytest.raises(ConfigurationError):
        open_database("mysql://x")
