# SPDX-License-Identifier: EUPL-1.2
"""Browser sessions: an opaque cookie, a row in the service's database, and cross-site request protection.

- The cookie is HttpOnly, SameSite=Lax, Secure over TLS, and named after the service (cookies ignore ports).
- The table keeps only the identifier's digest; signing in makes a new identifier (no fixation).
- Every unsafe request of a browser must bring the session's token (field `csrf_token` or `X-CSRF-Token`).
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask, Response, g, request
from sqlmodel import delete, select

from protocol.clock import Clock
from protocol.encoding import b64url_encode, sha256
from protocol.errors import RequestError
from protocol.runtime.database import Database
from protocol.runtime.tables import SessionColumns

LIFETIME = timedelta(hours=8)
_SECRET_BYTES = 32


@dataclass
class BrowserSession:
    """What one browser and this service remember together."""

    identifier: str
    secret: bytes = field(repr=False)
    values: dict[str, str] = field(default_factory=dict)

    @property
    def csrf_token(self) -> str:
        """The token that this session's forms carry."""
        return b64url_encode(hmac.digest(self.secret, b"testimoni/csrf/1", "sha256"))


class Sessions:
    """Loads, starts, saves and ends browser sessions."""

    def __init__(
        self, database: Database, table: type[SessionColumns], clock: Clock, *, cookie: str, secure: bool
    ) -> None:
        self._database = database
        self._table = table
        self._clock = clock
        self._cookie = cookie
        self._secure = secure

    def install(self, app: Flask) -> None:
        """Make this the application's sessions; the cookie follows each response."""
        app.extensions["testimoni.sessions"] = self
        app.after_request(self._send_cookie)

    def find(self) -> BrowserSession | None:
        """Return this request's session, or None when the browser brings none that lives."""
        if "browser_session" not in g:
            g.browser_session = self._load(request.cookies.get(self._cookie))
        found: BrowserSession | None = g.browser_session
        return found

    def get(self) -> BrowserSession:
        """Return this request's session, made now if there is none."""
        return self.find() or self._start({})

    def save(self, session: BrowserSession) -> None:
        """Keep the session's values."""
        with self._database.write() as db:
            row = db.get(self._table, sha256(session.identifier.encode()))
            if row is not None:
                row.data = json.dumps(session.values)
                db.add(row)

    def renew(self) -> BrowserSession:
        """Give the browser a new identifier and secret and keep the values: call it at each sign-in."""
        old = self.find()
        self.end()
        return self._start(dict(old.values) if old else {})

    def end(self) -> None:
        """Forget the session."""
        session = self.find()
        if session is not None:
            with self._database.write() as db:
                row = db.get(self._table, sha256(session.identifier.encode()))
                if row is not None:
                    db.delete(row)
        g.browser_session = None
        g.session_cookie = ""

    def check_csrf(self) -> None:
        """Raise `RequestError` (`csrf`, 403) unless the request brings its session's token."""
        session = self.find()
        given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
        if session is None or not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
            raise RequestError("csrf", "the form is too old or from another place", status=403)

    def purge(self) -> int:
        """Delete expired sessions and return how many there were."""
        with self._database.write() as db:
            gone = db.exec(delete(self._table).where(self._table.expires_at <= self._clock.now()))  # type: ignore[arg-type]  # column expression
            return int(gone.rowcount)

    def _load(self, identifier: str | None) -> BrowserSession | None:
        if not identifier:
            return None
        with self._database.read() as db:
            row = db.exec(select(self._table).where(self._table.id_digest == sha256(identifier.encode()))).first()
        if row is None or row.expires_at <= self._clock.now():
            return None
        return BrowserSession(identifier=identifier, secret=row.secret, values=json.loads(row.data))

    def _start(self, values: dict[str, str]) -> BrowserSession:
        session = BrowserSession(secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(_SECRET_BYTES), values)
        now = self._clock.now()
        with self._database.write() as db:
            db.add(
                self._table(
                    id_digest=sha256(session.identifier.encode()),
                    secret=session.secret,
                    created_at=now,
                    expires_at=now + LIFETIME,
                    data=json.dumps(values),
                )
            )
        g.browser_session = session
        g.session_cookie = session.identifier
        return session

    def _send_cookie(self, response: Response) -> Response:
        if "session_cookie" in g:
            lifetime = LIFETIME if g.session_cookie else timedelta(0)
            response.set_cookie(
                self._cookie,
                g.session_cookie,
                max_age=lifetime,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="Lax",
            )
        return response


def sessions(app: Flask) -> Sessions | None:
    """Return the application's sessions, or None for a service without browsers."""
    found: Sessions | None = app.extensions.get("testimoni.sessions")
    return found
