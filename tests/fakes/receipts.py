# SPDX-License-Identifier: EUPL-1.2
"""Headers, log entries and receipts of an anchor, made item by item."""

from __future__ import annotations

import rlp

from ledger.chain.evidence import ANCHORED_TOPIC

CONTRACT = "0x2D64035416d7a32f46023f10E6d1b8160f8836E4"
LOG_ID = bytes(range(32))


def make_header(receipts_root: bytes, number: int = 7, **changed: object) -> bytes:
    items: list[object] = [b"p" * 32, b"u" * 32, b"c" * 20, b"s" * 32, b"t" * 32, receipts_root, b"\0" * 256, 0]
    items += [number, 30_000_000, 0, 1_795_286_318, b"", b"m" * 32, b"\0" * 8, 0]
    for name, value in changed.items():
        items[int(name[1:])] = value
    return rlp.encode(items)


def make_log(size=8, mode=0, contract=CONTRACT, log_id=LOG_ID, topic=ANCHORED_TOPIC):
    data = (5).to_bytes(32) + b"a" * 32 + b"b" * 32 + mode.to_bytes(32)
    return [bytes.fromhex(contract[2:]), [topic, log_id, size.to_bytes(32)], data]


def make_receipt(*logs, status=b"\x01", kind=b"\x02"):
    return kind + rlp.encode([status, 50_000, b"\0" * 256, list(logs)])
