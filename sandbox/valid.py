# SPDX-License-Identifier: EUPL-1.2
"""VÀLid's side of a sign-in, with fixture people instead of real ones.

- Plain OAuth 2.0 as documented: code, token, `getUserInfo`, revoke, logout. A code serves once and soon expires.
- A citizen who signed in is not asked again (single sign-on) unless the application insists or needs a higher
  level. A public employee's certificate is asked for each time, so it never signs a citizen's browser in.
- Where the documentation is silent, OAuth 2.0 (RFC 6749) decides.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from urllib.parse import urlencode

from protocol.clock import Clock
from protocol.errors import RequestError
from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Method
from sandbox.people import Person
from sandbox.settings import ClientApplication
from sandbox.store import Code, SignedIn, Store

CODE_LIFETIME = timedelta(minutes=1)
TOKEN_LIFETIME = timedelta(hours=1)
SIGN_ON_LIFETIME = timedelta(hours=1)
SCOPE = "autenticacio_usuari"
CANCELLED = "SESSION_CANCEL"
MAX_STATE = 512
_IDENTIFIER_TYPES = {IdentifierType.NIF: "1", IdentifierType.NIE: "2", IdentifierType.PASSPORT: "3"}


class Way(Enum):
    """A method with the level that it gives."""

    IDCAT_MOBIL_REGISTERED = ("idcatmobil-substantial", Method.IDCAT_MOBIL, AssuranceLevel.SUBSTANTIAL)
    IDCAT_MOBIL_REMOTE = ("idcatmobil-low", Method.IDCAT_MOBIL, AssuranceLevel.LOW)
    CLAVE = ("clave-substantial", Method.CLAVE, AssuranceLevel.SUBSTANTIAL)
    CERTIFICATE = ("certificat-substantial", Method.CERTIFICATE, AssuranceLevel.SUBSTANTIAL)
    CERTIFICATE_ON_CARD = ("certificat-high", Method.CERTIFICATE, AssuranceLevel.HIGH)

    def __init__(self, word: str, method: Method, level: AssuranceLevel) -> None:
        self.word = word
        self.method = method
        self.level = level

    @classmethod
    def find(cls, word: str) -> Way | None:
        """Return the way of this name, or None."""
        return next((way for way in cls if way.word == word), None)


CLERK_WAY = Way.CERTIFICATE_ON_CARD


@dataclass(frozen=True)
class AuthorizationRequest:
    """An application's wish to know who somebody is; the address to return to is a registered one."""

    client: ClientApplication
    redirect_uri: str
    state: str
    is_forced: bool
    minimum: AssuranceLevel | None

    @property
    def cancel_url(self) -> str:
        """Where a person who gives up is sent."""
        return self._back({"error": CANCELLED})

    def code_url(self, code: str) -> str:
        """Return where a person who signed in is sent."""
        return self._back({"code": code})

    def _back(self, parameters: Mapping[str, str]) -> str:
        joint = "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{joint}{urlencode({**parameters, 'state': self.state})}"


class Valid:
    """Signs fixture people in and tells applications who they are."""

    def __init__(
        self,
        people: Mapping[str, Person],
        clients: tuple[ClientApplication, ...],
        store: Store,
        clock: Clock,
    ) -> None:
        self._people = people
        self._clients = {client.client_id: client for client in clients}
        self._store = store
        self._clock = clock

    def open_request(self, arguments: Mapping[str, str]) -> AuthorizationRequest:
        """Return the request in a query string.

        Raises `RequestError`: `invalid_client` and `invalid_redirect` are never answered with a redirect.
        """
        client = self._clients.get(arguments.get("client_id", ""))
        if client is None:
            raise RequestError("invalid_client", "unknown client_id")
        redirect_uri = arguments.get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            raise RequestError("invalid_redirect", "redirect_uri is not a registered one")
        state = arguments.get("state", "")
        if arguments.get("response_type") != "code" or arguments.get("scope") != SCOPE:
            raise RequestError("invalid_request", f"expected response_type code and scope {SCOPE}")
        if not state or len(state) > MAX_STATE or "approval_prompt" not in arguments:
            raise RequestError("invalid_request", "expected state and approval_prompt")
        return AuthorizationRequest(
            client=client,
            redirect_uri=redirect_uri,
            state=state,
            is_forced=arguments["approval_prompt"] == "force",
            minimum=_minimum(arguments),
        )

    def resume(self, request: AuthorizationRequest, signed_in: SignedIn | None) -> str | None:
        """Return where to send a browser that is signed in well enough, or None when the person must be asked."""
        way = Way.find(signed_in.way) if signed_in else None
        if signed_in is None or way is None or request.is_forced:
            return None
        if request.minimum is not None and way.level < request.minimum:
            return None
        return self._code_url(request, signed_in)

    def find_signed_in(self, sign_on: str) -> SignedIn | None:
        """Return who is signed in under a browser's sign-on secret, or None."""
        found = self._store.find_sign_on(sign_on) if sign_on else None
        return found if found and found.person in self._people else None

    def sign_in(self, request: AuthorizationRequest, person: Person, way: Way) -> tuple[str, str]:
        """Sign a person in; return where to send the browser and its sign-on secret (empty for a clerk)."""
        if person.is_clerk:
            return self._code_url(request, SignedIn(person.id, CLERK_WAY.word)), ""
        expires_at = self._clock.now() + SIGN_ON_LIFETIME
        secret = self._store.add_sign_on(person.id, way.word, expires_at=expires_at)
        signed_in = self._store.find_sign_on(secret)
        return self._code_url(request, signed_in or SignedIn(person.id, way.word)), secret

    def sign_out(self, sign_on: str) -> None:
        """End the sign-on session with this secret."""
        found = self._store.find_sign_on(sign_on) if sign_on else None
        if found is not None:
            self._store.end_sign_on(found.sign_on)

    def token(self, form: Mapping[str, str]) -> str:
        """Return an access token for a code.

        Raises `RequestError` with the codes of RFC 6749, section 5.2.
        """
        client = self._clients.get(form.get("client_id", ""))
        given = form.get("client_secret", "").encode()
        if client is None or not hmac.compare_digest(given, client.client_secret.get_secret_value().encode()):
            raise RequestError("invalid_client", "unknown client or wrong secret", status=401)
        if form.get("grant_type") != "authorization_code":
            raise RequestError("unsupported_grant_type", "expected authorization_code")
        secret = form.get("code", "")
        code = self._store.take_code(secret)
        if code is None or (code.client_id, code.redirect_uri) != (client.client_id, form.get("redirect_uri")):
            raise RequestError("invalid_grant", "the code is unknown, expired, used or another application's")
        return self._store.add_token(secret, code.signed_in, expires_at=self._clock.now() + TOKEN_LIFETIME)

    def user_info(self, token: str) -> dict[str, str | None]:
        """Return the answer of `getUserInfo`; status `ko` for a token that is none."""
        signed_in = self._store.find_token(token)
        person = self._people.get(signed_in.person) if signed_in else None
        way = Way.find(signed_in.way) if signed_in else None
        if person is None or way is None:
            return {"status": "ko", "error": "INVALID_TOKEN"}
        return _user_info(person, way)

    def revoke(self, token: str) -> bool:
        """Make a token useless and leave the sign-on session alone; False when it was none."""
        found = self._store.find_token(token)
        self._store.end_token(token)
        return found is not None

    def logout(self, token: str) -> bool:
        """Make a token useless and end its sign-on session; False when it was none."""
        found = self._store.find_token(token)
        self._store.end_token(token)
        if found is not None:
            self._store.end_sign_on(found.sign_on)
        return found is not None

    def _code_url(self, request: AuthorizationRequest, signed_in: SignedIn) -> str:
        code = Code(request.client.client_id, request.redirect_uri, signed_in)
        return request.code_url(self._store.add_code(code, expires_at=self._clock.now() + CODE_LIFETIME))


def _minimum(arguments: Mapping[str, str]) -> AssuranceLevel | None:
    word = arguments.get("assurance_level")
    try:
        return AssuranceLevel.from_word(word) if word else None
    except ValueError as exc:
        raise RequestError("invalid_request", "assurance_level is none of low, substantial, high") from exc


def _user_info(person: Person, way: Way) -> dict[str, str | None]:
    """Return the members as documented; the identifier's type is sent for idCAT Mòbil only."""
    members: dict[str, str | None] = {
        "status": "ok",
        "identifier": person.identifier,
        "name": person.given_name,
        "surnames": f"{person.surname1} {person.surname2}".strip(),
        "surname1": person.surname1,
        "surname2": person.surname2,
        "countryCode": "ES",
        "email": f"{person.id}@example.com",
        "method": way.method.value,
        "assuranceLevel": way.level.word,
    }
    if way.method is Method.IDCAT_MOBIL:
        members |= {
            "identifierType": _IDENTIFIER_TYPES[person.identifier_type],
            "prefix": "0034",
            "phone": "600000000",
        }
    if way.method is Method.CERTIFICATE:
        kind = CertificateType.PUBLIC_EMPLOYEE if person.is_clerk else CertificateType.NATURAL_PERSON
        members |= {
            "certificateType": str(kind.value),
            "companyId": person.employer_code or None,
            "companyName": person.employer_name or None,
        }
    return members
