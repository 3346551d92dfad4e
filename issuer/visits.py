# SPDX-License-Identifier: EUPL-1.2
"""What one browser and the issuer remember: a wish before signing in, and who signed in at which administration.

- The wish waits in the session while the person is at VÀLid; its random `state` serves once.
- Signing in gives the browser a new session and is good for one administration: the session names it.
- The session keeps a keyed digest of the person, never an identity number or a name.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from issuer.credential_types import CredentialType
from issuer.enquiry import Enquiries
from issuer.records import Person
from protocol.clock import Clock
from protocol.errors import RequestError
from protocol.identity import Identity
from protocol.runtime.sessions import Sessions
from protocol.runtime.valid import SignIn, take_code

# as long as an offer can be collected, and some time to look
SIGNED_IN_FOR = timedelta(minutes=30)
_WISH = "wish"


class Purpose(StrEnum):
    """Why somebody signs in."""

    GET = "get"
    OBJECT = "object"
    QUERIES = "queries"


@dataclass(frozen=True)
class Errand:
    """What a browser was about when it left for VÀLid."""

    purpose: Purpose
    administration_id: str
    type_id: str = ""
    # ISO 8601; empty where no authorisation was asked
    authorised_at: str = ""
    return_url: str = ""
    # hexadecimal
    sealed_reason: str = field(default="", repr=False)


class Visits:
    """Sends browsers to sign in and knows them when they come back."""

    def __init__(self, sessions: Sessions, sign_in: SignIn, enquiries: Enquiries, clock: Clock) -> None:
        self._sessions = sessions
        self._sign_in = sign_in
        self._enquiries = enquiries
        self._clock = clock

    def leave(self, errand: Errand, *, kind: CredentialType | None = None, is_repeat: bool = False) -> str:
        """Remember the errand and return where to send the browser to sign in."""
        session = self._sessions.get()
        state = secrets.token_urlsafe(24)
        session.values[_WISH] = json.dumps({"state": state, **asdict(errand)})
        self._sessions.save(session)
        minimum = kind.assurance_level if kind else None
        return self._sign_in.authorization_url(state, minimum=minimum, is_repeat=is_repeat)

    def come_back(self, arguments: Mapping[str, str]) -> tuple[Errand, Identity]:
        """Return the errand and who signed in for it.

        Raises `RequestError` (`sign_in_state`, `sign_in_cancelled`, `sign_in_refused`) and `UnavailableError`.
        """
        session = self._sessions.find()
        kept = session.values.pop(_WISH, "") if session else ""
        if session is None or not kept:
            raise RequestError("sign_in_state", "this browser did not leave to sign in")
        self._sessions.save(session)
        values = json.loads(kept)
        code = take_code(arguments, expected_state=values.pop("state"))
        errand = Errand(**{**values, "purpose": Purpose(values["purpose"])})
        identity = self._sign_in.sign_in(code)
        renewed = self._sessions.renew()
        person = self._enquiries.person(errand.administration_id, identity)
        until = self._clock.now() + SIGNED_IN_FOR
        renewed.values[_key(errand.administration_id)] = f"{person.hex()} {until.isoformat()}"
        self._sessions.save(renewed)
        return errand, identity

    def find_person(self, administration_id: str) -> Person | None:
        """Return who is signed in at this administration, or None."""
        session = self._sessions.find()
        kept = session.values.get(_key(administration_id), "") if session else ""
        digest, _, until = kept.partition(" ")
        if not digest or datetime.fromisoformat(until) <= self._clock.now():
            return None
        return Person(bytes.fromhex(digest))

    def get_person(self, administration_id: str) -> Person:
        """Return who is signed in at this administration. Raises `RequestError` (`sign_in_required`, 401)."""
        person = self.find_person(administration_id)
        if person is None:
            raise RequestError("sign_in_required", "nobody is signed in at this administration", status=401)
        return person

    def end(self) -> None:
        """Sign the browser out everywhere here."""
        self._sessions.end()


def _key(administration_id: str) -> str:
    return f"person:{administration_id}"
