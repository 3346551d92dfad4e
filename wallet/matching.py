# SPDX-License-Identifier: EUPL-1.2
"""Which documents answer a query, and what exactly a copy shows (OpenID4VP 1.0, sections 6.4 and 7).

- Of alternatives the first that can be satisfied; optional sets of credentials are never answered, and for each
  credential query one document is shown, also where several might be: nothing is sent that need not be.
- What is shown is what was asked, and what the issuer signed in the clear beside it. The latter cannot be hidden,
  so the decision screen and the record list it as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger.record import ClaimReference
from protocol import dcql, sd_jwt
from protocol.clock import epoch_seconds
from protocol.dcql import Candidate, CredentialQuery, Query
from protocol.encoding import JSON
from protocol.errors import RequestError
from protocol.sd_jwt import Path, UnverifiedSDJWT
from wallet.receive import REGISTERED, Copy, Document


@dataclass(frozen=True)
class Held:
    """A document in the wallet, by its identifier."""

    id: str
    document: Document
    copies_left: int

    @property
    def candidate(self) -> Candidate:
        """What a query is compared with."""
        document = self.document
        claims: dict[str, JSON] = {
            **document.values,
            "vct": document.vct,
            "iss": document.issuer,
            "exp": epoch_seconds(document.expires_at),
        }
        return Candidate(claims, chain=[*document.chain], id=self.id)


@dataclass(frozen=True)
class Match:
    """One credential asked for, and the documents that would do, newest first."""

    query: CredentialQuery
    candidates: tuple[Held, ...]
    # document → the places in it that are asked for
    paths: Mapping[str, tuple[Path, ...]]


def match(query: Query, held: Sequence[Held], *, now: datetime) -> tuple[Match, ...]:
    """Return what there is for each credential that is to be answered; an empty match means a document is missing.

    Raises `RequestError` (`vp_formats_not_supported`) when nothing is asked for in our format, (`access_denied`)
    when nothing of what is asked has to be answered.
    """
    dcql.check_formats(query)
    newest = sorted(held, key=lambda each: each.document.received_at, reverse=True)
    valid = {each.id: each for each in newest if each.document.expires_at > now}
    answer = dcql.evaluate(query, [each.candidate for each in valid.values()])
    names = answer.chosen or (answer.missing if query.credential_sets else tuple(answer.selections))
    if not names:
        raise RequestError("access_denied", "nothing is asked for that has to be answered")
    return tuple(
        Match(
            query.by_id[name],
            tuple(valid[each.candidate.id] for each in answer.selections[name]),
            {each.candidate.id: each.paths for each in answer.selections[name]},
        )
        for name in names
    )


@dataclass(frozen=True)
class Shown:
    """What one copy shows for one credential query."""

    # the presentation, without key binding
    text: str = field(repr=False)
    # the claims about the person as the verifier sees them: those asked, then those that cannot be hidden
    values: Mapping[str, JSON] = field(repr=False)
    # the same by type and path, as the record lists them
    claims: tuple[ClaimReference, ...]
    # everything that the presentation says
    candidate: Candidate = field(repr=False)


def show(wanted: CredentialQuery, paths: Sequence[Path], copy: Copy) -> Shown:
    """Return what a copy shows when these places are asked for. Raises `RequestError` when it has no such."""
    text = sd_jwt.select(copy.credential, copy.index, paths)
    parsed = UnverifiedSDJWT.parse(text)
    seen = sd_jwt.rebuild(parsed.issuer_jwt.claims(), parsed.disclosures)
    names = [name for name in dict.fromkeys([*wanted.names, *seen]) if name in seen and name not in REGISTERED]
    values = {name: seen[name] for name in names}
    return Shown(
        text=text,
        values=values,
        claims=tuple(
            ClaimReference.of(str(seen.get("vct")), path) for path in dcql.presented_paths(wanted, values)
        ),
        candidate=Candidate(seen, chain=parsed.issuer_jwt.header.get("x5c")),
    )
