# SPDX-License-Identifier: EUPL-1.2
"""Builds a large tree on all cores: whole subtrees in processes of their own, put together in order.

The hashing itself is `ledger.merkle`'s; a log of less than two subtrees is hashed where it is. Processes are
forked, so nothing is imported twice; leaving the block ends them.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_all_start_methods, get_context
from types import TracebackType
from typing import Self

from ledger import merkle
from ledger.commitment import COMMITMENT_BYTES
from ledger.leaves import PackedLeaves
from protocol.errors import UnavailableError

# Leaves of one subtree: a tenth of a second of work, so that handing it over costs little.
SUBTREE_LEAVES = 1 << 15
# More would wait for each other at the memory.
MAX_PROCESSES = 8
# Subtrees under way for each process, so that none is idle and few are held.
_WAITING = 3


def cores() -> int:
    """Return how many processes are worth starting on this machine."""
    return min(MAX_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def hash_subtree(packed: bytes) -> merkle.Tree:
    """Return the tree over these entries alone."""
    return merkle.Tree(PackedLeaves(packed))


class TreeBuilder:
    """Grows a tree from packed entries as they come. Use as a context; `finish` gives the tree."""

    def __init__(self, tree: merkle.Tree, *, processes: int | None = None) -> None:
        self._tree = tree
        self._processes = cores() if processes is None else processes
        self._rest = bytearray()
        self._under_way: deque[Future[merkle.Tree]] = deque()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def add(self, packed: bytes) -> None:
        """Take in entries, one after another as bytes."""
        self._rest += packed
        # up to the first place where a whole subtree fits
        lead = -self._tree.size % SUBTREE_LEAVES * COMMITMENT_BYTES
        if lead:
            if len(self._rest) < lead:
                return
            self._tree.append(PackedLeaves(self._take(lead)))
        while len(self._rest) >= SUBTREE_LEAVES * COMMITMENT_BYTES:
            self._hand_over(self._take(SUBTREE_LEAVES * COMMITMENT_BYTES))

    def finish(self) -> merkle.Tree:
        """Return the tree over everything."""
        while self._under_way:
            self._join()
        self._tree.append(PackedLeaves(self._take(len(self._rest))))
        return self._tree

    def _take(self, count: int) -> bytes:
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def _hand_over(self, packed: bytes) -> None:
        if self._processes < 2 or "fork" not in get_all_start_methods():  # noqa: PLR2004 - one core has nothing to share
            self._tree.append_tree(hash_subtree(packed))
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._processes, mp_context=get_context("fork"))
        self._under_way.append(self._pool.submit(hash_subtree, packed))
        while len(self._under_way) > _WAITING * self._processes:
            self._join()

    def _join(self) -> None:
        """Put the oldest subtree under way into its place.

        Raises `UnavailableError` when its process was ended from outside.
        """
        try:
            self._tree.append_tree(self._under_way.popleft().result())
        except BrokenProcessPool as exc:
            raise UnavailableError("temporarily_unavailable", "a process that hashed leaves was ended") from exc
