# SPDX-License-Identifier: EUPL-1.2
"""The wallet's store over SQL. What each method promises is in `wallet.rows.Store`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import and_, or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select, update

from protocol.encoding import parse_object
from protocol.errors import StoreConflictError
from protocol.runtime.database import Database
from wallet.rows import Pending, SealedCopy, SealedItem, Vault
from wallet.tables import (
    AccountRow,
    CopyRow,
    DocumentRow,
    OwnedColumns,
    PendingRow,
    ShareRow,
    SubjectRow,
    TakeBackRow,
    VaultRow,
)
from wallet.vault import Actor, WrappedKey

_Row = TypeVar("_Row", bound=OwnedColumns)
_PREPARED = "prepared"


def _owned(actor: Actor) -> dict[str, str]:
    return {"account_id": actor.account_id, "subject_id": actor.subject_id, "capacity": actor.capacity}


def _mine(table: type[OwnedColumns], actor: Actor) -> list[Any]:  # SQL conditions have no common type
    return [
        col(table.account_id) == actor.account_id,
        col(table.subject_id) == actor.subject_id,
        col(table.capacity) == actor.capacity,
    ]


def _changed() -> StoreConflictError:
    return StoreConflictError("changed_meanwhile", "another page of this wallet changed it first")


class SqlStore:
    """A `Store` over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_actor(self, identity_digest: bytes, *, now: datetime) -> Actor:
        """Return who signs in, for themselves; made at first."""
        try:
            return self._get_actor(identity_digest, now)
        except IntegrityError:
            # another request made the account at the same moment
            return self._get_actor(identity_digest, now)

    def _get_actor(self, identity_digest: bytes, now: datetime) -> Actor:
        with self._database.write() as db:
            account = db.exec(select(AccountRow).where(AccountRow.identity_digest == identity_digest)).first()
            subject = db.exec(select(SubjectRow).where(SubjectRow.identity_digest == identity_digest)).first()
            if account is None:
                account = AccountRow(id=secrets.token_urlsafe(12), identity_digest=identity_digest, created_at=now)
                db.add(account)
            if subject is None:
                subject = SubjectRow(id=secrets.token_urlsafe(12), identity_digest=identity_digest, created_at=now)
                db.add(subject)
            return Actor(account.id, subject.id)

    def find_vault(self, actor: Actor) -> Vault | None:
        """Return the account's vault, or None before it was made."""
        with self._database.read() as db:
            row = db.exec(select(VaultRow).where(*_mine(VaultRow, actor))).first()
        if row is None:
            return None
        return Vault(row.id, WrappedKey.parse(parse_object(row.wrapped_key)), row.proof)

    def put_vault(self, actor: Actor, vault: Vault, *, now: datetime) -> None:
        """Keep the account's vault."""
        with self._database.write() as db:
            # whoever makes another one at the same moment waits here
            db.get(AccountRow, actor.account_id, with_for_update=True)
            if db.exec(select(VaultRow).where(*_mine(VaultRow, actor))).first() is not None:
                raise StoreConflictError("vault_exists", "the account has a vault already")
            wrapped = json.dumps(vault.wrapped_key.to_json())
            db.add(VaultRow(id=vault.id, wrapped_key=wrapped, proof=vault.proof, created_at=now, **_owned(actor)))

    def empty(self, actor: Actor) -> None:
        """Delete the vault and everything that it opens."""
        with self._database.write() as db:
            for table in (TakeBackRow, ShareRow, CopyRow, DocumentRow, PendingRow, VaultRow):
                db.exec(delete(table).where(*_mine(table, actor)))

    def put_pending(self, actor: Actor, item: Pending) -> None:
        """Keep something under way."""
        same = (*_mine(PendingRow, actor), col(PendingRow.id) == item.id, col(PendingRow.kind) == item.kind)
        with self._database.write() as db:
            db.exec(delete(PendingRow).where(*same))
            db.add(
                PendingRow(
                    id=item.id, kind=item.kind, sealed=item.sealed, expires_at=item.expires_at, **_owned(actor)
                )
            )

    def find_pending(self, actor: Actor, identifier: str, kind: str, *, now: datetime) -> Pending | None:
        """Return something under way."""
        with self._database.read() as db:
            return self._pending(db, actor, identifier, kind, now)

    def take_pending(self, actor: Actor, identifier: str, kind: str, *, now: datetime) -> Pending | None:
        """Return something under way and delete it."""
        with self._database.write() as db:
            same = (*_mine(PendingRow, actor), col(PendingRow.id) == identifier, col(PendingRow.kind) == kind)
            # whoever takes the same at the same moment waits here, and then finds nothing
            db.exec(select(PendingRow.id).where(*same).with_for_update()).all()
            found = self._pending(db, actor, identifier, kind, now)
            db.exec(delete(PendingRow).where(or_(and_(*same), col(PendingRow.expires_at) <= now)))
            return found

    def purge_pending(self, *, now: datetime) -> int:
        """Delete what has expired."""
        with self._database.write() as db:
            return int(db.exec(delete(PendingRow).where(col(PendingRow.expires_at) <= now)).rowcount)

    def put_document(self, actor: Actor, document: SealedItem, copies: Sequence[SealedCopy]) -> None:
        """Keep a document with its copies."""
        with self._database.write() as db:
            db.add(
                DocumentRow(
                    id=document.id,
                    version=document.version,
                    sealed=document.sealed,
                    received_at=document.at,
                    **_owned(actor),
                )
            )
            db.flush()
            for copy in copies:
                db.add(
                    CopyRow(
                        id=copy.id,
                        document_id=document.id,
                        version=copy.version,
                        sealed=copy.sealed,
                        shown_at=copy.shown_at,
                        **_owned(actor),
                    )
                )

    def documents(self, actor: Actor) -> list[SealedItem]:
        """Return the documents held, newest first."""
        with self._database.read() as db:
            order = (col(DocumentRow.received_at).desc(), col(DocumentRow.id))
            rows = db.exec(select(DocumentRow).where(*_mine(DocumentRow, actor)).order_by(*order)).all()
        return [_document(row) for row in rows]

    def find_document(self, actor: Actor, identifier: str) -> SealedItem | None:
        """Return one document."""
        with self._database.read() as db:
            row = _find(db, DocumentRow, actor, identifier)
        return None if row is None else _document(row)

    def copies(self, actor: Actor, document_id: str) -> list[SealedCopy]:
        """Return a document's copies, in the order in which they are to be used."""
        with self._database.read() as db:
            rows = db.exec(select(CopyRow).where(*_mine(CopyRow, actor), CopyRow.document_id == document_id)).all()
        found = [_copy(row) for row in rows]
        return sorted(found, key=lambda copy: (copy.shown_at is not None, copy.shown_at or 0, copy.id))

    def find_copy(self, actor: Actor, identifier: str) -> SealedCopy | None:
        """Return one copy."""
        with self._database.read() as db:
            row = _find(db, CopyRow, actor, identifier)
        return None if row is None else _copy(row)

    def delete_document(self, actor: Actor, identifier: str) -> None:
        """Delete a document and its copies."""
        with self._database.write() as db:
            db.exec(delete(CopyRow).where(*_mine(CopyRow, actor), col(CopyRow.document_id) == identifier))
            db.exec(delete(DocumentRow).where(*_mine(DocumentRow, actor), col(DocumentRow.id) == identifier))

    def put_share(self, actor: Actor, share: SealedItem) -> None:
        """Keep a new share."""
        row = ShareRow(
            id=share.id,
            state=share.state,
            version=share.version,
            sealed=share.sealed,
            decided_at=share.at,
            **_owned(actor),
        )
        try:
            with self._database.write() as db:
                mine = (*_mine(ShareRow, actor), col(ShareRow.id) == share.id, col(ShareRow.state) == _PREPARED)
                db.exec(delete(ShareRow).where(*mine))
                db.add(row)
        except IntegrityError as exc:
            raise StoreConflictError("already_decided", "this request was decided before") from exc

    def promise_share(
        self, actor: Actor, share: SealedItem, copies: Sequence[SealedCopy], *, now: datetime
    ) -> None:
        """Keep the next version of a share and mark the copies as shown."""
        with self._database.write() as db:
            _advance(db, ShareRow, actor, share)
            for copy in copies:
                marked = db.exec(
                    update(CopyRow)
                    .where(*_mine(CopyRow, actor), col(CopyRow.id) == copy.id, _as_seen(copy))
                    .values(shown_at=now)
                )
                if marked.rowcount != 1:
                    raise _changed()

    def update_share(self, actor: Actor, share: SealedItem) -> None:
        """Keep the next version of a share."""
        with self._database.write() as db:
            _advance(db, ShareRow, actor, share)

    def shares(self, actor: Actor) -> list[SealedItem]:
        """Return the shares and refusals, newest first."""
        with self._database.read() as db:
            order = (col(ShareRow.decided_at).desc(), col(ShareRow.id))
            rows = db.exec(select(ShareRow).where(*_mine(ShareRow, actor)).order_by(*order)).all()
        return [_share(row) for row in rows]

    def find_share(self, actor: Actor, identifier: str) -> SealedItem | None:
        """Return one share."""
        with self._database.read() as db:
            row = _find(db, ShareRow, actor, identifier)
        return None if row is None else _share(row)

    def delete_share(self, actor: Actor, identifier: str, *, state: str) -> None:
        """Delete a share that is in this state."""
        with self._database.write() as db:
            mine = (*_mine(ShareRow, actor), col(ShareRow.id) == identifier, col(ShareRow.state) == state)
            db.exec(delete(ShareRow).where(*mine))

    def put_take_back(self, actor: Actor, share_id: str, item: SealedItem) -> None:
        """Keep a new take-back of a share."""
        with self._database.write() as db:
            db.add(
                TakeBackRow(
                    id=item.id,
                    share_id=share_id,
                    state=item.state,
                    version=item.version,
                    sealed=item.sealed,
                    requested_at=item.at,
                    **_owned(actor),
                )
            )

    def update_take_back(self, actor: Actor, item: SealedItem) -> None:
        """Keep the next version of a take-back."""
        with self._database.write() as db:
            _advance(db, TakeBackRow, actor, item)

    def take_backs(self, actor: Actor, share_id: str) -> list[SealedItem]:
        """Return the take-backs of a share, oldest first."""
        with self._database.read() as db:
            mine = (*_mine(TakeBackRow, actor), col(TakeBackRow.share_id) == share_id)
            rows = db.exec(select(TakeBackRow).where(*mine).order_by(col(TakeBackRow.requested_at))).all()
        return [SealedItem(r.id, r.version, r.sealed, r.requested_at, r.state) for r in rows]

    def _pending(self, db: Session, actor: Actor, identifier: str, kind: str, now: datetime) -> Pending | None:
        mine = (*_mine(PendingRow, actor), PendingRow.id == identifier, PendingRow.kind == kind)
        row = db.exec(select(PendingRow).where(*mine)).first()
        if row is None or row.expires_at <= now:
            return None
        return Pending(row.id, row.kind, row.sealed, row.expires_at)


def _find(db: Session, table: type[_Row], actor: Actor, identifier: str) -> _Row | None:
    key = table.id  # type: ignore[attr-defined]  # every owned table has one
    return db.exec(select(table).where(*_mine(table, actor), key == identifier)).first()


def _advance(db: Session, table: type[ShareRow | TakeBackRow], actor: Actor, item: SealedItem) -> None:
    done = db.exec(
        update(table)
        .where(*_mine(table, actor), col(table.id) == item.id, col(table.version) == item.version - 1)
        .values(state=item.state, version=item.version, sealed=item.sealed)
    )
    if done.rowcount != 1:
        raise _changed()


def _as_seen(copy: SealedCopy) -> Any:  # an SQL condition
    shown_at = col(CopyRow.shown_at)
    return shown_at.is_(None) if copy.shown_at is None else shown_at == copy.shown_at


def _document(row: DocumentRow) -> SealedItem:
    return SealedItem(row.id, row.version, row.sealed, row.received_at)


def _copy(row: CopyRow) -> SealedCopy:
    return SealedCopy(row.id, row.document_id, row.version, row.sealed, row.shown_at)


def _share(row: ShareRow) -> SealedItem:
    return SealedItem(row.id, row.version, row.sealed, row.decided_at, row.state)
