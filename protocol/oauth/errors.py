# SPDX-License-Identifier: EUPL-1.2
"""OAuth error codes, one list per endpoint with their HTTP status, and the body that carries one.

RFC 6749 (sections 4.1.2.1 and 5.2), RFC 6750 (section 3.1), RFC 9396 (section 5), RFC 9449 (sections 5, 7 and 8)
and attestation-based client authentication. A code of no list may arrive from others, so `ErrorResponse` keeps
any text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.members import find_text, get_text

# a sentence for a developer; longer is no description
MAX_DESCRIPTION_CHARS = 1000
# RFC 6749, section 5.2: what a description may consist of
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]*")
_CODE = "invalid_error_response"
_UNAUTHORIZED = frozenset({"invalid_client", "invalid_client_attestation"})


class ErrorCode(StrEnum):
    """An error code of one endpoint."""

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that goes with it."""
        return HTTPStatus.UNAUTHORIZED if self.value in _UNAUTHORIZED else HTTPStatus.BAD_REQUEST


class AuthorizationError(ErrorCode):
    """Authorization and pushed authorization endpoint."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    ACCESS_DENIED = "access_denied"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    INVALID_REQUEST_URI = "invalid_request_uri"
    INVALID_CLIENT = "invalid_client"


class TokenError(ErrorCode):
    """Token endpoint; client authentication is the same at the pushed authorization endpoint."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"
    INVALID_CLIENT_ATTESTATION = "invalid_client_attestation"
    USE_ATTESTATION_CHALLENGE = "use_attestation_challenge"
    USE_FRESH_ATTESTATION = "use_fresh_attestation"


class ResourceError(ErrorCode):
    """Endpoints that take an access token; answered with `WWW-Authenticate`."""

    INVALID_REQUEST = "invalid_request"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - an error code
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that goes with it (RFC 6750, section 3.1; RFC 9449, section 7.1)."""
        match self:
            case ResourceError.INVALID_REQUEST:
                return HTTPStatus.BAD_REQUEST
            case ResourceError.INSUFFICIENT_SCOPE:
                return HTTPStatus.FORBIDDEN
        return HTTPStatus.UNAUTHORIZED


def refuse(code: ErrorCode, message: str) -> RequestError:
    """Return the error of this code with its own status."""
    return RequestError(code, message, status=code.status)


def check_description(text: str, name: str, *, code: str) -> None:
    """Refuse a description with other characters than RFC 6749 allows; `name` is for the message."""
    if len(text) > MAX_DESCRIPTION_CHARS or not _DESCRIPTION.fullmatch(text):
        raise RequestError(code, f"expected {name} in printable ASCII, at most {MAX_DESCRIPTION_CHARS} characters")


@dataclass(frozen=True)
class ErrorResponse:
    """The body of a refusal (RFC 6749, section 5.2; OpenID4VCI 1.0, section 8.3.1). It is never encrypted."""

    error: str
    description: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"error": self.error}
        return members if self.description is None else {**members, "error_description": self.description}

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> ErrorResponse:
        """Return the refusal. Raises `RequestError` (`invalid_error_response`) when it is none."""
        error = get_text(value, "error", code=_CODE)
        description = find_text(value, "error_description", code=_CODE)
        check_description(error, "error", code=_CODE)
        if description is not None:
            check_description(description, "error_description", code=_CODE)
        return cls(error, description)
