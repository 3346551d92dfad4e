# SPDX-License-Identifier: EUPL-1.2
"""A leaf is proved from tiles that say nothing about which leaf is looked for, or proved not to be there."""

from __future__ import annotations

import functools
import hashlib

import pytest

from ledger import merkle, proving, tiles
from ledger.checkpoint import Checkpoint
from ledger.proving import BLOCK_LEAVES, find_and_prove
from protocol.errors import RequestError, UnavailableError, VerificationError

SIZES = (1, 2, 255, 256, 257, 1000, BLOCK_LEAVES, BLOCK_LEAVES + 1, 2 * BLOCK_LEAVES + 300)


@functools.cache
def tree(size):
    return merkle.Tree(hashlib.sha256(at.to_bytes(8)).digest() for at in range(size))


def head_of(size):
    return Checkpoint("log.example/2026", size, tree(size).root())


class Published:
    """The tiles of a tree; counts what is asked for. `lie` changes a tile."""

    def __init__(self, size, lie=lambda _address, hashes: hashes) -> None:
        self._tree, self._lie = tree(size), lie
        self.asked = []

    def __call__(self, address) -> list[bytes]:
        self.asked.append((address.level, address.index, address.width))
        first, height = address.index * tiles.TILE_WIDTH, tiles.TILE_HEIGHT * address.level
        run = self._tree.read_run(height, first, address.width)
        return self._lie(address, [run[at : at + 32] for at in range(0, len(run), 32)])


def prove(size, index, **changes):
    published = Published(size, **changes)
    return find_and_prove(tree(size).read(0, index), head_of(size), published), published


@pytest.mark.parametrize("size", SIZES)
def test_leaf_when_in_the_tree_is_proved_to_its_root(size):
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        (found, proof), _ = prove(size, index)
        assert found == index
        assert proof == merkle.inclusion_proof(tree(size).read, index, size)


@pytest.mark.parametrize("size", [0, *SIZES])
def test_leaf_when_absent_is_none_only_after_everything_was_read_and_gives_the_root(size):
    published = Published(size)
    assert find_and_prove(bytes(32), head_of(size), published) is None
    assert sorted(published.asked) == [(0, each.index, each.width) for each in tiles.addresses(size, 0)]
    if size:
        hidden = Published(
            size, lie=lambda address, hashes: [bytes(32) if not address.index else hashes[0], *hashes[1:]]
        )
        leaf = tree(size).read(0, 0)
        with pytest.raises(RequestError, match="invalid_tile"):
            find_and_prove(leaf, head_of(size), hidden)


def test_tiles_read_are_the_same_whichever_leaf_of_a_block_is_looked_for():
    size = 2 * BLOCK_LEAVES + 300
    for block in range(3):
        first, end = block * BLOCK_LEAVES, min(size, (block + 1) * BLOCK_LEAVES)
        asked = {tuple(prove(size, index)[1].asked) for index in (first, first + 7, (first + end) // 2, end - 1)}
        assert len(asked) == 1
        # each tile of leaf hashes of its own block and the newer ones once, and none of an older one
        (only,) = asked
        leaves = [each for each in only if each[0] == 0]
        assert sorted(leaves) == [(0, each.index, each.width) for each in tiles.addresses(size, 0)[256 * block :]]
        # and of the others only what covers all blocks of this log
        assert {(level, index) for level, index, _ in only if level} <= {(2, 0)}


def test_leaf_that_the_tiles_place_elsewhere_is_not_proved():
    with pytest.raises(VerificationError, match="invalid_proof"):
        prove(1000, 3, lie=lambda _address, hashes: hashes[::-1])


def test_hash_that_lies_across_two_leaves_is_not_found():
    both = tree(2).read_run(0, 0, 2)
    assert find_and_prove(both[5:37], head_of(2), Published(2)) is None


def test_log_of_more_leaves_than_anybody_reads_is_refused_before_a_tile_is_asked_for():
    published = Published(1)
    with pytest.raises(UnavailableError, match="log_too_large"):
        find_and_prove(bytes(32), Checkpoint("log.example/2026", tiles.MAX_SIZE + 1, bytes(32)), published)
    assert published.asked == []
    assert proving.BLOCK_LEAVES == 65_536
