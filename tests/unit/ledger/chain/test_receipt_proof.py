# SPDX-License-Identifier: EUPL-1.2
"""Receipt proofs made by hand: each form of a node at its bounds, and headers and receipts of the shortest form."""

from __future__ import annotations

import pytest
import rlp
from eth_utils.crypto import keccak

from ledger.chain.evidence import MAX_PROOF_NODES, decode_anchored, read_header, verify_receipt_proof
from protocol.errors import VerificationError
from tests.fakes.receipts import CONTRACT, LOG_ID, make_header, make_log, make_receipt

RECEIPT = make_receipt(make_log())
# an index is in the trie under its RLP: 0 under the nibbles 8, 0 and 5 under 0, 5
ZERO, FIVE = 0, 5
VALUE_ITEM = 16


def branch(item: int, child: bytes) -> bytes:
    """Return a branch with this at one item; every other leads elsewhere."""
    return rlp.encode([child if number == item else b"e" * 32 for number in range(17)])


def path(encoded: bytes, target: bytes = RECEIPT) -> bytes:
    """Return a leaf or an extension."""
    return rlp.encode([encoded, target])


def below(node: bytes, *items: int) -> list[bytes]:
    """Return a proof that leads through branches, by these items, to a node."""
    proof = [node]
    for item in reversed(items):
        proof.insert(0, branch(item, keccak(proof[0])))
    return proof


def verify(proof: list[bytes], index: int) -> None:
    verify_receipt_proof(make_header(keccak(proof[0])), RECEIPT, proof, index)


def refuses(proof: list[bytes], index: int) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(proof, index)
    assert caught.value.code == "anchor_proof"
    return caught.value.message


TAKEN = {
    "a leaf alone": ([path(b"\x20\x80")], ZERO),
    "a leaf with an odd path": (below(path(b"\x30"), 8), ZERO),
    "another leaf with an odd path": (below(path(b"\x35"), 0), FIVE),
    "a leaf without a path": (below(path(b"\x20"), 8, 0), ZERO),
    "the value of a branch": (below(branch(VALUE_ITEM, RECEIPT), 8, 0), ZERO),
}


@pytest.mark.parametrize(("proof", "index"), TAKEN.values(), ids=TAKEN)
def test_each_way_to_a_receipt_is_taken_and_nothing_after_it(proof, index):
    verify(proof, index)
    assert refuses([*proof, proof[-1]], index) == "the proof has nodes left over"


def extension(encoded: bytes) -> list[bytes]:
    end = branch(VALUE_ITEM, RECEIPT)
    return [path(encoded, keccak(end)), end]


def test_extensions_are_followed():
    verify(extension(b"\x00\x80"), ZERO)
    verify([branch(8, keccak((rest := extension(b"\x10"))[0])), *rest], ZERO)


WRONG = {
    "a leaf with a first nibble that is no flag": [path(b"\x60\x80")],
    "an extension with a first nibble that is no flag": extension(b"\x40\x80"),
    "a leaf with a second nibble that says something": [path(b"\x21\x80")],
    "an extension with a second nibble that says something": extension(b"\x01\x80"),
    "a path of no nibble at all": [path(b"")],
}


@pytest.mark.parametrize("proof", WRONG.values(), ids=WRONG)
def test_a_path_that_is_not_encoded_as_it_should_be_is_refused(proof):
    assert refuses(proof, ZERO) == "malformed trie node"


def test_proof_of_as_many_nodes_as_may_be_is_taken_and_of_one_more_refused():
    # the key of this index has 16 nibbles
    index = int.from_bytes(b"\x11" * 7)
    nibbles = [8, 7, *[1] * 14]
    longest = below(path(b"\x31"), *nibbles[:-1])
    assert len(longest) == MAX_PROOF_NODES == len(nibbles)
    verify(longest, index)
    assert "at most 16" in refuses(below(branch(VALUE_ITEM, RECEIPT), *nibbles), index)


def test_header_says_its_parent_and_its_extra_data():
    found = read_header(make_header(b"r" * 32, _0=b"P" * 32, _12=b"extra"))
    assert (found.parent_hash, found.extra_data) == (b"P" * 32, b"extra")


def test_header_with_the_fewest_items_is_read_and_with_one_less_refused():
    items = rlp.decode(make_header(b"r" * 32))
    assert read_header(rlp.encode(items[:15])).number == 7
    for wrong in (items[:14], [b"p" * 31, *items[1:]], [b"p" * 33, *items[1:]]):
        with pytest.raises(VerificationError):
            read_header(rlp.encode(wrong))


def test_receipt_is_of_a_known_kind_of_transaction_and_its_topics_are_words():
    address, topics, data = make_log()
    for wrong in (
        make_receipt(make_log(), kind=b"\xc0"),
        make_receipt([address, [*topics[:2], b"\0" + topics[2]], data]),
        make_receipt([address, [*topics[:2], topics[2][1:]], data]),
    ):
        with pytest.raises(VerificationError) as caught:
            decode_anchored(wrong, contract=CONTRACT, log_id=LOG_ID)
        assert caught.value.code == "anchor_proof"
