# SPDX-License-Identifier: EUPL-1.2
"""Offline evidence that a head was anchored: an event, in a receipt, in a block (pure functions over bytes).

Guarantees, when `verify_anchor` returns: the contract at this address emitted this event in a transaction that
succeeded, and the receipt of that transaction is under the receipts root of the header with this hash.

Does not guarantee: that the block is on the chain and stays there, nor which transaction hash the receipt
belongs to (receipts do not hold one). Whoever has a block hash from a source they trust compares it; the seals in
the header are checked by `ledger.finality`.

- RLP, the trie and the receipt are those of the Ethereum yellow paper (sections 4.3.1, 4.4.1, appendices B
  and D); typed receipts of EIP-2718 carry their type byte first.
- Everything is refused that has no place in the proof: nodes left over, trailing bytes, other encodings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from ledger.chain import qbft
from ledger.chain.interface import Anchored, AnchorEvidence, Mode
from ledger.chain.strict_rlp import Item as _Item
from ledger.chain.strict_rlp import decode as _decode
from ledger.chain.strict_rlp import read_bytes as _bytes
from ledger.chain.strict_rlp import read_number as _number
from ledger.chain.strict_rlp import refuse as _refuse

# keccak-256 of "Anchored(bytes32,uint64,uint64,bytes32,bytes32,uint8)"
ANCHORED_TOPIC = bytes.fromhex("1465b8c543b501cb3d81469cdca0efcbf9ec8ac0b11b814ff32d9bc8ef9d1a86")
# The index of a transaction has at most 8 nibbles.
MAX_PROOF_NODES = 16
_WORD_BYTES = 32
_ADDRESS_BYTES = 20
_FIRST_LIST_BYTE = 0xC0
_BRANCH_ITEMS = 17
_PATH_ITEMS = 2
_EVENT_WORDS = 4
_EVENT_TOPICS = 3
# Positions in a header; the first 15 never changed.
_PARENT_HASH, _RECEIPTS_ROOT, _NUMBER, _TIMESTAMP, _EXTRA_DATA = 0, 5, 8, 11, 12
_MIN_HEADER_ITEMS = 15


@dataclass(frozen=True)
class BlockFacts:
    """What a header says; true of a chain only as far as the header's hash is."""

    hash: bytes
    parent_hash: bytes
    receipts_root: bytes
    number: int
    timestamp: int
    extra_data: bytes


@dataclass(frozen=True)
class VerifiedAnchor:
    """An `Anchored` event that is in this block; made by `verify_anchor` only."""

    anchored: Anchored
    block: BlockFacts


def verify_anchor(evidence: AnchorEvidence, *, expected_contract: str, expected_log_id: bytes) -> VerifiedAnchor:
    """Return the event that the evidence proves. Compare its head and the block's hash with what you know.

    Raises `VerificationError` (`anchor_proof`).
    """
    # (1) the header is the named block's
    block = read_header(evidence.header_rlp)
    if (block.hash, block.number) != (evidence.block_hash, evidence.block_number):
        _refuse("the header is another block's")
    # (2) the receipt is in that block
    _check_receipt(block, evidence.receipt_rlp, evidence.receipt_proof, evidence.transaction_index)
    # (3) the contract says in it that this log went from one head to the next
    anchored = decode_anchored(evidence.receipt_rlp, contract=expected_contract, log_id=expected_log_id)
    return VerifiedAnchor(anchored=anchored, block=block)


def header_hash(header_rlp: bytes) -> bytes:
    """Return the hash under which the chain knows this header: in QBFT form it leaves the seals out.

    Raises `VerificationError` (`anchor_proof`) when the header says that it has this form and has not.
    """
    return qbft.block_hash(header_rlp)


@lru_cache(maxsize=8)  # the levels of one audit each ask about the same header
def read_header(header_rlp: bytes) -> BlockFacts:
    """Return what a header says. Raises `VerificationError` (`anchor_proof`) when it is none."""
    items = qbft.header_items(header_rlp)
    if len(items) < _MIN_HEADER_ITEMS:
        _refuse("malformed header")
    return BlockFacts(
        hash=qbft.hash_of(header_rlp, items),
        parent_hash=_bytes(items[_PARENT_HASH], _WORD_BYTES),
        receipts_root=_bytes(items[_RECEIPTS_ROOT], _WORD_BYTES),
        number=_number(items[_NUMBER]),
        timestamp=_number(items[_TIMESTAMP]),
        extra_data=_bytes(items[_EXTRA_DATA]),
    )


def verify_receipt_proof(header_rlp: bytes, receipt_rlp: bytes, proof: Sequence[bytes], index: int) -> BlockFacts:
    """Return the block's facts when its receipt of this index is these bytes.

    `proof` holds the nodes of the receipts trie from the root to the receipt.
    Raises `VerificationError` (`anchor_proof`).
    """
    block = read_header(header_rlp)
    _check_receipt(block, receipt_rlp, proof, index)
    return block


def _check_receipt(block: BlockFacts, receipt_rlp: bytes, proof: Sequence[bytes], index: int) -> None:
    if len(proof) > MAX_PROOF_NODES or index < 0:
        _refuse(f"expected an index, and at most {MAX_PROOF_NODES} proof nodes, got {len(proof)}")
    key: bytes = rlp.encode(index)
    nibbles = [nibble for byte in key for nibble in (byte >> 4, byte & 15)]
    if _find(block.receipts_root, nibbles, proof) != receipt_rlp:
        _refuse("another receipt is proved")


def decode_anchored(receipt_rlp: bytes, *, contract: str, log_id: bytes) -> Anchored:
    """Return the one `Anchored` event for this log by this contract; `log_index` counts inside the receipt.

    Raises `VerificationError` (`anchor_proof`) when the transaction failed, or there is not exactly one.
    """
    typed = bool(receipt_rlp) and receipt_rlp[0] < _FIRST_LIST_BYTE
    match _decode(receipt_rlp[1:] if typed else receipt_rlp):
        case [bytes(status), bytes(), bytes(), list(logs)]:
            pass
        case _:
            _refuse("malformed receipt")
    if status != b"\x01":
        _refuse("the transaction failed")
    found = [_log(item, index) for index, item in enumerate(logs)]
    matching = [event for event in found if event and (event.contract, event.log_id) == (contract, log_id)]
    if len(matching) != 1:
        _refuse(f"expected one anchor of this log by this contract, got {len(matching)}")
    return matching[0]


def read_event(contract: str, topics: Sequence[bytes], data: bytes, log_index: int) -> Anchored | None:
    """Return the `Anchored` event of a log entry; None when the entry is something else."""
    if len(topics) != _EVENT_TOPICS or topics[0] != ANCHORED_TOPIC or len(data) != _EVENT_WORDS * _WORD_BYTES:
        return None
    prev_size, prev_root, root, mode = (data[at : at + _WORD_BYTES] for at in range(0, len(data), _WORD_BYTES))
    if int.from_bytes(mode) not in set(Mode):
        return None
    return Anchored(
        contract=contract,
        log_id=topics[1],
        prev_size=int.from_bytes(prev_size),
        size=int.from_bytes(topics[2]),
        prev_root=prev_root,
        root=root,
        mode=Mode(int.from_bytes(mode)),
        log_index=log_index,
    )


def _find(root: bytes, nibbles: Sequence[int], proof: Sequence[bytes]) -> bytes:
    """Return the value at this path of the trie with this root (yellow paper, appendix D)."""
    rest = list(proof)
    reference: _Item = root
    while True:
        if isinstance(reference, bytes):
            if not rest or keccak(rest[0]) != reference:
                _refuse("the proof does not lead from the receipts root to the receipt")
            reference = _decode(rest.pop(0))
        match reference:
            case [*children] if len(children) == _BRANCH_ITEMS:
                if not nibbles:
                    return _last(children[-1], rest)
                reference, nibbles = children[nibbles[0]], nibbles[1:]
            case [bytes(encoded), target]:
                is_leaf, path = _path(encoded)
                if list(nibbles[: len(path)]) != path or (is_leaf and len(path) != len(nibbles)):
                    _refuse("the proof is for another index")
                if is_leaf:
                    return _last(target, rest)
                reference, nibbles = target, nibbles[len(path) :]
            case _:
                _refuse("malformed trie node")


def _last(value: _Item, rest: Sequence[bytes]) -> bytes:
    if rest:
        _refuse("the proof has nodes left over")
    return _bytes(value)


def _path(encoded: bytes) -> tuple[bool, list[int]]:
    """Return whether the node is a leaf, and its nibbles (yellow paper, appendix C)."""
    nibbles = [nibble for byte in encoded for nibble in (byte >> 4, byte & 15)]
    if not nibbles or nibbles[0] > 3 or (nibbles[0] & 1 == 0 and nibbles[1] != 0):  # noqa: PLR2004 - two flag bits
        _refuse("malformed trie node")
    return nibbles[0] & 2 == 2, nibbles[1:] if nibbles[0] & 1 else nibbles[2:]  # noqa: PLR2004 - the flag's bit


def _log(item: _Item, index: int) -> Anchored | None:
    match item:
        case [bytes(address), list(topics), bytes(data)]:
            words = [_bytes(topic, _WORD_BYTES) for topic in topics]
        case _:
            _refuse("malformed receipt")
    return read_event(str(to_checksum_address(_bytes(address, _ADDRESS_BYTES))), words, data, index)
