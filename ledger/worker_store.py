# SPDX-License-Identifier: EUPL-1.2
"""What the worker writes.

Every write checks its lease in the same transaction, so a slow worker that lost its lease can change nothing,
and reaches a kill point on each side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from ledger.commitment import Commitment
from ledger.kill_points import KillPoint, KillPoints
from ledger.merkle import Node
from ledger.store import SqlStore, join_hashes, log_state, stored_anchor
from ledger.tables import AnchorRow, CheckpointRow, EntryRow, LogRow, NodeRow
from ledger.values import END, AnchorState, LogCondition, LogState, StoredAnchor, StoredCheckpoint
from protocol.errors import StoreConflictError
from protocol.runtime.database import Database
from protocol.runtime.leases import Lease, Leases


@dataclass(frozen=True)
class Batch:
    """What one step of the sequencer adds: leaves in order, new tree nodes, and the checkpoint over them."""

    prev_size: int
    leaves: tuple[Commitment, ...]
    fillers: frozenset[Commitment]
    nodes: tuple[Node, ...]
    frontier: tuple[bytes, ...]
    checkpoint: StoredCheckpoint


@dataclass(frozen=True)
class OutgoingAnchor:
    """The signed transaction of an anchor."""

    raw: bytes
    hash: bytes
    nonce: int


@dataclass(frozen=True)
class FoundAnchor:
    """An anchor as an event on the chain tells it."""

    prev_size: int
    size: int
    root: bytes
    transaction_hash: bytes
    block_number: int
    block_hash: bytes


class WorkerStore(SqlStore):
    """The store as the worker uses it."""

    def __init__(self, database: Database, leases: Leases, kill_points: KillPoints) -> None:
        super().__init__(database)
        self._leases = leases
        self._kill_points = kill_points

    @contextmanager
    def _write(self, lease: Lease, before: KillPoint) -> Iterator[Session]:
        """Give a fenced transaction; the kill point after it is the next number."""
        with self._database.write() as session:
            self._leases.check(session, lease)
            yield session
            session.flush()
            self._kill_points.reach(before)
        self._kill_points.reach(KillPoint(before + 1))

    def open_log(self, lease: Lease, row: LogState, empty: StoredCheckpoint) -> None:
        """Create a log of size 0 with its first checkpoint."""
        with self._write(lease, KillPoint.BEFORE_OPEN) as session:
            session.add(
                LogRow(
                    name=row.name,
                    origin=row.origin,
                    checkpoint_key=row.checkpoint_key.text(),
                    promise_key=row.promise_key,
                    maximum_merge_delay=int(row.maximum_merge_delay.total_seconds()),
                    state=row.condition,
                    reason=row.reason,
                    size=0,
                    frontier=b"",
                    signed_at=empty.signed_at,
                    attended_at=row.attended_at,
                    freezes_at=row.freezes_at,
                )
            )
            session.add(_checkpoint_row(row.name, empty))

    def waiting(self, log: str, limit: int) -> tuple[Commitment, ...]:
        """Return promised entries that are in no checkpoint, the most urgent first."""
        with self._database.read() as session:
            query = select(EntryRow.commitment).where(EntryRow.log == log, col(EntryRow.due_at).is_not(None))
            found = session.exec(query.order_by(col(EntryRow.due_at)).limit(limit))
            return tuple(Commitment(each) for each in found)

    def append(self, lease: Lease, log: str, batch: Batch) -> None:
        """Add a batch whole: leaves, nodes, head and checkpoint in one transaction.

        Raises `StoreConflictError` when the log has another size than the batch was made for.
        """
        with self._write(lease, KillPoint.BEFORE_BATCH) as session:
            _extend(session, log, batch)
            for index, leaf in enumerate(batch.leaves, start=batch.prev_size):
                if leaf in batch.fillers:
                    session.add(EntryRow(log=log, commitment=leaf, leaf_index=index))
            promised = [
                {"log": log, "commitment": leaf, "leaf_index": index, "due_at": None}
                for index, leaf in enumerate(batch.leaves, start=batch.prev_size)
                if leaf not in batch.fillers
            ]
            if promised:
                session.execute(update(EntryRow), promised)

    def rebuild(self, lease: Lease, log: str, batch: Batch) -> None:
        """Add leaves that were in the log already: those that wait here have their promise kept by it.

        Raises `StoreConflictError` when the log has another size, or one of them as a leaf.
        """
        with self._write(lease, KillPoint.BEFORE_REBUILD) as session:
            _extend(session, log, batch)
            for index, leaf in enumerate(batch.leaves, start=batch.prev_size):
                row = session.get(EntryRow, (log, leaf)) or EntryRow(log=log, commitment=leaf)
                if row.leaf_index is not None:
                    raise StoreConflictError("log_moved", "a leaf to be rebuilt has a place already")
                row.leaf_index, row.due_at = index, None
                session.add(row)

    def set_condition(self, lease: Lease, log: str, condition: LogCondition, reason: str) -> None:
        """Let the log take entries, or none; whoever promises at the same moment waits and then sees it."""
        with self._write(lease, KillPoint.BEFORE_CONDITION) as session:
            row = session.get_one(LogRow, log, with_for_update=True)
            row.state, row.reason = condition, reason
            session.add(row)

    def close(self, lease: Lease, log: str) -> bool:
        """Let the log take no more entries at its end; False while a promised one waits."""
        with self._write(lease, KillPoint.BEFORE_CONDITION) as session:
            row = session.get_one(LogRow, log, with_for_update=True)
            waits = select(EntryRow.log).where(EntryRow.log == log, col(EntryRow.due_at).is_not(None)).limit(1)
            if session.exec(waits).first() is not None:
                return False
            row.state, row.reason = LogCondition.CLOSED, END
            session.add(row)
        return True

    def attend(self, lease: Lease, log: str, *, at: datetime | None, freezes_at: datetime | None) -> None:
        """Note that this copy was the newest at a moment, and when the log ends."""
        with self._write(lease, KillPoint.BEFORE_ATTEND) as session:
            row = session.get_one(LogRow, log, with_for_update=True)
            row.attended_at, row.freezes_at = at, freezes_at
            session.add(row)

    def note_chain(
        self, lease: Lease, log: str, *, chain_id: int, contract: str, sealer: str, now: datetime
    ) -> LogState:
        """Remember that the log was compared with its chain."""
        with self._write(lease, KillPoint.BEFORE_COMPARE) as session:
            row = session.get_one(LogRow, log)
            row.chain_id, row.contract, row.sealer, row.compared_at = chain_id, contract, sealer, now
            session.add(row)
            return log_state(row)

    def freeze(self, lease: Lease, log: str, reason: str) -> None:
        """Let the log take no more entries."""
        with self._write(lease, KillPoint.BEFORE_FREEZE) as session:
            row = session.get_one(LogRow, log, with_for_update=True)
            row.state, row.reason = LogCondition.FROZEN, reason
            session.add(row)

    def add_anchor(
        self,
        lease: Lease,
        log: str,
        *,
        prev_size: int,
        head: StoredCheckpoint,
        sent: OutgoingAnchor,
        now: datetime,
    ) -> StoredAnchor:
        """Put a signed transaction into the outbox. Raises `StoreConflictError` while another is in flight."""
        with self._write(lease, KillPoint.BEFORE_STORE) as session:
            if _in_flight(session, log) is not None:
                raise StoreConflictError("anchor_in_flight", "another anchor is in flight")
            # the same arguments give the same bytes, so an abandoned transaction may come back
            query = select(AnchorRow).where(AnchorRow.transaction_hash == sent.hash)
            row = session.exec(query).first() or AnchorRow(
                log=log,
                prev_size=prev_size,
                size=head.size,
                root=head.root,
                state=AnchorState.PENDING,
                transaction_hash=sent.hash,
                stored_at=now,
            )
            row.state, row.nonce, row.raw, row.settled_at = AnchorState.PENDING, sent.nonce, sent.raw, None
            session.add(row)
            session.flush()
            return stored_anchor(row)

    def adopt_anchor(self, lease: Lease, log: str, found: FoundAnchor, *, now: datetime) -> None:
        """Note an anchor that is on the chain although the outbox has no such transaction, or gave it up."""
        with self._write(lease, KillPoint.BEFORE_ADOPT) as session:
            query = select(AnchorRow).where(AnchorRow.transaction_hash == found.transaction_hash)
            row = session.exec(query).first() or AnchorRow(
                log=log,
                prev_size=found.prev_size,
                size=found.size,
                root=found.root,
                state=AnchorState.PENDING,
                transaction_hash=found.transaction_hash,
                stored_at=now,
            )
            row.state = AnchorState.INCLUDED
            row.block_number, row.block_hash, row.settled_at = found.block_number, found.block_hash, now
            session.add(row)

    def find_in_flight(self, log: str) -> StoredAnchor | None:
        """Return the oldest anchor that is not final yet."""
        with self._database.read() as session:
            row = _in_flight(session, log)
            return None if row is None else stored_anchor(row)

    def find_settled(self, log: str) -> StoredAnchor | None:
        """Return the newest anchor that is in a block."""
        return self._newest(log, (AnchorState.INCLUDED, AnchorState.FINAL))

    def find_final(self, log: str) -> StoredAnchor | None:
        """Return the newest anchor that the chain promised to keep."""
        return self._newest(log, (AnchorState.FINAL,))

    def find_failed(self, log: str) -> StoredAnchor | None:
        """Return the newest anchor that the contract refused."""
        return self._newest(log, (AnchorState.FAILED,))

    def _newest(self, log: str, states: tuple[AnchorState, ...]) -> StoredAnchor | None:
        with self._database.read() as session:
            found = [_find_end(session, log, state, is_newest=True) for state in states]
            row = max(filter(None, found), key=_place, default=None)
            return None if row is None else stored_anchor(row)

    def settle(
        self,
        lease: Lease,
        anchor: StoredAnchor,
        state: AnchorState,
        *,
        block_number: int,
        block_hash: bytes,
        evidence: str,
        now: datetime,
    ) -> None:
        """Note in which block an anchor is, and whether that is final."""
        with self._write(lease, KillPoint.BEFORE_SETTLE) as session:
            row = session.get_one(AnchorRow, anchor.id)
            row.state, row.block_number, row.block_hash = state, block_number, block_hash
            row.evidence, row.settled_at = evidence, now
            session.add(row)

    def give_up(self, lease: Lease, anchor: StoredAnchor, state: AnchorState, *, now: datetime) -> None:
        """Note that an anchor's transaction is proven absent, or that the contract refused it."""
        with self._write(lease, KillPoint.BEFORE_ABANDON) as session:
            row = session.get_one(AnchorRow, anchor.id)
            row.state, row.settled_at = state, now
            session.add(row)

    def reopen(self, lease: Lease, log: str, *, beyond: int) -> None:
        """Put anchors beyond this size back to pending: their blocks are gone."""
        with self._write(lease, KillPoint.BEFORE_REOPEN) as session:
            query = select(AnchorRow).where(AnchorRow.log == log, col(AnchorRow.size) > beyond)
            for row in session.exec(query):
                if stored_anchor(row).is_settled:
                    row.state = AnchorState.PENDING
                    row.block_number = row.block_hash = row.settled_at = None
                    row.evidence = ""
                    session.add(row)

    def next_target(self, log: str, *, after: int, at_most: int) -> StoredCheckpoint | None:
        """Return the newest checkpoint of more than `after` and at most `at_most` leaves."""
        with self._database.read() as session:
            query = select(CheckpointRow).where(
                CheckpointRow.log == log, col(CheckpointRow.size) > after, col(CheckpointRow.size) <= at_most
            )
            row = session.exec(query.order_by(col(CheckpointRow.size).desc()).limit(1)).first()
            return None if row is None else StoredCheckpoint(row.size, row.root, row.note, row.signed_at)

    def node(self, log: str, level: int, index: int) -> bytes:
        """Return the root of one complete subtree."""
        with self._database.read() as session:
            return session.get_one(NodeRow, (log, level, index)).digest


def _in_flight(session: Session, log: str) -> AnchorRow | None:
    found = [
        _find_end(session, log, state, is_newest=False) for state in (AnchorState.PENDING, AnchorState.INCLUDED)
    ]
    return min(filter(None, found), key=_place, default=None)


def _find_end(session: Session, log: str, state: AnchorState, *, is_newest: bool) -> AnchorRow | None:
    """Return the newest or oldest anchor in one state: one step into the index, however many there are."""
    query = select(AnchorRow).where(AnchorRow.log == log, AnchorRow.state == state.value)
    size, identifier = col(AnchorRow.size), col(AnchorRow.id)
    order = (size.desc(), identifier.desc()) if is_newest else (size, identifier)
    return session.exec(query.order_by(*order).limit(1)).first()


def _place(row: AnchorRow) -> tuple[int, int]:
    return row.size, row.id or 0


def _extend(session: Session, log: str, batch: Batch) -> None:
    """Write a batch's nodes, checkpoint and head."""
    row = session.get_one(LogRow, log)
    if row.size != batch.prev_size:
        raise StoreConflictError("log_moved", "the log has another size than expected")
    session.execute(
        insert(NodeRow),
        [{"log": log, "level": node.level, "position": node.index, "digest": node.digest} for node in batch.nodes],
    )
    session.add(_checkpoint_row(log, batch.checkpoint))
    row.size = batch.checkpoint.size
    row.frontier = join_hashes(batch.frontier)
    row.signed_at = batch.checkpoint.signed_at
    session.add(row)


def _checkpoint_row(log: str, checkpoint: StoredCheckpoint) -> CheckpointRow:
    return CheckpointRow(
        log=log,
        size=checkpoint.size,
        root=checkpoint.root,
        note=checkpoint.note,
        signed_at=checkpoint.signed_at,
    )
