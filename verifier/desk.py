# SPDX-License-Identifier: EUPL-1.2
"""Who works at the desk: clerks who sign in through VÀLid with a public employee's certificate.

- The certificate names the organisation; only an administration that verifies here has a desk.
- The session names the administration, on the server; an address never does. Signing in makes a new session.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from protocol.clock import Clock
from protocol.errors import RequestError
from protocol.identity import Identity
from protocol.runtime.sessions import Sessions
from protocol.runtime.valid import SignIn, take_code
from verifier.model import Administration
from verifier.store import Store

# a working day
SIGNED_IN_FOR = timedelta(hours=8)
_STATE = "sign_in_state"
_ADMINISTRATION = "administration"
_CLERK = "clerk"
_UNTIL = "until"

# English source sentences for people, by error code
SENTENCES: Mapping[str, str] = {
    "desk_needs_employee": "The desk is for public employees. Please sign in with an employee's certificate.",
    "desk_unknown_body": "Your certificate names an administration that has no desk here.",
}


@dataclass(frozen=True)
class Clerk:
    """A public employee at the desk of one administration."""

    administration: Administration
    name: str = field(repr=False)


class Desk:
    """Signs clerks in and knows them on the next page."""

    def __init__(self, *, store: Store, sessions: Sessions, sign_in: SignIn, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._sign_in = sign_in
        self._clock = clock

    def leave(self, *, is_repeat: bool) -> str:
        """Return where to send the browser to sign in; `is_repeat` asks VÀLid for another person."""
        session = self._sessions.get()
        session.values[_STATE] = secrets.token_urlsafe(24)
        self._sessions.save(session)
        return self._sign_in.authorization_url(session.values[_STATE], is_repeat=is_repeat)

    def come_back(self, arguments: Mapping[str, str]) -> Clerk:
        """Return the clerk who signed in.

        Raises `RequestError`: `sign_in_…` as `take_code`, `desk_needs_employee`, `desk_unknown_body`.
        """
        session = self._sessions.find()
        expected = session.values.pop(_STATE, "") if session else ""
        if session is not None:
            self._sessions.save(session)
        identity = self._sign_in.sign_in(take_code(arguments, expected_state=expected))
        administration = self._administration_of(identity)
        renewed = self._sessions.renew()
        renewed.values |= {
            _ADMINISTRATION: administration.id,
            _CLERK: identity.full_name,
            _UNTIL: (self._clock.now() + SIGNED_IN_FOR).isoformat(),
        }
        self._sessions.save(renewed)
        return Clerk(administration, identity.full_name)

    def find_clerk(self) -> Clerk | None:
        """Return who is signed in, or None."""
        session = self._sessions.find()
        values = session.values if session else {}
        if _ADMINISTRATION not in values or datetime.fromisoformat(values[_UNTIL]) <= self._clock.now():
            return None
        return Clerk(self._store.get_administration(values[_ADMINISTRATION]), values[_CLERK])

    def get_clerk(self) -> Clerk:
        """Return who is signed in. Raises `RequestError` (`sign_in_required`, 401)."""
        clerk = self.find_clerk()
        if clerk is None:
            raise RequestError("sign_in_required", "nobody is signed in at the desk", status=401)
        return clerk

    def end(self) -> None:
        """Sign the browser out."""
        self._sessions.end()

    def _administration_of(self, identity: Identity) -> Administration:
        if not identity.is_public_employee:
            raise RequestError("desk_needs_employee", "expected the certificate of a public employee", status=403)
        found = self._store.find_administration_by_code(identity.company_id)
        if found is None:
            raise RequestError("desk_unknown_body", "the certificate names a body without a desk", status=403)
        return found
