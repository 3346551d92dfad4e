# SPDX-License-Identifier: EUPL-1.2
"""Columns of the tables that several services have: sessions, leases, trust lists seen, what auditors ask.

A service makes its own table of them: `class SessionRow(SessionColumns, Base, table=True)`.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment


class SessionColumns(SQLModel):
    """One browser's session. The cookie holds the identifier, the table only its digest."""

    id_digest: bytes = Field(primary_key=True)
    secret: bytes
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment, index=True)
    # JSON object of strings: what the service remembers between two pages
    data: str = "{}"


class LeaseColumns(SQLModel):
    """One job that only one process may do at a time."""

    name: str = Field(primary_key=True)
    holder: str
    # grows with each new holder; a write under an older token must fail
    token: int
    expires_at: datetime = Field(sa_type=Moment)


class TrustListColumns(SQLModel):
    """The newest trust list that any process of a service has seen from one source."""

    # a URL, or the path of a file
    source: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    # as it was fetched; empty for a file, which is there itself
    token: str
    fetched_at: datetime = Field(sa_type=Moment)


class RecordsRequestColumns(SQLModel):
    """One auditor's request for an office's records, and what was handed over."""

    administration_id: str = Field(primary_key=True, foreign_key="administrations.id")
    # digest of the token, in hexadecimal digits
    id: str = Field(primary_key=True)
    token: str
    auditor_code: str
    # JSON: language → text
    auditor_name: str
    due_on: date = Field(index=True)
    received_at: datetime = Field(sa_type=Moment)
    answered_at: datetime | None = Field(default=None, sa_type=Moment)
    answered_by: str | None = None
    answer: bytes | None = None


class RecordsAccessColumns(SQLModel):
    """Who fetched an answer, and when. The service's own table refers to its requests."""

    id: int | None = Field(default=None, primary_key=True)
    administration_id: str
    request_id: str = Field(index=True)
    at: datetime = Field(sa_type=Moment)
    auditor_name: str
    # digest of what the auditor signed for it; none for those from before it was kept
    access: str | None = Field(default=None, index=True, unique=True)
