# SPDX-License-Identifier: EUPL-1.2
"""The verifier's tables. Imported by the stores and the migrations alone.

Every table of an administration has `administration_id`; a row of one can never refer to a row of another.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment
from protocol.runtime.tables import RecordsAccessColumns, RecordsRequestColumns, SessionColumns, TrustListColumns


class Base(SQLModel, registry=registry()):
    """The verifier's own registry."""


class SessionRow(SessionColumns, Base, table=True):
    """Browser sessions of clerks."""

    __tablename__ = "sessions"


class StatusTokenRow(Base, table=True):
    """Status list tokens as they were fetched, for all processes; nothing here is trusted unverified."""

    __tablename__ = "status_tokens"

    uri: str = Field(primary_key=True)
    token: str
    fetched_at: datetime = Field(sa_type=Moment, index=True)


class AdministrationRow(Base, table=True):
    """Administrations that verify here."""

    __tablename__ = "administrations"

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    # JSON: language → text
    name: str
    signer_url: str
    # JSON list of base64 certificates, leaf first
    x5c: str
    client_id: str = Field(unique=True)
    api_token_digest: bytes | None = Field(default=None, unique=True)


class ProcedureRow(Base, table=True):
    """Registered procedures, one row per version; the highest version is the one that starts."""

    __tablename__ = "procedures"

    administration_id: str = Field(primary_key=True, foreign_key="administrations.id")
    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    statement: str
    next_step: str
    due_days: int | None = None
    remedies: str


class DocumentTypeRow(Base, table=True):
    """What an administration knows about types of documents."""

    __tablename__ = "document_types"

    administration_id: str = Field(primary_key=True, foreign_key="administrations.id")
    vct: str = Field(primary_key=True)
    name: str
    claim_labels: str
    carries_status: bool
    longest_validity_days: int


class PresentationRow(Base, table=True):
    """Presentation requests and their decisions."""

    __tablename__ = "presentations"
    __table_args__ = (
        UniqueConstraint("administration_id", "id"),
        UniqueConstraint("client_id", "nonce"),
        UniqueConstraint("administration_id", "reference"),
    )

    id: str = Field(primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    request_id: str = Field(unique=True)
    nonce: str
    wallet_state: str = Field(unique=True)
    client_id: str
    procedure_id: str
    procedure_version: int
    key_id: str
    public_key: str
    sealed_key: bytes | None = None
    started_by: str
    issued_at: datetime = Field(sa_type=Moment, index=True)
    expires_at: datetime = Field(sa_type=Moment)
    state: str
    answered_at: datetime | None = Field(default=None, sa_type=Moment)
    response_digest: bytes | None = None
    answer_status: int | None = None
    answer: bytes | None = None
    reference: str | None = None
    # one commitment, one presentation, whoever asks
    commitment: bytes | None = Field(default=None, unique=True)
    trouble: str | None = None
    trouble_code: str | None = None


class CaseRow(Base, table=True):
    """What is kept of an answered presentation: claims and receipt, sealed."""

    __tablename__ = "cases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
    )

    administration_id: str = Field(primary_key=True)
    presentation_id: str = Field(primary_key=True)
    sealed: bytes


class BlockedCaseRow(Base, table=True):
    """What was blocked, sealed under a key kept apart."""

    __tablename__ = "blocked_cases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
    )

    administration_id: str = Field(primary_key=True)
    presentation_id: str = Field(primary_key=True)
    sealed: bytes
    blocked_at: datetime = Field(sa_type=Moment)
    destroy_after: datetime = Field(sa_type=Moment, index=True)


class WithdrawalRow(Base, table=True):
    """Withdrawals, objections and requests to erase, with their answers."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
        UniqueConstraint("administration_id", "commitment"),
    )

    id: str = Field(primary_key=True)
    administration_id: str = Field(index=True)
    presentation_id: str = Field(index=True)
    token: str = Field(unique=True)
    commitment: bytes
    kind: str
    record: bytes
    key: bytes
    signature: str
    promise: str
    marker_promise: str
    received_at: datetime = Field(sa_type=Moment)
    due_on: date = Field(index=True)
    state: str
    answer_kind: str | None = None
    answer_record: bytes | None = None
    answer_key: bytes | None = None
    answer_signature: str | None = None
    answer_promise: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decided_by: str | None = None
    legal_ground: str | None = None


class ReconciliationRow(Base, table=True):
    """Signed comparisons of an office's books, as published."""

    __tablename__ = "reconciliations"

    id: int | None = Field(default=None, primary_key=True)
    administration_id: str = Field(foreign_key="administrations.id", index=True)
    token: str
    made_at: datetime = Field(sa_type=Moment)


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


class TrustListRow(TrustListColumns, Base, table=True):
    """The newest trust list that any process has seen; the same for everybody here."""

    __tablename__ = "trust_lists"
