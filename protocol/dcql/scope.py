# SPDX-License-Identifier: EUPL-1.2
"""Whether one query asks for nothing that another does not ask for: requests against registered procedures.

Conservative: where the comparison is too hard, the answer is no. What can be received is what counts:

- each set of credentials that may be returned fits into one that is allowed, one credential query to one;
- of such a pair every document that satisfies what is asked would satisfy what is allowed: types, trusted
  authorities, values, holder binding, how many; what would be shown of it is part of one allowed combination.
  Who is not asked for a value that the allowed one wants could be anybody: that is more, though it shows less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from protocol.dcql.paths import includes

if TYPE_CHECKING:
    from protocol.dcql.model import ClaimQuery, CredentialQuery, Query


def asks_within(asked: Query, allowed: Query) -> bool:
    """Whether nothing can be received by `asked` that `allowed` does not ask for."""
    # once for each pair, however many sets both are in
    within = {
        wanted.id: frozenset(may.id for may in allowed.credentials if _is_within(wanted, may))
        for wanted in asked.credentials
    }
    largest = [
        answer for answer in asked.possible_answers if not any(answer < other for other in asked.possible_answers)
    ]
    return all(any(_fits(answer, other, within) for other in allowed.possible_answers) for answer in largest)


def _fits(asked: Collection[str], allowed: Collection[str], within: Mapping[str, Collection[str]]) -> bool:
    """Whether each credential asked is within one allowed, each of those used once (a bipartite matching)."""
    used_by: dict[str, str] = {}

    def place(wanted: str, tried: set[str]) -> bool:
        for may in allowed:
            if may in tried or may not in within[wanted]:
                continue
            tried.add(may)
            if may not in used_by or place(used_by[may], tried):
                used_by[may] = wanted
                return True
        return False

    return all(place(wanted, set()) for wanted in asked)


def _is_within(asked: CredentialQuery, allowed: CredentialQuery) -> bool:
    return (
        asked.format == allowed.format
        and asked.foreign_meta == allowed.foreign_meta
        and set(asked.vct_values) <= set(allowed.vct_values)
        and (allowed.is_multiple or not asked.is_multiple)
        and (asked.requires_holder_binding or not allowed.requires_holder_binding)
        and _trusts_within(asked, allowed)
        and _shows_within(asked, allowed)
    )


def _shows_within(asked: CredentialQuery, allowed: CredentialQuery) -> bool:
    """Whether each combination asked shows part of one allowed, and to those alone whose values that one wants."""
    covering = {
        claim.path: frozenset(may.path for may in allowed.claims if _is_claim_within(claim, may))
        for claim in asked.claims
    }
    combinations = [
        (
            frozenset(may.path for may in combination),
            frozenset(may.path for may in combination if may.values),
        )
        for combination in allowed.combinations
    ]
    return all(
        any(
            not any(covering[claim.path].isdisjoint(paths) for claim in shown)
            and wanted.issubset(path for claim in shown for path in covering[claim.path])
            for paths, wanted in combinations
        )
        for shown in asked.combinations
    )


def _trusts_within(asked: CredentialQuery, allowed: CredentialQuery) -> bool:
    if not allowed.trusted_authorities:
        return True
    may = {(each.type, value) for each in allowed.trusted_authorities for value in each.values}
    wanted = {(each.type, value) for each in asked.trusted_authorities for value in each.values}
    return bool(wanted) and wanted <= may


def _is_claim_within(asked: ClaimQuery, allowed: ClaimQuery) -> bool:
    return includes(allowed.path, asked.path) and _values_within(asked, allowed)


def _values_within(asked: ClaimQuery, allowed: ClaimQuery) -> bool:
    """Whether a claim asked is shown only where the allowed one would be shown too."""
    if not allowed.values:
        return True
    # the values of a whole say nothing about those of its parts
    if len(asked.path) != len(allowed.path):
        return False
    may = {(type(value), value) for value in allowed.values}
    return bool(asked.values) and {(type(value), value) for value in asked.values} <= may
