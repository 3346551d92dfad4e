# SPDX-License-Identifier: EUPL-1.2
"""Tables of the sandbox. Codes, tokens and sign-on sessions are kept as digests only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from protocol.runtime.database import Moment
from protocol.runtime.tables import SessionColumns


class Base(SQLModel, registry=registry()):
    """The sandbox's own metadata."""


class SessionRow(SessionColumns, Base, table=True):
    """Browser sessions: the form token, and which sign-on session the browser is in."""

    __tablename__ = "sessions"


class SignOnRow(Base, table=True):
    """One single sign-on session."""

    __tablename__ = "sign_ons"

    digest: bytes = Field(primary_key=True)
    person: str
    way: str
    expires_at: datetime = Field(sa_type=Moment, index=True)


class CodeRow(Base, table=True):
    """One authorization code; it serves once, and a second use ends the token that it gave."""

    __tablename__ = "codes"

    digest: bytes = Field(primary_key=True)
    client_id: str
    redirect_uri: str
    person: str
    way: str
    sign_on: bytes
    expires_at: datetime = Field(sa_type=Moment, index=True)
    is_used: bool = False


class TokenRow(Base, table=True):
    """One access token."""

    __tablename__ = "tokens"

    digest: bytes = Field(primary_key=True)
    code: bytes = Field(index=True)
    person: str
    way: str
    sign_on: bytes
    expires_at: datetime = Field(sa_type=Moment, index=True)


class TransmissionRow(Base, table=True):
    """One `IdSolicitud` that was seen; kept for ever, as the real platform does."""

    __tablename__ = "transmissions"

    identifier: str = Field(primary_key=True)
    requester: str
    received_at: datetime = Field(sa_type=Moment)
