# SPDX-License-Identifier: EUPL-1.2
"""The signed comparisons of an office's books, as published."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from protocol.runtime.database import Database
from verifier.tables import ReconciliationRow


class SqlReconciliations:
    """The comparisons' part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_reconciliation(self, administration_id: str, token: str, *, made_at: datetime) -> None:
        """Keep a signed comparison of the office's books."""
        with self._database.write() as db:
            db.add(ReconciliationRow(administration_id=administration_id, token=token, made_at=made_at))

    def reconciliations(self, administration_id: str, *, limit: int) -> list[str]:
        """Return the signed comparisons, newest first."""
        with self._database.read() as db:
            rows = db.exec(
                select(ReconciliationRow)
                .where(ReconciliationRow.administration_id == administration_id)
                .order_by(col(ReconciliationRow.made_at).desc(), col(ReconciliationRow.id).desc())
                .limit(limit)
            ).all()
            return [row.token for row in rows]
