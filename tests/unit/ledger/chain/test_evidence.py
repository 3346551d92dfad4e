# SPDX-License-Identifier: EUPL-1.2
"""Offline evidence: our reading of tries and receipts against the `trie` library's, and every way to tamper."""

from __future__ import annotations

import random
import secrets
from dataclasses import replace

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.calldata import encode_anchor, encode_root_anchor, read_commitments
from ledger.chain.evidence import (
    ANCHORED_TOPIC,
    decode_anchored,
    header_hash,
    read_header,
    verify_anchor,
    verify_receipt_proof,
)
from ledger.chain.interface import Anchored, AnchorEvidence, Mode
from ledger.chain.receipt_trie import prove_receipt
from ledger.chain.strict_rlp import MAX_EVIDENCE_BYTES
from protocol.errors import RequestError, VerificationError
from tests.fakes.receipts import CONTRACT, LOG_ID, make_header, make_log, make_receipt


@pytest.fixture
def evidence():
    """An anchor's receipt at index 3 of a block with 20 transactions."""
    receipts = [make_receipt(make_log(size=number)) for number in range(6, 26)]
    root, proof = prove_receipt(receipts, 3)
    header = make_header(root)
    return AnchorEvidence(
        chain_id=20261121,
        transaction_hash=bytes(32),
        transaction_index=3,
        block_number=7,
        block_hash=header_hash(header),
        log_index=3,
        header_rlp=header,
        receipt_rlp=receipts[3],
        receipt_proof=proof,
    )


def verify(evidence):
    return verify_anchor(evidence, expected_contract=CONTRACT, expected_log_id=LOG_ID)


def test_evidence_gives_the_event_and_the_block(evidence):
    found = verify(evidence)
    assert found.anchored == Anchored(CONTRACT, LOG_ID, 5, 9, b"a" * 32, b"b" * 32, Mode.CALLDATA, log_index=0)
    assert (found.block.number, found.block.timestamp, found.block.hash) == (7, 1_795_286_318, evidence.block_hash)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 127, 128, 129, 200, 300])
def test_every_receipt_of_a_block_is_proved_and_no_other_index(count):
    receipts = [make_receipt(make_log(size=number)) for number in range(count)]
    for index in random.sample(range(count), min(count, 20)):
        root, proof = prove_receipt(receipts, index)
        header = make_header(root)
        assert verify_receipt_proof(header, receipts[index], proof, index).receipts_root == root
        for wrong in {(index + 1) % count, count, 2**40} - {index}:
            with pytest.raises(VerificationError):
                verify_receipt_proof(header, receipts[index], proof, wrong)


def test_values_shorter_than_a_digest_are_proved_inside_their_parent():
    values = [bytes([number]) for number in range(1, 20)]
    for index, value in enumerate(values):
        root, proof = prove_receipt(values, index)
        verify_receipt_proof(make_header(root), value, proof, index)


def test_evidence_with_any_byte_changed_is_refused(evidence):
    source = random.Random(1)  # noqa: S311 - test data
    for name in ("header_rlp", "receipt_rlp"):
        for at in source.sample(range(len(getattr(evidence, name))), 60):
            broken = bytearray(getattr(evidence, name))
            broken[at] ^= 1 << source.randrange(8)
            with pytest.raises(VerificationError):
                verify(replace(evidence, **{name: bytes(broken)}))
    for part in range(len(evidence.receipt_proof)):
        broken = [bytearray(node) for node in evidence.receipt_proof]
        broken[part][source.randrange(len(broken[part]))] ^= 4
        with pytest.raises(VerificationError):
            verify(replace(evidence, receipt_proof=tuple(map(bytes, broken))))


@pytest.mark.parametrize(
    "change",
    [
        {"block_hash": bytes(32)},
        {"block_number": 8},
        {"transaction_index": 4},
        {"transaction_index": -1},
        {"receipt_proof": ()},
        {"header_rlp": b""},
        {"header_rlp": rlp.encode([b"x"] * 14)},
        {"receipt_rlp": b""},
    ],
)
def test_evidence_with_a_wrong_part_is_refused(evidence, change):
    with pytest.raises(VerificationError) as caught:
        verify(replace(evidence, **change))
    assert caught.value.code == "anchor_proof"


def test_proof_with_nodes_missing_added_or_swapped_is_refused(evidence):
    nodes = evidence.receipt_proof
    assert len(nodes) > 1
    for wrong in (nodes[:-1], nodes[1:], (*nodes, nodes[-1]), nodes[::-1], (nodes[0], *nodes), nodes * 9):
        with pytest.raises(VerificationError):
            verify(replace(evidence, receipt_proof=wrong))


def test_evidence_that_is_too_long_is_refused_before_it_is_read(evidence):
    with pytest.raises(VerificationError, match="longer than"):
        verify(replace(evidence, header_rlp=b"\0" * (MAX_EVIDENCE_BYTES + 1)))


@pytest.mark.parametrize(
    "changed", [{"_8": b"\0\x07"}, {"_8": b"\x01" * 33}, {"_8": [b""]}, {"_5": b"r" * 31}, {"_11": b"\0"}]
)
def test_header_with_a_malformed_item_is_refused(changed):
    with pytest.raises(VerificationError):
        read_header(make_header(b"r" * 32, **changed))


def test_header_of_any_fork_is_read():
    for more in range(6):
        items = [*rlp.decode(make_header(b"r" * 32)), *[bytes(32)] * more]
        assert read_header(rlp.encode(items)).receipts_root == b"r" * 32


def test_receipt_of_a_failed_transaction_is_refused():
    for status in (b"", b"\x02", b"\0" * 32):
        with pytest.raises(VerificationError):
            decode_anchored(make_receipt(make_log(), status=status), contract=CONTRACT, log_id=LOG_ID)


def test_receipt_with_the_event_of_another_contract_log_kind_or_mode_is_refused():
    others = (
        make_log(contract="0x" + "11" * 20),
        make_log(log_id=bytes(32)),
        make_log(topic=bytes(32)),
        make_log(mode=2),
        [bytes.fromhex(CONTRACT[2:]), [ANCHORED_TOPIC, LOG_ID], b"\0" * 128],
        [bytes.fromhex(CONTRACT[2:]), [ANCHORED_TOPIC, LOG_ID, bytes(32)], b"\0" * 127],
    )
    for other in others:
        with pytest.raises(VerificationError):
            decode_anchored(make_receipt(other), contract=CONTRACT, log_id=LOG_ID)
        found = decode_anchored(make_receipt(other, make_log()), contract=CONTRACT, log_id=LOG_ID)
        assert (found.log_index, found.size) == (1, 8)


def test_receipt_with_two_events_of_one_log_is_refused():
    with pytest.raises(VerificationError):
        decode_anchored(make_receipt(make_log(), make_log(size=9)), contract=CONTRACT, log_id=LOG_ID)


def test_legacy_receipts_are_read_too():
    assert decode_anchored(make_receipt(make_log(), kind=b""), contract=CONTRACT, log_id=LOG_ID).size == 8


@pytest.mark.parametrize("logs", [[b"x"], [[b"x"]], [[b"a" * 19, [], b""]], [[b"a" * 20, [b"t"], b""]]])
def test_receipts_with_malformed_logs_are_refused(logs):
    with pytest.raises(VerificationError):
        decode_anchored(make_receipt(*logs), contract=CONTRACT, log_id=LOG_ID)


@given(st.binary(max_size=200), st.lists(st.binary(max_size=80), max_size=4), st.integers(-2, 300))
def test_any_bytes_raise_our_error_only(data, proof, index):
    header = make_header(b"r" * 32)
    for call in (
        lambda: read_header(data),
        lambda: verify_receipt_proof(header, data, proof, index),
        lambda: decode_anchored(data, contract=CONTRACT, log_id=LOG_ID),
        lambda: read_commitments(Anchored(CONTRACT, LOG_ID, 0, 1, b"", b"", Mode.CALLDATA, log_index=0), data),
    ):
        with pytest.raises(VerificationError):
            call()


def test_deeply_nested_rlp_raises_our_error_only():
    data = b""
    for _ in range(3000):
        data = rlp.codec.length_prefix(len(data), 0xC0) + data
    with pytest.raises(VerificationError):
        read_header(data)


def test_trie_nodes_made_by_hand_raise_our_error_only():
    for node in ([b"", b"v"], [b"\x40", b"v"], [b"\x01\x00", b"v"], [b"\x20", [b"v"]], [b"x"] * 16, b"v", []):
        encoded = rlp.encode(node)
        with pytest.raises(VerificationError):
            verify_receipt_proof(make_header(keccak(encoded)), b"w", [encoded], 0)


def test_calldata_is_read_back_and_only_for_its_own_event():
    more = [secrets.token_bytes(32) for _ in range(3)]
    data = encode_anchor(LOG_ID, 5, 8, b"b" * 32, [b"x" * 32, b"y" * 32], more)
    event = Anchored(CONTRACT, LOG_ID, 5, 8, b"a" * 32, b"b" * 32, Mode.CALLDATA, log_index=0)
    assert read_commitments(event, data) == tuple(more)
    for change in ({"log_id": bytes(32)}, {"prev_size": 4}, {"size": 9}, {"root": b"a" * 32}):
        with pytest.raises(VerificationError) as caught:
            read_commitments(replace(event, **change), data)
        assert caught.value.code == "anchor_event"
    offset, count = slice(4 + 5 * 32, 4 + 6 * 32), slice(len(data) - 4 * 32, len(data) - 3 * 32)
    far = [replace_bytes(data, place, value) for place in (offset, count) for value in (2**255, 2**64, len(data))]
    for wrong in (data[:-1], b"\0" * 4 + data[4:], data[: offset.stop - 1], data[:40], b"", *far):
        with pytest.raises(VerificationError) as caught:
            read_commitments(event, wrong)
        assert caught.value.code == "anchor_event"


def replace_bytes(data, place, number):
    return data[: place.start] + number.to_bytes(32) + data[place.stop :]


def test_root_only_calldata_has_no_commitments_and_is_read_only_for_its_own_event():
    data = encode_root_anchor(LOG_ID, 5, 9000, b"b" * 32, [b"x" * 32])
    event = Anchored(CONTRACT, LOG_ID, 5, 9000, b"a" * 32, b"b" * 32, Mode.ROOT_ONLY, log_index=0)
    assert read_commitments(event, data) is None
    in_calldata = encode_anchor(LOG_ID, 5, 6, b"b" * 32, [b"x" * 32, b"y" * 32], [bytes(32)])
    for changed, sent in (
        (replace(event, size=9001), data),
        (replace(event, mode=Mode.CALLDATA), data),  # an event that claims the other mode
        (replace(event, size=6), in_calldata),
        (event, data[:-1]),
        (event, b""),
    ):
        with pytest.raises(VerificationError) as caught:
            read_commitments(changed, sent)
        assert caught.value.code == "anchor_event"


def test_calldata_that_the_contract_would_refuse_is_not_made():
    for given_arguments in (
        (LOG_ID, 0, 2, bytes(32), [], [bytes(32)]),
        (LOG_ID, 0, 0, bytes(32), [], []),
        (LOG_ID, 4, 5, bytes(32), [], [bytes(32)]),
        (LOG_ID, 0, 1, bytes(32), [], [bytes(31)]),
    ):
        with pytest.raises(RequestError):
            encode_anchor(*given_arguments)
