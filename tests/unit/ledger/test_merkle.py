# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

import hashlib

import pytest

from ledger import merkle
from ledger.merkle import Tree
from protocol.errors import RequestError, VerificationError

# roots and proofs of RFC 6962's well-known reference tree (certificate-transparency test vectors)
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_of_the_reference_tree_are_met_at_every_size():
    tree = Tree(LEAVES)
    assert tree.root(0) == hashlib.sha256(b"").digest()
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS


def test_inclusion_proof_of_the_reference_tree_is_the_published_one():
    tree = Tree(LEAVES)
    assert [h.hex() for h in merkle.inclusion_proof(tree.read, 0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_consistency_proof_of_the_reference_tree_is_the_published_one():
    tree = Tree(LEAVES)
    assert [h.hex() for h in merkle.consistency_proof(tree.read, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_extending_from_the_frontier_alone_gives_the_same_tree():
    frontier: tuple[bytes, ...] = ()
    reference = Tree()
    size = 0
    for count in (1, 2, 3, 5, 8, 13):
        entries = [bytes([size + each]) * 32 for each in range(count)]
        nodes, frontier = merkle.extend(size, frontier, entries)
        size += count
        reference.append(entries)
        assert merkle.fold(frontier) == reference.root()
        assert frontier == merkle.frontier(reference.read, size)
        assert all(reference.read(node.level, node.index) == node.digest for node in nodes)


def test_frontier_of_another_size_is_refused():
    with pytest.raises(RequestError, match="peaks"):
        merkle.extend(3, [bytes(32)], [bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_inclusion_proof_outside_the_tree_is_refused(index, size):
    with pytest.raises(RequestError):
        merkle.inclusion_proof(Tree(LEAVES).read, index, size)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(bytes(32), index=index, size=size, proof=(), expected_root=bytes(32))


def test_consistency_backwards_is_refused():
    with pytest.raises(RequestError):
        merkle.consistency_proof(Tree(LEAVES).read, 5, 4)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(first=5, second=4, first_root=bytes(32), expected_root=bytes(32), proof=())


def test_consistency_from_nothing_needs_the_empty_root_and_no_proof():
    root = Tree(LEAVES).root()
    merkle.verify_consistency(first=0, second=8, first_root=merkle.EMPTY_ROOT, expected_root=root, proof=())
    for first_root, proof in ((root, ()), (merkle.EMPTY_ROOT, (root,))):
        with pytest.raises(VerificationError):
            merkle.verify_consistency(first=0, second=8, first_root=first_root, expected_root=root, proof=proof)


def test_equal_sizes_with_other_roots_are_refused_as_a_fork():
    with pytest.raises(VerificationError):
        merkle.verify_consistency(first=8, second=8, first_root=bytes(32), expected_root=b"x" * 32, proof=())


def test_proof_with_hash_of_another_length_is_refused():
    tree = Tree(LEAVES)
    proof = merkle.inclusion_proof(tree.read, 2, 8)
    with pytest.raises(VerificationError, match="32 bytes"):
        merkle.verify_inclusion(
            tree.read(0, 2), index=2, size=8, proof=(*proof[:-1], proof[-1][:-1]), expected_root=tree.root()
        )


def entries(count):
    return [bytes([index % 251]) * 32 for index in range(count)]


@pytest.mark.parametrize("start", [0, 1, 2, 3, 6, 7, 8, 12, 21])
def test_tree_that_begins_behind_a_frontier_is_the_same_from_there_on(start):
    whole = Tree(entries(40))
    later = Tree(entries(40)[start:], size=start, frontier=whole.frontier(start))
    assert (later.size, later.root()) == (40, whole.root())
    for size in range(start, 41):
        assert (later.root(size), later.frontier(size)) == (whole.root(size), whole.frontier(size))
    assert later.read_run(0, start, 40 - start) == whole.read_run(0, start, 40 - start)


@pytest.mark.parametrize("sizes", [(16, 16, 4), (8, 8), (16, 8, 4, 2, 1), (4, 4, 4, 4, 2), (1, 1, 2)])
def test_trees_put_together_are_the_tree_of_all_their_entries(sizes):
    rest, tree = entries(sum(sizes)), Tree()
    for size in sizes:
        part = Tree(rest[:size])
        tree.append_subtree([part.read_run(level, 0, size >> level) for level in range(size.bit_length())])
        rest = rest[size:]
    assert tree.root() == Tree(entries(sum(sizes))).root()
    assert tree.read_run(0, 0, tree.size) == Tree(entries(sum(sizes))).read_run(0, 0, tree.size)


def test_subtree_that_cannot_stand_there_is_refused():
    part = Tree(entries(8))
    whole = [part.read_run(level, 0, 8 >> level) for level in range(4)]
    with pytest.raises(RequestError, match="can follow"):
        Tree(entries(4)).append_subtree(whole)
    for nodes in ([], whole[:3], whole[1:3], [whole[0], *whole[:3]], [whole[0][:-1], *whole[1:]]):
        with pytest.raises(RequestError, match="complete subtree"):
            Tree().append_subtree(nodes)
    with pytest.raises(RequestError, match="peaks"):
        Tree(size=3, frontier=[bytes(32)])


@pytest.mark.parametrize(("level", "index"), [(0, 8), (0, 0), (3, 0), (9, 0)])
def test_node_that_a_tree_does_not_hold_is_refused(level, index):
    tree = Tree(entries(8)[5:], size=5, frontier=Tree(entries(5)).frontier())
    if (level, index) == (3, 0):
        assert tree.read(3, 0) == Tree(entries(8)).root()
    else:
        with pytest.raises(RequestError, match="does not hold"):
            tree.read(level, index)
