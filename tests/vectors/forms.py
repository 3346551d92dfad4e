# SPDX-License-Identifier: EUPL-1.2
"""How vectors write down what a node of the chain says about anchors, and the leaves of a log (README.md)."""

from __future__ import annotations

from typing import Any

from ledger.audit import LogContents
from ledger.chain.interface import AnchorEvent, Mode
from ledger.commitment import Commitment
from ledger.trust import format_hex, parse_hex
from protocol.encoding import b64url_decode, b64url_encode

_HASHES = ("log_id", "prev_root", "root", "block_hash", "transaction_hash")
_NUMBERS = ("prev_size", "size", "log_index", "block_number", "block_time")


def write_anchor(event: AnchorEvent) -> dict[str, Any]:
    return {
        "contract": event.contract,
        "mode": event.mode.name.lower().replace("_", "-"),
        **{name: getattr(event, name) for name in _NUMBERS},
        **{name: format_hex(getattr(event, name)) for name in _HASHES},
        "commitments": None if event.commitments is None else [b64url_encode(each) for each in event.commitments],
        "header_rlp": None if event.header_rlp is None else b64url_encode(event.header_rlp),
    }


def read_anchor(value: dict[str, Any]) -> AnchorEvent:
    commitments, header = value["commitments"], value["header_rlp"]
    return AnchorEvent(
        contract=value["contract"],
        mode=Mode[value["mode"].upper().replace("-", "_")],
        **{name: int(value[name]) for name in _NUMBERS},
        **{name: parse_hex(value[name]) for name in _HASHES},
        commitments=None if commitments is None else tuple(b64url_decode(each) for each in commitments),
        header_rlp=None if header is None else b64url_decode(header),
    )


def write_contents(contents: LogContents) -> dict[str, Any]:
    anchors = contents.anchors
    return {
        "leaves": [b64url_encode(each) for each in contents.leaves],
        "anchors": None if anchors is None else [write_anchor(each) for each in anchors],
    }


def read_contents(value: dict[str, Any]) -> LogContents:
    anchors = value["anchors"]
    return LogContents(
        tuple(Commitment(b64url_decode(each)) for each in value["leaves"]),
        None if anchors is None else tuple(read_anchor(each) for each in anchors),
    )
