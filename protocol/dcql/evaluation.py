# SPDX-License-Identifier: EUPL-1.2
"""The wallet's half of DCQL: what of the credentials held answers a query (OpenID4VP 1.0, section 6.4).

- Of `claim_sets` the first that can be satisfied, of `options` the first; of optional sets those that the caller
  names, none by itself (data minimisation).
- A query that cannot be satisfied whole is answered with nothing (section 6.4.2).
- Not checked here: whether a credential is valid, revoked or the holder's. The caller offers only such.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from protocol.dcql.authorities import is_trusted
from protocol.dcql.model import CredentialQuery, Query
from protocol.dcql.paths import ConcretePath
from protocol.dcql.rules import FORMAT
from protocol.encoding import JSON
from protocol.errors import RequestError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential that may answer: all its claims as the reader sees them, `vct` among them, and its chain."""

    claims: Mapping[str, JSON] = field(repr=False)
    # `x5c` of the issuer-signed JWT; anything that is no array of certificates matches no trusted authority
    chain: JSON = field(default=None, repr=False)
    id: str = ""


@dataclass(frozen=True)
class Selection:
    """A credential that will do, and the place of every value to show of it; objects and arrays count whole."""

    candidate: Candidate
    paths: tuple[ConcretePath, ...]


@dataclass(frozen=True)
class Answer:
    """What there is for a query. Only `evaluate` makes one."""

    # every credential query, in the order of the query, with what satisfies it, in the order offered
    selections: Mapping[str, tuple[Selection, ...]]
    # the credential queries to be answered; none when the query cannot be satisfied whole
    chosen: tuple[str, ...]
    # the credential queries for which something would have to be obtained first
    missing: tuple[str, ...]


def check_formats(query: Query) -> None:
    """Raise `RequestError` (`vp_formats_not_supported`) when no credential of the query is of our format.

    Section 8.5: none of the formats requested is supported. This depends on the query alone, so it says nothing
    about what the person holds. A query in which another format is needed besides ours is merely one that nobody
    here satisfies: `access_denied`, like any document that is not held.
    """
    if all(each.format != FORMAT for each in query.credentials):
        raise RequestError("vp_formats_not_supported", f"only {FORMAT} is supported")


def evaluate(query: Query, held: Sequence[Candidate], *, optional: Collection[int] = ()) -> Answer:
    """Return what of the credentials held answers the query.

    `optional` are the positions of the optional credential sets that are to be answered if that is possible.
    """
    selections = {
        wanted.id: tuple(found for each in held if (found := _find_selection(wanted, each)) is not None)
        for wanted in query.credentials
    }
    if not query.credential_sets:
        missing = tuple(name for name, found in selections.items() if not found)
        return Answer(selections, () if missing else tuple(selections), missing)
    chosen: set[str] = set()
    lacking: set[str] = set()
    for position, each in enumerate(query.credential_sets):
        if not each.is_required and position not in optional:
            continue
        possible = next((option for option in each.options if all(selections[name] for name in option)), None)
        if possible is not None:
            chosen |= set(possible)
        elif each.is_required:
            lacking |= {name for name in _easiest(query, each.options) if not selections[name]}
    if lacking:
        chosen = set()
    return Answer(
        selections,
        tuple(name for name in selections if name in chosen),
        tuple(name for name in selections if name in lacking),
    )


def _easiest(query: Query, options: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first option that needs our format only, else the first: what a person would have to obtain."""
    ours = (option for option in options if all(query.by_id[name].format == FORMAT for name in option))
    return next(ours, options[0])


def _find_selection(wanted: CredentialQuery, candidate: Candidate) -> Selection | None:
    if not is_wanted(wanted, candidate):
        return None
    for combination in wanted.combinations:
        found = [claim.select(candidate.claims) for claim in combination]
        if all(found):
            places = (place for values in found for place, _ in values)
            return Selection(candidate, tuple(dict.fromkeys(places)))
    return None


def is_wanted(wanted: CredentialQuery, candidate: Candidate) -> bool:
    """Whether a credential is of a format and type that are asked for, from an authority that will do."""
    return (
        wanted.format == FORMAT
        and candidate.claims.get("vct") in wanted.vct_values
        and (not wanted.trusted_authorities or is_trusted(wanted.trusted_authorities, candidate.chain))
    )
