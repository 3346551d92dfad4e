# SPDX-License-Identifier: EUPL-1.2
"""Why `TrustRegistry` or `LogOwner` refuse a call, in plain words (pure functions over what a node answers)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact

_SELECTOR_BYTES = 4
# by the names of the contract's errors; {0} is an error's first argument
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "NotMember": "{0} is no member of the registry",
        "NotAdministration": "only the administration's own account {1} accepts this, not {2}",
        "AlreadyApproved": "{1} approved this before",
        "NoApproval": "{1} has no approval to take back",
        "NotApproved": "{2} members must approve this first, and {1} did",
        "AlreadyInEffect": "this took effect before; to do the same again, propose it anew",
        "UnusableMembers": "expected 1 to {2} members in ascending order, and a threshold of more than half",
        "UnusableChange": "no entry has this combination of action, kind, role and subject",
        "DetailsLength": "the details have {0} bytes; at most {1} are taken",
        "EmptyInterval": "its time is over: it would end before it begins",
        "UnknownAdministration": "the administration does not take part; add it first",
        "EntryExists": "the registry has this already; to change it, end it first",
        "NoEntry": "the registry has no such entry, or it has ended",
        "NotEarlier": "an end or a compromise can only move to an earlier time, not after now",
        "KeyInUse": "the key is another administration's, or has another role, for good",
        "KeyCompromised": "the key is reported as compromised, and is never added again",
        "HashFailed": "the chain cannot compute SHA-256",
        "NotGranted": "the registry does not grant this log to this administration with the sealer {1} now",
        "StillGranted": "the registry still grants this log to who keeps it",
        "AlreadyKept": "the log is registered already",
        "NotKept": "the ledger's owner keeps no such log",
    }
)
UNEXPLAINED = "the contract refuses this, and does not say why"


def explain(output: bytes, *, contract: str) -> str:
    """Return the reason that a refused call of this contract answered with."""
    for entry in load_artifact(contract).abi:
        if entry["type"] != "error":
            continue
        kinds = ["uint8" if part["internalType"].startswith("enum ") else part["type"] for part in entry["inputs"]]
        selector: bytes = keccak(text=f"{entry['name']}({','.join(kinds)})")[:_SELECTOR_BYTES]
        if selector == output[:_SELECTOR_BYTES]:
            try:
                return WORDS[entry["name"]].format(*decode(kinds, output[_SELECTOR_BYTES:]))
            except DecodingError:
                break
    return UNEXPLAINED
