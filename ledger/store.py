# SPDX-License-Identifier: EUPL-1.2
"""What the ledger's web service reads, and the one thing it writes: promises.

What the worker writes is in `ledger.worker_store`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer
from sqlmodel import col, select

from ledger.checkpoint import CheckpointKey
from ledger.commitment import Commitment
from ledger.merkle import HASH_BYTES
from ledger.tables import AnchorRow, CheckpointRow, CosignatureRow, EntryRow, LogRow, NodeRow
from ledger.values import (
    AnchorState,
    LastCosigned,
    LogCondition,
    LogState,
    ShownAnchor,
    StoredAnchor,
    StoredCheckpoint,
)
from protocol.errors import UnavailableError
from protocol.runtime.database import Database

# Witnesses may have come and gone while a head stayed; so many lines fit into a note, with names of any length.
MAX_COSIGNATURES = 32
# those that are, or are to be, on the chain
SHOWN = frozenset({AnchorState.PENDING, AnchorState.INCLUDED, AnchorState.FINAL})
# 429 bytes each as JSON, so that a page stays below half of what a client parses (512 KiB)
MAX_ANCHORS = 500
# a transaction and what proves its block are many times as long as all the rest of an anchor
_SHORT = (
    defer(AnchorRow.raw, raiseload=True),  # type: ignore[arg-type]  # a column, typed as what it holds
    defer(AnchorRow.evidence, raiseload=True),  # type: ignore[arg-type]  # the same
)


class Store(Protocol):
    """The published state of all logs. Readers see whole batches or nothing of them."""

    def logs(self) -> tuple[LogState, ...]:
        """Return all logs, by name."""

    def find_log(self, log: str) -> LogState | None:
        """Return a log, or None when no worker opened it yet."""

    def find_promise(self, log: str, commitment: Commitment) -> str | None:
        """Return the promise given for this commitment, or None."""

    def add_promise(self, log: str, commitment: Commitment, promise: str, *, due_at: datetime) -> str:
        """Store a promise durably; return it, or the one that was stored before for the same commitment.

        A commitment that is a leaf already is promised and kept at once. Raises `UnavailableError`
        (`log_frozen`) when the log takes no new entries, or ends before the promise would be due.
        """

    def has_overdue(self, log: str, *, now: datetime) -> bool:
        """Return whether a promise is broken: due, and in no checkpoint."""

    def count_waiting(self, log: str) -> int:
        """Return how many promised entries wait for their batch."""

    def find_index(self, log: str, commitment: Commitment) -> int | None:
        """Return the entry's leaf index; None while it waits, or when it is unknown."""

    def nodes(self, log: str, level: int, start: int, count: int) -> tuple[bytes, ...]:
        """Return neighbouring complete subtrees of one level; fewer when there are fewer."""

    def entries(self, log: str, start: int, count: int) -> tuple[Commitment, ...]:
        """Return the commitments from this index on; fewer when there are fewer."""

    def find_checkpoint(self, log: str, size: int | None = None) -> StoredCheckpoint | None:
        """Return the checkpoint of this size, or the newest, as the log signed it."""

    def find_signed_after(self, log: str, size: int) -> datetime | None:
        """Return when the first head of more leaves than this was signed; None when there is none."""

    def cosignatures(self, log: str, size: int) -> tuple[str, ...]:
        """Return the lines of witnesses under the head of this size, the first to sign first."""

    def find_last_cosigned(self, log: str, witness: str) -> LastCosigned | None:
        """Return the largest head that the witness with this verifier key cosigned, or None."""

    def anchors(
        self,
        log: str,
        *,
        before: int | None = None,
        limit: int = MAX_ANCHORS,
        states: Collection[AnchorState] = SHOWN,
    ) -> tuple[ShownAnchor, ...]:
        """Return anchors in these states, of a smaller size than `before`; newest first."""

    def find_anchor(self, log: str, size: int) -> StoredAnchor | None:
        """Return the anchor of this size that is, or is to be, on the chain, or None."""

    def find_next_anchor(self, log: str, size: int) -> int | None:
        """Return the size of the first such anchor that is larger, or None."""

    def find_first_settled(self, log: str) -> datetime | None:
        """Return when the first anchor was settled; None while none is."""

    def anchored_before(self, log: str, moment: datetime) -> int:
        """Return the size of the anchor that was settled last before this moment; 0 when none was."""


class SqlStore:
    """The store in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def logs(self) -> tuple[LogState, ...]:
        """Return all logs, by name."""
        with self._database.read() as session:
            return tuple(log_state(row) for row in session.exec(select(LogRow).order_by(LogRow.name)))

    def find_log(self, log: str) -> LogState | None:
        """Return a log, or None when no worker opened it yet."""
        with self._database.read() as session:
            row = session.get(LogRow, log)
            return None if row is None else log_state(row)

    def find_promise(self, log: str, commitment: Commitment) -> str | None:
        """Return the promise given for this commitment, or None."""
        with self._database.read() as session:
            row = session.get(EntryRow, (log, commitment))
            return None if row is None else row.promise

    def add_promise(self, log: str, commitment: Commitment, promise: str, *, due_at: datetime) -> str:
        """Store a promise durably; return it, or the one that was stored before for the same commitment."""
        try:
            with self._database.write() as session:
                known = session.get(EntryRow, (log, commitment))
                if known is None:
                    # shared lock: whoever freezes the log waits, or this promise sees that it is frozen
                    row = session.get(LogRow, log, with_for_update={"read": True})
                    if row is None or row.state != LogCondition.OPEN:
                        raise UnavailableError("log_frozen", "this log takes no entries")
                    if row.freezes_at is not None and due_at > row.freezes_at:
                        raise UnavailableError("log_frozen", "this log ends before the promise would be due")
                    session.add(EntryRow(log=log, commitment=commitment, promise=promise, due_at=due_at))
                    return promise
                if known.promise is None:
                    # a leaf whose promise was lost with the database, or filler: it is in the tree either way
                    known.promise = promise
                    session.add(known)
                return known.promise
        except IntegrityError:
            given = self.find_promise(log, commitment)
            if given is None:
                raise
            return given

    def has_overdue(self, log: str, *, now: datetime) -> bool:
        """Return whether a promise is broken: due, and in no checkpoint."""
        with self._database.read() as session:
            query = select(EntryRow.log).where(EntryRow.log == log, col(EntryRow.due_at) < now).limit(1)
            return session.exec(query).first() is not None

    def count_waiting(self, log: str) -> int:
        """Return how many promised entries wait for their batch."""
        with self._database.read() as session:
            query = select(func.count()).select_from(EntryRow)
            return session.exec(query.where(col(EntryRow.log) == log, col(EntryRow.due_at).is_not(None))).one()

    def find_index(self, log: str, commitment: Commitment) -> int | None:
        """Return the entry's leaf index; None while it waits, or when it is unknown."""
        with self._database.read() as session:
            row = session.get(EntryRow, (log, commitment))
            return None if row is None else row.leaf_index

    def nodes(self, log: str, level: int, start: int, count: int) -> tuple[bytes, ...]:
        """Return neighbouring complete subtrees of one level; fewer when there are fewer."""
        with self._database.read() as session:
            query = select(NodeRow.digest).where(NodeRow.log == log, NodeRow.level == level)
            wanted = query.where(col(NodeRow.position) >= start, col(NodeRow.position) < start + count)
            return tuple(session.exec(wanted.order_by(col(NodeRow.position))))

    def entries(self, log: str, start: int, count: int) -> tuple[Commitment, ...]:
        """Return the commitments from this index on; fewer when there are fewer."""
        with self._database.read() as session:
            query = select(EntryRow.commitment).where(EntryRow.log == log)
            wanted = query.where(col(EntryRow.leaf_index) >= start, col(EntryRow.leaf_index) < start + count)
            return tuple(Commitment(each) for each in session.exec(wanted.order_by(col(EntryRow.leaf_index))))

    def find_checkpoint(self, log: str, size: int | None = None) -> StoredCheckpoint | None:
        """Return the checkpoint of this size, or the newest."""
        with self._database.read() as session:
            query = select(CheckpointRow).where(CheckpointRow.log == log)
            if size is not None:
                query = query.where(CheckpointRow.size == size)
            row = session.exec(query.order_by(col(CheckpointRow.size).desc()).limit(1)).first()
            return None if row is None else StoredCheckpoint(row.size, row.root, row.note, row.signed_at)

    def find_signed_after(self, log: str, size: int) -> datetime | None:
        """Return when the first larger head was signed."""
        query = select(CheckpointRow.signed_at).where(CheckpointRow.log == log, CheckpointRow.size > size)
        with self._database.read() as session:
            return session.exec(query.order_by(col(CheckpointRow.size)).limit(1)).first()

    def cosignatures(self, log: str, size: int) -> tuple[str, ...]:
        """Return the lines of witnesses under the head of this size, the first to sign first."""
        with self._database.read() as session:
            query = select(CosignatureRow.line).where(CosignatureRow.log == log, CosignatureRow.size == size)
            ordered = query.order_by(col(CosignatureRow.cosigned_at), col(CosignatureRow.witness))
            return tuple(session.exec(ordered.limit(MAX_COSIGNATURES)))

    def find_last_cosigned(self, log: str, witness: str) -> LastCosigned | None:
        """Return the largest head that the witness with this verifier key cosigned, or None."""
        with self._database.read() as session:
            query = select(CosignatureRow).where(CosignatureRow.log == log, CosignatureRow.witness == witness)
            row = session.exec(query.order_by(col(CosignatureRow.size).desc()).limit(1)).first()
            return None if row is None else LastCosigned(row.size, row.cosigned_at)

    def anchors(
        self,
        log: str,
        *,
        before: int | None = None,
        limit: int = MAX_ANCHORS,
        states: Collection[AnchorState] = SHOWN,
    ) -> tuple[ShownAnchor, ...]:
        """Return anchors in these states, of a smaller size than `before`; newest first."""
        query = select(AnchorRow).where(AnchorRow.log == log, _is_in(states))
        if before is not None:
            query = query.where(AnchorRow.size < before)
        query = query.order_by(col(AnchorRow.size).desc(), col(AnchorRow.id).desc()).limit(limit)
        with self._database.read() as session:
            return tuple(shown_anchor(row) for row in session.exec(query.options(*_SHORT)))

    def find_anchor(self, log: str, size: int) -> StoredAnchor | None:
        """Return the anchor of this size that is, or is to be, on the chain, or None."""
        query = select(AnchorRow).where(AnchorRow.log == log, AnchorRow.size == size, _is_in(SHOWN))
        with self._database.read() as session:
            row = session.exec(query.order_by(col(AnchorRow.id))).first()
            return None if row is None else stored_anchor(row)

    def find_next_anchor(self, log: str, size: int) -> int | None:
        """Return the size of the first such anchor that is larger, or None."""
        query = select(AnchorRow.size).where(AnchorRow.log == log, AnchorRow.size > size, _is_in(SHOWN))
        with self._database.read() as session:
            return session.exec(query.order_by(col(AnchorRow.size)).limit(1)).first()

    def find_first_settled(self, log: str) -> datetime | None:
        """Return when the first anchor was settled; None while none is."""
        query = select(AnchorRow.settled_at).where(AnchorRow.log == log, col(AnchorRow.settled_at).is_not(None))
        with self._database.read() as session:
            return session.exec(query.order_by(col(AnchorRow.settled_at)).limit(1)).first()

    def anchored_before(self, log: str, moment: datetime) -> int:
        """Return the size of the anchor that was settled last before this moment; 0 when none was."""
        query = select(AnchorRow.size).where(AnchorRow.log == log, col(AnchorRow.settled_at) < moment)
        newest = query.where(_is_in(SHOWN)).order_by(col(AnchorRow.settled_at).desc(), col(AnchorRow.size).desc())
        with self._database.read() as session:
            return session.exec(newest.limit(1)).first() or 0


def log_state(row: LogRow) -> LogState:
    """Return a log's row as a value."""
    return LogState(
        name=row.name,
        origin=row.origin,
        checkpoint_key=CheckpointKey.parse(row.checkpoint_key),
        promise_key=row.promise_key,
        maximum_merge_delay=timedelta(seconds=row.maximum_merge_delay),
        condition=LogCondition(row.state),
        reason=row.reason,
        size=row.size,
        frontier=split_hashes(row.frontier),
        signed_at=row.signed_at,
        chain_id=row.chain_id,
        contract=row.contract,
        sealer=row.sealer,
        compared_at=row.compared_at,
        attended_at=row.attended_at,
        freezes_at=row.freezes_at,
    )


def shown_anchor(row: AnchorRow) -> ShownAnchor:
    """Return as a value what lists show of an anchor's row."""
    return ShownAnchor(
        prev_size=row.prev_size,
        size=row.size,
        root=row.root,
        state=AnchorState(row.state),
        transaction_hash=row.transaction_hash,
        stored_at=row.stored_at,
        block_number=row.block_number,
        block_hash=row.block_hash,
        settled_at=row.settled_at,
    )


def stored_anchor(row: AnchorRow) -> StoredAnchor:
    """Return an anchor's row as a value."""
    assert row.id is not None  # noqa: S101 - a stored row has one
    return StoredAnchor(
        id=row.id,
        prev_size=row.prev_size,
        size=row.size,
        root=row.root,
        state=AnchorState(row.state),
        nonce=row.nonce,
        raw=row.raw,
        transaction_hash=row.transaction_hash,
        stored_at=row.stored_at,
        block_number=row.block_number,
        block_hash=row.block_hash,
        settled_at=row.settled_at,
        evidence=row.evidence,
    )


def _is_in(states: Collection[AnchorState]) -> ColumnElement[bool]:
    return col(AnchorRow.state).in_([each.value for each in states])


def split_hashes(raw: bytes) -> tuple[bytes, ...]:
    """Return the hashes of their concatenation."""
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def join_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return the concatenation of hashes."""
    return b"".join(hashes)
