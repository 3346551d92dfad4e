# SPDX-License-Identifier: EUPL-1.2
"""Registered procedures: what an administration may ask, for what, under which law.

The authority signs one statement per procedure and version (`typ: rc-wrp+jwt`, the member names of the European
relying-party registration certificate where it has them). The verifier sends it by value in `verifier_info`
(OpenID4VP 1.0, section 5.11); the wallet shows it to the citizen and refuses a request that asks more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from protocol.clock import epoch_seconds, from_epoch
from protocol.dcql import Query
from protocol.encoding import JSON, b64url_encode, get_member, sha256
from protocol.errors import RequestError

TYPE = "rc-wrp+jwt"
FORMAT = "registration_cert"
# the members of a query stand among those of the statement
_QUERY_MEMBERS = ("credentials", "credential_sets")

Texts = Mapping[str, str]


class LegalBasis(StrEnum):
    """Why an administration may process the data; the words on the screen follow it (docs/glossary.md)."""

    # the person decides freely (GDPR art. 6.1.a)
    CONSENT = "consent"
    # a law asks the person's authorisation, as for tax data (LGT art. 95.1.k)
    AUTHORISATION = "authorisation"
    # a legal duty or public task (GDPR art. 6.1.c and e); the person may object
    LAW = "law"


@dataclass(frozen=True)
class Procedure:
    """One registered procedure of one administration, in one version."""

    id: str
    version: int
    party_code: str
    party_name: Texts
    title: Texts
    purpose: Texts
    legal_basis: LegalBasis
    legal_reference: Texts
    retention: Texts
    retention_days: int
    if_refused: Texts
    query: Query
    privacy_policy: str
    support_uri: str
    supervisory_authority_name: str
    supervisory_authority_uri: str
    valid_until: datetime

    def to_claims(self, *, issued_at: datetime) -> dict[str, JSON]:
        """Return the claims of the statement."""
        return {
            "sub": self.party_code,
            "name": _texts(self.party_name),
            "country": "ES",
            "public_body": True,
            "intended_use_id": self.id,
            "version": self.version,
            "service": _texts(self.title),
            "purpose": _texts(self.purpose),
            "legal_basis": self.legal_basis.value,
            "legal_reference": _texts(self.legal_reference),
            "retention": _texts(self.retention),
            "retention_days": self.retention_days,
            "if_refused": _texts(self.if_refused),
            **self.query.to_json(),
            "privacy_policy": self.privacy_policy,
            "support_uri": self.support_uri,
            "supervisory_authority": {
                "name": self.supervisory_authority_name,
                "uri": self.supervisory_authority_uri,
            },
            "iat": epoch_seconds(issued_at),
            "exp": epoch_seconds(self.valid_until),
        }

    @classmethod
    def parse(cls, claims: dict[str, JSON]) -> Procedure:
        """Return the procedure of a statement's claims. Raises `RequestError` on any other shape."""
        authority = get_member(claims, "supervisory_authority", dict)
        basis = get_member(claims, "legal_basis", str)
        if basis not in set(LegalBasis):
            raise RequestError("invalid_request", "unknown legal basis in a registration statement")
        return cls(
            id=get_member(claims, "intended_use_id", str),
            version=get_member(claims, "version", int),
            party_code=get_member(claims, "sub", str),
            party_name=_parse_texts(claims, "name"),
            title=_parse_texts(claims, "service"),
            purpose=_parse_texts(claims, "purpose"),
            legal_basis=LegalBasis(basis),
            legal_reference=_parse_texts(claims, "legal_reference"),
            retention=_parse_texts(claims, "retention"),
            retention_days=get_member(claims, "retention_days", int),
            if_refused=_parse_texts(claims, "if_refused"),
            query=Query.parse({name: claims[name] for name in _QUERY_MEMBERS if name in claims}),
            privacy_policy=get_member(claims, "privacy_policy", str),
            support_uri=get_member(claims, "support_uri", str),
            supervisory_authority_name=get_member(authority, "name", str),
            supervisory_authority_uri=get_member(authority, "uri", str),
            valid_until=from_epoch(get_member(claims, "exp", int)),
        )


def statement_digest(statement: str) -> str:
    """Return the base64url SHA-256 by which the trust list names a statement."""
    return b64url_encode(sha256(statement.encode()))


def _texts(texts: Texts) -> list[JSON]:
    return [{"lang": code, "value": text} for code, text in texts.items()]


def _parse_texts(claims: dict[str, JSON], name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in get_member(claims, name, list):
        match item:
            case {"lang": str(code), "value": str(text)}:
                found[code] = text
            case _:
                raise RequestError("invalid_request", f"expected language and value in {name}")
    if not found:
        raise RequestError("invalid_request", f"{name} is in no language")
    return found
