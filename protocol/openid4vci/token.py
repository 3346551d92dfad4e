# SPDX-License-Identifier: EUPL-1.2
"""Token request and response (section 6), for pre-authorized codes, authorization codes and refresh tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode

from protocol.encoding import JSON, get_member
from protocol.errors import RequestError
from protocol.members import find_number, find_text, get_single, get_text
from protocol.oauth.errors import TokenError, refuse
from protocol.openid4vci.authorization import (
    AuthorizationDetail,
    Form,
    GrantedDetail,
    details_text,
    parse_details_text,
)
from protocol.openid4vci.offer import AUTHORIZATION_CODE, PRE_AUTHORIZED

REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant type
# ten years: longer is no lifetime
MAX_EXPIRES_SECONDS = 315_360_000
_RESPONSE = "invalid_token_response"


@dataclass(frozen=True)
class PreAuthorizedRequest:
    """A token request for a pre-authorized code (section 6.1)."""

    code: str = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)
    # None: anonymous
    client_id: str | None = None
    details: tuple[AuthorizationDetail, ...] = ()

    def form(self) -> bytes:
        """Return the form body."""
        fields = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": self.code, "tx_code": self.tx_code}
        return _form(fields, self.client_id, self.details)

    @classmethod
    def parse(cls, form: Form) -> PreAuthorizedRequest:
        """Return the request of form fields. Raises `RequestError` with the code of RFC 6749, section 5.2."""
        fields = _Fields.parse(form, PRE_AUTHORIZED)
        return cls(
            code=fields.get("pre-authorized_code"),
            tx_code=fields.get("tx_code") if "tx_code" in fields.given else None,
            client_id=fields.client_id,
            details=fields.details,
        )

    def check_tx_code(self, *, is_expected: bool) -> None:
        """Refuse a transaction code that is missing, or that nobody asked for (section 6.3).

        Raises `RequestError` (`invalid_request`).
        """
        if (self.tx_code is not None) != is_expected:
            what = "is missing" if is_expected else "was not asked for"
            raise refuse(TokenError.INVALID_REQUEST, f"tx_code {what}")

    def check_client(self, *, takes_anonymous: bool) -> None:
        """Refuse a request by nobody where that is not supported. Raises `RequestError` (`invalid_client`)."""
        if self.client_id is None and not takes_anonymous:
            raise refuse(TokenError.INVALID_CLIENT, "expected a client identifier")


@dataclass(frozen=True)
class AuthorizationCodeRequest:
    """A token request for an authorization code (RFC 6749, section 4.1.3; RFC 7636, section 4.5)."""

    code: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str
    client_id: str | None = None
    details: tuple[AuthorizationDetail, ...] = ()

    def form(self) -> bytes:
        """Return the form body."""
        fields = {
            "grant_type": AUTHORIZATION_CODE,
            "code": self.code,
            "code_verifier": self.code_verifier,
            "redirect_uri": self.redirect_uri,
        }
        return _form({**fields}, self.client_id, self.details)

    @classmethod
    def parse(cls, form: Form) -> AuthorizationCodeRequest:
        """Return the request of form fields. Raises `RequestError` with the code of RFC 6749, section 5.2."""
        fields = _Fields.parse(form, AUTHORIZATION_CODE)
        return cls(
            code=fields.get("code"),
            code_verifier=fields.get("code_verifier"),
            redirect_uri=fields.get("redirect_uri"),
            client_id=fields.client_id,
            details=fields.details,
        )


@dataclass(frozen=True)
class RefreshRequest:
    """A token request for a refresh token (RFC 6749, section 6)."""

    refresh_token: str = field(repr=False)
    client_id: str | None = None
    details: tuple[AuthorizationDetail, ...] = ()

    def form(self) -> bytes:
        """Return the form body."""
        fields = {"grant_type": REFRESH_TOKEN, "refresh_token": self.refresh_token}
        return _form({**fields}, self.client_id, self.details)

    @classmethod
    def parse(cls, form: Form) -> RefreshRequest:
        """Return the request of form fields. Raises `RequestError` with the code of RFC 6749, section 5.2."""
        fields = _Fields.parse(form, REFRESH_TOKEN)
        return cls(fields.get("refresh_token"), fields.client_id, fields.details)


TokenRequest: TypeAlias = PreAuthorizedRequest | AuthorizationCodeRequest | RefreshRequest
_GRANTS: Mapping[str, type[TokenRequest]] = {
    PRE_AUTHORIZED: PreAuthorizedRequest,
    AUTHORIZATION_CODE: AuthorizationCodeRequest,
    REFRESH_TOKEN: RefreshRequest,
}


def _form(fields: dict[str, str | None], client_id: str | None, details: tuple[AuthorizationDetail, ...]) -> bytes:
    fields["client_id"] = client_id
    fields["authorization_details"] = details_text(details) if details else None
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode("ascii")


def parse_token_request(form: Form, *, grant_types: Collection[str]) -> TokenRequest:
    """Return the request of form fields, by one of the grants that the caller takes.

    Raises `RequestError` with the code of RFC 6749, section 5.2: `unsupported_grant_type` for another grant.
    """
    grant_type = get_single(form, code=TokenError.INVALID_REQUEST).get("grant_type", "")
    if grant_type not in grant_types or grant_type not in _GRANTS:
        raise refuse(TokenError.UNSUPPORTED_GRANT_TYPE, "expected a grant that this server takes")
    return _GRANTS[grant_type].parse(form)


@dataclass(frozen=True)
class _Fields:
    """The fields of a token request by one grant."""

    given: dict[str, JSON]
    client_id: str | None
    details: tuple[AuthorizationDetail, ...]

    @classmethod
    def parse(cls, form: Form, grant_type: str) -> _Fields:
        code = TokenError.INVALID_REQUEST
        given = get_single(form, code=code)
        if given.get("grant_type") != grant_type:
            raise refuse(TokenError.UNSUPPORTED_GRANT_TYPE, f"expected the grant {grant_type}")
        if grant_type != PRE_AUTHORIZED and "tx_code" in given:
            raise refuse(code, "tx_code only goes with a pre-authorized code")
        details = parse_details_text(given.get("authorization_details"))
        return cls(given={**given}, client_id=given.get("client_id"), details=details)

    def get(self, name: str) -> str:
        return get_text(self.given, name, code=TokenError.INVALID_REQUEST)


@dataclass(frozen=True)
class TokenResponse:
    """A token (section 6.2). Answered with `Cache-Control: no-store`."""

    access_token: str = field(repr=False)
    # "Bearer", or "DPoP" when it is bound to a key
    token_type: str
    # seconds
    expires_in: int | None = None
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    details: tuple[GrantedDetail, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        optional: dict[str, JSON] = {
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
            "scope": self.scope,
            "authorization_details": [detail.to_json() for detail in self.details] or None,
        }
        return {
            "access_token": self.access_token,
            "token_type": self.token_type,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @classmethod
    def parse(cls, value: dict[str, JSON], *, expected_type: str) -> TokenResponse:
        """Return the token, of the type that we can use: a proof was sent, or it was not.

        Raises `RequestError` (`invalid_token_response`).
        """
        if get_member(value, "token_type", str, code=_RESPONSE).lower() != expected_type.lower():
            raise RequestError(_RESPONSE, f"expected a token of type {expected_type}")
        return cls(
            access_token=get_text(value, "access_token", code=_RESPONSE),
            token_type=expected_type,
            expires_in=find_number(value, "expires_in", low=1, high=MAX_EXPIRES_SECONDS, code=_RESPONSE),
            refresh_token=find_text(value, "refresh_token", code=_RESPONSE),
            scope=find_text(value, "scope", code=_RESPONSE),
            details=GrantedDetail.parse_all(value, code=_RESPONSE),
        )
