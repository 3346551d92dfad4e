# SPDX-License-Identifier: EUPL-1.2
"""The ledger's tables. Imported by the stores alone.

Entries are blind: no row says who sent one, from where, or for which administration, so no table here has an
`administration_id`. The moment by which a promise is due is deleted as soon as the promise is kept.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment
from protocol.runtime.tables import LeaseColumns, TrustListColumns


class Base(SQLModel, registry=registry()):
    """Base of the ledger's tables."""


class LeaseRow(LeaseColumns, Base, table=True):
    """Which worker may sequence or anchor."""

    __tablename__ = "leases"


class LogRow(Base, table=True):
    """One log and its present head."""

    __tablename__ = "logs"

    name: str = Field(primary_key=True)
    origin: str
    checkpoint_key: str
    promise_key: str
    maximum_merge_delay: int
    # open, or restoring, closed or frozen with a reason
    state: str
    reason: str = ""
    size: int = Field(sa_type=BigInteger)
    # peaks of the tree, largest first, 32 bytes each
    frontier: bytes = Field(sa_type=LargeBinary)
    signed_at: datetime = Field(sa_type=Moment)
    # as the worker found the chain; empty without one
    chain_id: int | None = Field(default=None, sa_type=BigInteger)
    contract: str = ""
    sealer: str = ""
    compared_at: datetime | None = Field(default=None, sa_type=Moment)
    # the last moment at which a worker knew this copy to be the newest one
    attended_at: datetime | None = Field(default=None, sa_type=Moment)
    freezes_at: datetime | None = Field(default=None, sa_type=Moment)


class EntryRow(Base, table=True):
    """One commitment. Without a promise it is filler; without an index it waits for its batch."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("log", "leaf_index", name="uq_entries_log_leaf_index"),
        Index("ix_entries_log_due_at", "log", "due_at"),
    )

    log: str = Field(primary_key=True)
    commitment: bytes = Field(primary_key=True, sa_type=LargeBinary)
    promise: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    leaf_index: int | None = Field(default=None, sa_type=BigInteger)


class NodeRow(Base, table=True):
    """The root of one complete subtree; written once."""

    __tablename__ = "nodes"

    log: str = Field(primary_key=True)
    level: int = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)


class CheckpointRow(Base, table=True):
    """One signed tree head; written once, together with its nodes."""

    __tablename__ = "checkpoints"

    log: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    note: str
    signed_at: datetime = Field(sa_type=Moment)


class CosignatureRow(Base, table=True):
    """One witness's verified signature under one tree head; written once."""

    __tablename__ = "cosignatures"
    __table_args__ = (Index("ix_cosignatures_log_size", "log", "size"),)

    log: str = Field(primary_key=True)
    # the witness's verifier key: name, identifier and bytes
    witness: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    # the line of the note, with its end
    line: str
    cosigned_at: datetime = Field(sa_type=Moment)


class AnchorRow(Base, table=True):
    """The outbox: one transaction that brings a head to the chain, and what became of it."""

    __tablename__ = "anchors"
    __table_args__ = (
        UniqueConstraint("transaction_hash", name="uq_anchors_transaction_hash"),
        Index("ix_anchors_log_size", "log", "size"),
        Index("ix_anchors_log_settled_at", "log", "settled_at"),
        Index("ix_anchors_log_state_size", "log", "state", "size", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    log: str
    prev_size: int = Field(sa_type=BigInteger)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    # pending, included, final, abandoned, failed
    state: str
    nonce: int | None = Field(default=None, sa_type=BigInteger)
    # the signed bytes; None for an anchor that was found on the chain
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    stored_at: datetime = Field(sa_type=Moment)
    block_number: int | None = Field(default=None, sa_type=BigInteger)
    block_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    settled_at: datetime | None = Field(default=None, sa_type=Moment)
    # JSON of what proves the block offline; present once final
    evidence: str = ""


class RegistryEventRow(Base, table=True):
    """One event of a trust registry, as JSON; written once."""

    __tablename__ = "registry_events"

    contract: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    body: str


class RegistryPlaceRow(Base, table=True):
    """Up to where a trust registry was read; moves in the transaction that adds the events."""

    __tablename__ = "registry_places"

    contract: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BigInteger)
    block_number: int = Field(sa_type=BigInteger)
    block_hash: bytes = Field(sa_type=LargeBinary)
    block_time: int = Field(sa_type=BigInteger)
    sequence: int = Field(sa_type=BigInteger)
    running_hash: bytes = Field(sa_type=LargeBinary)


class DerivedListRow(Base, table=True):
    """The newest signed trust list that follows from a registry."""

    __tablename__ = "derived_lists"

    contract: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    token: str
    renew_at: datetime = Field(sa_type=Moment)


class RecorderRow(Base, table=True):
    """A service that may have entries promised, and how many in an hour. No entry says which one sent it."""

    __tablename__ = "recorders"

    name: str = Field(primary_key=True)
    token_digest: bytes = Field(sa_type=LargeBinary)
    quota: int = Field(sa_type=BigInteger)
    added_at: datetime = Field(sa_type=Moment)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)
    # the hour that is counted, and how many calls were made in it; earlier hours are forgotten
    period_at: datetime | None = Field(default=None, sa_type=Moment)
    used: int = Field(default=0, sa_type=BigInteger)


class TrustListRow(TrustListColumns, Base, table=True):
    """The newest trust list that any process has seen."""

    __tablename__ = "trust_lists"
