# SPDX-License-Identifier: EUPL-1.2
"""The anchorer: brings signed heads to the chain, each exactly once, through an outbox.

The rules (numbers appear in the code and in `docs/protocol.md`):

1. The signed transaction is stored before it is sent.
2. Only the same bytes are ever resent.
3. "Already known" and "nonce too low" say nothing by themselves: the receipt and the contract's head answer.
4. A new transaction is made only when the old one is proven absent and the head did not move.
5. An anchor is final only when the chain says so; one whose block is gone is pending again. A final one is so only
   when the node shows another block at its height: a node that knows fewer blocks could not tell.
6. Before anything is sent the stored log is compared with the chain's head. When the chain is ahead of the
   store, the log promises nothing until it is restored; when it has another root, the log is frozen.
7. One anchor is in flight at a time, under one fenced lease.
8. A log that came to its end is frozen on the chain once its last head is final there.

In root-only mode an anchor carries a consistency proof, spans any number of leaves, and all else is the same.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from ledger import merkle
from ledger.anchor_evidence import evidence_text
from ledger.chain.interface import (
    MAX_COMMITMENTS,
    AnchorEvent,
    Chain,
    Finality,
    Head,
    Mode,
    Receipt,
    SealerKey,
    Sent,
    SignedTransaction,
)
from ledger.comparison import Comparison, compare
from ledger.kill_points import KillPoint, KillPoints
from ledger.trust import log_id
from ledger.values import END, AnchorState, LogCondition, LogState, StoredAnchor, StoredCheckpoint
from ledger.worker_store import FoundAnchor, OutgoingAnchor, WorkerStore
from protocol.clock import Clock
from protocol.errors import ConfigurationError, RequestError, UnavailableError
from protocol.runtime.leases import Lease

# Each step is at least one durable write or the last one; this only bounds a chain that talks nonsense.
_MAX_STEPS = 1000
# A refused anchor costs a transaction; whatever made the contract refuse will not pass within seconds.
FAILURE_PAUSE = timedelta(seconds=60)
_log = structlog.get_logger()


class Anchorer:
    """Anchors one log with one sealer key."""

    def __init__(
        self,
        store: WorkerStore,
        clock: Clock,
        chain: Chain,
        sealer: SealerKey,
        kill_points: KillPoints,
        *,
        log: str,
        mode: Mode,
    ) -> None:
        self._store = store
        self._clock = clock
        self._chain = chain
        self._sealer = sealer
        self._kill_points = kill_points
        self._log = log
        self._mode = mode

    def run(self, lease: Lease) -> None:
        """Go as far as the chain allows now.

        Raises `UnavailableError` when the chain does not answer (promises are not affected) and
        `StoreConflictError` when another worker took over.
        """
        for _ in range(_MAX_STEPS):
            if not self._step(lease):
                return

    def _step(self, lease: Lease) -> bool:
        """Do one thing; return whether there may be another one to do at once."""
        state = self._store.find_log(self._log)
        if state is None or state.condition not in {LogCondition.OPEN, LogCondition.CLOSED}:
            return False
        head = self._chain.head(log_id(state.origin))
        # (6) compare before anything else
        if not self._compare(lease, state, head):
            return False
        # (5) blocks that are gone
        settled = self._store.find_settled(self._log)
        if settled is not None and settled.size > head.size:
            self._check_gone(head)
            _log.warning("anchors are off the chain", log=self._log, beyond=head.size)
            self._store.reopen(lease, self._log, beyond=head.size)
            return True
        anchor = self._store.find_in_flight(self._log)
        if anchor is not None:
            return self._follow(lease, state, anchor, head)
        return self._go_on(lease, state, settled, head)

    def _check_gone(self, head: Head) -> None:
        """Raise `UnavailableError` when it could not be told that final anchors beyond this head are gone.

        A node that lags behind a load balancer, or one of several that do, shows a smaller head of an older block.
        """
        final = self._store.find_final(self._log)
        if final is None or final.size <= head.size or final.block_number is None or final.block_hash is None:
            return
        # raises when the node knows no block of that height
        if self._chain.finality(final.block_number, final.block_hash) is not Finality.GONE:
            raise UnavailableError("chain_inconsistent", "the node shows a final block, and a head from before it")

    def _go_on(self, lease: Lease, state: LogState, settled: StoredAnchor | None, head: Head) -> bool:
        """Do what comes next when nothing is in flight."""
        if head.size > (0 if settled is None else settled.size):
            return self._adopt(lease, state, head)
        if state.condition is LogCondition.CLOSED and head.size == state.size:
            return self._end(lease, state, head)
        return self._begin(lease, state, head)

    def _end(self, lease: Lease, state: LogState, head: Head) -> bool:
        """(8) Freeze the log on the chain, and here when it is frozen there."""
        if head.is_frozen:
            self._store.freeze(lease, self._log, END)
            _log.info("log frozen at its end", log=self._log, size=state.size)
            return False
        self._chain.freeze_log(self._sealer, log_id(state.origin))
        return self._chain.head(log_id(state.origin)).is_frozen

    def _compare(self, lease: Lease, state: LogState, head: Head) -> bool:
        if state.chain_id not in {None, self._chain.chain_id()}:
            raise ConfigurationError("wrong_chain", f"expected chain {state.chain_id}, the node is on another")
        found = compare(self._read, state.size, head)
        if found is Comparison.BEHIND:
            reason = "restore needed: the chain is ahead of the database"
            self._store.set_condition(lease, self._log, LogCondition.RESTORING, reason)
        elif found is Comparison.CONTRADICTS:
            self._store.freeze(lease, self._log, "the chain has another root than the database")
        elif head.is_frozen and not self._has_ended(state, head):
            self._store.freeze(lease, self._log, "the contract takes no more anchors for this log")
        else:
            if state.compared_at is None:
                self._store.note_chain(
                    lease,
                    self._log,
                    chain_id=self._chain.chain_id(),
                    contract=self._chain.contract or "",
                    sealer=head.sealer,
                    now=self._clock.now(),
                )
            return True
        _log.error("log takes no entries", log=self._log, because=found.value)
        return False

    def _has_ended(self, state: LogState, head: Head) -> bool:
        """Whether it is frozen on the chain because it came to its end, with its last head."""
        return state.condition is LogCondition.CLOSED and head.size == state.size

    def _read(self, level: int, index: int) -> bytes:
        return self._store.node(self._log, level, index)

    def _begin(self, lease: Lease, state: LogState, head: Head) -> bool:
        failed = self._store.find_failed(self._log)
        now = self._clock.now()
        if failed is not None and failed.settled_at is not None and now < failed.settled_at + FAILURE_PAUSE:
            return False
        made = self._make(state, head)
        if made is None:
            return False
        target, transaction = made
        # (1) stored before it is sent
        outgoing = OutgoingAnchor(transaction.raw, transaction.hash, transaction.nonce)
        anchor = self._store.add_anchor(lease, self._log, prev_size=head.size, head=target, sent=outgoing, now=now)
        return self._send(lease, state, anchor)

    def _make(self, state: LogState, head: Head) -> tuple[StoredCheckpoint, SignedTransaction] | None:
        """Return the transaction that is due after this head; None when the log has not grown."""
        reach = state.size if self._mode is Mode.ROOT_ONLY else head.size + MAX_COMMITMENTS
        target = self._store.next_target(self._log, after=head.size, at_most=reach)
        if target is None:
            return None
        build = self._build_root_only if self._mode is Mode.ROOT_ONLY else self._build
        return target, build(state, head, target)

    def _build(self, state: LogState, head: Head, target: StoredCheckpoint) -> SignedTransaction:
        return self._chain.build_anchor(
            self._sealer,
            log_id(state.origin),
            prev_size=head.size,
            size=target.size,
            root=target.root,
            frontier=merkle.frontier(self._read, head.size),
            commitments=self._store.entries(self._log, head.size, target.size - head.size),
            nonce=self._chain.nonce(self._sealer.address),
        )

    def _build_root_only(self, state: LogState, head: Head, target: StoredCheckpoint) -> SignedTransaction:
        return self._chain.build_root_anchor(
            self._sealer,
            log_id(state.origin),
            prev_size=head.size,
            size=target.size,
            root=target.root,
            proof=merkle.consistency_proof(self._read, head.size, target.size),
            nonce=self._chain.nonce(self._sealer.address),
        )

    def _follow(self, lease: Lease, state: LogState, anchor: StoredAnchor, head: Head) -> bool:
        """Find out what became of the anchor in flight."""
        receipt = self._chain.receipt(anchor.transaction_hash)
        if receipt is not None:
            return self._settle(lease, state, anchor, receipt)
        if head.size > anchor.prev_size:
            return self._give_up_moved(lease, state, anchor, head)
        if head.size < anchor.prev_size:
            # the oldest in flight: nothing is left that could bring the head to where it starts
            return self._give_up(lease, anchor, "what it builds on is gone")
        return self._send(lease, state, anchor)

    def _send(self, lease: Lease, state: LogState, anchor: StoredAnchor) -> bool:
        if anchor.raw is None:
            # found on the chain once, gone from it, and not ours to send again
            return self._give_up(lease, anchor, "its transaction is gone")
        # (2) the very bytes that were stored
        is_possible = self._offer(anchor.raw)
        self._kill_points.reach(KillPoint.AFTER_SEND)
        # (3) the receipt answers, whatever the node said
        receipt = self._chain.receipt(anchor.transaction_hash)
        if receipt is not None:
            return self._settle(lease, state, anchor, receipt)
        if is_possible:
            return False
        # (4) absent: the nonce is used up, or the node never takes these bytes; the head decides
        head = self._chain.head(log_id(state.origin))
        if head.size != anchor.prev_size:
            return self._give_up_moved(lease, state, anchor, head)
        made = self._make(state, head)
        if made is None or made[1].hash == anchor.transaction_hash:
            return False
        return self._give_up(lease, anchor, "its nonce is used up, or the node refuses it")

    def _offer(self, raw: bytes) -> bool:
        """Send; return whether the node may still bring these bytes into a block."""
        try:
            return self._chain.send(raw) is not Sent.NONCE_TOO_LOW
        except RequestError as exc:
            _log.warning("the node refuses an anchor", log=self._log, code=exc.code)
            return False

    def _give_up_moved(self, lease: Lease, state: LogState, anchor: StoredAnchor, head: Head) -> bool:
        """Give up when another transaction brought the head past where this anchor starts."""
        event = next(self._chain.anchors(log_id(state.origin), from_size=anchor.prev_size), None)
        if event is None or head.size < event.size:
            # two answers of the node contradict each other; ask again later
            return False
        if event.transaction_hash == anchor.transaction_hash:
            return False
        return self._give_up(lease, anchor, "another transaction moved the head")

    def _give_up(self, lease: Lease, anchor: StoredAnchor, why: str) -> bool:
        _log.warning("anchor abandoned", log=self._log, size=anchor.size, why=why)
        self._store.give_up(lease, anchor, AnchorState.ABANDONED, now=self._clock.now())
        return True

    def _settle(self, lease: Lease, state: LogState, anchor: StoredAnchor, receipt: Receipt) -> bool:
        now = self._clock.now()
        if not receipt.is_success:
            _log.error("the contract refused an anchor", log=self._log, size=anchor.size)
            self._store.give_up(lease, anchor, AnchorState.FAILED, now=now)
            return True
        if receipt.anchored is None:
            # a repeat of the head that another transaction had made: that one is the anchor
            self._store.give_up(lease, anchor, AnchorState.ABANDONED, now=now)
            return True
        event = receipt.anchored
        if (event.log_id, event.size, event.root) != (log_id(state.origin), anchor.size, anchor.root):
            raise UnavailableError("chain_inconsistent", "the chain's event is not the anchor that was sent")
        finality = self._chain.finality(receipt.block_number, receipt.block_hash)
        if finality is Finality.GONE:
            return False
        is_final = finality is Finality.FINAL
        if not is_final and anchor.block_hash == receipt.block_hash:
            return False
        self._store.settle(
            lease,
            anchor,
            AnchorState.FINAL if is_final else AnchorState.INCLUDED,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            evidence=evidence_text(self._chain, anchor.transaction_hash, receipt) if is_final else "",
            now=now,
        )
        _log.info("anchored", log=self._log, size=anchor.size, block=receipt.block_number, final=is_final)
        return is_final

    def _adopt(self, lease: Lease, state: LogState, head: Head) -> bool:
        """Note the anchor that brought the chain to a head the outbox does not know."""
        settled = self._store.find_settled(self._log)
        known = 0 if settled is None else settled.size
        event = next(self._chain.anchors(log_id(state.origin), from_size=known), None)
        if event is None or event.size > head.size:
            return False
        self._store.adopt_anchor(lease, self._log, _found(event), now=self._clock.now())
        return True


def _found(event: AnchorEvent) -> FoundAnchor:
    return FoundAnchor(
        event.prev_size, event.size, event.root, event.transaction_hash, event.block_number, event.block_hash
    )
