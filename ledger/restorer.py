# SPDX-License-Identifier: EUPL-1.2
"""Rebuilds a log from its chain when the database is an older copy, or a new one.

1. Every head that the chain has of this log, up to the size of the copy, is a head of the copy. Otherwise the
   copy and the chain contradict each other, and the log is frozen.
2. The leaves of each later anchor come from its calldata or, when these do not hold them, from a mirror. They
   are believed only when they lead from the anchor's previous head to its head on the chain.
3. Leaves of the copy that are on no anchor are the last ones; where an anchor covers them they are equal.
4. Each anchor becomes durable whole, with a checkpoint of exactly its size and root: no head is signed that
   the chain does not have. So it can stop anywhere and be repeated.
5. The heads that mirrors show under the log's own signature are heads of the log: what is larger is rebuilt from
   their leaves, and another root freezes the log. Nothing is signed that contradicts any of them.
6. A copy that is known to be restored opens only when a mirror showed such a head, or an operator vouches that
   none was signed beyond the chain: the chain alone does not know heads that were signed and not anchored yet.
7. The log takes entries again only when nothing is missing. When no source has the leaves it is frozen; while a
   source does not answer, it waits.

What was promised and neither in the copy, nor on the chain, nor at a mirror is lost: its promise is broken, and
provably so.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.chain.interface import MAX_COMMITMENTS, AnchorEvent, Chain
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.commitment import Commitment
from ledger.sequencer import sign_head
from ledger.trust import log_id
from ledger.values import LogCondition, LogState
from ledger.worker_store import Batch, WorkerStore
from protocol.clock import Clock
from protocol.errors import Error, StoreConflictError, UnavailableError
from protocol.runtime.leases import Lease

FROM_BACKUP = "restore needed: the database comes from a backup"
REBUILT = "restore needed: leaves are rebuilt that the database lacked"
_OLDER_COPY = (FROM_BACKUP, REBUILT)
"""Why a log is restored whose database is known to be an older copy: an operator says so, or it lacked leaves."""
HEADS_UNKNOWN = "restored, and no mirror shows which heads were signed beyond the chain"
_log = structlog.get_logger()


class Mirror(Protocol):
    """Somebody else's copy of the log. Nothing in it is believed without a root of the chain or of our own key."""

    def checkpoint(self) -> str:
        """Return the newest head that it has, unverified. Raises as `entries` does."""

    def entries(self, start: int, end: int) -> tuple[Commitment, ...]:
        """Return the commitments with these indices.

        Raises `UnavailableError` when it does not answer and `RequestError` when it does not have them.
        """


class Restorer:
    """Restores one log."""

    def __init__(
        self,
        store: WorkerStore,
        clock: Clock,
        chain: Chain,
        mirrors: Sequence[Mirror],
        *,
        log: str,
        signer: CheckpointSigner,
    ) -> None:
        self._store = store
        self._clock = clock
        self._chain = chain
        self._mirrors = mirrors
        self._log = log
        self._signer = signer

    def run(self, lease: Lease, *, is_vouched: bool) -> LogCondition:
        """Rebuild what is missing; return the log's condition afterwards: open, or frozen for a reason.

        `is_vouched` is an operator's word that no head was signed that neither database nor chain has.
        Raises `UnavailableError` when it could not be told now: the log goes on waiting.
        """
        state = self._get()
        reason = self._find_contradiction(lease, state)
        if not reason:
            head = self._chain.head(log_id(state.origin))
            if head.size > self._get().size or not hmac.compare_digest(
                merkle.root(self._read, head.size), head.root
            ):
                raise UnavailableError("chain_inconsistent", "the chain's head is none of its anchors")
            reason = self._compare_mirrors(lease, is_vouched=is_vouched)
        if reason:
            _log.error("log frozen", log=self._log, reason=reason)
            self._store.freeze(lease, self._log, reason)
            return LogCondition.FROZEN
        self._store.set_condition(lease, self._log, LogCondition.OPEN, "")
        _log.info("log restored", log=self._log, size=self._get().size)
        return LogCondition.OPEN

    def has_all_heads(self) -> bool:
        """Return whether every head that a mirror shows is one of this copy's.

        Raises `UnavailableError` when a mirror does not answer.
        """
        size = self._get().size
        return all(
            head.size <= size and hmac.compare_digest(merkle.root(self._read, head.size), head.root)
            for head in self._read_heads()
        )

    def _compare_mirrors(self, lease: Lease, *, is_vouched: bool) -> str:
        """Bring the log to every head that mirrors show; return why it cannot be opened, empty when it can."""
        # (5) what our own key signed
        heads = self._read_heads()
        for head in heads:
            size = self._get().size
            if head.size > size:
                leaves = self._find_signed_leaves(size, head)
                if leaves is None:
                    return f"restore impossible: no source has the leaves from {size} to {head.size}"
                self._note_rebuilding(lease)
                for at in range(0, len(leaves), MAX_COMMITMENTS):
                    self._append(lease, leaves[at : at + MAX_COMMITMENTS])
            if not hmac.compare_digest(merkle.root(self._read, head.size), head.root):
                return f"a mirror has a head of {head.size} leaves with another root, signed by this log"
        # (6) the chain alone does not know what was signed after its newest anchor
        is_unknown = self._get().reason in _OLDER_COPY and not heads and not is_vouched
        return HEADS_UNKNOWN if is_unknown else ""

    def _read_heads(self) -> list[Checkpoint]:
        """Return the heads that mirrors show under our own signature, smallest first."""
        heads = []
        for mirror in self._mirrors:
            try:
                heads.append(checkpoints.verify(mirror.checkpoint(), self._signer.key))
            except UnavailableError as exc:
                raise UnavailableError(
                    "restore_source_unavailable", "a mirror of the log does not answer"
                ) from exc
            except Error as exc:
                _log.warning("a mirror shows no head of this log", log=self._log, code=exc.code)
        return sorted(heads, key=lambda head: head.size)

    def _find_signed_leaves(self, size: int, head: Checkpoint) -> tuple[Commitment, ...] | None:
        """Return the leaves from this size on that lead to a head of ours; None when no mirror has them."""
        peaks = merkle.frontier(self._read, size)
        for leaves in self._mirrored(size, head.size):
            if leaves is None:
                raise UnavailableError("restore_source_unavailable", "a mirror of the log does not answer")
            if len(leaves) == head.size - size and hmac.compare_digest(
                merkle.fold(merkle.extend(size, peaks, leaves)[1]), head.root
            ):
                return leaves
        return None

    def _note_rebuilding(self, lease: Lease) -> None:
        """Note for good, before the first leaf, that this copy was an older one."""
        if self._get().reason not in _OLDER_COPY:
            self._store.set_condition(lease, self._log, LogCondition.RESTORING, REBUILT)

    def _find_contradiction(self, lease: Lease, state: LogState) -> str:
        """Go through all anchors in order; return why the log cannot be restored, empty when it is."""
        reached = 0
        for event in self._chain.anchors(log_id(state.origin)):
            if event.prev_size != reached:
                raise UnavailableError("chain_inconsistent", "the chain's anchors leave a gap")
            size = self._get().size
            known = min(event.size, size)
            if not hmac.compare_digest(merkle.root(self._read, event.prev_size), event.prev_root):
                return f"the chain has another root at {event.prev_size}"
            # (1) our leaves lead to the chain's root
            if event.size <= size:
                if not hmac.compare_digest(merkle.root(self._read, event.size), event.root):
                    return f"the chain has another root at {event.size}"
            else:
                leaves = self._find_leaves(event)
                if leaves is None:
                    return f"restore impossible: no source has the leaves from {event.prev_size} to {event.size}"
                # (3) what we have of them is the same
                if (
                    self._store.entries(self._log, event.prev_size, known - event.prev_size)
                    != (leaves[: known - event.prev_size])
                ):
                    return f"the database has other leaves than the chain from {event.prev_size} on"
                self._note_rebuilding(lease)
                self._append(lease, leaves[known - event.prev_size :], expected_root=event.root)
            reached = event.size
        return ""

    def _find_leaves(self, event: AnchorEvent) -> tuple[Commitment, ...] | None:
        """Return the anchor's leaves from the first source whose leaves lead to its root; None when none has them.

        Raises `UnavailableError` when a source that might have them does not answer.
        """
        peaks = merkle.frontier(self._read, event.prev_size)
        is_silent = False
        for leaves in self._sources(event):
            if leaves is None:
                is_silent = True
                continue
            if len(leaves) != event.size - event.prev_size:
                continue
            # (2) believed only because of the chain's root
            _, grown = merkle.extend(event.prev_size, peaks, leaves)
            if hmac.compare_digest(merkle.fold(grown), event.root):
                return leaves
            _log.warning("a source gives other leaves than the chain's root", log=self._log, size=event.size)
        if is_silent:
            raise UnavailableError("restore_source_unavailable", "a mirror of the log does not answer")
        return None

    def _sources(self, event: AnchorEvent) -> Iterator[tuple[Commitment, ...] | None]:
        """Yield what each source has of an anchor's leaves; None for one that does not answer."""
        if event.commitments is not None:
            yield tuple(Commitment(each) for each in event.commitments)
        yield from self._mirrored(event.prev_size, event.size)

    def _mirrored(self, start: int, end: int) -> Iterator[tuple[Commitment, ...] | None]:
        for mirror in self._mirrors:
            try:
                yield mirror.entries(start, end)
            except UnavailableError:
                yield None
            except Error as exc:
                _log.warning("a mirror does not have the leaves", log=self._log, code=exc.code)

    def _append(self, lease: Lease, leaves: tuple[Commitment, ...], *, expected_root: bytes | None = None) -> None:
        """Add leaves whose root was compared, or is compared here."""
        state = self._get()
        nodes, frontier = merkle.extend(state.size, state.frontier, leaves)
        root = merkle.fold(frontier)
        if expected_root is not None and not hmac.compare_digest(root, expected_root):
            raise StoreConflictError("log_moved", "the log does not grow into the chain's head")
        # (4) signed again, the same head
        checkpoint = sign_head(self._signer, state.size + len(leaves), root, self._clock.now())
        batch = Batch(state.size, leaves, frozenset(), nodes, frontier, checkpoint)
        self._store.rebuild(lease, self._log, batch)
        _log.info("leaves rebuilt", log=self._log, size=checkpoint.size)

    def _get(self) -> LogState:
        state = self._store.find_log(self._log)
        assert state is not None  # noqa: S101 - only a log that is there is restored
        return state

    def _read(self, level: int, index: int) -> bytes:
        return self._store.node(self._log, level, index)
