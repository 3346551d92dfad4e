# SPDX-License-Identifier: EUPL-1.2
"""Status lists in the database (`issuer.status.StatusStore` is the interface).

Places are given out under a lock of the administration's row, entries are changed under one of the list's row: on
SQLite a writing transaction has the database to itself, on PostgreSQL the row is locked. The lock is on the
administration because the open list itself can be closed, and another opened, while somebody waits for it. The
entries are read only where they are needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select, update

from issuer.status import Contents, NewList, Published, Taken
from issuer.status_order import capacity
from issuer.tables import AdministrationRow, CopyRow, StatusListRow
from protocol.runtime.database import Database
from protocol.status_entries import MutableStatusList, Status


class SqlStatusStore:
    """A `StatusStore` over the issuer's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, administration_id: str, count: int, *, make: Callable[[], NewList]) -> Taken:
        """Give out places of the administration's open list; a full one is closed and `make` gives the next."""
        with self._database.write() as session:
            return _take(session, administration_id, count, make)

    def find_published(self, administration_id: str, list_id: str) -> Published | None:
        """Return the list as it was last signed, or None when it never was or there is no such list."""
        row = StatusListRow
        wanted = select(row.token, row.expires_at, row.version, row.signed_version).where(
            row.administration_id == administration_id, row.id == list_id
        )
        with self._database.read() as session:
            found = session.exec(wanted).first()
        if found is None or found[0] is None or found[1] is None:
            return None
        return Published(found[0], found[1], is_current=found[2] == found[3])

    def find_contents(self, administration_id: str, list_id: str) -> Contents | None:
        """Return the entries of a list, or None when there is no such list."""
        wanted = select(StatusListRow.packed, StatusListRow.version).where(
            StatusListRow.administration_id == administration_id, StatusListRow.id == list_id
        )
        with self._database.read() as session:
            found = session.exec(wanted).first()
        return None if found is None else Contents(packed=found[0], version=found[1])

    def publish(self, list_id: str, published: Published, *, version: int) -> None:
        """Keep a signed list, unless one of a later change is kept already."""
        statement = (
            update(StatusListRow)
            .where(col(StatusListRow.id) == list_id, col(StatusListRow.signed_version) <= version)
            .values(token=published.token, expires_at=published.expires_at, signed_version=version)
        )
        with self._database.write() as session:
            session.exec(statement)

    def list_ids(self, administration_id: str) -> Sequence[str]:
        """Return all lists of the administration, oldest first."""
        wanted = (
            select(StatusListRow.id)
            .where(StatusListRow.administration_id == administration_id)
            .order_by(col(StatusListRow.number))
        )
        with self._database.read() as session:
            return list(session.exec(wanted))

    def close(self, administration_id: str) -> int:
        """Give out nothing more of the open lists, and return how many there were."""
        statement = _closing(administration_id)
        with self._database.write() as session:
            return int(session.exec(statement).rowcount)

    def revoke(
        self, administration_id: str, issuance_id: str, copy_ids: Sequence[str], *, reason: str, now: datetime
    ) -> int | None:
        """Mark the entries of the issuance's copies, or of these copies of it alone, as INVALID."""
        wanted = select(CopyRow).where(
            CopyRow.administration_id == administration_id, CopyRow.issuance_id == issuance_id
        )
        if copy_ids:
            wanted = wanted.where(col(CopyRow.id).in_(copy_ids))
        with self._database.write() as session:
            copies = session.exec(wanted.with_for_update()).all()
            if not copies or (copy_ids and len(copies) != len(set(copy_ids))):
                return None
            valid = [copy for copy in copies if copy.revoked_at is None and copy.status_list_id is not None]
            _mark(session, valid)
            for copy in valid:
                copy.revoked_at, copy.revocation_reason = now, reason
                session.add(copy)
            return len(valid)

    def forget_expired(self, administration_id: str, now: datetime) -> int:
        """Forget which entry belongs to which copy once the copy has expired; return how many were forgotten."""
        statement = (
            update(CopyRow)
            .where(
                col(CopyRow.administration_id) == administration_id,
                col(CopyRow.expires_at) <= now,
                col(CopyRow.status_list_id).is_not(None),
            )
            .values(status_list_id=None, status_index=None)
        )
        with self._database.write() as session:
            return int(session.exec(statement).rowcount)


def _take(session: Session, administration_id: str, count: int, make: Callable[[], NewList]) -> Taken:
    row = StatusListRow
    # not FOR UPDATE: that would wait for everybody who adds something of the administration's
    session.exec(
        select(AdministrationRow.id)
        .where(AdministrationRow.id == administration_id)
        .with_for_update(key_share=True)
    ).one()
    wanted = select(row.id, row.size, row.order_key, row.taken).where(
        row.administration_id == administration_id, col(row.order_key).is_not(None)
    )
    found = session.exec(wanted).first()
    if found is not None and found[2] is not None and found[3] + count <= capacity(found[1]):
        list_id, size, key, first = found
        session.exec(update(row).where(col(row.id) == list_id).values(taken=first + count))
        return Taken(list_id, size, key, first, count)
    session.exec(_closing(administration_id))
    last = session.exec(select(func.max(row.number)).where(row.administration_id == administration_id)).one()
    made = make()
    session.add(
        row(
            id=made.id,
            administration_id=administration_id,
            number=(last or 0) + 1,
            size=made.size,
            taken=count,
            order_key=made.order_key,
            packed=made.packed,
        )
    )
    session.flush()
    return Taken(made.id, made.size, made.order_key, 0, count)


def _closing(administration_id: str) -> Any:
    """Return the UPDATE that closes the open lists: without its key, nothing of a list can be given out."""
    return (
        update(StatusListRow)
        .where(
            col(StatusListRow.administration_id) == administration_id, col(StatusListRow.order_key).is_not(None)
        )
        .values(order_key=None)
    )


def _mark(session: Session, copies: Iterable[CopyRow]) -> None:
    """Mark the entries of these copies as INVALID. Lists are locked in one order, against deadlock."""
    by_list: defaultdict[str, list[int]] = defaultdict(list)
    for copy in copies:
        by_list[str(copy.status_list_id)].append(int(copy.status_index or 0))
    for list_id in sorted(by_list):
        row = session.get_one(StatusListRow, list_id, with_for_update=True)
        statuses = MutableStatusList(row.bits, row.packed)
        for index in by_list[list_id]:
            statuses.set(index, Status.INVALID)
        row.packed, row.version = statuses.packed, row.version + 1
        session.add(row)
