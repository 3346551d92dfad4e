# SPDX-License-Identifier: EUPL-1.2
"""The issuer compares its own books: questions to sources with the authorisations that they needed.

- A question that needs the person's authorisation has one that was given before it was asked.
- While a person's objection to a type stands, nothing about them is asked for it.

The comparison is signed with the issuer's key and published: counts, and exceptions by an opaque number that the
office alone can open. Questions are no entries of the log, so no log is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from issuer.interop import Consent
from issuer.issuance import Issuer
from issuer.records import Objection, SourceQuery
from issuer.store_books import Books
from ledger.reconciliation import Count, ExceptionKind, Mismatch, Reconciliation, Role, opaque
from protocol.clock import Clock
from protocol.keys import Signer


class Reconciliations:
    """Compares one administration's books, and keeps what came out."""

    def __init__(
        self, *, books: Books, issuer: Issuer, clock: Clock, open_signer: Callable[[str], Signer]
    ) -> None:
        self._books = books
        self._issuer = issuer
        self._clock = clock
        self._open_signer = open_signer

    def run(self, administration_id: str, *, since: datetime, until: datetime) -> Reconciliation:
        """Compare the questions of a period, sign the outcome, keep it for auditors, and return it.

        Raises `RequestError` (`not_found`) for an administration that is not here.
        """
        administration = self._issuer.get_administration(administration_id)
        queries = self._books.queries_between(administration_id, since=since, until=until)
        counts, exceptions = compare(queries, self._books.objections_before(administration_id, until))
        now = self._clock.now()
        stated = Reconciliation(
            party=administration.code,
            role=Role.ISSUER,
            made_at=now,
            since=since,
            until=until,
            heads=(),
            counts=counts,
            exceptions=exceptions,
        )
        token = stated.sign(self._open_signer(administration.signer_url), x5c=administration.x5c)
        self._books.add_reconciliation(administration_id, token, made_at=now)
        return stated

    def published(self, administration_id: str, *, limit: int) -> Sequence[str]:
        """Return the signed comparisons, newest first. Raises as `run`."""
        self._issuer.get_administration(administration_id)
        return self._books.reconciliations(administration_id, limit=limit)


def compare(
    queries: Sequence[SourceQuery], objections: Sequence[Objection]
) -> tuple[Mapping[Count, int], tuple[Mismatch, ...]]:
    """Return the counts, and what does not fit."""
    needing = [each for each in queries if each.consent is Consent.AUTHORISED]
    bare = [each for each in needing if each.authorised_at is None or each.authorised_at > each.asked_at]
    objected = [each for each in queries if any(_stood(one, each) for one in objections)]
    counts = {
        Count.QUERIES: len(queries),
        Count.AUTHORISED: len(needing) - len(bare),
        Count.BY_LAW: len(queries) - len(needing),
    }
    return counts, (
        *(Mismatch(ExceptionKind.NOT_AUTHORISED, opaque(each.id)) for each in bare),
        *(Mismatch(ExceptionKind.OBJECTED, opaque(each.id)) for each in objected),
    )


def _stood(objection: Objection, query: SourceQuery) -> bool:
    """Whether the objection was about this question and stood when it was asked."""
    is_about = (objection.person, objection.type_id) == (query.person, query.type_id)
    is_over = objection.withdrawn_at is not None and objection.withdrawn_at <= query.asked_at
    return is_about and objection.made_at <= query.asked_at and not is_over
