# SPDX-License-Identifier: EUPL-1.2
"""The issuer's tables. Only `issuer.store` reads and writes them; `migrations/` makes them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment
from protocol.runtime.tables import (
    LeaseColumns,
    RecordsAccessColumns,
    RecordsRequestColumns,
    SessionColumns,
    TrustListColumns,
)


class Base(SQLModel, registry=registry()):
    """The issuer's own registry."""


class SessionRow(SessionColumns, Base, table=True):
    """Browser sessions."""

    __tablename__ = "sessions"


class AdministrationRow(Base, table=True):
    """Bodies that issue documents here."""

    __tablename__ = "administrations"

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    # JSON object: a name for each language
    names: str
    requester_code: str
    requester_name: str
    finality: str
    officer_name: str
    officer_document: str
    municipality_code: str | None = None
    municipality_province_code: str | None = None
    municipality_name: str | None = None
    signer_url: str
    # JSON list: the certificate chain, leaf first
    x5c: str
    # JSON list
    credential_types: str
    support_url: str = ""
    privacy_url: str = ""
    dpa_name: str = ""
    dpa_contact: str = ""


class IssuanceRow(Base, table=True):
    """Documents on their way to a wallet."""

    __tablename__ = "issuances"
    __table_args__ = (Index("ix_issuances_open", "administration_id", "state", "expires_at"),)

    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    type_id: str
    person: bytes
    state: str
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    # claims and codes; null once the issuance has ended
    sealed: bytes | None = None
    offer_digest: bytes | None = Field(default=None, unique=True)
    code_digest: bytes | None = Field(default=None, unique=True)
    tx_code_digest: bytes | None = None
    attempts: int = 0
    token_digest: bytes | None = Field(default=None, unique=True)
    notification_digest: bytes | None = None
    event: str = ""
    reason: str = ""
    return_url: str = ""
    reference: str = ""


class CopyRow(Base, table=True):
    """Credentials issued: one row per copy."""

    __tablename__ = "copies"
    # no entry of a list belongs to two copies
    __table_args__ = (Index("ix_copies_status", "status_list_id", "status_index", unique=True),)

    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    issuance_id: str = Field(foreign_key="issuances.id", index=True)
    type_id: str
    issued_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    # its entry; null for a copy without status, and once it has expired
    status_list_id: str | None = None
    status_index: int | None = None
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)
    revocation_reason: str | None = None


class StatusListRow(Base, table=True):
    """Status lists, with the token that was last signed of each."""

    __tablename__ = "status_lists"
    __table_args__ = (Index("ix_status_lists_number", "administration_id", "number", unique=True),)

    # part of its address
    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id")
    number: int
    bits: int = 1
    # in entries
    size: int
    # so many places were given out; never goes back
    taken: int
    # the order in which entries are given out; null once nothing more is
    order_key: bytes | None = None
    packed: bytes
    # counts the changes of entries
    version: int = 0
    signed_version: int = 0
    token: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=Moment)


class NonceRow(Base, table=True):
    """Nonces given out and not used yet."""

    __tablename__ = "nonces"

    digest: bytes = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    expires_at: datetime = Field(sa_type=Moment)


class QueryRow(Base, table=True):
    """Questions to sources."""

    __tablename__ = "queries"
    __table_args__ = (Index("ix_queries_about", "administration_id", "person", "asked_at"),)

    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id")
    person: bytes
    type_id: str
    requester_code: str
    requester_name: str
    product: str
    modality: str
    finality: str
    consent: str
    authorised_at: datetime | None = Field(default=None, sa_type=Moment)
    asked_at: datetime = Field(sa_type=Moment)
    outcome: str
    source_code: str = ""
    correlation_id: str = ""


class QueryRecordRow(Base, table=True):
    """Records of questions, for the ledger: the outbox, and what the person may have checked."""

    __tablename__ = "query_records"
    __table_args__ = (
        Index("ix_query_records_kept", "administration_id", "keep_until"),
        Index("ix_query_records_waiting", "promise", "attempts", "due_at"),
    )

    commitment: bytes = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id")
    query_id: str = Field(foreign_key="queries.id", unique=True, index=True)
    # origin of the log that the record names
    log: str
    # record, opening key and signature
    sealed: bytes
    made_at: datetime = Field(sa_type=Moment)
    # the whole row is destroyed then
    keep_until: datetime = Field(sa_type=Moment)
    # when the ledger is asked, and how often it was in vain
    due_at: datetime = Field(sa_type=Moment)
    attempts: int = 0
    # null until the ledger has given one that holds
    promise: str | None = None


class DestroyedRecordRow(Base, table=True):
    """That a question had a record, after both were destroyed.

    Nothing here opens it, and it has the day only: by the moment it could be found in the books of the source,
    with the person beside it.
    """

    __tablename__ = "destroyed_records"
    __table_args__ = (Index("ix_destroyed_records_of", "administration_id", "asked_on"),)

    commitment: bytes = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id")
    # in UTC
    asked_on: date


class RecordsRequestRow(RecordsRequestColumns, Base, table=True):
    """What auditors asked for, and what was handed over."""

    __tablename__ = "records_requests"


class RecordsAccessRow(RecordsAccessColumns, Base, table=True):
    """Who fetched an answer, and when."""

    __tablename__ = "records_accesses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "request_id"], ["records_requests.administration_id", "records_requests.id"]
        ),
    )


class LeaseRow(LeaseColumns, Base, table=True):
    """Jobs that only one process may do at a time."""

    __tablename__ = "leases"


class TrustListRow(TrustListColumns, Base, table=True):
    """The newest trust list that any process has seen."""

    __tablename__ = "trust_lists"


class ObjectionRow(Base, table=True):
    """Objections of people to questions about them."""

    __tablename__ = "objections"
    __table_args__ = (Index("ix_objections_of", "administration_id", "person", "type_id"),)

    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id")
    person: bytes
    type_id: str
    sealed_reason: bytes
    made_at: datetime = Field(sa_type=Moment)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Moment)


class ReconciliationRow(Base, table=True):
    """Signed comparisons of an office's books, as published."""

    __tablename__ = "reconciliations"

    id: int | None = Field(default=None, primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    token: str
    made_at: datetime = Field(sa_type=Moment)
