# SPDX-License-Identifier: EUPL-1.2
"""The issuer's store in a database (`issuer.records.Store` is the interface).

Each change of state is one conditional UPDATE: of two processes that try it, the database lets one win.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select, update

from issuer.interop import Consent
from issuer.records import (
    OPEN_STATES,
    Administration,
    Copy,
    Issuance,
    Objection,
    OfferDigests,
    Person,
    QueryRecord,
    SourceQuery,
    State,
    Store,
)
from issuer.rows import administration_of, administration_row, issuance_of, issuance_row
from issuer.tables import (
    AdministrationRow,
    CopyRow,
    IssuanceRow,
    NonceRow,
    ObjectionRow,
    QueryRecordRow,
    QueryRow,
)
from protocol.runtime.database import Database

__all__ = ["SqlStore", "Store"]


class SqlStore:
    """A `Store` over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_administration(self, administration: Administration) -> None:
        """Make the administration, or replace what is known of it."""
        with self._database.write() as session:
            session.merge(administration_row(administration))

    def find_administration(self, administration_id: str) -> Administration | None:
        """Return the administration, or None."""
        with self._database.read() as session:
            row = session.get(AdministrationRow, administration_id)
            return None if row is None else administration_of(row)

    def administrations(self) -> Sequence[Administration]:
        """Return all, by identifier."""
        with self._database.read() as session:
            rows = session.exec(select(AdministrationRow).order_by(AdministrationRow.id))
            return [administration_of(row) for row in rows]

    def add_issuance(self, issuance: Issuance) -> None:
        """Keep a new issuance."""
        with self._database.write() as session:
            session.add(issuance_row(issuance))

    def find_issuance(self, administration_id: str, issuance_id: str) -> Issuance | None:
        """Return the issuance of this administration, or None."""
        return self._find(administration_id, col(IssuanceRow.id) == issuance_id)

    def find_offer(self, administration_id: str, offer_digest: bytes) -> Issuance | None:
        """Return the issuance whose offer has this digest, or None."""
        return self._find(administration_id, col(IssuanceRow.offer_digest) == offer_digest)

    def find_code(self, administration_id: str, code_digest: bytes) -> Issuance | None:
        """Return the issuance whose pre-authorized code has this digest, or None."""
        return self._find(administration_id, col(IssuanceRow.code_digest) == code_digest)

    def find_token(self, administration_id: str, token_digest: bytes) -> Issuance | None:
        """Return the issuance whose access token has this digest, or None."""
        return self._find(administration_id, col(IssuanceRow.token_digest) == token_digest)

    def offer(
        self, administration_id: str, issuance_id: str, *, sealed: bytes, digests: OfferDigests, until: datetime
    ) -> bool:
        """Turn `choosing` into `offered`."""
        return self._move(
            administration_id,
            issuance_id,
            State.CHOOSING,
            state=State.OFFERED,
            sealed=sealed,
            offer_digest=digests.offer,
            code_digest=digests.code,
            tx_code_digest=digests.tx_code,
            expires_at=until,
        )

    def charge_attempt(self, administration_id: str, issuance_id: str, *, limit: int) -> bool:
        """Count one try of the transaction code of an `offered` issuance; False from the limit on."""
        statement = (
            update(IssuanceRow)
            .where(
                col(IssuanceRow.administration_id) == administration_id,
                col(IssuanceRow.id) == issuance_id,
                col(IssuanceRow.state) == State.OFFERED,
                col(IssuanceRow.attempts) < limit,
            )
            .values(attempts=IssuanceRow.attempts + 1)
        )
        with self._database.write() as session:
            return _changed(session, statement) == 1

    def redeem(self, administration_id: str, issuance_id: str, *, token_digest: bytes, until: datetime) -> bool:
        """Turn `offered` into `redeemed`."""
        return self._move(
            administration_id,
            issuance_id,
            State.OFFERED,
            state=State.REDEEMED,
            token_digest=token_digest,
            expires_at=until,
        )

    def finish(
        self, administration_id: str, issuance_id: str, *, copies: Sequence[Copy], notification_digest: bytes
    ) -> bool:
        """Turn `redeemed` into `issued`, keep the copies and erase the claims."""
        values = {"state": State.ISSUED, "sealed": None, "notification_digest": notification_digest}
        with self._database.write() as session:
            moved = _changed(session, _transition(administration_id, issuance_id, State.REDEEMED, values)) == 1
            if moved:
                session.add_all(CopyRow(**vars(copy)) for copy in copies)
            return moved

    def lock(self, administration_id: str, issuance_id: str, *, limit: int) -> bool:
        """Turn `offered` into `locked` if its tries have reached the limit, and erase the claims."""
        values = {"state": State.LOCKED, "sealed": None}
        statement = _transition(administration_id, issuance_id, State.OFFERED, values)
        with self._database.write() as session:
            return _changed(session, statement.where(col(IssuanceRow.attempts) >= limit)) == 1

    def note_event(self, administration_id: str, issuance_id: str, event: str) -> None:
        """Keep what the wallet said about an issued document; the first word stays."""
        statement = _transition(administration_id, issuance_id, State.ISSUED, {"event": event})
        with self._database.write() as session:
            _changed(session, statement.where(col(IssuanceRow.event) == ""))

    def erase_expired(self, administration_id: str, now: datetime) -> int:
        """End every open issuance whose time has passed, erase its claims, and forget expired nonces."""
        ended = (
            update(IssuanceRow)
            .where(
                col(IssuanceRow.administration_id) == administration_id,
                col(IssuanceRow.state).in_(sorted(OPEN_STATES)),
                col(IssuanceRow.expires_at) <= now,
            )
            .values(state=State.EXPIRED, sealed=None)
        )
        forgotten = delete(NonceRow).where(
            col(NonceRow.administration_id) == administration_id, col(NonceRow.expires_at) <= now
        )
        with self._database.write() as session:
            _changed(session, forgotten)
            return _changed(session, ended)

    def copies(self, administration_id: str, issuance_id: str) -> Sequence[Copy]:
        """Return the copies of one issuance."""
        wanted = select(CopyRow).where(
            CopyRow.administration_id == administration_id, CopyRow.issuance_id == issuance_id
        )
        with self._database.read() as session:
            return [Copy(**row.model_dump()) for row in session.exec(wanted)]

    def add_nonce(self, administration_id: str, digest: bytes, expires_at: datetime) -> None:
        """Keep a fresh nonce."""
        with self._database.write() as session:
            session.add(NonceRow(digest=digest, administration_id=administration_id, expires_at=expires_at))

    def take_nonce(self, administration_id: str, digest: bytes, now: datetime) -> bool:
        """Consume a nonce that has not expired."""
        statement = delete(NonceRow).where(
            col(NonceRow.administration_id) == administration_id,
            col(NonceRow.digest) == digest,
            col(NonceRow.expires_at) > now,
        )
        with self._database.write() as session:
            return _changed(session, statement) == 1

    def add_query(self, query: SourceQuery, record: QueryRecord) -> None:
        """Keep a question and its record before it is asked."""
        with self._database.write() as session:
            session.add(QueryRow(**vars(query)))
            session.flush()
            session.add(QueryRecordRow(**vars(record)))

    def end_query(self, administration_id: str, query_id: str, *, outcome: str, source_code: str) -> None:
        """Keep how a question ended."""
        statement = (
            update(QueryRow)
            .where(col(QueryRow.administration_id) == administration_id, col(QueryRow.id) == query_id)
            .values(outcome=outcome, source_code=source_code)
        )
        with self._database.write() as session:
            _changed(session, statement)

    def queries_about(self, administration_id: str, person: Person) -> Sequence[SourceQuery]:
        """Return the questions about a person, newest first."""
        wanted = (
            select(QueryRow)
            .where(QueryRow.administration_id == administration_id, QueryRow.person == person)
            .order_by(col(QueryRow.asked_at).desc())
        )
        with self._database.read() as session:
            return [
                SourceQuery(**{**row.model_dump(), "consent": Consent(row.consent), "person": Person(row.person)})
                for row in session.exec(wanted)
            ]

    def add_objection(self, objection: Objection) -> None:
        """Keep an objection."""
        with self._database.write() as session:
            session.add(ObjectionRow(**vars(objection)))

    def find_objection(self, administration_id: str, objection_id: str) -> Objection | None:
        """Return the objection, or None."""
        wanted = select(ObjectionRow).where(
            ObjectionRow.administration_id == administration_id, ObjectionRow.id == objection_id
        )
        return self._objection(wanted)

    def standing_objection(self, administration_id: str, person: Person, type_id: str) -> Objection | None:
        """Return the person's objection to this type that was not withdrawn, or None."""
        wanted = select(ObjectionRow).where(
            ObjectionRow.administration_id == administration_id,
            ObjectionRow.person == person,
            ObjectionRow.type_id == type_id,
            col(ObjectionRow.withdrawn_at).is_(None),
        )
        return self._objection(wanted)

    def withdraw_objection(self, administration_id: str, objection_id: str, now: datetime) -> None:
        """End an objection; silent when it has ended already."""
        statement = (
            update(ObjectionRow)
            .where(
                col(ObjectionRow.administration_id) == administration_id,
                col(ObjectionRow.id) == objection_id,
                col(ObjectionRow.withdrawn_at).is_(None),
            )
            .values(withdrawn_at=now)
        )
        with self._database.write() as session:
            _changed(session, statement)

    def _find(
        self, administration_id: str, condition: Any
    ) -> Issuance | None:  # SQL expressions have no nicer type
        wanted = select(IssuanceRow).where(IssuanceRow.administration_id == administration_id, condition)
        with self._database.read() as session:
            row = session.exec(wanted).first()
            return None if row is None else issuance_of(row)

    def _move(self, administration_id: str, issuance_id: str, before: State, **values: object) -> bool:
        with self._database.write() as session:
            return _changed(session, _transition(administration_id, issuance_id, before, values)) == 1

    def _objection(self, wanted: Any) -> Objection | None:  # SQL expressions have no nicer type
        with self._database.read() as session:
            row = session.exec(wanted).first()
            return None if row is None else Objection(**{**row.model_dump(), "person": Person(row.person)})


def _transition(administration_id: str, issuance_id: str, before: State, values: dict[str, Any]) -> Any:
    """Return the UPDATE that changes an issuance only while it is in this state (its type is SQLAlchemy's)."""
    return (
        update(IssuanceRow)
        .where(
            col(IssuanceRow.administration_id) == administration_id,
            col(IssuanceRow.id) == issuance_id,
            col(IssuanceRow.state) == before,
        )
        .values(**values)
    )


def _changed(session: Session, statement: Any) -> int:
    """Run a statement and return how many rows it changed (its type is SQLAlchemy's)."""
    return int(session.exec(statement).rowcount)
