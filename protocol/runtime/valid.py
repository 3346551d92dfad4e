# SPDX-License-Identifier: EUPL-1.2
"""Signing people in through VÀLid: plain OAuth 2.0 as its documentation has it (no OpenID Connect, no PKCE).

- `state` is the only thing that ties the answer to the browser that left; `take_code` compares it.
- The access token is in a query string on VÀLid's side, so no address of this module is ever logged or kept in
  an exception; the token is revoked as soon as the person is known. The single sign-on session lives on.
- `identifierType` is numbered by VÀLid in its own way and only sent for idCAT Mòbil; otherwise the identifier's
  form tells. What does not fit is an error, never a guess.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from protocol.encoding import JSON
from protocol.errors import Error, RequestError, UnavailableError
from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Identity, Method
from protocol.runtime.fetch import HTTPClient, Response
from protocol.runtime.settings import SignInSettings

SCOPE = "autenticacio_usuari"
# where VÀLid sends browsers back to, below a service's own address
CALLBACK = "/valid/callback"
CANCELLED = "SESSION_CANCEL"
# VÀLid's numbers; the census and Via Oberta have others
IDENTIFIER_TYPES: Mapping[str, IdentifierType] = {
    "1": IdentifierType.NIF,
    "2": IdentifierType.NIE,
    "3": IdentifierType.PASSPORT,
}
_NIE = re.compile(r"[XYZ]\d{7}[A-Z]")
_NIF = re.compile(r"[\dKLM]\d{7}[A-Z]")
_MAX_TEXT = 200

# English source sentences for people; pages show them translated
SENTENCES = {
    "sign_in_cancelled": "You left the sign-in. Nothing happened. You can start again whenever you like.",
    "sign_in_state": "This sign-in was started elsewhere or too long ago. Please start again.",
    "sign_in_refused": "The sign-in service did not confirm who you are. Please start again.",
    "sign_in_malformed": "The sign-in service sent something we cannot read. Please try again later.",
    "sign_in_unreachable": "The sign-in service does not answer right now. Please try again in a moment.",
    "assurance_too_low": "This needs a safer way of signing in. Please sign in again with one of those listed.",
}


class SignIn(Protocol):
    """Signs people in; `ValidClient` is the one implementation."""

    def authorization_url(
        self, state: str, *, minimum: AssuranceLevel | None = None, is_repeat: bool = False
    ) -> str:
        """Return where to send the browser."""

    def sign_in(self, code: str) -> Identity:
        """Return who came back with this code."""


def take_code(arguments: Mapping[str, str], *, expected_state: str) -> str:
    """Return the code of a browser that came back.

    The caller forgets `expected_state` afterwards: it serves once. Raises `RequestError`: `sign_in_state`,
    `sign_in_cancelled`, `sign_in_refused`.
    """
    given = arguments.get("state", "")
    if not expected_state or not hmac.compare_digest(given.encode(), expected_state.encode()):
        raise RequestError("sign_in_state", "the state is not the one that was sent")
    if arguments.get("error") == CANCELLED:
        raise RequestError("sign_in_cancelled", "the person left the sign-in")
    code = arguments.get("code", "")
    if not code or "error" in arguments:
        raise RequestError("sign_in_refused", "no code came back")
    return code


class ValidClient:
    """One application registered at VÀLid, which browsers reach at `browser_base_url` and we at `base_url`."""

    def __init__(
        self,
        http: HTTPClient,
        *,
        base_url: str,
        browser_base_url: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._browser_base_url = browser_base_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    def authorization_url(
        self, state: str, *, minimum: AssuranceLevel | None = None, is_repeat: bool = False
    ) -> str:
        """Return where to send the browser.

        `minimum` tells a sign-in service that understands it which level is needed (others ignore the parameter);
        `is_repeat` asks again although the browser is signed in there.
        """
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "state": state,
            "access_type": "online",
            "approval_prompt": "force" if is_repeat else "auto",
        }
        if minimum is not None:
            parameters["assurance_level"] = minimum.word
        return f"{self._browser_base_url}/o/oauth2/auth?{urlencode(parameters)}"

    def sign_in(self, code: str) -> Identity:
        """Return who came back with this code, which serves once.

        Raises `RequestError` (`sign_in_refused`) when VÀLid does not know the code, and `UnavailableError`
        (`sign_in_unreachable`, `sign_in_malformed`) when it does not answer or makes no sense.
        """
        token = self._token(code)
        try:
            query = urlencode({"AccessToken": token})
            response = self._get(f"/serveis-rest/getUserInfo?{query}")
        finally:
            self._revoke(token)
        if not response.is_success:
            raise UnavailableError("sign_in_unreachable", f"getUserInfo answered with status {response.status}")
        return parse_user_info(_members(response))

    def _token(self, code: str) -> str:
        form = {
            "code": code,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "redirect_uri": self._redirect_uri,
            "grant_type": "authorization_code",
        }
        try:
            response = self._http.post(
                f"{self._base_url}/o/oauth2/token",
                body=urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
                headers={"Accept": "application/json"},
            )
        except UnavailableError as exc:
            raise UnavailableError("sign_in_unreachable", "no answer to the token request") from exc
        except RequestError as exc:
            raise UnavailableError("sign_in_malformed", "the answer to the token request cannot be taken") from exc
        if response.status in range(400, 500):
            raise RequestError("sign_in_refused", f"the token request was answered with status {response.status}")
        if not response.is_success:
            raise UnavailableError("sign_in_unreachable", f"the token request got status {response.status}")
        token = _members(response).get("access_token")
        if not isinstance(token, str) or not token:
            raise UnavailableError("sign_in_malformed", "expected an access token")
        return token

    def _get(self, path: str) -> Response:
        """Fetch an address that holds a token; the error names neither, and keeps no cause that would."""
        try:
            return self._http.get(self._base_url + path, headers={"Accept": "application/json"})
        except UnavailableError:
            raise UnavailableError("sign_in_unreachable", "no answer about the person") from None
        except RequestError:
            raise UnavailableError("sign_in_malformed", "the answer about the person cannot be taken") from None

    def _revoke(self, token: str) -> None:
        """Make the token useless. It expires anyway, so a failure is no reason to refuse the person."""
        try:
            self._get(f"/o/oauth2/revoke?{urlencode({'token': token})}")
        except Error:
            return


def parse_user_info(members: Mapping[str, JSON]) -> Identity:
    """Return the identity in a `getUserInfo` answer.

    Raises `RequestError` (`sign_in_refused`) on status `ko`, `UnavailableError` (`sign_in_malformed`) otherwise.
    """
    if members.get("status") == "ko":
        raise RequestError("sign_in_refused", "status ko")
    if members.get("status") != "ok":
        raise UnavailableError("sign_in_malformed", "expected status ok or ko")
    identifier = _text(members, "identifier").upper()
    given_name = _text(members, "name")
    surname1, surname2 = _text(members, "surname1"), _text(members, "surname2")
    if not surname1:
        surname1, surname2 = _text(members, "surnames"), ""
    if not identifier or not given_name or not surname1:
        raise UnavailableError("sign_in_malformed", "expected identifier, name and surnames")
    certificate = _text(members, "certificateType")
    try:
        return Identity(
            identifier=identifier,
            identifier_type=_identifier_type(members, identifier),
            given_name=given_name,
            surname1=surname1,
            surname2=surname2,
            assurance_level=AssuranceLevel.from_word(_text(members, "assuranceLevel")),
            method=Method(_text(members, "method")),
            certificate_type=CertificateType(int(certificate)) if certificate else None,
            company_id=_text(members, "companyId"),
            company_name=_text(members, "companyName"),
        )
    except ValueError:
        # no cause: the library's message would repeat a value of the answer
        raise UnavailableError("sign_in_malformed", "unknown method, level or certificate type") from None


def _identifier_type(members: Mapping[str, JSON], identifier: str) -> IdentifierType:
    """Return the type that VÀLid states under either of its names, else the one that the form shows."""
    stated = _text(members, "identifierType") or _text(members, "documentType")
    if stated in IDENTIFIER_TYPES:
        return IDENTIFIER_TYPES[stated]
    if not stated and _NIE.fullmatch(identifier):
        return IdentifierType.NIE
    if not stated and _NIF.fullmatch(identifier):
        return IdentifierType.NIF
    raise UnavailableError("sign_in_malformed", "unknown type of identity document")


def _text(members: Mapping[str, JSON], name: str) -> str:
    """Return a member as trimmed text: VÀLid sends numbers now as numbers, now as text. Absent is empty."""
    value = members.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnavailableError("sign_in_malformed", f"expected {name} to be text")
    text = str(value).strip()
    if len(text) > _MAX_TEXT:
        raise UnavailableError("sign_in_malformed", f"{name} is too long")
    return text


def _members(response: Response) -> Mapping[str, JSON]:
    try:
        return response.json()
    except RequestError:
        raise UnavailableError("sign_in_malformed", "expected a JSON object") from None


def open_sign_in(settings: SignInSettings, http: HTTPClient) -> ValidClient:
    """Return the client of a service that is registered at VÀLid with `CALLBACK` as its return address."""
    return ValidClient(
        http,
        base_url=settings.valid_url,
        browser_base_url=settings.valid_browser_url,
        client_id=settings.valid_client_id,
        client_secret=settings.valid_client_secret.get_secret_value(),
        redirect_uri=settings.public_url + CALLBACK,
    )
