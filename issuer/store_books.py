# SPDX-License-Identifier: EUPL-1.2
"""The issuer's books as whoever compares them reads them, and the signed comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel import col, select

from issuer.interop import Consent
from issuer.records import Objection, Person, SourceQuery
from issuer.tables import ObjectionRow, QueryRow, ReconciliationRow
from protocol.runtime.database import Database


class Books(Protocol):
    """Questions, objections and comparisons of one administration at a time."""

    def queries_between(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> Sequence[SourceQuery]:
        """Return the questions asked from `since` on and before `until`, oldest first."""

    def objections_before(self, administration_id: str, until: datetime) -> Sequence[Objection]:
        """Return all objections made before this moment, withdrawn or not."""

    def add_reconciliation(self, administration_id: str, token: str, *, made_at: datetime) -> None:
        """Keep a signed comparison."""

    def reconciliations(self, administration_id: str, *, limit: int) -> Sequence[str]:
        """Return the signed comparisons, newest first."""


class SqlBooks:
    """The `Books` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queries_between(
        self, administration_id: str, *, since: datetime, until: datetime
    ) -> Sequence[SourceQuery]:
        """Return the questions asked from `since` on and before `until`, oldest first."""
        wanted = (
            select(QueryRow)
            .where(
                QueryRow.administration_id == administration_id,
                col(QueryRow.asked_at) >= since,
                col(QueryRow.asked_at) < until,
            )
            .order_by(col(QueryRow.asked_at), col(QueryRow.id))
        )
        with self._database.read() as session:
            return [
                SourceQuery(**{**row.model_dump(), "consent": Consent(row.consent), "person": Person(row.person)})
                for row in session.exec(wanted)
            ]

    def objections_before(self, administration_id: str, until: datetime) -> Sequence[Objection]:
        """Return all objections made before this moment, withdrawn or not."""
        wanted = select(ObjectionRow).where(
            ObjectionRow.administration_id == administration_id, col(ObjectionRow.made_at) < until
        )
        with self._database.read() as session:
            return [
                Objection(**{**row.model_dump(), "person": Person(row.person)}) for row in session.exec(wanted)
            ]

    def add_reconciliation(self, administration_id: str, token: str, *, made_at: datetime) -> None:
        """Keep a signed comparison."""
        with self._database.write() as session:
            session.add(ReconciliationRow(administration_id=administration_id, token=token, made_at=made_at))

    def reconciliations(self, administration_id: str, *, limit: int) -> Sequence[str]:
        """Return the signed comparisons, newest first."""
        wanted = (
            select(ReconciliationRow)
            .where(ReconciliationRow.administration_id == administration_id)
            .order_by(col(ReconciliationRow.made_at).desc(), col(ReconciliationRow.id).desc())
            .limit(limit)
        )
        with self._database.read() as session:
            return [row.token for row in session.exec(wanted)]
