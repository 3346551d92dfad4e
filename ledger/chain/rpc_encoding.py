# SPDX-License-Identifier: EUPL-1.2
"""Headers and receipts as the bytes that are hashed, from a node's ordinary answers (no `debug_` interface).

What comes out proves itself: the caller compares the header with the block's hash, and the receipts with the
header's receipts root. A block with fields that are not known here gives other bytes, and is noticed so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hexbytes import HexBytes

from ledger.chain import strict_rlp
from ledger.chain.strict_rlp import Item

# web3's middleware for blocks with seals calls the extra data so
_EXTRA_DATA = "proofOfAuthorityData"
_FIRST = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", _EXTRA_DATA, "mixHash", "nonce"),
)
# one fork after the other appended these
_LATER = (
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    "requestsHash",
)
_NUMBERS = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)


def encode_header(block: Mapping[str, Any]) -> bytes:
    """Return the header of a block as web3 gives it (its values are of many types)."""
    later = []
    for name in _LATER:
        if block.get(name) is None:
            break
        later.append(name)
    return strict_rlp.encode([_item(block, name) for name in (*_FIRST, *later)])


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """Return a receipt as in the receipts trie (EIP-2718), from web3's form."""
    logs: list[Item] = [
        [
            bytes(HexBytes(log["address"])),
            [bytes(HexBytes(topic)) for topic in log["topics"]],
            bytes(HexBytes(log["data"])),
        ]
        for log in receipt["logs"]
    ]
    bloom = bytes(HexBytes(receipt["logsBloom"]))
    body = strict_rlp.encode([_number(receipt["status"]), _number(receipt["cumulativeGasUsed"]), bloom, logs])
    kind = _number(receipt.get("type", 0))
    return kind + body


def _item(block: Mapping[str, Any], name: str) -> Item:
    return _number(block[name]) if name in _NUMBERS else bytes(HexBytes(block[name]))


def _number(value: int | str) -> bytes:
    number = int(value, 16) if isinstance(value, str) else int(value)
    return number.to_bytes((number.bit_length() + 7) // 8)
