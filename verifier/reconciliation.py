# SPDX-License-Identifier: EUPL-1.2
"""The office compares its own books: decisions with receipts, receipts with the log, withdrawals with answers.

- Every decision about something that was disclosed has a receipt whose commitment is in the log, as soon as the
  log's longest delay has passed.
- Every withdrawal, and every answer to one, is in the log too, and was answered within the legal month.
- A marker in the log that says that a share was taken back belongs to a request that arrived; if none did, it went
  astray, and the office must ask.

The comparison is signed and published: counts, and exceptions by commitment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger import record as records
from ledger.commitment import Commitment
from ledger.reading import Leaves, read_leaves
from ledger.reconciliation import (
    ComparedHead,
    Count,
    ExceptionKind,
    Mismatch,
    Reconciliation,
    Role,
    opaque,
)
from protocol import jws
from protocol.clock import Clock, from_epoch
from protocol.encoding import get_member
from protocol.keys import Signer
from protocol.runtime.fetch import HTTPClient
from protocol.runtime.sealing import Sealer
from protocol.trust import TrustList
from verifier.model import Presentation, PresentationState, Withdrawal, WithdrawalState
from verifier.report import KeptCase
from verifier.store import Store


@dataclass(frozen=True)
class DecidedShare:
    """A decision about something that was disclosed."""

    presentation: Presentation
    # what the log would hold if the person took the share back; None when the key is gone, or nothing was recorded
    marker: Commitment | None
    withdrawals: tuple[Withdrawal, ...]


class Reconciliations:
    """Compares one administration's books with the log, and keeps what came out."""

    def __init__(
        self,
        *,
        store: Store,
        trust: TrustList,
        http: HTTPClient,
        ledger_url: str,
        sealer: Sealer,
        clock: Clock,
        open_signer: Callable[[str], Signer],
    ) -> None:
        self._store = store
        self._trust = trust
        self._http = http
        self._ledger_url = ledger_url
        self._sealer = sealer
        self._clock = clock
        self._open_signer = open_signer

    def run(self, administration_id: str, *, since: datetime, until: datetime) -> Reconciliation:
        """Compare the decisions of a period, sign the outcome, keep it for auditors, and return it.

        Raises `UnavailableError` when the log could not be read: then nothing is stated.
        """
        administration = self._store.get_administration(administration_id)
        now = self._clock.now()
        # the books first: whatever they hold by now is in the log that is read afterwards, or not due
        shares = list(self._shares(administration_id, since, until))
        leaves = read_leaves(self._http, self._ledger_url, self._trust, now=now)
        counts, exceptions = compare(shares, leaves, now=now)
        stated = Reconciliation(
            party=administration.code,
            role=Role.VERIFIER,
            made_at=now,
            since=since,
            until=until,
            heads=tuple(ComparedHead(head.origin, head.size, head.root) for head in leaves.heads),
            counts=counts,
            exceptions=exceptions,
        )
        token = stated.sign(self._open_signer(administration.signer_url), x5c=administration.x5c)
        self._store.add_reconciliation(administration_id, token, made_at=now)
        return stated

    def _shares(self, administration_id: str, since: datetime, until: datetime) -> Iterator[DecidedShare]:
        for each in self._store.decided_presentations(administration_id, since=since, until=until):
            withdrawals = tuple(self._store.withdrawals_of(administration_id, each.id))
            yield DecidedShare(each, self._find_marker(each), withdrawals)

    def _find_marker(self, presentation: Presentation) -> Commitment | None:
        sealed = self._store.find_case(presentation.administration_id, presentation.id)
        if sealed is None or presentation.commitment is None:
            return None
        receipt = KeptCase.parse(self._sealer.open(sealed, about=presentation.about)).receipt
        return records.withdrawal_marker(receipt.key, presentation.commitment)


def compare(
    shares: list[DecidedShare], leaves: Leaves, *, now: datetime
) -> tuple[Mapping[Count, int], tuple[Mismatch, ...]]:
    """Return the counts, and what does not fit."""
    accepted = [each for each in shares if each.presentation.state is PresentationState.ACCEPTED]
    recorded = [(of, _decided_at(each.presentation)) for each in shares if (of := each.presentation.commitment)]
    withdrawals = [one for each in shares for one in each.withdrawals]
    late = {each.id: _lateness(each, now) for each in withdrawals}
    counts = {
        Count.DECISIONS: len(shares),
        Count.ACCEPTED: len(accepted),
        Count.REJECTED: len(shares) - len(accepted),
        Count.RECEIPTS: len(recorded),
        Count.IN_LOG: sum(commitment in leaves.entries for commitment, _ in recorded),
        Count.WAITING: sum(_is_waiting(commitment, at, leaves, now) for commitment, at in recorded),
        Count.WITHDRAWALS: len(withdrawals),
        Count.ANSWERED: sum(each.state is WithdrawalState.ANSWERED for each in withdrawals),
        Count.OPEN: sum(
            each.state is not WithdrawalState.ANSWERED and late[each.id] is None for each in withdrawals
        ),
    }
    exceptions = [
        *(
            Mismatch(ExceptionKind.NO_RECEIPT, opaque(each.presentation.id))
            for each in accepted
            if each.presentation.commitment is None
        ),
        *(
            Mismatch(ExceptionKind.NOT_IN_LOG, commitment)
            for commitment, at in _promised(shares)
            if commitment not in leaves.entries and not _is_waiting(commitment, at, leaves, now)
        ),
        *(Mismatch(kind, each.commitment) for each in withdrawals if (kind := late[each.id]) is not None),
        *(
            Mismatch(ExceptionKind.UNKNOWN_MARKER, each.presentation.commitment)
            for each in shares
            if each.presentation.commitment is not None and each.marker in leaves.entries and not each.withdrawals
        ),
    ]
    return counts, tuple(exceptions)


def _promised(shares: list[DecidedShare]) -> Iterator[tuple[Commitment, datetime]]:
    """Yield every commitment that a log promised, with a moment by which it had."""
    for each in shares:
        if each.presentation.commitment is not None:
            yield each.presentation.commitment, _decided_at(each.presentation)
        for withdrawal in each.withdrawals:
            yield withdrawal.commitment, withdrawal.received_at
            answer = withdrawal.answer
            if answer is not None and answer.promise is not None:
                # promised when it was given, which may be long after it was decided; verified then
                claims = jws.parse(answer.promise).claims()
                yield records.commit(answer.key, answer.record), from_epoch(get_member(claims, "iat", int))


def _decided_at(presentation: Presentation) -> datetime:
    assert presentation.answered_at is not None  # noqa: S101 - whatever is decided was answered
    return presentation.answered_at


def _is_waiting(commitment: Commitment, at: datetime, leaves: Leaves, now: datetime) -> bool:
    """Whether it is missing and may be: promised at most the longest delay ago."""
    return commitment not in leaves.entries and now <= at + leaves.maximum_merge_delay


def _lateness(withdrawal: Withdrawal, now: datetime) -> ExceptionKind | None:
    answer = withdrawal.answer
    if answer is None or withdrawal.state is not WithdrawalState.ANSWERED:
        return ExceptionKind.NOT_ANSWERED if now.date() > withdrawal.due_on else None
    return ExceptionKind.ANSWERED_LATE if answer.decided_at.date() > withdrawal.due_on else None
