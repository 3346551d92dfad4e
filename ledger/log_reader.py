# SPDX-License-Identifier: EUPL-1.2
"""Reads a published log: entry bundles into a tree, and the tiles that others rely on compared with it.

What is read may begin behind a tree that an earlier audit checked; then the published tiles must still fold to the
peaks of that tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger import merkle, tiles
from ledger.checkpoint import Checkpoint
from ledger.client import LedgerClient
from ledger.leaves import PackedLeaves
from ledger.tiles import TILE_HEIGHT, TILE_WIDTH, TileAddress
from ledger.tree_builder import TreeBuilder
from protocol.errors import RequestError

# How many leaves or hashes were read, of how many.
Progress = Callable[[int, int], None]


class LogReader:
    """One reading of one log up to one head, from `start` leaves on, whose peaks are known."""

    def __init__(
        self, client: LedgerClient, head: Checkpoint, start: int, peaks: Sequence[bytes], progress: Progress
    ) -> None:
        self._client = client
        self._head = head
        self._start = start
        self._peaks = dict(zip(merkle.peak_levels(start), peaks, strict=True))
        self._progress = progress
        self._tree = merkle.Tree(size=start, frontier=peaks)
        self._read = 0
        self._compared = 0
        self._total = 2 * (head.size - start)

    def read(self) -> tuple[PackedLeaves, merkle.Tree]:
        """Return the leaves from `start` on, and the tree.

        Raises `RequestError` when a published tile does not belong to the leaves, or is not there.
        """
        leaves = self._read_leaves()
        for level in range(1, tiles.MAX_LEVEL + 1):
            for address in self._addresses(level):
                self._check_tile(level, address)
        return leaves, self._tree

    def _read_leaves(self) -> PackedLeaves:
        """Return the leaves; the tiles of their hashes are compared while other subtrees are being hashed."""
        packed, hashed = bytearray(), self._addresses(0)
        with TreeBuilder(self._tree) as builder:
            for address in self._addresses(None):
                bundle = self._client.packed_entries(address)
                packed += bundle
                builder.add(bundle)
                self._count(address.width)
                self._check_hashed(hashed, self._tree.size)
            for size in builder.finish():
                self._check_hashed(hashed, size)
        return PackedLeaves(packed)

    def _check_hashed(self, hashed: Sequence[TileAddress], size: int) -> None:
        """Compare the tiles of leaf hashes whose subtrees are hashed by now."""
        while self._compared < len(hashed):
            address = hashed[self._compared]
            if address.index * TILE_WIDTH + address.width > size:
                return
            self._check_tile(0, address)
            self._count(address.width)
            self._compared += 1

    def _addresses(self, level: int | None) -> Sequence[TileAddress]:
        """Return the tiles of a level that hold anything behind the start."""
        first = self._start >> TILE_HEIGHT * ((level or 0) + 1)
        return tiles.addresses(self._head.size, level)[first:]

    def _check_tile(self, level: int, address: TileAddress) -> None:
        height = TILE_HEIGHT * level
        hashes = self._client.packed_tile(address)
        index = address.index * TILE_WIDTH
        old = min(address.width, max(0, (self._start >> height) - index))
        expected = self._tree.read_run(height, index + old, address.width - old)
        at = old * merkle.HASH_BYTES
        if hashes[at:] != expected or not self._folds(hashes[:at], height, old):
            raise RequestError("invalid_tile", f"{address.path()} does not belong to the published leaves")

    def _folds(self, nodes: bytes, height: int, count: int) -> bool:
        """Whether these first nodes of a tile give the peaks that are known from before."""
        for level in range(height, height + count.bit_length()):
            if count & 1:
                count -= 1
                if nodes[count * merkle.HASH_BYTES :] != self._peaks[level]:
                    return False
            nodes = merkle.hash_pairs(nodes[: count * merkle.HASH_BYTES])
            count >>= 1
        return True

    def _count(self, width: int) -> None:
        self._read += width
        self._progress(self._read, self._total)
