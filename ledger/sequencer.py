# SPDX-License-Identifier: EUPL-1.2
"""The sequencer: gives promised entries their place in the tree and signs the new head.

- Batches close on a fixed clock, not when an entry arrives, and leaves inside one are sorted by value, so a
  place in the log tells nothing finer than the batch.
- A batch below eight leaves is filled with random ones; a log that nobody uses grows by fillers once a day.
- At its end a log takes what was promised into one last batch, and is closed.
- Leaves, tree nodes, head and signed checkpoint become durable together or not at all.
- One at a time: every write checks the lease of the worker that made it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ledger import merkle
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.commitment import COMMITMENT_BYTES, Commitment
from ledger.values import LogCondition, LogState, StoredCheckpoint
from ledger.worker_store import Batch, WorkerStore
from protocol.clock import Clock
from protocol.encoding import compact_json
from protocol.errors import ConfigurationError
from protocol.keys import PublicKey
from protocol.runtime.leases import Lease

MIN_BATCH = 8
# One anchor takes 1,000 commitments at most, so no two checkpoints may be further apart.
MAX_BATCH = 1000
_log = structlog.get_logger()


class Sequencer:
    """Extends one log. `new_filler` gives random commitments; tests make it predictable."""

    def __init__(
        self,
        store: WorkerStore,
        clock: Clock,
        *,
        log: str,
        signer: CheckpointSigner,
        promise_key: PublicKey,
        maximum_merge_delay: timedelta,
        idle_interval: timedelta,
        new_filler: Callable[[], bytes] = lambda: secrets.token_bytes(COMMITMENT_BYTES),
    ) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._signer = signer
        self._promise_key = promise_key
        self._maximum_merge_delay = maximum_merge_delay
        self._idle_interval = idle_interval
        self._new_filler = new_filler

    def run(self, lease: Lease) -> int:
        """Sequence everything that waits and return the number of new leaves; nothing for a log not yet opened.

        Raises `StoreConflictError` when another worker took over: then nothing of the last batch is stored.
        """
        state = self._store.find_log(self._log)
        if state is None:
            return 0
        if state.checkpoint_key != self._signer.key:
            raise ConfigurationError("configuration_error", "the checkpoint key is not the log's")
        if state.condition is not LogCondition.OPEN:
            return 0
        added = 0
        while waiting := self._store.waiting(self._log, MAX_BATCH):
            state = self._append(lease, state, waiting)
            added += len(waiting)
        now = self._clock.now()
        if not added and now - state.signed_at >= self._idle_interval:
            self._append(lease, state, ())
            added = MIN_BATCH
        # no promise is due after the end, so none is in its way
        if state.freezes_at is not None and now >= state.freezes_at and self._store.close(lease, self._log):
            _log.info("log closed", log=self._log, size=state.size)
        return added

    def open(
        self,
        lease: Lease,
        *,
        attended_at: datetime | None,
        freezes_at: datetime | None,
        restoring_because: str = "",
    ) -> None:
        """Create the log with its empty checkpoint; to be restored when there is a reason."""
        now = self._clock.now()
        state = LogState(
            name=self._log,
            origin=self._signer.key.name,
            checkpoint_key=self._signer.key,
            promise_key=compact_json(self._promise_key.jwk()).decode(),
            maximum_merge_delay=self._maximum_merge_delay,
            condition=LogCondition.RESTORING if restoring_because else LogCondition.OPEN,
            reason=restoring_because,
            size=0,
            frontier=(),
            signed_at=now,
            chain_id=None,
            contract="",
            sealer="",
            compared_at=None,
            attended_at=attended_at,
            freezes_at=freezes_at,
        )
        self._store.open_log(lease, state, sign_head(self._signer, 0, merkle.EMPTY_ROOT, now))
        _log.info("log opened", log=self._log, condition=state.condition)

    def _append(self, lease: Lease, state: LogState, waiting: tuple[Commitment, ...]) -> LogState:
        fillers = frozenset(Commitment(self._new_filler()) for _ in range(MIN_BATCH - len(waiting)))
        leaves = tuple(sorted((*waiting, *fillers)))
        nodes, frontier = merkle.extend(state.size, state.frontier, leaves)
        now = self._clock.now()
        checkpoint = sign_head(self._signer, state.size + len(leaves), merkle.fold(frontier), now)
        self._store.append(lease, self._log, Batch(state.size, leaves, fillers, nodes, frontier, checkpoint))
        _log.info("batch sequenced", log=self._log, size=checkpoint.size)
        extended = self._store.find_log(self._log)
        assert extended is not None  # noqa: S101 - it was just extended
        return extended


def sign_head(signer: CheckpointSigner, size: int, root: bytes, now: datetime) -> StoredCheckpoint:
    """Return a signed tree head."""
    return StoredCheckpoint(size, root, signer.sign(Checkpoint(signer.key.name, size, root)), now)
