# SPDX-License-Identifier: EUPL-1.2
"""OAuth 2.0 as HAIP 1.0 (section 4) wants it: PKCE with S256, pushed requests, `iss` in the answer.

RFC 7636, RFC 9126, RFC 9207, RFC 6750. Library only: no endpoint of ours takes these messages yet.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from protocol.encoding import JSON, b64url_encode, sha256
from protocol.errors import RequestError
from protocol.members import get_number, get_single, get_text
from protocol.oauth.errors import AuthorizationError, ResourceError, TokenError, refuse

CHALLENGE_METHOD = "S256"
# RFC 9126, section 2.2: short-lived; a request that nobody continued within an hour is forgotten
MAX_REQUEST_SECONDS = 3600
_VERIFIER_BYTES = 32
# RFC 7636, sections 4.1 and 4.2
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_ANSWER = "invalid_authorization_response"
_SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}


def new_verifier() -> str:
    """Return a fresh code verifier of 256 bits (RFC 7636, section 4.1)."""
    return secrets.token_urlsafe(_VERIFIER_BYTES)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return b64url_encode(sha256(verifier.encode("ascii")))


def check_challenge(challenge: str | None, method: str | None) -> None:
    """Refuse a request without a challenge by S256 (RFC 7636, section 4.4.1). Raises `RequestError`."""
    if method != CHALLENGE_METHOD or challenge is None or not _CHALLENGE.fullmatch(challenge):
        raise refuse(AuthorizationError.INVALID_REQUEST, f"expected a code challenge by {CHALLENGE_METHOD}")


def check_verifier(verifier: str, *, expected_challenge: str) -> None:
    """Refuse a code whose verifier is not the challenge's. Raises `RequestError` (`invalid_grant`)."""
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
        challenge_of(verifier).encode(), expected_challenge.encode()
    ):
        raise refuse(TokenError.INVALID_GRANT, "the code verifier is not the challenge's")


@dataclass(frozen=True)
class PushedResponse:
    """What a pushed authorization request is answered with, status 201 (RFC 9126, section 2.2)."""

    request_uri: str
    # seconds
    expires_in: int

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {"request_uri": self.request_uri, "expires_in": self.expires_in}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> PushedResponse:
        """Return the answer. Raises `RequestError` (`invalid_authorization_response`)."""
        return cls(
            request_uri=get_text(value, "request_uri", code=_ANSWER),
            expires_in=get_number(value, "expires_in", low=1, high=MAX_REQUEST_SECONDS, code=_ANSWER),
        )


@dataclass(frozen=True)
class PushedReference:
    """An authorization request that was pushed before: all that the browser carries (RFC 9126, section 4)."""

    client_id: str
    request_uri: str

    def to_query(self) -> str:
        """Return the query for the authorization endpoint."""
        return urlencode({"client_id": self.client_id, "request_uri": self.request_uri})

    @classmethod
    def parse(cls, query: Mapping[str, Sequence[str]]) -> PushedReference:
        """Return the reference. Raises `RequestError` (`invalid_request`) for a request that was not pushed.

        Whether the reference is known the caller asks its store, then `check`.
        """
        given = get_single(query, code=AuthorizationError.INVALID_REQUEST)
        if "request_uri" not in given or "client_id" not in given:
            raise refuse(AuthorizationError.INVALID_REQUEST, "expected a pushed authorization request")
        return cls(client_id=given["client_id"], request_uri=given["request_uri"])

    def check(self, *, owner: str, expires_at: datetime, is_used: bool, now: datetime) -> None:
        """Refuse a reference that is another client's, old or used (RFC 9126, sections 2.2 and 7.3).

        Raises `RequestError` (`invalid_request_uri`).
        """
        if self.client_id != owner or now >= expires_at or is_used:
            raise refuse(AuthorizationError.INVALID_REQUEST_URI, "the pushed request is no longer there")


@dataclass(frozen=True)
class AuthorizationResponse:
    """What comes back from an authorization server (RFC 6749, section 4.1.2; RFC 9207)."""

    code: str = field(repr=False)
    state: str | None
    # the authorization server's identifier
    issuer: str | None

    def to_query(self) -> str:
        """Return the query to add to the redirect address."""
        members = {"code": self.code, "state": self.state, "iss": self.issuer}
        return urlencode({name: value for name, value in members.items() if value is not None})

    @classmethod
    def parse(
        cls,
        query: Mapping[str, Sequence[str]],
        *,
        expected_state: str | None,
        expected_issuer: str,
        is_issuer_advertised: bool,
    ) -> AuthorizationResponse:
        """Return the answer to our request.

        `is_issuer_advertised`: `authorization_response_iss_parameter_supported` of the server's metadata.
        Raises `RequestError`: `invalid_authorization_response` when it is not an answer to ours, the server's own
        code when it refuses (`server_error` when that is none that we know).
        """
        given = get_single(query, code=_ANSWER)
        # (1) from the server that we asked (RFC 9207, section 2.4), refusals too
        issuer = given.get("iss")
        if issuer != expected_issuer and (issuer is not None or is_issuer_advertised):
            raise RequestError(_ANSWER, "the answer is another server's")
        # (2) to the request that we made
        state = given.get("state")
        if not hmac.compare_digest((state or "").encode(), (expected_state or "").encode()):
            raise RequestError(_ANSWER, "the answer is to another request")
        # (3) yes or no
        if "error" in given:
            known = {each.value for each in AuthorizationError}
            code = given["error"] if given["error"] in known else AuthorizationError.SERVER_ERROR.value
            raise RequestError(code, "the authorization server refused")
        return cls(code=get_text({**given}, "code", code=_ANSWER), state=state, issuer=issuer)


@dataclass(frozen=True)
class PresentedToken:
    """An access token as a request presents it."""

    # "Bearer" or "DPoP"
    scheme: str
    token: str = field(repr=False)

    @classmethod
    def parse(cls, authorization: Sequence[str]) -> PresentedToken:
        """Return the token of the Authorization headers of a request, of which there is one.

        Raises `RequestError` (`invalid_token`, 401).
        """
        if len(authorization) != 1:
            raise refuse(ResourceError.INVALID_TOKEN, "expected one access token in the Authorization header")
        scheme, _, token = authorization[0].partition(" ")
        if scheme.lower() not in _SCHEMES or not token.strip():
            raise refuse(ResourceError.INVALID_TOKEN, "expected an access token in the Authorization header")
        return cls(scheme=_SCHEMES[scheme.lower()], token=token.strip())

    def check_scheme(self, *, is_bound: bool) -> None:
        """Refuse a bound token without proof, and a proof of a token that is not bound (RFC 9449, section 7.2).

        Raises `RequestError` (`invalid_token`, 401).
        """
        if (self.scheme == _SCHEMES["dpop"]) != is_bound:
            raise refuse(ResourceError.INVALID_TOKEN, "the access token is presented by the wrong scheme")
