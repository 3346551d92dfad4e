# SPDX-License-Identifier: EUPL-1.2
"""The cosignatures that a log's worker gathers, kept beside the heads that they are under.

No write checks a lease: a verified cosignature is true whoever brought it, and the second of two changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from ledger.cosignature import WitnessKey
from ledger.merkle import ReadNode
from ledger.store import log_state
from ledger.tables import CheckpointRow, CosignatureRow, LogRow, NodeRow
from ledger.values import LogCondition, StoredCheckpoint
from protocol.runtime.database import Database


@dataclass(frozen=True)
class DueHead:
    """The newest head of a log, which a witness has not cosigned yet, and the largest that it has (0: none)."""

    checkpoint: StoredCheckpoint
    cosigned_size: int


class CosignatureStore:
    """What the gatherer reads and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_due(self, log: str, witness: WitnessKey) -> DueHead | None:
        """Return the newest head when this witness is to be asked about it, or None.

        Nobody is asked about an empty log, nor about one that is being restored or contradicts its chain.
        """
        key = witness.text()
        with self._database.read() as session:
            row = session.get(LogRow, log)
            if row is None or not row.size:
                return None
            state = log_state(row)
            if state.condition is not LogCondition.OPEN and not state.has_ended:
                return None
            if session.get(CosignatureRow, (log, key, row.size)) is not None:
                return None
            head = session.get_one(CheckpointRow, (log, row.size))
            query = select(func.max(CosignatureRow.size)).where(
                CosignatureRow.log == log, CosignatureRow.witness == key
            )
            size = session.exec(query).one()
            return DueHead(StoredCheckpoint(head.size, head.root, head.note, head.signed_at), size or 0)

    def add(self, log: str, size: int, witness: WitnessKey, line: str, *, at: datetime) -> bool:
        """Keep a verified cosignature of this size's head; False when there was one already."""
        row = CosignatureRow(log=log, witness=witness.text(), size=size, line=line, cosigned_at=at)
        try:
            with self._database.write() as session:
                session.add(row)
        except IntegrityError:
            return False
        return True

    def reader(self, log: str) -> ReadNode:
        """Return what reads the log's tree."""

        def read(level: int, index: int) -> bytes:
            with self._database.read() as session:
                return session.get_one(NodeRow, (log, level, index)).digest

        return read
