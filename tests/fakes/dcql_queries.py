# SPDX-License-Identifier: EUPL-1.2
"""Queries, and credentials that answer them, for the tests of DCQL."""

from __future__ import annotations

from typing import Any

from protocol.dcql import Candidate

TYPE = "https://testimoni.example/credentials/one/1"
OTHER_TYPE = "https://testimoni.example/credentials/two/1"
# the example of OpenID4VP 1.0, section 7.3
PERSON: dict[str, Any] = {
    "vct": TYPE,
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways", "postal_code": "12345"},
    "degrees": [
        {"type": "Bachelor of Science", "university": "University of Betelgeuse"},
        {"type": "Master of Science", "university": "University of Betelgeuse"},
    ],
    "nationalities": ["British", "Betelgeusian"],
    "adult": True,
    "year": 1978,
}


def credential(identifier: str = "one", **members: Any) -> dict[str, Any]:
    """Return a credential query; a member that is None is left out."""
    made = {"id": identifier, "format": "dc+sd-jwt", "meta": {"vct_values": [TYPE]}, **members}
    return {name: value for name, value in made.items() if value is not None}


def query(*credentials: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a query of these credentials."""
    return {"credentials": [*credentials], **members}


def asking(*paths: list[Any], **members: Any) -> dict[str, Any]:
    """Return a query of one credential that asks for these paths."""
    return query(credential(claims=[{"path": path} for path in paths], **members))


def candidate(identifier: str = "a", *, chain: Any = None, **claims: Any) -> Candidate:
    """Return a credential of the person, changed; a claim that is None is left out."""
    said = {name: value for name, value in {**PERSON, **claims}.items() if value is not None}
    return Candidate(said, chain=chain, id=identifier)
