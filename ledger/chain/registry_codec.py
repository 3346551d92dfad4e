# SPDX-License-Identifier: EUPL-1.2
"""Calls and events of `TrustRegistry` as bytes, both ways (pure functions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from ledger.registry_events import (
    WORD_BYTES,
    Action,
    Change,
    Kind,
    MembersChanged,
    Recorded,
    RegistryEvent,
    Role,
)
from protocol.errors import UnavailableError

CHANGE = "(uint8,uint8,uint8,bytes32,bytes32,uint64,uint64,bytes)"
_MEMBERS = ("address[]", "uint256")
_RECORDED = ("uint8", "uint8", "uint8", "uint64", "uint64", "uint64", "bytes", "bytes32")
_MEMBERS_CHANGED = ("address[]", "uint256", "uint64", "bytes32")
# keccak-256 of "Recorded(uint64,bytes32,bytes32,uint8,uint8,uint8,uint64,uint64,uint64,bytes,bytes32)"
RECORDED_TOPIC = bytes.fromhex("dcee410b18bcec01d241b566eb80147f2a60ba0c37afcd7131186f8c491a4617")
# keccak-256 of "MembersChanged(uint64,address[],uint256,uint64,bytes32)"
MEMBERS_CHANGED_TOPIC = bytes.fromhex("aadaf4813ee8163ca1ef80f2a9d60a2fc95b79fb889135d67b181c5f15e7a119")

# keccak-256 of "newest()", first four bytes
NEWEST_CALL = bytes.fromhex("8bdbdac1")


def encode_changes(name: str, *changes: Change) -> bytes:
    """Return the calldata of `approve` or `accept`."""
    return _selector(f"{name}({CHANGE}[])") + encode([f"{CHANGE}[]"], [[astuple(each) for each in changes]])


def encode_change_id(change: Change) -> bytes:
    """Return the calldata of `changeId`; what it answers also counts ends, so only the contract knows it."""
    return _selector(f"changeId({CHANGE})") + encode([CHANGE], [astuple(change)])


def encode_approvals(identifier: bytes) -> bytes:
    """Return the calldata of `approvals`."""
    return _selector("approvals(bytes32)") + identifier


def encode_members(name: str, members: Sequence[str], threshold: int) -> bytes:
    """Return the calldata of `approveMembers` or `acceptMembers`."""
    return _selector(f"{name}({','.join(_MEMBERS)})") + encode(_MEMBERS, [list(members), threshold])


def encode_withdraw(identifier: bytes) -> bytes:
    """Return the calldata of `withdraw`."""
    return _selector("withdraw(bytes32)") + identifier


def members_id(members: Sequence[str], threshold: int) -> bytes:
    """Return the identifier under which new members are approved."""
    digest: bytes = keccak(encode(["string", *_MEMBERS], ["members", list(members), threshold]))
    return digest


def read_registry_event(topics: Sequence[bytes], data: bytes) -> RegistryEvent | None:
    """Return the event of a log entry of the registry; None for approvals, which are no part of the history.

    Raises `UnavailableError`: a node that garbles an event tells nothing about the registry.
    """
    try:
        match [bytes(topic) for topic in topics]:
            case [first, sequence, administration, what] if first == RECORDED_TOPIC:
                action, kind, role, at, start, end, details, running = decode(_RECORDED, data)
                return Recorded(
                    sequence=int.from_bytes(sequence),
                    recorded_at=at,
                    running_hash=running,
                    action=Action(action),
                    kind=Kind(kind),
                    role=Role(role),
                    administration=administration,
                    what=what,
                    start=start,
                    end=end,
                    details=details,
                )
            case [first, sequence] if first == MEMBERS_CHANGED_TOPIC:
                members, threshold, at, running = decode(_MEMBERS_CHANGED, data)
                accounts = tuple(str(to_checksum_address(each)) for each in members)
                return MembersChanged(int.from_bytes(sequence), at, running, accounts, threshold)
            case [first, *_] if first in {RECORDED_TOPIC, MEMBERS_CHANGED_TOPIC}:
                raise UnavailableError(
                    "temporarily_unavailable", "the chain's node gives an event without its topics"
                )
    except (DecodingError, ValueError) as exc:
        raise UnavailableError("temporarily_unavailable", "the chain's node gives a malformed event") from exc
    return None


def read_newest(output: bytes) -> tuple[int, bytes]:
    """Return sequence number and running hash from what `newest()` answered. Raises `UnavailableError`."""
    if len(output) != 2 * WORD_BYTES:
        raise UnavailableError("temporarily_unavailable", "the chain's node gives no state of the registry")
    return int.from_bytes(output[:WORD_BYTES]), output[WORD_BYTES:]


def _selector(signature: str) -> bytes:
    digest: bytes = keccak(text=signature)
    return digest[:4]
