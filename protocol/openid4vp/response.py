# SPDX-License-Identifier: EUPL-1.2
"""What a wallet answers (OpenID4VP 1.0, sections 8.1 to 8.3, 8.5): presentations, encrypted or not, or an error.

- `direct_post.jwt` takes an encrypted answer and nothing else; an error alone may come unencrypted.
- One answer per form: an error beside a response, or a parameter given twice, is refused; unknown ones are not.
- Which presentations answer which query is `protocol.dcql.check_answered`'s to say; here only the shape counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from protocol import jwe
from protocol.encoding import JSON, compact_json, find_member, get_member, parse_json, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.openid4vp.errors import ErrorCode
from protocol.openid4vp.request import PresentationRequest

# a credential query asks for one credential; with `multiple`, for all of one holder's of a type
MAX_PRESENTATIONS = 64
# as many as a query may have, and then some: unknown identifiers are refused by the query check
MAX_ANSWERED = 64
MAX_ERROR_CHARS = 64
MAX_DESCRIPTION_CHARS = 1024
# RFC 6749, section 4.1.2.1
_ERROR = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True)
class PresentationResponse:
    """What the wallet answers, before encryption (section 8.1). Unverified on the verifier's side."""

    state: str
    # credential query identifier → presentations
    vp_token: Mapping[str, tuple[str, ...]] = field(repr=False)
    # our extension (protocol.openid4vp.verifier_info)
    consent_receipt: dict[str, JSON] | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, JSON]:
        """Return the response parameters."""
        members: dict[str, JSON] = {"vp_token": {name: [*given] for name, given in self.vp_token.items()}}
        if self.state:
            members["state"] = self.state
        if self.consent_receipt is not None:
            members["consent_receipt"] = self.consent_receipt
        return members

    def payload(self) -> bytes:
        """Return the JSON to encrypt."""
        return compact_json(self.to_json())

    def encrypt(self, request: PresentationRequest) -> EncryptedResponse:
        """Return it encrypted as the request wants it: its key, `kid`, `alg`, one `enc` of its list (section 8.3).

        Raises `RequestError` (`invalid_request`) when the request has no key or encryption that we can use.
        """
        key = request.metadata.choose_key()
        encryption = request.metadata.choose_encryption()
        return EncryptedResponse(jwe.encrypt(self.payload(), key.key, key_id=key.key_id, encryption=encryption))

    def form(self) -> bytes:
        """Return the body for the mode `direct_post` (section 8.2)."""
        fields = {
            name: value if isinstance(value, str) else compact_json(value).decode()
            for name, value in self.to_json().items()
        }
        return urlencode(fields).encode("ascii")

    @classmethod
    def parse(cls, payload: bytes) -> PresentationResponse:
        """Return the response of a decrypted payload. Raises `VerificationError` (`format`) on any other shape."""
        try:
            return cls.parse_members(parse_object(payload))
        except RequestError as exc:
            raise VerificationError(Check.FORMAT, exc.message) from exc

    @classmethod
    def parse_members(cls, members: dict[str, JSON]) -> PresentationResponse:
        """Return the response of its parameters. Raises `RequestError` (`invalid_request`)."""
        token = get_member(members, "vp_token", dict)
        if not 1 <= len(token) <= MAX_ANSWERED:
            raise RequestError("invalid_request", f"expected answers to 1 to {MAX_ANSWERED} queries in vp_token")
        return cls(
            state=find_member(members, "state", str) or "",
            vp_token={name: _parse_presentations(given) for name, given in token.items()},
            consent_receipt=find_member(members, "consent_receipt", dict),
        )


def _parse_presentations(given: JSON) -> tuple[str, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_PRESENTATIONS:
        raise RequestError("invalid_request", f"expected arrays of 1 to {MAX_PRESENTATIONS} presentations")
    found = tuple(each for each in given if isinstance(each, str) and each)
    if len(found) != len(given):
        raise RequestError("invalid_request", "expected presentations as text")
    return found


@dataclass(frozen=True)
class EncryptedResponse:
    """The one parameter of `direct_post.jwt` (section 8.3.1); `protocol.jwe` opens it."""

    token: str = field(repr=False)

    def form(self) -> bytes:
        """Return the body to post."""
        return urlencode({"response": self.token}).encode("ascii")


@dataclass(frozen=True)
class ErrorResponse:
    """A wallet's no (section 8.5)."""

    error: str
    state: str
    description: str = ""

    @property
    def code(self) -> ErrorCode | None:
        """The code, or None when it is one of another specification."""
        return ErrorCode(self.error) if self.error in set(ErrorCode) else None

    def to_json(self) -> dict[str, JSON]:
        """Return the response parameters."""
        fields = {"error": self.error, "error_description": self.description, "state": self.state}
        return {name: value for name, value in fields.items() if value}

    def form(self) -> bytes:
        """Return the body to post."""
        return urlencode(self.to_json()).encode("ascii")

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> ErrorResponse:
        """Return the error response. Raises `RequestError` (`invalid_request`)."""
        error, description = fields.get("error", ""), fields.get("error_description", "")
        if len(error) > MAX_ERROR_CHARS or not _ERROR.fullmatch(error):
            raise RequestError("invalid_request", f"expected an error code of 1 to {MAX_ERROR_CHARS} characters")
        if len(description) > MAX_DESCRIPTION_CHARS or not _ERROR.fullmatch(description or " "):
            raise RequestError(
                "invalid_request", f"expected an error description of at most {MAX_DESCRIPTION_CHARS} characters"
            )
        return cls(error, fields.get("state", ""), description)


def parse_encrypted_answer(fields: Mapping[str, str]) -> EncryptedResponse | ErrorResponse:
    """Return the answer to a request of mode `direct_post.jwt`, of a form whose parameters each came once.

    Raises `RequestError` (`invalid_request`) unless it is one encrypted response, or one error.
    """
    if _kind(fields) == "error":
        return ErrorResponse.parse(fields)
    if "response" not in fields:
        raise RequestError("invalid_request", "expected an encrypted response")
    return EncryptedResponse(fields["response"])


def parse_plain_answer(fields: Mapping[str, str]) -> PresentationResponse | ErrorResponse:
    """Return the answer to a request of mode `direct_post`. Raises `RequestError` (`invalid_request`)."""
    if _kind(fields) == "error":
        return ErrorResponse.parse(fields)
    if "vp_token" not in fields:
        raise RequestError("invalid_request", "expected a response that is not encrypted")
    members: dict[str, JSON] = {"vp_token": parse_json(fields["vp_token"]), "state": fields.get("state", "")}
    return PresentationResponse.parse_members(members)


def _kind(fields: Mapping[str, str]) -> str:
    kinds = [name for name in ("error", "response", "vp_token") if name in fields]
    if len(kinds) != 1:
        raise RequestError("invalid_request", "expected one response, or one error")
    return kinds[0]
