# SPDX-License-Identifier: EUPL-1.2
"""A valid DCQL query as values (OpenID4VP 1.0, section 6). `Query.parse` is the only way in from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from protocol.dcql import scope
from protocol.dcql.check import broken
from protocol.dcql.paths import Found, Scalar, Step, has_value, select
from protocol.dcql.rules import FORMAT, RuleError
from protocol.encoding import JSON, find_member, get_member


@dataclass(frozen=True)
class ClaimQuery:
    """One claim: its path, and the values that alone satisfy it (empty: any)."""

    path: tuple[Step, ...]
    values: tuple[Scalar, ...] = ()
    id: str | None = None

    def select(self, claims: Mapping[str, JSON], *, is_partial: bool = False) -> list[Found]:
        """Return the values that satisfy it, each with its place.

        An element of another value than asked counts as if it did not exist (section 6.4.1).
        """
        found = select(self.path, claims, is_partial=is_partial)
        return [each for each in found if has_value(each[1], self.values)]

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {} if self.id is None else {"id": self.id}
        members["path"] = [*self.path]
        return {**members, "values": [*self.values]} if self.values else members


@dataclass(frozen=True)
class TrustedAuthority:
    """Who has to stand behind an issuer (section 6.1.1). Of a type that is unknown here, nobody does."""

    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class CredentialSet:
    """Alternatives, each a set of credential queries; one of them is to be answered (section 6.2)."""

    options: tuple[tuple[str, ...], ...]
    is_required: bool = True


@dataclass(frozen=True)
class CredentialQuery:
    """One credential: the types that will do, and the claims to show of it."""

    id: str
    vct_values: tuple[str, ...]
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()
    trusted_authorities: tuple[TrustedAuthority, ...] = ()
    is_multiple: bool = False
    requires_holder_binding: bool = True
    format: str = FORMAT
    # the metadata of a format that is not ours, as it came
    foreign_meta: Mapping[str, JSON] = field(default_factory=dict, hash=False)

    @cached_property
    def combinations(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """What may be shown: all claims, or one of the claim sets, the preferred first."""
        if not self.claim_sets:
            return (self.claims,)
        by_id = {claim.id: claim for claim in self.claims}
        return tuple(tuple(by_id[name] for name in dict.fromkeys(names)) for names in self.claim_sets)

    @cached_property
    def plain_names(self) -> frozenset[str] | None:
        """The claims asked, when all are asked by name alone, whatever their value; None otherwise."""
        names = [claim.path[0] for claim in self.claims if len(claim.path) == 1 and not claim.values]
        plain = frozenset(name for name in names if isinstance(name, str))
        return plain if len(plain) == len(self.claims) and not self.claim_sets else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The top-level claims asked, in the order of the query."""
        return tuple(dict.fromkeys(c.path[0] for c in self.claims if isinstance(c.path[0], str)))

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form; a member that says what its absence says is left out."""
        ours: dict[str, JSON] = {"vct_values": [*self.vct_values]}
        members: dict[str, JSON] = {
            "id": self.id,
            "format": self.format,
            "meta": ours if self.format == FORMAT else dict(self.foreign_meta),
        }
        if self.is_multiple:
            members["multiple"] = True
        if not self.requires_holder_binding:
            members["require_cryptographic_holder_binding"] = False
        if self.trusted_authorities:
            members["trusted_authorities"] = [
                {"type": each.type, "values": [*each.values]} for each in self.trusted_authorities
            ]
        if self.claims:
            members["claims"] = [claim.to_json() for claim in self.claims]
        if self.claim_sets:
            members["claim_sets"] = [[*names] for names in self.claim_sets]
        return members


@dataclass(frozen=True)
class Query:
    """A whole query."""

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSet, ...] = ()

    @classmethod
    def parse(cls, value: JSON) -> Query:
        """Return the query. Raises `RuleError` (`invalid_request`) with the first rule that it breaks."""
        for problem in broken(value):
            raise RuleError(problem.rule, problem.where)
        # from here on the shape is known
        members = value if isinstance(value, dict) else {}
        return cls(
            tuple(_credential(item) for item in _objects(members, "credentials")),
            tuple(
                CredentialSet(
                    tuple(_texts(option) for option in get_member(item, "options", list)),
                    find_member(item, "required", bool) is not False,
                )
                for item in _objects(members, "credential_sets")
            ),
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the wire form."""
        members: dict[str, JSON] = {"credentials": [each.to_json() for each in self.credentials]}
        if self.credential_sets:
            members["credential_sets"] = [
                {
                    "options": [[*names] for names in each.options],
                    **({} if each.is_required else {"required": False}),
                }
                for each in self.credential_sets
            ]
        return members

    @cached_property
    def by_id(self) -> Mapping[str, CredentialQuery]:
        """The credential queries by their identifiers."""
        return {each.id: each for each in self.credentials}

    @cached_property
    def possible_answers(self) -> frozenset[frozenset[str]]:
        """The sets of credential queries that an answer may consist of (section 6.4.2); never the empty one.

        At most 2 to the power of `MAX_CREDENTIALS`.
        """
        if not self.credential_sets:
            return frozenset({frozenset(self.by_id)})
        answers = {frozenset[str]()}
        for each in self.credential_sets:
            options = [frozenset(option) for option in each.options]
            if not each.is_required:
                options.append(frozenset())
            answers = {answer | option for answer in answers for option in options}
        return frozenset(answers - {frozenset()})

    def asks_within(self, allowed: Query) -> bool:
        """Whether nothing can be received by this query that `allowed` does not ask for (see `scope`)."""
        return scope.asks_within(self, allowed)


def _objects(members: Mapping[str, JSON], name: str) -> list[dict[str, JSON]]:
    found = members.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _texts(values: JSON) -> tuple[str, ...]:
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


def _credential(item: dict[str, JSON]) -> CredentialQuery:
    meta, kind = get_member(item, "meta", dict), get_member(item, "format", str)
    claim_sets = find_member(item, "claim_sets", list) or []
    return CredentialQuery(
        id=get_member(item, "id", str),
        vct_values=_texts(meta["vct_values"]) if kind == FORMAT else (),
        claims=tuple(_claim(claim) for claim in _objects(item, "claims")),
        claim_sets=tuple(_texts(names) for names in claim_sets),
        trusted_authorities=tuple(
            TrustedAuthority(get_member(each, "type", str), _texts(each["values"]))
            for each in _objects(item, "trusted_authorities")
        ),
        is_multiple=find_member(item, "multiple", bool) is True,
        requires_holder_binding=find_member(item, "require_cryptographic_holder_binding", bool) is not False,
        format=kind,
        foreign_meta={} if kind == FORMAT else meta,
    )


def _claim(item: dict[str, JSON]) -> ClaimQuery:
    path: Sequence[JSON] = get_member(item, "path", list)
    values: Sequence[JSON] = find_member(item, "values", list) or []
    return ClaimQuery(
        path=tuple(step for step in path if isinstance(step, str | int) or step is None),
        values=tuple(value for value in values if isinstance(value, str | int)),
        id=find_member(item, "id", str),
    )
