# SPDX-License-Identifier: EUPL-1.2
"""What a service remembers of its trust list: the highest sequence number seen, and the list if it was fetched.

In the database, so that no restart, no second worker and no restored file or server brings back an older list.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError

from protocol.errors import UnavailableError
from protocol.runtime.database import Database
from protocol.runtime.tables import TrustListColumns


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list as it came; whoever uses its token verifies it again."""

    sequence: int
    token: str = field(repr=False)
    fetched_at: datetime


class TrustListShelf(Protocol):
    """Keeps the newest list of each source for all processes of a service."""

    def find(self, source: str) -> KeptList | None:
        """Return the newest list of this source, or None."""

    def put(self, source: str, kept: KeptList) -> None:
        """Keep a list in place of the one before.

        Raises `UnavailableError` (`trust_list_older`) when a higher sequence number was seen, and changes nothing.
        """


class ProcessShelf:
    """Remembers for one process: for commands that run once, and tests."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptList] = {}

    def find(self, source: str) -> KeptList | None:
        """Return the newest list of this source, or None."""
        return self._kept.get(source)

    def put(self, source: str, kept: KeptList) -> None:
        """Keep a list in place of the one before."""
        before = self._kept.get(source)
        if before is not None:
            _check_not_older(kept, before.sequence)
        self._kept[source] = kept


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
            _check_not_older(kept, row.sequence)
            row.sequence, row.token, row.fetched_at = kept.sequence, kept.token, kept.fetched_at
            session.add(row)


def _check_not_older(kept: KeptList, seen: int) -> None:
    if kept.sequence < seen:
        raise UnavailableError("trust_list_older", "the trust list is older than the one seen before")
