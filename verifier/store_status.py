# SPDX-License-Identifier: EUPL-1.2
"""The shelf of fetched status lists, shared by all processes of the verifier.

It belongs to no administration: lists are public, and the same for everybody who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from protocol.runtime.database import Database
from protocol.runtime.status_lists import FetchedToken
from verifier.tables import StatusTokenRow


class SqlTokenShelf:
    """A `TokenShelf` over the verifier's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, uri: str) -> FetchedToken | None:
        """Return the token, or None."""
        with self._database.read() as session:
            row = session.get(StatusTokenRow, uri)
            return None if row is None else FetchedToken(row.token, row.fetched_at)

    def put(self, uri: str, fetched: FetchedToken) -> None:
        """Keep a token in place of an older one; of two at the same moment either stays."""
        with suppress(IntegrityError), self._database.write() as session:
            session.merge(StatusTokenRow(uri=uri, token=fetched.token, fetched_at=fetched.fetched_at))

    def uris(self) -> Sequence[str]:
        """Return the addresses of all that are kept."""
        with self._database.read() as session:
            return list(session.exec(select(StatusTokenRow.uri).order_by(StatusTokenRow.uri)))

    def drop(self, *, before: datetime) -> int:
        """Forget what was fetched before that moment; return how many it were."""
        statement = delete(StatusTokenRow).where(col(StatusTokenRow.fetched_at) < before)
        with self._database.write() as session:
            return int(session.exec(statement).rowcount)
