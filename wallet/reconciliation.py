# SPDX-License-Identifier: EUPL-1.2
"""The citizen compares everything of theirs: shares, take-backs and answers with the record book, at one look.

The whole record book is read, so it cannot tell what is looked for. What comes out is shown and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger import promise as promises
from ledger import record as records
from ledger.commitment import Commitment
from ledger.reading import Leaves, read_leaves
from protocol.clock import Clock
from protocol.encoding import b64url_decode
from protocol.errors import UnavailableError, VerificationError
from protocol.runtime.fetch import HTTPClient
from protocol.trust import TrustList
from wallet.share import Share
from wallet.sharing import Sharing
from wallet.take_back import TakenBack
from wallet.taking_back import TakingBack
from wallet.vault import Sealer


class Standing(StrEnum):
    """How a share stands, the worst first."""

    # promised, due, and not there: the promise is broken
    MISSING = "missing"
    # the office did not answer within the legal month
    UNANSWERED = "unanswered"
    # promised and not yet due
    WAITING = "waiting"
    RECORDED = "recorded"


@dataclass(frozen=True)
class ComparedShare:
    """One share and how it stands."""

    id: str
    share: Share
    taken: tuple[TakenBack, ...]
    standing: Standing


class Reconciling:
    """Compares a person's shares with the record book."""

    def __init__(
        self,
        *,
        sharing: Sharing,
        taking_back: TakingBack,
        trust: TrustList,
        http: HTTPClient,
        ledger_url: str,
        clock: Clock,
    ) -> None:
        self._sharing = sharing
        self._taking_back = taking_back
        self._trust = trust
        self._http = http
        self._ledger_url = ledger_url
        self._clock = clock

    def run(self, sealer: Sealer) -> tuple[ComparedShare, ...]:
        """Return every share that was promised, newest first, and how it stands.

        Raises `UnavailableError` when the record book cannot be read, or a promise cannot be checked any more.
        """
        now = self._clock.now()
        shares = [
            (key, share, tuple(self._taking_back.follow(sealer, key)))
            for key, share in self._sharing.history(sealer)
            if share.promise
        ]
        # after the answers were fetched: whatever they were promised is in what is read now, or not due
        leaves = read_leaves(self._http, self._ledger_url, self._trust, now=now)
        return tuple(
            ComparedShare(key, share, taken, self._standing(share, taken, leaves, now))
            for key, share, taken in shares
        )

    def _standing(self, share: Share, taken: Iterable[TakenBack], leaves: Leaves, now: datetime) -> Standing:
        missing = [due for entry, due in self._promised(share, taken) if entry not in leaves.entries]
        if any(now > due for due in missing):
            return Standing.MISSING
        if any(not each.answers and each.due and now.date().isoformat() > each.due for each in taken):
            return Standing.UNANSWERED
        return Standing.WAITING if missing else Standing.RECORDED

    def _promised(self, share: Share, taken: Iterable[TakenBack]) -> Iterator[tuple[Commitment, datetime]]:
        """Yield every entry that was promised to the person or for them, and when each is due."""
        yield self._due(share.record, share.promise, share.commitment)
        for each in taken:
            yield self._due(each.record, each.promise, each.commitment)
            yield self._due(
                each.record, each.marker_promise, records.withdrawal_marker(share.key, share.commitment)
            )
            for answer in each.answers:
                record, key = b64url_decode(str(answer["record"])), b64url_decode(str(answer["key"]))
                yield self._due(record, str(answer["promise"]), records.commit(key, record))

    def _due(self, record: bytes, promise: str, commitment: Commitment) -> tuple[Commitment, datetime]:
        try:
            log = self._trust.get_log(records.parse(record).log, now=self._clock.now())
            kept = promises.verify_undated(promise, log.promise_key, log=log.origin, commitment=commitment)
        except VerificationError as exc:
            raise UnavailableError("not_checkable", "a promise cannot be checked any more") from exc
        return commitment, kept.due_at
