# SPDX-License-Identifier: EUPL-1.2
"""Recorders: wallet services, verifiers and issuers that may have entries promised, each up to a quota an hour.

- A token is `NAME.SECRET`; the database holds the secret's SHA-256 (of 256 random bits) and never the token.
- What is counted is one number a recorder and hour, in a transaction of its own before the entry is looked at;
  the hours before are forgotten. Nothing that is stored or logged joins an entry to its recorder.
- Every call counts, repeats and refused ones too.
"""

from __future__ import annotations

import hmac
import math
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from ledger.tables import RecorderRow
from protocol.clock import Clock
from protocol.encoding import sha256
from protocol.errors import QuotaError, RequestError, StoreConflictError
from protocol.runtime.database import Database

PERIOD = timedelta(hours=1)
# ten promises a second: more than the shares of a large city in its busiest hour
DEFAULT_QUOTA = 36_000
MAX_QUOTA = 10**9
_SECRET_BYTES = 32
# a name, a point and a secret stay far below it
_MAX_TOKEN_CHARS = 256
_NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Recorder:
    """A recorder as stored."""

    name: str
    token_digest: bytes = field(repr=False)
    quota: int
    added_at: datetime
    revoked_at: datetime | None
    used: int
    """Calls in the hour that was counted last."""


class RecorderStore(Protocol):
    """Recorders and their counters."""

    def recorders(self) -> tuple[Recorder, ...]:
        """Return all recorders, by name."""

    def find_recorder(self, name: str) -> Recorder | None:
        """Return a recorder, revoked or not."""

    def put_recorder(self, name: str, token_digest: bytes, *, quota: int, now: datetime, is_new: bool) -> None:
        """Store a recorder. Raises `StoreConflictError` when it is there although it should be new."""

    def revoke_recorder(self, name: str, *, now: datetime) -> bool:
        """Let its token count no more; False when there is no such recorder, or it was revoked before."""

    def count_call(self, name: str, period_at: datetime) -> bool:
        """Count one call in this period and forget those before; False, and not counted, over the quota.

        A call of an earlier period than the newest counts in the newest.

        Calls at the same moment are counted one after the other.
        """


class SqlRecorderStore:
    """The recorders in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recorders(self) -> tuple[Recorder, ...]:
        """Return all recorders, by name."""
        with self._database.read() as session:
            return tuple(_recorder(row) for row in session.exec(select(RecorderRow).order_by(RecorderRow.name)))

    def find_recorder(self, name: str) -> Recorder | None:
        """Return a recorder, revoked or not."""
        with self._database.read() as session:
            row = session.get(RecorderRow, name)
            return None if row is None else _recorder(row)

    def put_recorder(self, name: str, token_digest: bytes, *, quota: int, now: datetime, is_new: bool) -> None:
        """Store a recorder."""
        try:
            with self._database.write() as session:
                row = session.get(RecorderRow, name, with_for_update=True)
                if row is not None and is_new:
                    raise StoreConflictError("recorder_exists", f"there is a recorder {name} already")
                if row is None:
                    row = RecorderRow(name=name, token_digest=token_digest, quota=quota, added_at=now)
                row.token_digest, row.quota, row.revoked_at = token_digest, quota, None
                session.add(row)
        except IntegrityError as exc:
            raise StoreConflictError("recorder_exists", f"there is a recorder {name} already") from exc

    def revoke_recorder(self, name: str, *, now: datetime) -> bool:
        """Let its token count no more."""
        with self._database.write() as session:
            row = session.get(RecorderRow, name, with_for_update=True)
            if row is None or row.revoked_at is not None:
                return False
            row.revoked_at = now
            session.add(row)
            return True

    def count_call(self, name: str, period_at: datetime) -> bool:
        """Count one call in this period and forget those before."""
        with self._database.write() as session:
            row = session.get_one(RecorderRow, name, with_for_update=True)
            # a clock behind, at the hour's edge or set back, counts on in the hour that is counted already
            if row.period_at is None or period_at > row.period_at:
                row.period_at, row.used = period_at, 0
            if row.used >= row.quota:
                return False
            row.used += 1
            session.add(row)
            return True


class Recorders:
    """Who may have entries promised."""

    def __init__(self, store: RecorderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def admit(self, authorization: str) -> None:
        """Return when the header `Authorization: Bearer …` is a recorder's within its quota; count the call.

        Raises `RequestError` (`recorder_unknown`, 401; `recorder_revoked`, 403) and `QuotaError`
        (`recorder_quota`, 429). Says nothing about the recorder to whoever comes after.
        """
        scheme, _, token = authorization.partition(" ")
        name, _, secret = token.strip().partition(".")
        is_readable = len(token) <= _MAX_TOKEN_CHARS and _NAME.fullmatch(name) is not None
        found = self._store.find_recorder(name) if is_readable else None
        # an unknown name costs the same comparison as a known one
        expected = found.token_digest if found else bytes(_SECRET_BYTES)
        is_same = hmac.compare_digest(sha256(secret.encode()), expected)
        if found is None or not is_same or scheme.lower() != "bearer":
            raise RequestError("recorder_unknown", "expected the bearer token of a recorder", status=401)
        if found.revoked_at is not None:
            raise RequestError("recorder_revoked", "this recorder's token was revoked", status=403)
        now = self._clock.now()
        period_at = now.replace(minute=0, second=0, microsecond=0)
        if not self._store.count_call(name, period_at):
            rest = math.ceil((period_at + PERIOD - now).total_seconds())
            raise QuotaError("recorder_quota", f"more than {found.quota} entries in an hour", retry_after=rest)

    def recorders(self) -> tuple[Recorder, ...]:
        """Return all recorders, by name."""
        return self._store.recorders()

    def add(self, name: str, *, quota: int) -> str:
        """Add a recorder and return its token; it is never shown again.

        Raises `RequestError` (`invalid_recorder`) and `StoreConflictError` (`recorder_exists`).
        """
        secret = new_secret()
        self._put(name, secret, quota=quota, is_new=True)
        return f"{name}.{secret}"

    def set(self, token: str, *, quota: int) -> None:
        """Let this very token count, and no other of its recorder: for a set-up that keeps its tokens."""
        name, _, secret = token.partition(".")
        self._put(name, secret, quota=quota, is_new=False)

    def revoke(self, name: str) -> None:
        """Let a recorder's token count no more. Raises `RequestError` (`not_found`, 404)."""
        if not self._store.revoke_recorder(name, now=self._clock.now()):
            raise RequestError("not_found", f"there is no recorder {name} to revoke", status=404)

    def _put(self, name: str, secret: str, *, quota: int, is_new: bool) -> None:
        if not _NAME.fullmatch(name):
            raise RequestError("invalid_recorder", "expected a name of lower-case letters, digits and hyphens")
        if not 0 < quota <= MAX_QUOTA:
            raise RequestError("invalid_recorder", f"expected a quota from 1 to {MAX_QUOTA}")
        now = self._clock.now()
        self._store.put_recorder(name, sha256(secret.encode()), quota=quota, now=now, is_new=is_new)


def new_secret() -> str:
    """Return the random part of a token."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def _recorder(row: RecorderRow) -> Recorder:
    return Recorder(row.name, row.token_digest, row.quota, row.added_at, row.revoked_at, row.used)
