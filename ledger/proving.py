# SPDX-License-Identifier: EUPL-1.2
"""Finds a leaf among a log's published tiles and proves it, without telling the log which leaf.

- Tiles of leaf hashes are read in whole aligned blocks of `BLOCK_LEAVES` leaves, the newest first, up to the block
  that holds the leaf. So the log learns that somebody looks for one of 65,536 neighbours, and no more; of a log of
  no more leaves, nothing. Tiles of higher levels are read only where all leaves of a block need the same ones.
- A leaf that was found is proved to the head's root. One that was not found is absent only when all that was read
  gives that root: a log that shows other tiles *could not tell*, and convicts nobody.
- No more than two blocks are kept (4 MB), and 32 bytes of each other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger import merkle, tiles
from ledger.checkpoint import Checkpoint
from ledger.tiles import TILE_HEIGHT, TILE_WIDTH, TileAddress
from protocol.errors import RequestError

# What one tile of the level above the leaves' covers: 2 MB and at most 256 requests.
BLOCK_TILES = TILE_WIDTH
BLOCK_HEIGHT = 2 * TILE_HEIGHT
BLOCK_LEAVES = BLOCK_TILES * TILE_WIDTH
FetchTile = Callable[[TileAddress], Sequence[bytes]]


class _Block:
    """One block: the roots of its complete subtrees, by level."""

    def __init__(self, number: int, addresses: Sequence[TileAddress], fetch: FetchTile) -> None:
        self.number = number
        self._levels = [b"".join(each for address in addresses for each in fetch(address))]
        while len(self._levels[-1]) >= 2 * merkle.HASH_BYTES:
            below = self._levels[-1]
            self._levels.append(merkle.hash_pairs(below[: len(below) & -2 * merkle.HASH_BYTES]))

    def find(self, leaf: bytes) -> int | None:
        """Return the index in the whole tree of this leaf hash."""
        hashes = self._levels[0]
        at = hashes.find(leaf)
        while at % merkle.HASH_BYTES and at >= 0:
            at = hashes.find(leaf, at + 1)
        return None if at < 0 else self.number * BLOCK_LEAVES + at // merkle.HASH_BYTES

    def read(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree, by its index in the whole tree."""
        at = (index - (self.number << BLOCK_HEIGHT - level)) * merkle.HASH_BYTES
        return self._levels[level][at : at + merkle.HASH_BYTES]


def find_and_prove(leaf: bytes, head: Checkpoint, fetch: FetchTile) -> tuple[int, tuple[bytes, ...]] | None:
    """Return the leaf's index and the proof to this head, verified; None when the tree of this head lacks it.

    Raises `VerificationError` (`invalid_proof`) or `RequestError` (`invalid_tile`) when the tiles do not give the
    head, and `UnavailableError` (`log_too_large`).
    """
    addresses = tiles.addresses(head.size, 0)
    newest: _Block | None = None
    roots: dict[int, bytes] = {}
    for first in reversed(range(0, len(addresses), BLOCK_TILES)):
        block = _Block(first // BLOCK_TILES, addresses[first : first + BLOCK_TILES], fetch)
        newest = newest or block
        index = block.find(leaf)
        if index is not None:
            return index, _prove(leaf, index, head, {each.number: each for each in (newest, block)}, fetch)
        if (block.number + 1) * BLOCK_LEAVES <= head.size:
            roots[block.number] = block.read(BLOCK_HEIGHT, block.number)
    _check_all(head, newest, roots)
    return None


def _prove(
    leaf: bytes, index: int, head: Checkpoint, blocks: dict[int, _Block], fetch: FetchTile
) -> tuple[bytes, ...]:
    """Return the proof: below a block's root from the leaf's block and the newest, above it from higher tiles."""
    above = tiles.node_reader(head.size, fetch)

    def read(level: int, at: int) -> bytes:
        return above(level, at) if level >= BLOCK_HEIGHT else blocks[at >> BLOCK_HEIGHT - level].read(level, at)

    proof = merkle.inclusion_proof(read, index, head.size)
    merkle.verify_inclusion(leaf, index=index, size=head.size, proof=proof, expected_root=head.root)
    return proof


def _check_all(head: Checkpoint, newest: _Block | None, roots: dict[int, bytes]) -> None:
    """Raise `RequestError` unless the blocks give the head."""

    def read(level: int, index: int) -> bytes:
        if level < BLOCK_HEIGHT and newest is not None:
            return newest.read(level, index)
        height = level - BLOCK_HEIGHT
        nodes = b"".join(roots[each] for each in range(index << height, index + 1 << height))
        for _ in range(height):
            nodes = merkle.hash_pairs(nodes)
        return nodes

    if merkle.root(read, head.size) != head.root:
        raise RequestError("invalid_tile", "the published tiles do not give the signed head")
