# SPDX-License-Identifier: EUPL-1.2
"""The ledger's copy of a trust registry: events, the place they were read up to, and the signed list.

Everything here can be read from the chain again; what is kept spares that. Whoever reads folds the events, so a
changed row is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select

from ledger.registry import Place
from ledger.registry_events import RegistryEvent
from ledger.registry_json import event_json, parse_event
from ledger.tables import DerivedListRow, RegistryEventRow, RegistryPlaceRow
from protocol.encoding import parse_object
from protocol.errors import StoreConflictError
from protocol.runtime.database import Database
from protocol.runtime.leases import Lease, Leases


@dataclass(frozen=True)
class StoredList:
    """A signed trust list, and from when on it is to be signed anew."""

    sequence: int
    token: str = field(repr=False)
    renew_at: datetime


class SqlRegistryStore:
    """What the web service reads of one registry."""

    def __init__(self, database: Database, contract: str) -> None:
        self._database = database
        self._contract = contract

    def find_place(self) -> Place | None:
        """Return up to where the registry was read, or None when it never was."""
        with self._database.read() as session:
            row = session.get(RegistryPlaceRow, self._contract)
            return None if row is None else _place(row)

    def find_events(self) -> tuple[Place, tuple[RegistryEvent, ...]] | None:
        """Return all events and the place that they lead to, of one moment; None when it was never read."""
        with self._database.read() as session:
            row = session.get(RegistryPlaceRow, self._contract)
            if row is None:
                return None
            query = select(RegistryEventRow.body).where(
                RegistryEventRow.contract == self._contract, col(RegistryEventRow.sequence) <= row.sequence
            )
            bodies = session.exec(query.order_by(col(RegistryEventRow.sequence)))
            return _place(row), tuple(parse_event(parse_object(body)) for body in bodies)

    def find_list(self) -> StoredList | None:
        """Return the newest signed list, or None."""
        with self._database.read() as session:
            row = session.get(DerivedListRow, self._contract)
            return None if row is None else StoredList(row.sequence, row.token, row.renew_at)


class RegistryWriter(SqlRegistryStore):
    """What the worker writes, under its lease."""

    def __init__(self, database: Database, contract: str, leases: Leases) -> None:
        super().__init__(database, contract)
        self._leases = leases

    def add(self, lease: Lease, events: Sequence[RegistryEvent], place: Place) -> None:
        """Add events and move the place in one transaction. Raises `StoreConflictError` when others moved it."""
        with self._database.write() as session:
            self._leases.check(session, lease)
            row = session.get(RegistryPlaceRow, self._contract)
            if (0 if row is None else row.sequence) + len(events) != place.sequence:
                raise StoreConflictError("registry_moved", "the registry's events were added by another process")
            for event in events:
                body = json.dumps(event_json(event), separators=(",", ":"))
                session.add(RegistryEventRow(contract=self._contract, sequence=event.sequence, body=body))
            session.merge(RegistryPlaceRow(**vars(place)))

    def put_list(self, lease: Lease, signed: StoredList) -> None:
        """Keep a signed list in place of the one before."""
        with self._database.write() as session:
            self._leases.check(session, lease)
            session.merge(DerivedListRow(contract=self._contract, **vars(signed)))


def _place(row: RegistryPlaceRow) -> Place:
    return Place(
        chain_id=row.chain_id,
        contract=row.contract,
        block_number=row.block_number,
        block_hash=row.block_hash,
        block_time=row.block_time,
        sequence=row.sequence,
        running_hash=row.running_hash,
    )
