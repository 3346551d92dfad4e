# SPDX-License-Identifier: EUPL-1.2
"""The wallet's tables. Only `wallet.store` reads and writes them; `migrations/` makes them.

Whatever belongs to a citizen keeps apart whose account it is, whom it is about, and in what capacity the account
acts; what it says is sealed under a key that this database does not hold.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment
from protocol.runtime.tables import SessionColumns, TrustListColumns


class Base(SQLModel, registry=registry()):
    """The wallet's own registry."""


class SessionRow(SessionColumns, Base, table=True):
    """Browser sessions."""

    __tablename__ = "sessions"


class AccountRow(Base, table=True):
    """Who signs in. The digest is keyed: it tells nobody who it is."""

    __tablename__ = "accounts"

    id: str = Field(primary_key=True)
    identity_digest: bytes = Field(unique=True)
    created_at: datetime = Field(sa_type=Moment)


class SubjectRow(Base, table=True):
    """Whom documents and shares are about."""

    __tablename__ = "subjects"

    id: str = Field(primary_key=True)
    identity_digest: bytes = Field(unique=True)
    created_at: datetime = Field(sa_type=Moment)


class OwnedColumns(SQLModel):
    """Whose a row is: account, subject and capacity, never one of them alone."""

    account_id: str = Field(foreign_key="accounts.id", index=True)
    subject_id: str = Field(foreign_key="subjects.id", index=True)
    capacity: str


class VaultRow(OwnedColumns, Base, table=True):
    """The wrapped data key of an account, and a sealed proof by which a storage key is recognised."""

    __tablename__ = "vaults"

    id: str = Field(primary_key=True)
    # JSON: kdf, salt, rounds, nonce, wrapped
    wrapped_key: str
    proof: bytes
    created_at: datetime = Field(sa_type=Moment)


class PendingRow(OwnedColumns, Base, table=True):
    """What is under way between two pages: an offer, a request, what is being signed."""

    __tablename__ = "pending"

    id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    sealed: bytes
    expires_at: datetime = Field(sa_type=Moment, index=True)


class DocumentRow(OwnedColumns, Base, table=True):
    """Documents held: what all copies of a credential say."""

    __tablename__ = "documents"

    id: str = Field(primary_key=True)
    version: int
    sealed: bytes
    received_at: datetime = Field(sa_type=Moment)


class CopyRow(OwnedColumns, Base, table=True):
    """One copy of a credential, with the holder key that the citizen's device sealed."""

    __tablename__ = "copies"

    id: str = Field(primary_key=True)
    document_id: str = Field(foreign_key="documents.id", index=True)
    version: int
    sealed: bytes
    shown_at: datetime | None = Field(default=None, sa_type=Moment)


class ShareRow(OwnedColumns, Base, table=True):
    """What was decided about a request: shared, in which state, or refused."""

    __tablename__ = "shares"

    id: str = Field(primary_key=True)
    state: str
    version: int
    sealed: bytes
    decided_at: datetime = Field(sa_type=Moment)


class TakeBackRow(OwnedColumns, Base, table=True):
    """Withdrawals, objections and erasure requests."""

    __tablename__ = "take_backs"

    id: str = Field(primary_key=True)
    share_id: str = Field(foreign_key="shares.id", index=True)
    state: str
    version: int
    sealed: bytes
    requested_at: datetime = Field(sa_type=Moment)


class TrustListRow(TrustListColumns, Base, table=True):
    """The newest trust list that any process has seen; the same for everybody here."""

    __tablename__ = "trust_lists"
