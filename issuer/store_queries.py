# SPDX-License-Identifier: EUPL-1.2
"""Records of questions in the database: the outbox to the ledger, what a person may see, and their destruction.

`issuer.store` adds them, in the transaction that keeps the question. Whatever the outbox writes checks its lease
in the same transaction, so that a process that was outrun changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlmodel import Session, col, delete, func, select, update

from issuer.records import Person, QueryRecord
from issuer.tables import DestroyedRecordRow, QueryRecordRow, QueryRow
from ledger.commitment import Commitment
from protocol.runtime.database import Database
from protocol.runtime.leases import Lease, Leases

_AN_INSTANT = timedelta.resolution


class QueryRecordStore(Protocol):
    """Records of questions. Each method is one transaction, durable when it returns."""

    def records_about(self, administration_id: str, person: Person) -> Mapping[str, QueryRecord]:
        """Return the records of the questions about a person, by the question's identifier."""

    def find_record(self, administration_id: str, person: Person, query_id: str) -> QueryRecord | None:
        """Return the record of one question about this person; None for anybody else's."""

    def records_between(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> Sequence[QueryRecord]:
        """Return the records of the questions asked from `since` on and before `until`, oldest first."""

    def count_between(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many `records_between` gives, without loading one."""

    def find_by_commitment(self, administration_id: str, commitment: Commitment) -> QueryRecord | None:
        """Return this administration's record with this commitment; None for anybody else's."""

    def count_destroyed(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many questions of the days of a period had a record that was destroyed.

        Days are whole ones of UTC: of a period that ends at noon, the afternoon counts too.
        """

    def is_destroyed(self, administration_id: str, commitment: Commitment) -> bool:
        """Whether this administration had a record with this commitment, and destroyed it."""

    def waiting(self, now: datetime, *, limit: int) -> Sequence[QueryRecord]:
        """Return records without promise whose time has come; those that failed least often first."""

    def keep_promise(self, lease: Lease, commitment: Commitment, promise: str) -> bool:
        """Keep the promise; False when there is one, or the record was destroyed meanwhile.

        Raises `StoreConflictError` (`lease_lost`) when another process has the job.
        """

    def postpone(self, lease: Lease, commitment: Commitment, until: datetime) -> None:
        """Count one try in vain, and ask again from then on. Raises as `keep_promise`."""

    def destroy_due(self, administration_id: str, now: datetime) -> int:
        """Destroy the questions, records and keys whose retention is over, promised or not; return how many.

        That there was a question with this commitment on that day is all that stays of each.
        """


class SqlQueryRecords:
    """A `QueryRecordStore` over one database."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        self._leases = leases

    def records_about(self, administration_id: str, person: Person) -> Mapping[str, QueryRecord]:
        """Return the records of the questions about a person, by the question's identifier."""
        found = self._select(_about(administration_id, person))
        return {each.query_id: each for each in found}

    def find_record(self, administration_id: str, person: Person, query_id: str) -> QueryRecord | None:
        """Return the record of one question about this person."""
        wanted = _about(administration_id, person).where(col(QueryRow.id) == query_id)
        return next(iter(self._select(wanted)), None)

    def records_between(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> Sequence[QueryRecord]:
        """Return the records of the questions asked in a period, oldest first."""
        wanted = _of_queries(select(QueryRecordRow), administration_id).where(*_asked_in(since, until))
        return self._select(wanted.order_by(col(QueryRow.asked_at), col(QueryRow.id)))

    def count_between(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many `records_between` gives, without loading one."""
        counted = select(func.count()).select_from(QueryRecordRow)
        return self._count(_of_queries(counted, administration_id).where(*_asked_in(since, until)))

    def find_by_commitment(self, administration_id: str, commitment: Commitment) -> QueryRecord | None:
        """Return this administration's record with this commitment."""
        wanted = _of_queries(select(QueryRecordRow), administration_id)
        return next(iter(self._select(wanted.where(col(QueryRecordRow.commitment) == commitment))), None)

    def count_destroyed(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many questions of the days of a period had a record that was destroyed."""
        last = (until - _AN_INSTANT).astimezone(UTC).date()
        return self._count(
            _destroyed(administration_id).where(
                col(DestroyedRecordRow.asked_on).between(since.astimezone(UTC).date(), last)
            )
        )

    def is_destroyed(self, administration_id: str, commitment: Commitment) -> bool:
        """Whether this administration had a record with this commitment, and destroyed it."""
        wanted = _destroyed(administration_id).where(col(DestroyedRecordRow.commitment) == commitment)
        return self._count(wanted) == 1

    def waiting(self, now: datetime, *, limit: int) -> Sequence[QueryRecord]:
        """Return records without promise whose time has come."""
        wanted = (
            select(QueryRecordRow)
            .where(col(QueryRecordRow.promise).is_(None), col(QueryRecordRow.due_at) <= now)
            .order_by(col(QueryRecordRow.attempts), col(QueryRecordRow.due_at), col(QueryRecordRow.commitment))
            .limit(limit)
        )
        return self._select(wanted)

    def keep_promise(self, lease: Lease, commitment: Commitment, promise: str) -> bool:
        """Keep the promise."""
        return self._change(lease, commitment, promise=promise)

    def postpone(self, lease: Lease, commitment: Commitment, until: datetime) -> None:
        """Count one try in vain, and ask again from then on."""
        self._change(lease, commitment, due_at=until, attempts=QueryRecordRow.attempts + 1)

    def destroy_due(self, administration_id: str, now: datetime) -> int:
        """Destroy the questions, records and keys whose retention is over."""
        due = (col(QueryRecordRow.administration_id) == administration_id, col(QueryRecordRow.keep_until) <= now)
        wanted = select(QueryRow.id, QueryRow.asked_at, QueryRecordRow.commitment).select_from(QueryRecordRow)
        with self._database.write() as session:
            found = session.exec(_of_queries(wanted, administration_id).where(*due)).all()
            # in an order that does not tell which was asked first
            for commitment, asked_at in sorted((each[2], each[1]) for each in found):
                day = asked_at.astimezone(UTC).date()
                session.add(
                    DestroyedRecordRow(commitment=commitment, administration_id=administration_id, asked_on=day)
                )
            queries = [query_id for query_id, _, _ in found]
            session.exec(delete(QueryRecordRow).where(*due))
            session.exec(
                delete(QueryRow).where(
                    col(QueryRow.administration_id) == administration_id, col(QueryRow.id).in_(queries)
                )
            )
            return len(queries)

    def _change(self, lease: Lease, commitment: Commitment, **values: Any) -> bool:  # values of columns
        statement = (
            update(QueryRecordRow)
            .where(col(QueryRecordRow.commitment) == commitment, col(QueryRecordRow.promise).is_(None))
            .values(**values)
        )
        with self._database.write() as session:
            self._leases.check(session, lease)
            return int(session.exec(statement).rowcount) == 1

    def _count(self, wanted: Any) -> int:  # SQL expressions have no nicer type
        with self._database.read() as session:
            return int(session.exec(wanted).one())

    def _select(self, wanted: Any) -> list[QueryRecord]:  # the same
        with self._database.read() as session:
            return [_record(row) for row in _rows(session, wanted)]


def _of_queries(wanted: Any, administration_id: str) -> Any:  # the same
    return wanted.join(QueryRow, col(QueryRow.id) == col(QueryRecordRow.query_id)).where(
        QueryRecordRow.administration_id == administration_id,
        QueryRow.administration_id == administration_id,
    )


def _about(administration_id: str, person: Person) -> Any:  # the same
    return _of_queries(select(QueryRecordRow), administration_id).where(col(QueryRow.person) == person)


def _asked_in(since: datetime, until: datetime) -> tuple[Any, Any]:  # the same
    return col(QueryRow.asked_at) >= since, col(QueryRow.asked_at) < until


def _destroyed(administration_id: str) -> Any:  # the same
    counted = select(func.count()).select_from(DestroyedRecordRow)
    return counted.where(col(DestroyedRecordRow.administration_id) == administration_id)


def _rows(session: Session, wanted: Any) -> Sequence[QueryRecordRow]:
    return list(session.exec(wanted))


def _record(row: QueryRecordRow) -> QueryRecord:
    return QueryRecord(**{**row.model_dump(), "commitment": Commitment(row.commitment)})
