# SPDX-License-Identifier: EUPL-1.2
"""Builds a large tree on all cores: whole subtrees in processes of their own, put together in order.

The hashing itself is `ledger.merkle`'s; a log of less than two subtrees is hashed where it is. Processes are
forked, so nothing is imported twice; leaving the block ends them. Entries and nodes go through memory that all
share, so that none is copied through a pipe.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from mmap import mmap
from multiprocessing import get_all_start_methods, get_context
from types import TracebackType
from typing import Self

from ledger import merkle
from ledger.commitment import COMMITMENT_BYTES
from ledger.merkle import HASH_BYTES
from protocol.errors import UnavailableError

# The levels of one subtree above its leaves: tens of milliseconds of work, so that handing it over costs little.
SUBTREE_HEIGHT = 14
SUBTREE_LEAVES = 1 << SUBTREE_HEIGHT
# More would wait for each other at the memory.
MAX_PROCESSES = 8
# Subtrees under way for each process, so that none is idle and few are held.
_WAITING = 4
_ENTRIES_BYTES = SUBTREE_LEAVES * COMMITMENT_BYTES
# Where each level of the subtree is in its slot: behind the entries, leaf hashes first.
_LEVELS = [
    (_ENTRIES_BYTES + HASH_BYTES * (2 * SUBTREE_LEAVES - (2 * SUBTREE_LEAVES >> level)), SUBTREE_LEAVES >> level)
    for level in range(SUBTREE_HEIGHT + 1)
]
_SLOT_BYTES = _ENTRIES_BYTES + HASH_BYTES * (2 * SUBTREE_LEAVES - 1)


def cores() -> int:
    """Return how many processes are worth starting on this machine."""
    return min(MAX_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _hash_subtree(packed: bytes) -> list[bytes]:
    """Return the nodes of the complete subtree over these entries, level by level."""
    tree = merkle.Tree()
    tree.append_packed(packed)
    return [tree.read_run(level, 0, count) for level, (_, count) in enumerate(_LEVELS)]


class _Worker:
    """What a forked process knows: the memory that it shares with the one that forked it."""

    memory: mmap

    @classmethod
    def begin(cls, memory: mmap) -> None:
        """Remember the memory; it is inherited, never copied."""
        cls.memory = memory

    @classmethod
    def run(cls, slot: int) -> None:
        """Hash the entries of this slot and leave the nodes behind them."""
        at = slot * _SLOT_BYTES
        levels = _hash_subtree(cls.memory[at : at + _ENTRIES_BYTES])
        for (start, _), nodes in zip(_LEVELS, levels, strict=True):
            cls.memory[at + start : at + start + len(nodes)] = nodes


class _Pool:
    """The processes, and the subtrees that they have under way, oldest first."""

    def __init__(self, processes: int) -> None:
        slots = processes * _WAITING
        self._memory = mmap(-1, slots * _SLOT_BYTES)
        self._free = deque(range(slots))
        self._under_way: deque[tuple[int, Future[None]]] = deque()
        self._executor = ProcessPoolExecutor(
            processes, mp_context=get_context("fork"), initializer=_Worker.begin, initargs=(self._memory,)
        )

    @property
    def is_full(self) -> bool:
        """Whether the oldest subtree must be taken out before another goes in."""
        return not self._free

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    def put(self, packed: bytes) -> None:
        """Begin a subtree."""
        slot = self._free.popleft()
        self._memory[slot * _SLOT_BYTES : slot * _SLOT_BYTES + _ENTRIES_BYTES] = packed
        self._under_way.append((slot, self._executor.submit(_Worker.run, slot)))

    def take(self) -> Sequence[bytes]:
        """Wait for the oldest subtree; return its nodes, level by level.

        Raises `UnavailableError` when its process was ended from outside.
        """
        slot, future = self._under_way.popleft()
        try:
            future.result()
        except BrokenProcessPool as exc:
            raise UnavailableError("temporarily_unavailable", "a process that hashed leaves was ended") from exc
        at = slot * _SLOT_BYTES
        levels = [self._memory[at + start : at + start + count * HASH_BYTES] for start, count in _LEVELS]
        self._free.append(slot)
        return levels

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown(cancel_futures=True)
        self._memory.close()


class TreeBuilder:
    """Grows a tree from packed entries as they come. Use as a context; the tree is whole after `finish`."""

    def __init__(self, tree: merkle.Tree, *, processes: int | None = None) -> None:
        self._tree = tree
        self._processes = cores() if processes is None else processes
        self._rest = bytearray()
        self._pool: _Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.close()

    def add(self, packed: bytes) -> None:
        """Take in entries, one after another as bytes."""
        self._rest += packed
        # up to the first place where a whole subtree fits
        lead = -self._tree.size % SUBTREE_LEAVES * COMMITMENT_BYTES
        if lead:
            if len(self._rest) < lead:
                return
            self._tree.append_packed(self._take(lead))
        while len(self._rest) >= _ENTRIES_BYTES:
            self._hand_over(self._take(_ENTRIES_BYTES))

    def finish(self) -> Iterator[int]:
        """Yield the size of the tree each time that it has grown, until it is over everything."""
        while self._pool is not None and not self._pool.is_empty:
            self._tree.append_subtree(self._pool.take())
            yield self._tree.size
        self._tree.append_packed(self._take(len(self._rest)))
        yield self._tree.size

    def _take(self, count: int) -> bytes:
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def _hand_over(self, packed: bytes) -> None:
        if self._processes < 2 or "fork" not in get_all_start_methods():  # noqa: PLR2004 - one core has nothing to share
            self._tree.append_subtree(_hash_subtree(packed))
            return
        if self._pool is None:
            self._pool = _Pool(self._processes)
        if self._pool.is_full:
            self._tree.append_subtree(self._pool.take())
        self._pool.put(packed)
