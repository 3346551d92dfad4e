# SPDX-License-Identifier: EUPL-1.2
"""The verifier's half of DCQL: whether what arrived is what was asked, all of it and nothing more (section 8.6).

The verifier decides by itself: nothing that the wallet should have done is taken for done. It sees only what was
shown, so it cannot tell whether every element of an array came, nor whether an earlier alternative was possible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from protocol.dcql.evaluation import Candidate, is_wanted
from protocol.dcql.model import ClaimQuery, CredentialQuery, Query
from protocol.dcql.paths import ConcretePath, Step, covers, leaves
from protocol.encoding import JSON
from protocol.errors import RequestError


def check_answered(query: Query, answers: Mapping[str, Sequence[Candidate]]) -> None:
    """Raise `RequestError` unless the answers are a whole answer to the query.

    `answers` holds for each credential query the verified claims of what was presented for it.
    """
    if frozenset(answers) not in query.possible_answers:
        raise _wrong("the answer does not hold exactly the credentials that were asked")
    for name, given in answers.items():
        asked = query.by_id[name]
        if not given or (len(given) > 1 and not asked.is_multiple):
            raise _wrong("a credential that was asked once is there more often, or not at all")
        for each in given:
            if not _is_answered(asked, each):
                raise _wrong("a credential does not hold what was asked")


def is_asked(paths: Collection[ConcretePath], asked: CredentialQuery, claims: Mapping[str, JSON]) -> bool:
    """Whether everything that was disclosed was asked for: by one combination of claims, not by several.

    `paths` are the places of the disclosures in `claims`, the claims as they were shown. An object on the way to
    a claim that was asked belongs to it.
    """
    plain = asked.plain_names
    if plain is not None:
        return plain.issuperset([path[0] for path in paths])
    return any(
        all(claim.select(claims, is_partial=True) for claim in combination)
        and _is_covered(paths, combination, claims)
        for combination in asked.combinations
    )


def presented_paths(asked: CredentialQuery, claims: Mapping[str, JSON]) -> list[tuple[Step, ...]]:
    """Return what was shown, for a record: the paths as asked, then what could not be hidden, by its own path.

    Positions in arrays become null in the latter. Wallet and verifier get the same from the same presentation.
    `claims` are those about the person: without what belongs to the format itself. Of a credential that shows
    none, its type was shown.
    """
    if not claims:
        return [("vct",)]
    plain = asked.plain_names
    if plain is not None and plain.issuperset(claims):
        return [claim.path for claim in asked.claims if claim.path[0] in claims]
    shown = [_asked_path(asked, place) for place in leaves(dict(claims))]
    order = {claim.path: position for position, claim in enumerate(asked.claims)}
    return sorted(dict.fromkeys(shown), key=lambda path: order.get(path, len(order)))


def _asked_path(asked: CredentialQuery, place: ConcretePath) -> tuple[Step, ...]:
    for claim in asked.claims:
        if len(claim.path) <= len(place) and covers(claim.path, place):
            return claim.path
    return tuple(step if isinstance(step, str) else None for step in place)


def _is_answered(asked: CredentialQuery, given: Candidate) -> bool:
    if not is_wanted(asked, given):
        return False
    plain = asked.plain_names
    if plain is not None:
        return plain <= given.claims.keys()
    return any(
        all(claim.select(given.claims, is_partial=True) for claim in combination)
        for combination in asked.combinations
    )


def _is_covered(
    paths: Collection[ConcretePath], combination: Sequence[ClaimQuery], claims: Mapping[str, JSON]
) -> bool:
    """Whether every place is one that the combination selects, or leads to one, or lies under one."""
    selected = {place for claim in combination for place, _ in claim.select(claims, is_partial=True)}
    leading = {place[:depth] for place in selected for depth in range(1, len(place))}
    return all(
        path in leading or any(path[: depth + 1] in selected for depth in range(len(path))) for path in paths
    ) and _has_positions(paths, combination)


def _has_positions(paths: Iterable[ConcretePath], combination: Sequence[ClaimQuery]) -> bool:
    """Whether no array shows more elements than there are positions that could be theirs."""
    shown: dict[ConcretePath, set[str | int]] = {}
    asked: dict[ConcretePath, set[Step]] = {}
    for path in paths:
        covering = [claim.path for claim in combination if covers(claim.path, path)]
        for at, step in enumerate(path):
            positions = {claim[at] for claim in covering if at < len(claim) and isinstance(claim[at], int)}
            if positions and all(at < len(claim) and isinstance(claim[at], int) for claim in covering):
                shown.setdefault(path[:at], set()).add(step)
                asked.setdefault(path[:at], set()).update(positions)
    return all(len(steps) <= len(asked[array]) for array, steps in shown.items())


def _wrong(message: str) -> RequestError:
    return RequestError("invalid_request", message)
