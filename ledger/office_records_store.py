# SPDX-License-Identifier: EUPL-1.2
"""Auditors' requests, what was handed over, and each access, in a service's own tables.

What was handed over rests sealed, as the records in it do. Answers from before that are read as they are.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer
from sqlmodel import col, select, update

from ledger import records_request as messages
from ledger.office_records import Access, ReceivedRequest
from protocol import jws
from protocol.errors import RequestError, StoreConflictError
from protocol.runtime.database import Database
from protocol.runtime.sealing import Sealer
from protocol.runtime.tables import RecordsAccessColumns, RecordsRequestColumns

# no JSON begins so
_SEALED = b"\x01"


class SqlRecordsRequests:
    """The `RecordsStore` in a database."""

    def __init__(
        self,
        database: Database,
        *,
        sealer: Sealer,
        requests: type[RecordsRequestColumns],
        accesses: type[RecordsAccessColumns],
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._requests = requests
        self._accesses = accesses

    def add_records_request(self, request: ReceivedRequest) -> ReceivedRequest:
        """Keep a request; safe to repeat: the first with its identifier stays."""
        row = self._requests(
            administration_id=request.administration_id,
            id=request.id,
            token=request.token,
            auditor_code=request.auditor_code,
            auditor_name=json.dumps(dict(request.auditor_name)),
            due_on=request.asked.due_on,
            received_at=request.received_at,
        )
        try:
            with self._database.write() as db:
                db.add(row)
        except IntegrityError:
            return self.get_records_request(request.administration_id, request.id)
        return request

    def records_requests(self, administration_id: str) -> list[ReceivedRequest]:
        """Return all, those without an answer first, the most urgent first."""
        wanted = self._of(administration_id).order_by(
            col(self._requests.answered_at).is_not(None),
            col(self._requests.due_on),
            col(self._requests.received_at),
        )
        with self._database.read() as db:
            return [_request(row, is_kept=is_kept) for row, is_kept in db.exec(wanted)]

    def get_records_request(self, administration_id: str, request_id: str) -> ReceivedRequest:
        """Return one. Raises `RequestError` (`not_found`)."""
        with self._database.read() as db:
            found = db.exec(self._of(administration_id).where(col(self._requests.id) == request_id)).first()
            if found is None:
                raise RequestError("not_found", "there is no such request", status=404)
            row, is_kept = found
            return _request(row, is_kept=is_kept)

    def find_answer(self, administration_id: str, request_id: str) -> bytes | None:
        """Return what was handed over, or None."""
        with self._database.read() as db:
            row = db.get(self._requests, (administration_id, request_id))
            kept = None if row is None else row.answer
        if kept is None or not kept.startswith(_SEALED):
            return kept
        return self._sealer.open(kept.removeprefix(_SEALED), about=_about(administration_id, request_id))

    def answer_records_request(
        self, administration_id: str, request_id: str, *, answer: bytes, by: str, at: datetime
    ) -> None:
        """Keep what is handed over. Raises `StoreConflictError` (`records_answered`) when something was."""
        sealed = _SEALED + self._sealer.seal(answer, about=_about(administration_id, request_id))
        with self._database.write() as db:
            changed = db.exec(
                update(self._requests)
                .where(
                    col(self._requests.administration_id) == administration_id,
                    col(self._requests.id) == request_id,
                    col(self._requests.answered_at).is_(None),
                )
                .values(answer=sealed, answered_by=by, answered_at=at)
            )
            if changed.rowcount != 1:
                raise StoreConflictError("records_answered", "the records were handed over before")

    def destroy_answer(self, administration_id: str, request_id: str) -> None:
        """Forget what was handed over, and that only."""
        with self._database.write() as db:
            db.exec(
                update(self._requests)
                .where(
                    col(self._requests.administration_id) == administration_id,
                    col(self._requests.id) == request_id,
                )
                .values(answer=None)
            )

    def add_access(self, administration_id: str, request_id: str, access: Access, *, digest: str) -> None:
        """Keep that an answer was fetched, before it is. A repeat raises `StoreConflictError` (`access_used`)."""
        row = self._accesses(
            administration_id=administration_id,
            request_id=request_id,
            at=access.at,
            auditor_name=json.dumps(dict(access.auditor_name)),
            access=digest,
        )
        try:
            with self._database.write() as db:
                db.add(row)
        except IntegrityError as exc:
            raise StoreConflictError("access_used", "this access was used before; sign another") from exc

    def accesses(self, administration_id: str, request_id: str) -> list[Access]:
        """Return who fetched the answer, oldest first."""
        with self._database.read() as db:
            rows = db.exec(
                select(self._accesses)
                .where(
                    self._accesses.administration_id == administration_id,
                    self._accesses.request_id == request_id,
                )
                .order_by(col(self._accesses.id))
            ).all()
            return [Access(row.at, json.loads(row.auditor_name)) for row in rows]

    def _of(self, administration_id: str) -> Any:  # SQL expressions have no nicer type
        """Return an administration's requests, and of each whether an answer is there, without loading one."""
        answer: Any = col(self._requests.answer)  # the same
        return (
            select(self._requests, answer.is_not(None))
            .options(defer(answer, raiseload=True))
            .where(col(self._requests.administration_id) == administration_id)
        )


def _request(row: RecordsRequestColumns, *, is_kept: bool) -> ReceivedRequest:
    return ReceivedRequest(
        id=row.id,
        administration_id=row.administration_id,
        token=row.token,
        auditor_code=row.auditor_code,
        auditor_name=json.loads(row.auditor_name),
        # verified when it arrived; whether its signer is still on the list does not change what was asked
        asked=messages.RecordsRequest.parse(jws.parse(row.token).claims()),
        received_at=row.received_at,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
        is_kept=is_kept,
    )


def _about(administration_id: str, request_id: str) -> dict[str, str]:
    return {"administration": administration_id, "records_request": request_id}
