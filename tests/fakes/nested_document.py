# SPDX-License-Identifier: EUPL-1.2
"""A document with objects and arrays in it, much of it hidden at every depth."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from protocol import sd_jwt
from protocol.keys import PublicKey
from protocol.sd_jwt import SelectionIndex
from tests.fakes.dcql_queries import TYPE
from wallet.receive import Copy, Document

ADDRESS = {"street": "Carrer Major 1", "town": "Vilaprova"}
COURSES = [{"name": "Botany", "grade": 9}, {"name": "Zoology", "grade": 7}]
CLAIMS: dict[str, Any] = {
    "given_name": "Mariona",
    "address": ADDRESS,
    "courses": COURSES,
    "languages": ["ca", "es", "en"],
    "resident": True,
    "country": {"code": "ES"},
}
HIDDEN: list[sd_jwt.Path] = [
    ("given_name",),
    ("address",),
    ("address", "street"),
    ("address", "town"),
    ("courses", 0),
    ("courses", 1),
    ("courses", 0, "grade"),
    ("courses", 1, "grade"),
    ("languages", 0),
    ("languages", 1),
    ("languages", 2),
    ("resident",),
]


def make_nested(party: Any, holder_key: PublicKey, *, now: datetime) -> tuple[Document, Copy]:
    """Issue the document as this administration; return it with its one copy."""
    expires_at = now + timedelta(days=9)
    payload = {
        "iss": party.issuer_identifier,
        "vct": TYPE,
        "exp": int(expires_at.timestamp()),
        "cnf": {"jwk": holder_key.jwk()},
        **CLAIMS,
    }
    text = sd_jwt.issue(payload, HIDDEN, party.issuer_key, typ="dc+sd-jwt", x5c=[*party.issuer_chain])
    document = Document(
        issuer=party.issuer_identifier,
        issuer_name={"en": "University"},
        configuration_id="one",
        vct=TYPE,
        names={"en": "One"},
        labels={},
        values=CLAIMS,
        received_at=now,
        expires_at=expires_at,
        chain=tuple(party.issuer_chain),
    )
    return document, Copy(text, holder_key, SelectionIndex.make(text))
