# SPDX-License-Identifier: EUPL-1.2
"""The arguments of `ConsentLedger.anchor` and `anchorRoot` as calldata, both ways (pure functions over bytes).

The commitments of an anchor in calldata mode live in its transaction, so a log can be rebuilt from any node that
keeps block bodies. A root-only anchor carries a consistency proof instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ledger.chain.interface import MAX_COMMITMENTS, MAX_PROOF, Anchored, Mode
from ledger.leaves import PackedLeaves
from protocol.errors import Check, RequestError, VerificationError

# keccak-256 of "anchor(bytes32,uint64,uint64,bytes32,bytes32[],bytes32[])", first four bytes
ANCHOR_SELECTOR = bytes.fromhex("2942d271")
# keccak-256 of "anchorRoot(bytes32,uint64,uint64,bytes32,bytes32[])", first four bytes
ANCHOR_ROOT_SELECTOR = bytes.fromhex("3ce33b6e")
_TYPES = ("bytes32", "uint64", "uint64", "bytes32", "bytes32[]", "bytes32[]")
_ROOT_TYPES = ("bytes32", "uint64", "uint64", "bytes32", "bytes32[]")
# What both begin with.
_FIXED_TYPES = _TYPES[:4]
# Which argument is the list of commitments, or the consistency proof.
_COMMITMENTS, _PROOF = 5, 4
_SELECTOR_BYTES = 4
_WORD_BYTES = 32


def encode_anchor(
    log_id: bytes, prev_size: int, size: int, root: bytes, frontier: Sequence[bytes], commitments: Sequence[bytes]
) -> bytes:
    """Return the calldata of this anchor.

    Raises `RequestError` (`invalid_anchor`) when sizes and counts do not fit each other; the contract would
    refuse it.
    """
    if not 0 < len(commitments) <= MAX_COMMITMENTS or prev_size + len(commitments) != size:
        message = f"{len(commitments)} commitments do not lead from {prev_size} to {size}"
        raise RequestError("invalid_anchor", message)
    if len(frontier) != prev_size.bit_count():
        raise RequestError("invalid_anchor", f"expected {prev_size.bit_count()} peaks, got {len(frontier)}")
    _check_words((log_id, root, *frontier, *commitments))
    return ANCHOR_SELECTOR + encode(_TYPES, (log_id, prev_size, size, root, list(frontier), list(commitments)))


def encode_root_anchor(log_id: bytes, prev_size: int, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the calldata of this root-only anchor.

    Raises `RequestError` (`invalid_anchor`) when the log does not grow, or the proof is longer than any can be.
    """
    if not 0 <= prev_size < size:
        raise RequestError("invalid_anchor", f"no anchor leads from {prev_size} to {size}")
    if len(proof) > MAX_PROOF or (prev_size == 0 and proof):
        maximum = MAX_PROOF if prev_size else 0
        raise RequestError("invalid_anchor", f"expected at most {maximum} hashes in the proof, got {len(proof)}")
    _check_words((log_id, root, *proof))
    return ANCHOR_ROOT_SELECTOR + encode(_ROOT_TYPES, (log_id, prev_size, size, root, list(proof)))


def read_commitments(event: Anchored, data: bytes) -> PackedLeaves | None:
    """Return the commitments in this calldata, which must be the call that made this event.

    None for a root-only anchor, whose calldata has none.
    Raises `VerificationError` (`anchor_event`).
    """
    is_root_only = event.mode is Mode.ROOT_ONLY
    if data[:_SELECTOR_BYTES] != (ANCHOR_ROOT_SELECTOR if is_root_only else ANCHOR_SELECTOR):
        raise VerificationError(Check.RECEIPT, "the calldata is no anchor in this mode", code="anchor_event")
    arguments = data[_SELECTOR_BYTES:]
    try:
        found = decode(_FIXED_TYPES, arguments)
    except DecodingError as exc:
        raise VerificationError(Check.RECEIPT, "malformed calldata", code="anchor_event") from exc
    words = _read_list(arguments, _PROOF if is_root_only else _COMMITMENTS)
    commitments = None if is_root_only else words
    is_same = found == (event.log_id, event.prev_size, event.size, event.root)
    if not is_same or (commitments is not None and event.prev_size + len(commitments) != event.size):
        raise VerificationError(Check.RECEIPT, "the calldata is another anchor's", code="anchor_event")
    return commitments


def _read_list(arguments: bytes, position: int) -> PackedLeaves:
    """Return the `bytes32[]` whose offset is this word, in one piece: a thousand words need no thousand steps."""
    offset = int.from_bytes(arguments[position * _WORD_BYTES : (position + 1) * _WORD_BYTES])
    start = offset + _WORD_BYTES
    end = start + int.from_bytes(arguments[offset:start]) * _WORD_BYTES
    if end > len(arguments) or len(arguments) < (position + 1) * _WORD_BYTES or start > len(arguments):
        raise VerificationError(Check.RECEIPT, "malformed calldata", code="anchor_event")
    return PackedLeaves(arguments[start:end])


def _check_words(words: Sequence[bytes]) -> None:
    if any(len(word) != _WORD_BYTES for word in words):
        raise RequestError("invalid_anchor", f"expected {_WORD_BYTES} bytes for each digest")
