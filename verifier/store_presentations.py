# SPDX-License-Identifier: EUPL-1.2
"""Presentation requests, their decisions, and what is kept of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from ledger.commitment import Commitment
from protocol.errors import Check, RequestError, StoreConflictError
from protocol.runtime.database import Database
from verifier.model import Decision, Presentation, PresentationState
from verifier.tables import BlockedCaseRow, CaseRow, PresentationRow


class SqlPresentations:
    """The presentations' half of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_presentation(self, presentation: Presentation) -> None:
        """Keep a new request."""
        with self._database.write() as db:
            db.add(PresentationRow(**asdict(presentation)))

    def get_presentation(self, administration_id: str, presentation_id: str) -> Presentation:
        """Return one by the office's identifier. Raises `RequestError` (`not_found`)."""
        return self._get_presentation(
            PresentationRow.administration_id == administration_id, PresentationRow.id == presentation_id
        )

    def get_presentation_by_request(self, administration_id: str, request_id: str) -> Presentation:
        """Return one by the identifier in the wallet's addresses. Raises `RequestError` (`not_found`)."""
        return self._get_presentation(
            PresentationRow.administration_id == administration_id, PresentationRow.request_id == request_id
        )

    def find_presentation_by_commitment(
        self, administration_id: str, commitment: Commitment
    ) -> Presentation | None:
        """Return the presentation whose share has this commitment, or None."""
        with self._database.read() as db:
            row = db.exec(
                select(PresentationRow).where(
                    PresentationRow.administration_id == administration_id,
                    PresentationRow.commitment == commitment,
                )
            ).first()
            return None if row is None else _presentation(row)

    def recent_presentations(self, administration_id: str, *, limit: int) -> list[Presentation]:
        """Return the newest requests of this administration, newest first."""
        with self._database.read() as db:
            rows = db.exec(
                select(PresentationRow)
                .where(PresentationRow.administration_id == administration_id)
                .order_by(col(PresentationRow.issued_at).desc(), col(PresentationRow.id))
                .limit(limit)
            ).all()
            return [_presentation(row) for row in rows]

    def decided_presentations(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> list[Presentation]:
        """Return those accepted or rejected from `since` on and before `until`, oldest first."""
        decided = select(PresentationRow).where(*_decided_in(administration_id, since, until))
        with self._database.read() as db:
            rows = db.exec(decided.order_by(col(PresentationRow.answered_at), col(PresentationRow.id))).all()
            return [_presentation(row) for row in rows]

    def recorded_presentations(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> list[Presentation]:
        """Return those of `decided_presentations` whose share has a record, oldest first."""
        decided = select(PresentationRow).where(*_recorded_in(administration_id, since, until))
        with self._database.read() as db:
            rows = db.exec(decided.order_by(col(PresentationRow.answered_at), col(PresentationRow.id))).all()
            return [_presentation(row) for row in rows]

    def count_recorded(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return how many `recorded_presentations` gives, without loading one."""
        counted = select(func.count()).where(*_recorded_in(administration_id, since, until))
        with self._database.read() as db:
            return db.exec(counted).one()

    def count_not_kept(self, administration_id: str, *, since: datetime, until: datetime) -> int:
        """Return of how many of them neither a case nor a blocked one is kept."""
        counted = select(func.count()).where(
            *_recorded_in(administration_id, since, until), *(~_has(table) for table in (CaseRow, BlockedCaseRow))
        )
        with self._database.read() as db:
            return db.exec(counted).one()

    def note_trouble(self, administration_id: str, presentation_id: str, *, check: Check, code: str) -> None:
        """Remember that a check could not be made; the request goes on waiting."""
        with self._database.write() as db:
            db.exec(
                update(PresentationRow)
                .where(
                    col(PresentationRow.administration_id) == administration_id,
                    col(PresentationRow.id) == presentation_id,
                    col(PresentationRow.state) == PresentationState.WAITING.value,
                )
                .values(trouble=check.value, trouble_code=code)
            )

    def destroy_expired_keys(self, administration_id: str, *, now: datetime) -> int:
        """Destroy the private keys of requests that expired unanswered and return how many."""
        expired = update(PresentationRow).where(
            col(PresentationRow.administration_id) == administration_id,
            col(PresentationRow.expires_at) <= now,
            col(PresentationRow.sealed_key).is_not(None),
        )
        with self._database.write() as db:
            return int(db.exec(expired.values(sealed_key=None)).rowcount)

    def decide(self, administration_id: str, presentation_id: str, decision: Decision) -> None:
        """Write the decision and what is kept, all at once, and destroy the request's private key.

        Raises `StoreConflictError`: `request_already_answered` when there is a decision, `receipt_replayed`
        when the commitment belongs to another presentation; then nothing was written.
        """
        try:
            with self._database.write() as db:
                _decide(db, administration_id, presentation_id, decision)
        except IntegrityError as exc:
            raise StoreConflictError("receipt_replayed", "the receipt was presented before") from exc

    def find_case(self, administration_id: str, presentation_id: str) -> bytes | None:
        """Return the sealed claims and receipt, or None when nothing is kept (any more)."""
        with self._database.read() as db:
            row = db.get(CaseRow, (administration_id, presentation_id))
            return None if row is None else row.sealed

    def _get_presentation(self, *conditions: bool) -> Presentation:
        with self._database.read() as db:
            row = db.exec(select(PresentationRow).where(*conditions)).first()
            if row is None:
                raise RequestError("not_found", "there is no such request", status=404)
            return _presentation(row)


def _decided_in(administration_id: str, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    decided = (PresentationState.ACCEPTED.value, PresentationState.REJECTED.value)
    return (
        col(PresentationRow.administration_id) == administration_id,
        col(PresentationRow.state).in_(decided),
        col(PresentationRow.answered_at) >= since,
        col(PresentationRow.answered_at) < until,
    )


def _recorded_in(administration_id: str, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (*_decided_in(administration_id, since, until), col(PresentationRow.commitment).is_not(None))


def _has(table: type[CaseRow | BlockedCaseRow]) -> ColumnElement[bool]:
    """Whether a presentation has a row in the table."""
    return exists().where(
        col(table.administration_id) == col(PresentationRow.administration_id),
        col(table.presentation_id) == col(PresentationRow.id),
    )


def _decide(db: Session, administration_id: str, presentation_id: str, decision: Decision) -> None:
    changed = db.exec(
        update(PresentationRow)
        .where(
            col(PresentationRow.administration_id) == administration_id,
            col(PresentationRow.id) == presentation_id,
            col(PresentationRow.state) == PresentationState.WAITING.value,
        )
        .values(
            state=decision.state.value,
            answered_at=decision.answered_at,
            response_digest=decision.response_digest,
            answer_status=decision.answer_status,
            answer=decision.answer,
            reference=decision.reference,
            commitment=decision.commitment,
            sealed_key=None,
            trouble=None,
            trouble_code=None,
        )
    )
    if changed.rowcount != 1:
        raise StoreConflictError("request_already_answered", "the request was answered before")
    if decision.sealed_case is not None:
        db.add(
            CaseRow(
                administration_id=administration_id, presentation_id=presentation_id, sealed=decision.sealed_case
            )
        )


def _presentation(row: PresentationRow) -> Presentation:
    members = row.model_dump()
    return Presentation(
        **members
        | {
            "state": PresentationState(row.state),
            "commitment": None if row.commitment is None else Commitment(row.commitment),
            "trouble": None if row.trouble is None else Check(row.trouble),
        }
    )
