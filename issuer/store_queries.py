# SPDX-License-Identifier: EUPL-1.2
"""Records of questions in the database: the outbox to the ledger, what a person may see, and their destruction.

`issuer.store` adds them, in the transaction that keeps the question. Whatever the outbox writes checks its lease
in the same transaction, so that a process that was outrun changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import Session, col, delete, select, update

from issuer.records import Person, QueryRecord
from issuer.tables import QueryRecordRow, QueryRow
from ledger.commitment import Commitment
from protocol.runtime.database import Database
from protocol.runtime.leases import Lease, Leases


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

    def waiting(self, now: datetime, *, limit: int) -> Sequence[QueryRecord]:
        """Return records without promise whose time has come; those that failed least often first."""

    def keep_promise(self, lease: Lease, commitment: Commitment, promise: str) -> bool:
        """Keep the promise; False when there is one, or the record was destroyed meanwhile.

        Raises `StoreConflictError` (`lease_lost`) when another process has the job.
        """

    def postpone(self, lease: Lease, commitment: Commitment, until: datetime) -> None:
        """Count one try in vain, and ask again from then on. Raises as `keep_promise`."""

    def destroy_due(self, administration_id: str, now: datetime) -> int:
        """Destroy the questions, records and keys whose retention is over, promised or not; return how many."""


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
        wanted = (
            _of_queries(administration_id)
            .where(col(QueryRow.asked_at) >= since, col(QueryRow.asked_at) < until)
            .order_by(col(QueryRow.asked_at), col(QueryRow.id))
        )
        return self._select(wanted)

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
        with self._database.write() as session:
            queries = session.exec(select(QueryRecordRow.query_id).where(*due)).all()
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

    def _select(self, wanted: Any) -> list[QueryRecord]:  # SQL expressions have no nicer type
        with self._database.read() as session:
            return [_record(row) for row in _rows(session, wanted)]


def _of_queries(administration_id: str) -> Any:  # the same
    return (
        select(QueryRecordRow)
        .join(QueryRow, col(QueryRow.id) == col(QueryRecordRow.query_id))
        .where(
            QueryRecordRow.administration_id == administration_id,
            QueryRow.administration_id == administration_id,
        )
    )


def _about(administration_id: str, person: Person) -> Any:  # the same
    return _of_queries(administration_id).where(col(QueryRow.person) == person)


def _rows(session: Session, wanted: Any) -> Sequence[QueryRecordRow]:
    return list(session.exec(wanted))


def _record(row: QueryRecordRow) -> QueryRecord:
    return QueryRecord(**{**row.model_dump(), "commitment": Commitment(row.commitment)})
