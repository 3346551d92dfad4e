# SPDX-License-Identifier: EUPL-1.2
"""Proofs hold for every tree size, and no changed proof does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import merkle, tiles
from ledger.merkle import Tree
from protocol.errors import RequestError, VerificationError

SIZE = 70
ENTRIES = [index.to_bytes(32) for index in range(SIZE)]
TREE = Tree(ENTRIES)


def test_every_leaf_is_proved_in_every_size():
    for size in range(1, SIZE + 1):
        root = TREE.root(size)
        for index in range(size):
            proof = merkle.inclusion_proof(TREE.read, index, size)
            merkle.verify_inclusion(TREE.read(0, index), index=index, size=size, proof=proof, expected_root=root)


def test_every_size_is_a_prefix_of_every_later_one():
    for second in range(SIZE + 1):
        for first in range(second + 1):
            proof = merkle.consistency_proof(TREE.read, first, second)
            merkle.verify_consistency(
                first=first,
                second=second,
                first_root=TREE.root(first),
                expected_root=TREE.root(second),
                proof=proof,
            )


@settings(deadline=None)  # time is measured elsewhere; a busy machine is no failure
@given(st.data())
def test_changed_inclusion_proof_never_holds(data):
    size = data.draw(st.integers(1, SIZE))
    index = data.draw(st.integers(0, size - 1))
    proof = list(merkle.inclusion_proof(TREE.read, index, size))
    change = data.draw(st.sampled_from(["flip", "drop", "add", "index", "leaf"]))
    leaf = TREE.read(0, index)
    if change in {"flip", "drop"} and not proof:
        return
    if change == "flip":
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif change == "drop":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), bytes(32))
    elif change == "index":
        other = data.draw(st.integers(0, size))
        if other == index:
            return
        index = other
    else:
        leaf = bytes(32)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(leaf, index=index, size=size, proof=proof, expected_root=TREE.root(size))


@settings(deadline=None)
@given(st.data())
def test_changed_consistency_proof_never_holds(data):
    second = data.draw(st.integers(2, SIZE))
    first = data.draw(st.integers(1, second - 1))
    proof = list(merkle.consistency_proof(TREE.read, first, second))
    at = data.draw(st.integers(0, len(proof) - 1))
    match data.draw(st.sampled_from(["flip", "drop", "add"])):
        case "flip":
            proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        case "drop":
            proof.pop(at)
        case "add":
            proof.insert(at, bytes(32))
    with pytest.raises(VerificationError):
        merkle.verify_consistency(
            first=first,
            second=second,
            first_root=TREE.root(first),
            expected_root=TREE.root(second),
            proof=proof,
        )


@settings(deadline=None)
@given(st.integers(0, SIZE), st.integers(0, SIZE), st.lists(st.binary(min_size=32, max_size=32), max_size=9))
def test_verifying_anything_raises_nothing_but_our_errors(first, second, proof):
    for run in (
        lambda: merkle.verify_inclusion(
            bytes(32), index=first, size=second, proof=proof, expected_root=TREE.root()
        ),
        lambda: merkle.verify_consistency(
            first=first, second=second, first_root=bytes(32), expected_root=TREE.root(), proof=proof
        ),
    ):
        with pytest.raises((RequestError, VerificationError)):
            run()


@settings(deadline=None)
@given(st.integers(0, 70_000), st.data())
def test_proofs_from_tiles_are_those_of_the_tree(size, data):
    index = data.draw(st.integers(0, max(0, size - 1)))
    if size == 0:
        return
    size = size % 3000 + 1
    index %= size
    tree = _BIG
    fetched: list[tiles.TileAddress] = []

    def fetch(address):
        fetched.append(address)
        start = address.index * 256
        return [tree.read(8 * (address.level or 0), start + each) for each in range(address.width)]

    proof = merkle.inclusion_proof(tiles.node_reader(size, fetch), index, size)
    merkle.verify_inclusion(
        tree.read(0, index), index=index, size=size, proof=proof, expected_root=tree.root(size)
    )
    assert len(fetched) == len(set(fetched))


_BIG = Tree(index.to_bytes(32) for index in range(3000))
