# SPDX-License-Identifier: EUPL-1.2
"""`verifier_info`: what others attest about who asks (OpenID4VP 1.0, sections 5.1 and 5.11).

Two formats are ours to read: `registration_cert`, the statement by which a procedure is registered
(protocol/registration.py), and `testimoni-consent`, our extension: the verifier takes consent receipts, and
withdrawals at an address. Other formats are kept unread: a wallet ignores what it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from protocol import registration
from protocol.encoding import JSON, get_member
from protocol.errors import RequestError
from protocol.members import check_url, find_texts

CONSENT_FORMAT = "testimoni-consent"
# a registration, a consent extension, and room for a dozen roles and policies
MAX_VERIFIER_INFO = 16


@dataclass(frozen=True)
class ConsentSupport:
    """Our extension: the verifier takes consent receipts, and withdrawals at this address."""

    withdrawal_uri: str


@dataclass(frozen=True)
class VerifierInfo:
    """One attestation, unverified."""

    format: str
    data: str | Mapping[str, JSON] = field(repr=False)
    # empty: for every credential that is asked
    credential_ids: tuple[str, ...] = ()

    @classmethod
    def parse(cls, item: JSON, *, asked: Collection[str]) -> VerifierInfo:
        """Return the attestation. Raises `RequestError` (`invalid_request`)."""
        if not isinstance(item, dict):
            raise RequestError("invalid_request", "expected objects in verifier_info")
        data = item.get("data")
        if not isinstance(data, str | dict):
            raise RequestError("invalid_request", "expected text or an object as data of verifier_info")
        credential_ids = find_texts(item, "credential_ids", code="invalid_request")
        if not set(credential_ids) <= set(asked):
            raise RequestError("invalid_request", "verifier_info is about a credential that is not asked")
        return cls(get_member(item, "format", str), data, credential_ids)

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        data: JSON = self.data if isinstance(self.data, str) else dict(self.data)
        members: dict[str, JSON] = {"format": self.format, "data": data}
        return {**members, "credential_ids": [*self.credential_ids]} if self.credential_ids else members

    @classmethod
    def of_statement(cls, statement: str) -> VerifierInfo:
        """Return the attestation that carries a registration statement by value."""
        return cls(registration.FORMAT, statement)

    @classmethod
    def of_consent(cls, consent: ConsentSupport) -> VerifierInfo:
        """Return the element that carries our extension."""
        return cls(CONSENT_FORMAT, {"withdrawal_uri": consent.withdrawal_uri})


def parse_verifier_info(items: Sequence[JSON], *, asked: Collection[str]) -> tuple[VerifierInfo, ...]:
    """Return the attestations of a request. Raises `RequestError` (`invalid_request`)."""
    if not 1 <= len(items) <= MAX_VERIFIER_INFO:
        raise RequestError("invalid_request", f"expected 1 to {MAX_VERIFIER_INFO} elements of verifier_info")
    found = tuple(VerifierInfo.parse(item, asked=asked) for item in items)
    find_statement(found)
    find_consent(found)
    return found


def find_statement(found: Sequence[VerifierInfo]) -> str:
    """Return the registration statement, or nothing. Raises `RequestError` unless it is one text."""
    statements = [each.data for each in found if each.format == registration.FORMAT]
    match statements:
        case []:
            return ""
        case [str(statement)]:
            return statement
    raise RequestError("invalid_request", "expected one registration statement in verifier_info")


def find_consent(found: Sequence[VerifierInfo]) -> ConsentSupport | None:
    """Return our extension, or None when the verifier does not know it. Raises `RequestError` if unclear."""
    match [each.data for each in found if each.format == CONSENT_FORMAT]:
        case []:
            return None
        case [{"withdrawal_uri": str(uri)}]:
            check_url(uri, "withdrawal_uri", code="invalid_request")
            return ConsentSupport(uri)
    raise RequestError("invalid_request", f"expected one withdrawal_uri in {CONSENT_FORMAT}")
