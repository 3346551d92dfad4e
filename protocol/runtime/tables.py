# SPDX-License-Identifier: EUPL-1.2
"""Columns of the tables that several services have: sessions, leases, and the trust lists that were seen.

A service makes its own table of them: `class SessionRow(SessionColumns, Base, table=True)`.
"""

from __future__ import annotations

from datetime import datetime

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
