# SPDX-License-Identifier: EUPL-1.2
"""The consistency proof that the contract checks in root-only mode, against RFC 9162's definition."""

from __future__ import annotations

import hashlib
import itertools
import random

import pytest

from ledger.chain.engine import CallMessage
from ledger.chain.evm import ExecutionError
from tests.contracts.conftest import GAS, Tree, make_commitments, open_bench

SIZES = 65
EDGES = (0, 1, 2, 3, 4, 7, 8, 9, 33, 64, 65)
UNKNOWN = hashlib.sha256(b"unknown\n").digest()


class Chained:
    """A log grown one by one, with the state after each size kept, so that a call starts from any size."""

    def __init__(self, bench) -> None:
        self.bench = bench
        everything = make_commitments(SIZES, seed=5)
        self.trees = [Tree(everything[:size]) for size in range(SIZES + 1)]
        self.headers = [bench.engine.head()]
        for before, after in zip(self.trees, self.trees[1:], strict=False):
            assert bench.anchor_root(before, after).state_root == b"\x01"
            self.headers.append(bench.engine.head())

    def answer(self, first: int, size: int, root: bytes, proof: list[bytes], prev_size: int | None = None):
        """None when the contract would take this anchor onto the log of `first` entries, else its error."""
        given = (self.bench.log_id, first if prev_size is None else prev_size, size, root, proof)
        sender, to = (bytes.fromhex(each[2:]) for each in (self.bench.sealer.address, self.bench.address))
        data = self.bench.calldata("anchorRoot", *given)
        message = CallMessage(sender=sender, to=to, gas=GAS, value=0, data=data)
        try:
            self.bench.engine.call(message, self.headers[first])
        except ExecutionError as exc:
            return self.bench.read_error(exc.output or b"")[0]
        return None


@pytest.fixture(scope="module")
def chained(tmp_path_factory):
    """Asked only with calls, which change nothing, so one serves all tests."""
    with open_bench(tmp_path_factory.mktemp("consistency")) as made:
        yield Chained(made)


@pytest.mark.parametrize(
    "sizes", [pytest.param(EDGES, id="edges"), pytest.param(range(SIZES + 1), id="all", marks=pytest.mark.slow)]
)
def test_every_pair_of_sizes_is_taken_with_its_proof_and_refused_with_a_wrong_one(chained, sizes):
    """The wrong proofs turn with the pair, so that over all pairs each kind meets each shape."""
    source = random.Random(9)  # noqa: S311 - test data
    kinds = (missing, longer, flipped, turned, swapped)
    for first, second in itertools.combinations(sizes, 2):
        after = chained.trees[second]
        proof = after.proof_from(first)
        assert chained.answer(first, second, after.root, proof) is None, (first, second)
        spoil = kinds[(first + second) % len(kinds)]
        wrong = spoil(proof, source)
        if wrong != proof:
            assert chained.answer(first, second, after.root, wrong) == "NotConsistent", (first, second, spoil)


def missing(proof, source):
    return proof[:-1]


def longer(proof, source):
    return [*proof, source.randbytes(32)]


def flipped(proof, source):
    if not proof:
        return [bytes(32)]
    at = source.randrange(len(proof))
    return [*proof[:at], bytes([proof[at][0] ^ 1, *proof[at][1:]]), *proof[at + 1 :]]


def turned(proof, source):
    return proof[::-1]


def swapped(proof, source):
    """The first hash twice: what a reader that loses its place would take."""
    return [*proof[:1], *proof]


@pytest.mark.parametrize("first", [1, 2, 3, 4, 7, 8, 9, 31, 32, 33])
def test_a_proof_of_another_size_is_refused(chained, first):
    """The proof, root, or size of one tree with those of another; every tree up to 65 around each size."""
    for second in (first + 1, 2 * first, 2 * first + 1, 64, 65):
        if not first < second < SIZES:
            continue
        after, beyond = chained.trees[second], chained.trees[second + 1]
        assert chained.answer(first, second, after.root, beyond.proof_from(first)) == "NotConsistent"
        assert chained.answer(first, second, beyond.root, after.proof_from(first)) == "NotConsistent"
        # the sizes are part of what is proved: the same hashes do not prove another size, unless its path is the same
        assert chained.answer(first, second, after.root, after.proof_from(first - 1)) == (
            None if first > 1 and after.proof_from(first - 1) == after.proof_from(first) else "NotConsistent"
        )


def test_the_old_root_alone_proves_nothing(chained):
    """From a power of two the walk starts at the old root itself: without a hash there is no way to the new one."""
    for first in (1, 2, 4, 8, 16, 32):
        before = chained.trees[first]
        assert chained.answer(first, first + 1, before.root, []) == "NotConsistent"
        assert chained.answer(first, 2**64 - 1, before.root, []) == "NotConsistent"


def test_the_size_is_the_sealers_word_where_the_proof_is_that_of_several(chained):
    """Known and said in the interface: RFC 9162's proof binds what was there, not how much was added. With the leaves
    the audit sees it, because they do not give that root at that size."""
    after = chained.trees[7]
    assert chained.answer(4, 8, after.root, after.proof_from(4)) is None
    assert after.root != chained.trees[8].root
    assert chained.answer(4, 9, after.root, after.proof_from(4)) == "NotConsistent"


def test_from_an_empty_log_any_head_is_taken_and_only_without_a_proof(chained):
    after = chained.trees[9]
    assert chained.answer(0, 9, after.root, []) is None
    assert chained.answer(0, 9, after.root, after.proof_from(4)) == "NotConsistent"
    assert chained.answer(0, 9, after.root, [bytes(32)]) == "NotConsistent"


def test_the_longest_proof_there_can_be_is_followed_to_its_end(chained):
    """From 3 to 2^64 - 1 entries: 65 hashes, the most that `MAX_PROOF` allows, all of them counted."""
    leaf = [hashlib.sha256(b"\x00" + each).digest() for each in chained.trees[3].commitments]
    rest = make_commitments(62, seed=8)
    proof = [leaf[2], *make_commitments(1, seed=7), hashlib.sha256(b"\x01" + leaf[0] + leaf[1]).digest(), *rest]
    root = hashlib.sha256(b"\x01" + leaf[2] + proof[1]).digest()
    root = hashlib.sha256(b"\x01" + proof[2] + root).digest()
    for step in rest:
        root = hashlib.sha256(b"\x01" + root + step).digest()
    assert len(proof) == 65
    assert chained.answer(3, 2**64 - 1, root, proof) is None
    assert chained.answer(3, 2**64 - 1, root, [*proof[:-1], bytes(32)]) == "NotConsistent"
    assert chained.answer(3, 2**64 - 1, root, proof[:-1]) == "NotConsistent"
    assert chained.answer(3, 2**64 - 1, root, [*proof, bytes(32)]) == "ProofLength"


def test_an_anchor_of_an_unknown_log_and_from_another_size_is_refused(chained, bench):
    after = chained.trees[9]
    refusal = bench.refusal(bench.sealer, "anchorRoot", UNKNOWN, 0, 9, after.root, [])
    assert refusal == ("UnknownLog", UNKNOWN)
    assert bench.refusal(bench.sealer, "freezeLog", UNKNOWN) == ("UnknownLog", UNKNOWN)
    assert chained.answer(5, 9, after.root, after.proof_from(4), prev_size=4) == "NotCurrentSize"
    assert chained.answer(5, 9, after.root, after.proof_from(6), prev_size=6) == "NotCurrentSize"


def test_a_failing_hash_in_a_proof_is_refused(bench, tree):
    """With just too little gas for the last hashes the call reverts; it never stores a head that was not proved."""
    before = tree(make_commitments(33))
    assert bench.anchor(tree(), before).state_root == b"\x01"
    after = before.grown(make_commitments(1000, seed=1))
    data = bench.calldata(
        "anchorRoot", bench.log_id, before.size, after.size, after.root, after.proof_from(before.size)
    )
    seen = set()
    for gas in range(30_000, 75_000, 1_500):
        bench.engine.submit(bench.sign(bench.sealer, bench.address, data, gas=gas))
        seen.add(bench.head()[1:])
    assert seen == {(33, before.root), (after.size, after.root)}
