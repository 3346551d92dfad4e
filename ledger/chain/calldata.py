# SPDX-License-Identifier: EUPL-1.2
"""The arguments of `ConsentLedger.anchor` as calldata, both ways (pure functions over bytes).

The commitments of an anchor live in its transaction's calldata, so a log can be rebuilt from any node that
keeps block bodies.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ledger.chain.interface import MAX_COMMITMENTS, Anchored
from protocol.errors import Check, RequestError, VerificationError

# keccak-256 of "anchor(bytes32,uint64,uint64,bytes32,bytes32[],bytes32[])", first four bytes
ANCHOR_SELECTOR = bytes.fromhex("2942d271")
_TYPES = ("bytes32", "uint64", "uint64", "bytes32", "bytes32[]", "bytes32[]")
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
    if any(len(word) != _WORD_BYTES for word in (log_id, root, *frontier, *commitments)):
        raise RequestError("invalid_anchor", f"expected {_WORD_BYTES} bytes for each digest")
    return ANCHOR_SELECTOR + encode(_TYPES, (log_id, prev_size, size, root, list(frontier), list(commitments)))


def read_commitments(event: Anchored, data: bytes) -> tuple[bytes, ...]:
    """Return the commitments in this calldata, which must be the call that made this event.

    Raises `VerificationError` (`anchor_event`).
    """
    if data[:_SELECTOR_BYTES] != ANCHOR_SELECTOR:
        raise VerificationError(Check.RECEIPT, "the calldata is no anchor", code="anchor_event")
    try:
        log_id, prev_size, size, root, _, commitments = decode(_TYPES, data[_SELECTOR_BYTES:])
    except DecodingError as exc:
        raise VerificationError(Check.RECEIPT, "malformed calldata", code="anchor_event") from exc
    is_same = (log_id, prev_size, size, root) == (event.log_id, event.prev_size, event.size, event.root)
    if not is_same or prev_size + len(commitments) != size:
        raise VerificationError(Check.RECEIPT, "the calldata is another anchor's", code="anchor_event")
    return tuple(commitments)
