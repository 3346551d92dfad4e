# SPDX-License-Identifier: EUPL-1.2
"""What a service remembers of its trust list, in its own table."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from protocol.runtime.database import Database
from protocol.runtime.tables import TrustListColumns
from protocol.runtime.trust_shelf import KeptList, check_not_older


class SqlTrustListShelf:
    """Remembers in a service's own table."""

    def __init__(self, database: Database, table: type[TrustListColumns]) -> None:
        self._database = database
        self._table = table

    def find(self, source: str) -> KeptList | None:
        """Return the newest list of this source, or None."""
        with self._database.read() as session:
            row = session.get(self._table, source)
            return None if row is None else KeptList(row.sequence, row.token, row.fetched_at)

    def put(self, source: str, kept: KeptList) -> None:
        """Keep a list in place of the one before."""
        # two processes that put the first one at once: the loser tries again, and compares
        with suppress(IntegrityError):
            return self._put(source, kept)
        return self._put(source, kept)

    def _put(self, source: str, kept: KeptList) -> None:
        with self._database.write() as session:
            row = session.get(self._table, source, with_for_update=True)
            if row is None:
                row = self._table(source=source, sequence=0, token="", fetched_at=kept.fetched_at)
            check_not_older(kept, row.sequence)
            row.sequence, row.token, row.fetched_at = kept.sequence, kept.token, kept.fetched_at
            session.add(row)
