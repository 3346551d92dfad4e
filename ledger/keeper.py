# SPDX-License-Identifier: EUPL-1.2
"""Keeps one log: opens it, compares it with its chain, restores it, sequences, anchors.

A database that was restored from a backup looks like any other. So with a chain each turn notes that this copy is
attended, and a log that nobody attended for longer than its merge delay is compared with the chain before
anything else is done with it, and with the heads at its mirrors: until then it promises nothing and signs nothing.
While it is attended, an outage of the chain or of a mirror does not stop it.

A copy is known to be restored when leaves were missing from it, or when an operator says so with `restore`. Such a
one opens only beside a mirror's head, or at the operator's word that none was signed beyond the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from ledger.anchorer import Anchorer
from ledger.chain.interface import Chain, Mode, SealerKey
from ledger.checkpoint import CheckpointSigner
from ledger.comparison import Comparison, compare
from ledger.kill_points import KillPoints
from ledger.restorer import FROM_BACKUP, Mirror, Restorer
from ledger.sequencer import Sequencer
from ledger.settings import LedgerSettings, LogSettings
from ledger.trust import log_id
from ledger.values import LogCondition, LogState, is_attended
from ledger.worker_store import WorkerStore
from protocol.clock import Clock
from protocol.errors import UnavailableError
from protocol.runtime.leases import Lease, Leases
from protocol.runtime.signer import open_signer, read_secret_file

BEHIND = "restore needed: the chain is ahead of the database"
MIRROR_DIFFERS = "restore needed: a mirror has another head than the database"
OTHER_ROOT = "the chain has another root than the database"
# the moment of the last attendance is written anew when a quarter of the time that it is good for has passed
_WRITES_PER_DELAY = 4
_log = structlog.get_logger()


@dataclass(frozen=True)
class Anchoring:
    """What a log needs to be anchored; both are opened at the first need."""

    open_chain: Callable[[], Chain]
    open_sealer: Callable[[LogSettings], SealerKey]


class Keeper:
    """One log of a worker. `anchoring` is None when nothing is anchored."""

    def __init__(
        self,
        settings: LedgerSettings,
        log: LogSettings,
        store: WorkerStore,
        leases: Leases,
        clock: Clock,
        kill_points: KillPoints,
        *,
        holder: str,
        anchoring: Anchoring | None,
        mirrors: Sequence[Mirror],
    ) -> None:
        self._log = log
        self._store = store
        self._leases = leases
        self._clock = clock
        self._kill_points = kill_points
        self._holder = holder
        self._anchoring = anchoring
        self._mirrors = mirrors
        self._delay = settings.maximum_merge_delay
        self._mode = Mode.ROOT_ONLY if settings.anchor_mode == "root-only" else Mode.CALLDATA
        self._signer = CheckpointSigner.from_pem(log.origin, read_secret_file(log.checkpoint_key_file))
        self._sequencer = Sequencer(
            store,
            clock,
            log=log.name,
            signer=self._signer,
            promise_key=open_signer(f"file:{log.promise_key_file}").public_key,
            maximum_merge_delay=settings.maximum_merge_delay,
            idle_interval=timedelta(seconds=settings.idle_interval_seconds),
        )

    @property
    def name(self) -> str:
        """The log's short name."""
        return self._log.name

    def sequence(self) -> int:
        """Take one turn at sequencing; return the number of new leaves.

        Raises `UnavailableError` when the log must be compared with its chain first and cannot be.
        """
        lease = self._leases.find(f"sequencer:{self.name}", self._holder)
        if lease is None:
            return 0
        state = self._store.find_log(self.name)
        if state is None:
            state = self._open(lease)
        self._attend(lease, state)
        return self._sequencer.run(lease)

    def anchor(self) -> None:
        """Take one turn at anchoring. Raises `UnavailableError` when the chain does not answer."""
        if self._anchoring is None:
            return
        lease = self._leases.find(f"anchorer:{self.name}", self._holder)
        if lease is None:
            return
        chain, sealer = self._anchoring.open_chain(), self._anchoring.open_sealer(self._log)
        Anchorer(self._store, self._clock, chain, sealer, self._kill_points, log=self.name, mode=self._mode).run(
            lease
        )

    def restore(self, mirrors: Sequence[Mirror], *, is_vouched: bool) -> LogState | None:
        """Restore the log now, also one frozen for another reason than its end; None: another works on it.

        A frozen log opens only after every head that the chain has of it was found in the database, which is taken
        to come from a backup. `is_vouched` is the operator's word that no head was signed that is missing from it
        and from the chain.

        Raises `UnavailableError` when it could not be told now, or when there is no chain to restore from.
        """
        if self._anchoring is None:
            raise UnavailableError(
                "temporarily_unavailable", "nothing is anchored: there is no chain to restore from"
            )
        lease = self._leases.find(f"sequencer:{self.name}", self._holder)
        if lease is None:
            return None
        try:
            state = self._store.find_log(self.name) or self._open(lease)
            if not state.has_ended:
                self._store.set_condition(lease, self.name, LogCondition.RESTORING, FROM_BACKUP)
            self._mirrors = (*self._mirrors, *mirrors)
            self._attend(lease, self._get(), is_vouched=is_vouched)
            return self._get()
        finally:
            self._leases.release(lease)

    def reopen_anchors(self) -> bool:
        """Put the anchors that the chain does not have back to pending; False: another works on it.

        The operator says that the chain itself was set back: a node alone could as well lag behind it.
        Raises `UnavailableError` when the chain does not answer, or there is none.
        """
        if self._anchoring is None:
            raise UnavailableError("temporarily_unavailable", "nothing is anchored: there is no chain")
        lease = self._leases.find(f"anchorer:{self.name}", self._holder)
        if lease is None:
            return False
        try:
            head = self._anchoring.open_chain().head(log_id(self._log.origin))
            _log.warning("anchors are off the chain, its operator says", log=self.name, beyond=head.size)
            self._store.reopen(lease, self.name, beyond=head.size)
            return True
        finally:
            self._leases.release(lease)

    def hand_over(self) -> None:
        """Let other workers have this log's leases at once."""
        for job in ("sequencer", "anchorer"):
            lease = self._leases.find(f"{job}:{self.name}", self._holder)
            if isinstance(lease, Lease):
                self._leases.release(lease)

    def _open(self, lease: Lease) -> LogState:
        """Create the log. With a chain, only after the chain was asked whether it knows this log already.

        It counts as attended at once only when no mirror might know it better.
        """
        now, is_known = self._clock.now(), False
        if self._anchoring is not None:
            is_known = self._anchoring.open_chain().head(log_id(self._log.origin)).size > 0
        self._sequencer.open(
            lease,
            attended_at=None if self._anchoring is None or is_known or self._mirrors else now,
            freezes_at=self._log.freezes_at,
            restoring_because=BEHIND if is_known else "",
        )
        return self._get()

    def _attend(self, lease: Lease, state: LogState, *, is_vouched: bool = False) -> None:
        """Note that this copy is the newest, after a comparison with the chain when that is not certain."""
        if state.condition in {LogCondition.CLOSED, LogCondition.FROZEN}:
            return
        now, at = self._clock.now(), state.attended_at
        if self._anchoring is not None and not is_attended(state, now, self._delay):
            if not self._is_newest(lease, state, self._anchoring, is_vouched=is_vouched):
                return
            at = self._clock.now()
        elif at is not None and abs(now - at) * _WRITES_PER_DELAY >= self._delay:
            at = now
        if (at, self._log.freezes_at) != (state.attended_at, state.freezes_at):
            self._store.attend(lease, self.name, at=at, freezes_at=self._log.freezes_at)

    def _is_newest(self, lease: Lease, state: LogState, anchoring: Anchoring, *, is_vouched: bool) -> bool:
        """Compare with chain and mirrors, restore what is missing; return whether this is now the newest copy."""
        chain = anchoring.open_chain()
        restorer = Restorer(self._store, self._clock, chain, self._mirrors, log=self.name, signer=self._signer)
        if state.condition is LogCondition.OPEN:
            head = chain.head(log_id(self._log.origin))
            found = compare(lambda level, index: self._store.node(self.name, level, index), state.size, head)
            if found is Comparison.AGREES and restorer.has_all_heads():
                return True
            if found is Comparison.CONTRADICTS:
                _log.error("log frozen", log=self.name, reason=OTHER_ROOT)
                self._store.freeze(lease, self.name, OTHER_ROOT)
                return False
            reason = BEHIND if found is Comparison.BEHIND else MIRROR_DIFFERS
            self._store.set_condition(lease, self.name, LogCondition.RESTORING, reason)
        _log.warning("restoring", log=self.name, size=state.size)
        return restorer.run(lease, is_vouched=is_vouched) is LogCondition.OPEN

    def _get(self) -> LogState:
        state = self._store.find_log(self.name)
        assert state is not None  # noqa: S101 - it was just opened or found
        return state
