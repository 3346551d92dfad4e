# SPDX-License-Identifier: EUPL-1.2
"""The embedded node's one SQLite file: the EVM's key-value pairs, the blocks' seals and an index of events.

- A block is one SQLite transaction in WAL mode with `synchronous=FULL`: when `commit` returns, the block
  survives a loss of power; when the process dies earlier, nothing of the block is there.
- Until then all writes are in memory (`discard` drops them).
- One process at a time: the file is held by an exclusive lock, which ends with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth.db.backends.base import BaseAtomicDB

from ledger.chain.kill_points import NodeKillPoint, NodeKillPoints
from protocol.errors import ConfigurationError

# The trie nodes of a few hundred recent anchors, about 10 MB.
MAX_CACHED_PAIRS = 20_000
MAX_TOPICS = 4

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    block INTEGER NOT NULL, log_index INTEGER NOT NULL, block_hash BLOB NOT NULL,
    transaction_hash BLOB NOT NULL, transaction_index INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (block, log_index)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seals (block INTEGER PRIMARY KEY, extra_data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_topics ON events (address, topic0, topic1, block);
CREATE INDEX IF NOT EXISTS events_by_topic ON events (topic0, topic1, block);
"""
_COLUMNS = "block, log_index, block_hash, transaction_hash, transaction_index, address, data, {topics}".format(
    topics=", ".join(f"topic{i}" for i in range(MAX_TOPICS))
)


@dataclass(frozen=True)
class StoredEvent:
    """One event with its place in the chain."""

    block: int
    log_index: int
    block_hash: bytes
    transaction_hash: bytes
    transaction_index: int
    address: bytes
    data: bytes
    topics: tuple[bytes, ...]


@dataclass(frozen=True)
class EventFilter:
    """Which events: in these blocks, by any of these addresses, with any of these topics per place.

    An empty sequence of addresses, or of topics at a place, lets everything pass.
    """

    first_block: int
    last_block: int
    addresses: Sequence[bytes]
    topics: Sequence[Sequence[bytes]]


class BlockStore(BaseAtomicDB):  # type: ignore[misc]  # the EVM library is untyped to mypy
    """The EVM library's database interface, and the events beside it."""

    def __init__(self, path: Path, *, kill_points: NodeKillPoints) -> None:
        """Open or create the file. Raises `ConfigurationError` when it is no database or another node has it."""
        self._kill_points = kill_points
        self._pending: dict[bytes, bytes | None] = {}
        self._cache: dict[bytes, bytes] = {}
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0)
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} COMMIT;")
        except sqlite3.Error as exc:
            raise ConfigurationError(
                "configuration_error", f"chain database {path.name} cannot be opened"
            ) from exc

    def close(self) -> None:
        """Release the file; what was not committed is lost."""
        self._connection.close()

    # The EVM library's interface: a mapping from bytes to bytes.

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._pending:
            pending = self._pending[key]
            if pending is None:
                raise KeyError(key)
            return pending
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        row = self._connection.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        self._remember(key, row[0])
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        if key not in self:
            raise KeyError(key)
        self._pending[key] = None

    def _exists(self, key: bytes) -> bool:
        with suppress(KeyError):
            self[key]
            return True
        return False

    @contextmanager
    def atomic_batch(self) -> Iterator[BlockStore]:
        """Give the store itself: everything waits for `commit` anyway."""
        yield self

    # Ours: whole blocks, settings, events.

    def commit(
        self,
        events: Iterable[StoredEvent] = (),
        *,
        settings: dict[str, str] | None = None,
        seals: dict[int, bytes] | None = None,
    ) -> None:
        """Make all pending writes and these rows durable, together or not at all.

        `seals` holds the extra data with seals by block number.
        """
        execute, many = self._connection.execute, self._connection.executemany
        kept = [(key, value) for key, value in self._pending.items() if value is not None]
        gone = [(key,) for key, value in self._pending.items() if value is None]
        execute("BEGIN IMMEDIATE")
        try:
            many("INSERT OR REPLACE INTO pairs VALUES (?, ?)", kept)
            many("DELETE FROM pairs WHERE key = ?", gone)
            marks = ", ".join("?" * (7 + MAX_TOPICS))
            many(f"INSERT INTO events ({_COLUMNS}) VALUES ({marks})", [_row(event) for event in events])  # noqa: S608 - our own names
            many("INSERT INTO settings VALUES (?, ?)", list((settings or {}).items()))
            many("INSERT INTO seals VALUES (?, ?)", list((seals or {}).items()))
            self._kill_points.reach(NodeKillPoint.INSIDE_BLOCK)
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise
        for key, value in kept:
            self._remember(key, value)
        for (key,) in gone:
            self._cache.pop(key, None)
        self._pending.clear()

    def discard(self) -> None:
        """Forget all pending writes."""
        self._pending.clear()

    def find_setting(self, name: str) -> str | None:
        """Return a value that was stored with the first block; None in a new file."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def find_seals(self, number: int) -> bytes | None:
        """Return a block's extra data with its seals; None for block 0, which has none."""
        row = self._connection.execute("SELECT extra_data FROM seals WHERE block = ?", (number,)).fetchone()
        return None if row is None else bytes(row[0])

    def events(self, wanted: EventFilter, *, limit: int) -> list[StoredEvent]:
        """Return the matching events in the chain's order, at most `limit`."""
        clauses = ["block BETWEEN ? AND ?"]
        values: list[int | bytes] = [wanted.first_block, wanted.last_block]
        for column, allowed in (("address", wanted.addresses), *_topic_columns(wanted.topics)):
            if allowed:
                clauses.append(f"{column} IN ({', '.join('?' * len(allowed))})")
                values += allowed
        clauses += [f"topic{i} IS NOT NULL" for i in range(len(wanted.topics))]
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM events WHERE {' AND '.join(clauses)} ORDER BY block, log_index LIMIT ?",  # noqa: S608 - our own names, values are bound
            (*values, limit),
        )
        return [_event(row) for row in rows]

    def _remember(self, key: bytes, value: bytes) -> None:
        if len(self._cache) >= MAX_CACHED_PAIRS:
            self._cache.clear()
        self._cache[key] = value


def _topic_columns(topics: Sequence[Sequence[bytes]]) -> Iterator[tuple[str, Sequence[bytes]]]:
    return ((f"topic{i}", allowed) for i, allowed in enumerate(topics))


def _row(event: StoredEvent) -> tuple[Any, ...]:
    """Return the column values in the order of `_COLUMNS` (sqlite3 takes any type)."""
    topics = (*event.topics, *(None,) * (MAX_TOPICS - len(event.topics)))
    place = (event.block, event.log_index, event.block_hash, event.transaction_hash, event.transaction_index)
    return (*place, event.address, event.data, *topics)


def _event(row: tuple[Any, ...]) -> StoredEvent:
    topics = tuple(topic for topic in row[7:] if topic is not None)
    return StoredEvent(*(*row[:7], topics))
