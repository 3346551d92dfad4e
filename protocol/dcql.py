# SPDX-License-Identifier: EUPL-1.2
"""DCQL, the query language of OpenID4VP 1.0 (sections 6 and 7), for the format `dc+sd-jwt`.

- A query asks for credentials by type, and for claims by path; claims not asked are not shown.
- A part that cannot be satisfied makes the whole answer empty: never a partial one (section 6.4.2).
- Another format, or a member that this version does not know how to honour, is refused, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocol.encoding import JSON, find_member, get_member
from protocol.errors import RequestError

FORMAT = "dc+sd-jwt"
MAX_CREDENTIALS = 8
MAX_CLAIMS = 64
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CREDENTIAL_MEMBERS = frozenset(
    {"id", "format", "meta", "claims", "multiple", "require_cryptographic_holder_binding"}
)
_CLAIM_MEMBERS = frozenset({"id", "path", "values"})

Scalar = str | int | bool


@dataclass(frozen=True)
class ClaimQuery:
    """One claim: its path, and the values that alone satisfy it (empty: any)."""

    path: tuple[str, ...]
    values: tuple[Scalar, ...] = ()

    def matches(self, claims: Mapping[str, JSON]) -> bool:
        """Whether the claims hold this one with an acceptable value; type and value compared strictly."""
        found: JSON = dict(claims)
        for step in self.path:
            if not isinstance(found, dict) or step not in found:
                return False
            found = found[step]
        return not self.values or any(type(v) is type(found) and v == found for v in self.values)


@dataclass(frozen=True)
class CredentialQuery:
    """One credential: the types that will do, and the claims to show of it."""

    id: str
    vct_values: tuple[str, ...]
    claims: tuple[ClaimQuery, ...]

    def matches(self, claims: Mapping[str, JSON]) -> bool:
        """Whether a credential with these claims (`vct` among them) satisfies the query."""
        return claims.get("vct") in self.vct_values and all(c.matches(claims) for c in self.claims)

    @property
    def names(self) -> tuple[str, ...]:
        """The top-level claims asked, in the order of the query."""
        return tuple(dict.fromkeys(c.path[0] for c in self.claims))

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        claims: list[JSON] = [
            {"path": [*c.path], **({"values": [*c.values]} if c.values else {})} for c in self.claims
        ]
        return {"id": self.id, "format": FORMAT, "meta": {"vct_values": [*self.vct_values]}, "claims": claims}


@dataclass(frozen=True)
class Query:
    """A whole query: every credential of it is required."""

    credentials: tuple[CredentialQuery, ...]

    @classmethod
    def parse(cls, value: JSON) -> Query:
        """Return the query. Raises `RequestError` (`invalid_request`) that names the rule it breaks."""
        if not isinstance(value, dict):
            raise _wrong("dcql_query is not an object")
        if "credential_sets" in value:
            raise _wrong("credential_sets are not supported")
        items = get_member(value, "credentials", list)
        if not 1 <= len(items) <= MAX_CREDENTIALS:
            raise _wrong(f"expected 1 to {MAX_CREDENTIALS} credentials in a query")
        credentials = tuple(_credential(item) for item in items)
        if len({c.id for c in credentials}) != len(credentials):
            raise _wrong("two credentials of a query have the same id")
        return cls(credentials)

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        return {"credentials": [c.to_json() for c in self.credentials]}

    def asks_within(self, allowed: Query) -> bool:
        """Whether everything asked here is allowed there: same types or fewer, same claims or fewer."""
        return all(
            any(
                set(asked.vct_values) <= set(may.vct_values)
                and {c.path for c in asked.claims} <= {c.path for c in may.claims}
                for may in allowed.credentials
            )
            for asked in self.credentials
        )


def check_answered(query: Query, answers: Mapping[str, Sequence[Mapping[str, JSON]]]) -> None:
    """Raise `RequestError` unless each credential asked is answered by exactly one that satisfies it."""
    asked = {c.id: c for c in query.credentials}
    if answers.keys() != asked.keys():
        raise _wrong("the answer does not hold exactly the credentials that were asked")
    for identifier, given in answers.items():
        if len(given) != 1 or not asked[identifier].matches(given[0]):
            raise _wrong(f"the answer to {identifier} does not hold what was asked")


def _wrong(message: str) -> RequestError:
    return RequestError("invalid_request", message)


def _credential(item: JSON) -> CredentialQuery:
    if not isinstance(item, dict):
        raise _wrong("a credential query is not an object")
    if unknown := item.keys() - _CREDENTIAL_MEMBERS:
        raise _wrong(f"unsupported in a credential query: {', '.join(sorted(unknown))}")
    identifier = get_member(item, "id", str)
    if not _IDENTIFIER.fullmatch(identifier):
        raise _wrong("a credential query has a malformed id")
    if get_member(item, "format", str) != FORMAT:
        raise RequestError("vp_formats_not_supported", f"only {FORMAT} is supported")
    if find_member(item, "multiple", bool):
        raise _wrong("multiple is not supported")
    if find_member(item, "require_cryptographic_holder_binding", bool) is False:
        raise _wrong("credentials are shown with holder binding only")
    types = get_member(get_member(item, "meta", dict), "vct_values", list)
    claims = find_member(item, "claims", list) or []
    if not types or len(claims) > MAX_CLAIMS or ("claims" in item and not claims):
        raise _wrong("vct_values and claims must not be empty or endless")
    queries = tuple(_claim(claim) for claim in claims)
    if len({c.path for c in queries}) != len(queries):
        raise _wrong("a claim is asked twice")
    return CredentialQuery(id=identifier, vct_values=tuple(_string(t) for t in types), claims=queries)


def _claim(item: JSON) -> ClaimQuery:
    if not isinstance(item, dict) or item.keys() - _CLAIM_MEMBERS:
        raise _wrong("a claim query is no object or has unsupported members")
    path = get_member(item, "path", list)
    if not path:
        raise _wrong("a claim path is empty")
    values = find_member(item, "values", list)
    if values == [] or any(not isinstance(v, Scalar) for v in values or []):
        raise _wrong("values must be strings, integers or booleans, and at least one")
    return ClaimQuery(
        path=tuple(_string(step) for step in path),
        values=tuple(v for v in values or [] if isinstance(v, Scalar)),
    )


def _string(value: JSON) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong("expected a string in a query")
    return value
