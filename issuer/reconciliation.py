# SPDX-License-Identifier: EUPL-1.2
"""The issuer compares its own books: questions to sources, the authorisations that they needed, and the log.

- A question that needs the person's authorisation has one that was given before it was asked.
- While a person's objection to a type stands, nothing about them is asked for it.
- Every record of a question is promised by a log, and in it as soon as the log's longest delay has passed.
  Questions from before they were recorded are counted, and there is nothing of them to compare.

The comparison is signed with the issuer's key and published: counts, and exceptions by commitment, or by an opaque
number that the office alone can open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from issuer.interop import Consent
from issuer.issuance import Issuer
from issuer.records import Objection, QueryRecord, SourceQuery
from issuer.store_books import Books
from issuer.store_queries import QueryRecordStore
from ledger.reading import Leaves, read_leaves
from ledger.reconciliation import ComparedHead, Count, ExceptionKind, Mismatch, Reconciliation, Role, opaque
from protocol import jws
from protocol.clock import Clock, from_epoch
from protocol.encoding import get_member
from protocol.keys import Signer
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustList


class Reconciliations:
    """Compares one administration's books, and keeps what came out."""

    def __init__(
        self,
        *,
        books: Books,
        query_records: QueryRecordStore,
        issuer: Issuer,
        trust: TrustList,
        http: HTTPClient,
        ledger_url: str,
        clock: Clock,
        open_signer: Callable[[str], Signer],
    ) -> None:
        self._books = books
        self._query_records = query_records
        self._issuer = issuer
        self._trust = trust
        self._http = http
        self._ledger_url = ledger_url
        self._clock = clock
        self._open_signer = open_signer

    def run(self, administration_id: str, *, since: datetime, until: datetime) -> Reconciliation:
        """Compare the questions of a period, sign the outcome, keep it for auditors, and return it.

        Raises `RequestError` (`not_found`) for an administration that is not here, and `UnavailableError` when
        there are records and the log could not be read: then nothing is stated.
        """
        administration = self._issuer.get_administration(administration_id)
        now = self._clock.now()
        # the books first: whatever they hold by now is in the log that is read afterwards, or not due
        queries = self._books.queries_between(administration_id, since=since, until=until)
        recorded = self._query_records.records_between(administration_id, since=since, until=until)
        asked, not_allowed = compare(queries, self._books.objections_before(administration_id, until))
        leaves = read_leaves(self._http, self._ledger_url, self._trust, now=now) if recorded else None
        heads = () if leaves is None else leaves.heads
        entered, not_entered = compare_with_log(recorded, leaves, now=now)
        stated = Reconciliation(
            party=administration.code,
            role=Role.ISSUER,
            made_at=now,
            since=since,
            until=until,
            heads=tuple(ComparedHead(head.origin, head.size, head.root) for head in heads),
            counts={**asked, **entered},
            exceptions=(*not_allowed, *not_entered),
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
    """Return how questions and authorisations fit, and what does not."""
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


def compare_with_log(
    recorded: Sequence[QueryRecord], leaves: Leaves | None, *, now: datetime
) -> tuple[Mapping[Count, int], tuple[Mismatch, ...]]:
    """Return how records and log fit, and what does not; without leaves only when there is no record."""
    if leaves is None:
        assert not recorded  # noqa: S101 - the log is read whenever there is something to look for
        return dict.fromkeys((Count.RECORDED, Count.UNPROMISED, Count.IN_LOG, Count.WAITING), 0), ()
    missing = [each for each in recorded if each.commitment not in leaves.entries]
    unpromised = [each for each in recorded if each.promise is None]
    # a record waits for its promise no longer than a promised entry for its place
    overdue = [each for each in unpromised if now > each.made_at + leaves.maximum_merge_delay]
    due = [
        each
        for each in missing
        if each.promise is not None and now > _promised_at(each.promise) + leaves.maximum_merge_delay
    ]
    counts = {
        Count.RECORDED: len(recorded),
        Count.UNPROMISED: len(unpromised) - len(overdue),
        Count.IN_LOG: len(recorded) - len(missing),
        Count.WAITING: sum(each.promise is not None for each in missing) - len(due),
    }
    return counts, (
        *(Mismatch(ExceptionKind.NOT_PROMISED, each.commitment) for each in overdue),
        *(Mismatch(ExceptionKind.NOT_IN_LOG, each.commitment) for each in due),
    )


def _promised_at(promise: str) -> datetime:
    """Return when a kept promise was made; it was verified then."""
    return from_epoch(get_member(jws.parse(promise).claims(), "iat", int))


def _stood(objection: Objection, query: SourceQuery) -> bool:
    """Whether the objection was about this question and stood when it was asked."""
    is_about = (objection.person, objection.type_id) == (query.person, query.type_id)
    is_over = objection.withdrawn_at is not None and objection.withdrawn_at <= query.asked_at
    return is_about and objection.made_at <= query.asked_at and not is_over
