# SPDX-License-Identifier: EUPL-1.2
"""Whether a share is in the record book for good: proved here, from whole tiles and a signed checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import promise as promises
from ledger import record as records
from ledger.checkpoint import CheckpointKey
from ledger.client import LedgerClient
from protocol.clock import Clock
from protocol.errors import RequestError, UnavailableError, VerificationError
from protocol.trust import TrustList
from wallet import evidence_file
from wallet.share import Share
from wallet.take_back import TakenBack


@dataclass(frozen=True)
class Permanence:
    """What the check found: in the book, not yet (and by when), or promised and missing."""

    is_recorded: bool
    due_at: datetime
    is_overdue: bool
    leaf_index: int | None = None
    tree_size: int | None = None


class Permanences:
    """Checks shares against the ledger."""

    def __init__(self, ledger: LedgerClient, trust: TrustList, clock: Clock) -> None:
        self._ledger = ledger
        self._trust = trust
        self._clock = clock

    def check(self, share: Share) -> Permanence:
        """Return what the ledger can prove about a share. Raises `UnavailableError` when it could not be told."""
        now = self._clock.now()
        log = self._trust.get_log(records.parse(share.record).log, now=now)
        if not log.checkpoint_key:
            raise UnavailableError("not_checkable", "the trust list does not name the log's checkpoint key")
        commitment = share.commitment
        promise = promises.verify_undated(share.promise, log.promise_key, log=log.origin, commitment=commitment)
        try:
            found = self._ledger.another(log.origin).prove(commitment, CheckpointKey.parse(log.checkpoint_key))
        except (RequestError, VerificationError) as exc:
            raise UnavailableError("not_checkable", "what the ledger shows does not hold together") from exc
        if found is None:
            return Permanence(False, promise.due_at, now > promise.due_at)
        return Permanence(True, promise.due_at, False, found.leaf_index, found.checkpoint.size)

    def export(self, share: Share, taken: Sequence[TakenBack]) -> bytes:
        """Return the evidence file of a share and what became of it."""
        log = self._trust.get_log(records.parse(share.record).log, now=self._clock.now())
        return evidence_file.build(
            share, taken, ledger=self._ledger.another(log.origin), checkpoint_key=log.checkpoint_key
        )
