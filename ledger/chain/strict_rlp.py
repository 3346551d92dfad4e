# SPDX-License-Identifier: EUPL-1.2
"""RLP as evidence is read: bounded, in the one form there is, and every other byte refused.

Everything here raises `VerificationError` (`anchor_proof`).
"""

from __future__ import annotations

from typing import NoReturn, TypeAlias

import rlp
from rlp.sedes import raw

from protocol.errors import Check, VerificationError

Item: TypeAlias = "bytes | list[Item]"

# A header has 21 items in Prague; a receipt with one event has less than 1 kB, a trie node at most 17 digests
# unless it carries the receipt.
MAX_EVIDENCE_BYTES = 64 * 1024
_WORD_BYTES = 32


def decode(data: bytes) -> Item:
    """Return the item of these bytes, all of them."""
    if len(data) > MAX_EVIDENCE_BYTES:
        refuse(f"longer than {MAX_EVIDENCE_BYTES} bytes")
    try:
        decoded: Item = rlp.decode(data, strict=True)
    except (rlp.exceptions.RLPException, RecursionError) as exc:
        raise VerificationError(Check.RECEIPT, "malformed RLP", code="anchor_proof") from exc
    return decoded


def encode(item: Item) -> bytes:
    """Return the bytes of an item."""
    encoded: bytes = rlp.encode(item, sedes=raw)
    return encoded


def read_bytes(item: Item, length: int | None = None) -> bytes:
    """Return an item that must be bytes, of this length."""
    if not isinstance(item, bytes) or (length is not None and len(item) != length):
        refuse("an item has another length than it must have")
    return item


def read_number(item: Item) -> int:
    """Return an item that must be a number in its shortest form."""
    found = read_bytes(item)
    if len(found) > _WORD_BYTES or found[:1] == b"\0":
        refuse("malformed number")
    return int.from_bytes(found)


def refuse(reason: str) -> NoReturn:
    """Raise `VerificationError` (`anchor_proof`)."""
    raise VerificationError(Check.RECEIPT, reason, code="anchor_proof")
