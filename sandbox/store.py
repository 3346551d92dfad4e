# SPDX-License-Identifier: EUPL-1.2
"""What the sandbox remembers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, delete

from protocol.clock import Clock
from protocol.encoding import sha256
from protocol.errors import StoreConflictError
from protocol.runtime.database import Database
from sandbox.tables import CodeRow, SignOnRow, TokenRow, TransmissionRow

_SECRET_BYTES = 32


@dataclass(frozen=True)
class SignedIn:
    """A person who signed in, how, and in which sign-on session (empty when it is not remembered)."""

    person: str
    way: str
    sign_on: bytes = b""


@dataclass(frozen=True)
class Code:
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    signed_in: SignedIn


class Store(Protocol):
    """Every secret is made here, given out once, and kept as a digest."""

    def add_sign_on(self, person: str, way: str, *, expires_at: datetime) -> str:
        """Begin a sign-on session and return its secret."""

    def find_sign_on(self, secret: str) -> SignedIn | None:
        """Return a living sign-on session, or None."""

    def end_sign_on(self, digest: bytes) -> None:
        """End a sign-on session with its codes and tokens; silent when there is none."""

    def add_code(self, code: Code, *, expires_at: datetime) -> str:
        """Keep a code and return it."""

    def take_code(self, secret: str) -> Code | None:
        """Return what a code stands for, once. A second use also ends the token that the first one gave."""

    def add_token(self, code: str, signed_in: SignedIn, *, expires_at: datetime) -> str:
        """Keep a token that was given for this code and return it."""

    def find_token(self, secret: str) -> SignedIn | None:
        """Return whose token it is while it lives, or None."""

    def end_token(self, secret: str) -> None:
        """Make a token useless; silent when it is none."""

    def register_request(self, identifier: str, requester: str) -> None:
        """Keep an `IdSolicitud` for ever. Raises `StoreConflictError` when it was seen before."""


class SqlStore:
    """The store in a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add_sign_on(self, person: str, way: str, *, expires_at: datetime) -> str:
        """Begin a sign-on session and return its secret."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._add(SignOnRow(digest=_digest(secret), person=person, way=way, expires_at=expires_at))
        return secret

    def find_sign_on(self, secret: str) -> SignedIn | None:
        """Return a living sign-on session, or None."""
        with self._database.read() as session:
            row = session.get(SignOnRow, _digest(secret))
        if row is None or row.expires_at <= self._clock.now():
            return None
        return SignedIn(row.person, row.way, row.digest)

    def end_sign_on(self, digest: bytes) -> None:
        """End a sign-on session with its codes and tokens; silent when there is none."""
        if not digest:
            return
        with self._database.write() as session:
            session.exec(delete(SignOnRow).where(col(SignOnRow.digest) == digest))
            session.exec(delete(CodeRow).where(col(CodeRow.sign_on) == digest))
            session.exec(delete(TokenRow).where(col(TokenRow.sign_on) == digest))

    def add_code(self, code: Code, *, expires_at: datetime) -> str:
        """Keep a code and return it."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = CodeRow(
            digest=_digest(secret),
            client_id=code.client_id,
            redirect_uri=code.redirect_uri,
            person=code.signed_in.person,
            way=code.signed_in.way,
            sign_on=code.signed_in.sign_on,
            expires_at=expires_at,
        )
        self._add(row)
        return secret

    def take_code(self, secret: str) -> Code | None:
        """Return what a code stands for, once. A second use also ends the token that the first one gave."""
        with self._database.write() as session:
            row = session.get(CodeRow, _digest(secret))
            if row is None or row.expires_at <= self._clock.now():
                return None
            if row.is_used:
                session.exec(delete(TokenRow).where(col(TokenRow.code) == row.digest))
                return None
            row.is_used = True
            session.add(row)
            return Code(row.client_id, row.redirect_uri, SignedIn(row.person, row.way, row.sign_on))

    def add_token(self, code: str, signed_in: SignedIn, *, expires_at: datetime) -> str:
        """Keep a token that was given for this code and return it."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = TokenRow(
            digest=_digest(secret),
            code=_digest(code),
            person=signed_in.person,
            way=signed_in.way,
            sign_on=signed_in.sign_on,
            expires_at=expires_at,
        )
        self._add(row)
        return secret

    def find_token(self, secret: str) -> SignedIn | None:
        """Return whose token it is while it lives, or None."""
        with self._database.read() as session:
            row = session.get(TokenRow, _digest(secret))
        if row is None or row.expires_at <= self._clock.now():
            return None
        return SignedIn(row.person, row.way, row.sign_on)

    def end_token(self, secret: str) -> None:
        """Make a token useless; silent when it is none."""
        with self._database.write() as session:
            session.exec(delete(TokenRow).where(col(TokenRow.digest) == _digest(secret)))

    def register_request(self, identifier: str, requester: str) -> None:
        """Keep an `IdSolicitud` for ever. Raises `StoreConflictError` when it was seen before."""
        row = TransmissionRow(identifier=identifier, requester=requester, received_at=self._clock.now())
        try:
            with self._database.write() as session:
                session.add(row)
        except IntegrityError as exc:
            raise StoreConflictError("duplicate", "this IdSolicitud was seen before") from exc

    def _add(self, row: SQLModel) -> None:
        """Keep a row, and drop what has expired meanwhile."""
        now = self._clock.now()
        with self._database.write() as session:
            for table in (SignOnRow, CodeRow, TokenRow):
                session.exec(delete(table).where(col(table.expires_at) <= now))
            session.add(row)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode())
