# SPDX-License-Identifier: EUPL-1.2
"""How the ledger shows a log and an anchor: as JSON for programs."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from ledger.cosignature import WitnessKey
from ledger.trust import format_hex
from ledger.values import LastCosigned, LogState, ShownAnchor, StoredAnchor, StoredCheckpoint
from protocol.encoding import JSON, parse_object


def log_json(
    log: LogState,
    validators: frozenset[str],
    *,
    mirrors: frozenset[str],
    witnesses: Mapping[WitnessKey, LastCosigned | None],
    is_current: bool,
) -> dict[str, JSON]:
    """Return a log's description, as in a trust file, with its present state."""
    return {
        **log.audited(validators).to_json(),
        "name": log.name,
        "current": is_current,
        "state": log.condition.value,
        "reason": log.reason,
        "size": log.size,
        "mirrors": [*sorted(mirrors)],
        "witnesses": [_witness_json(key, last) for key, last in witnesses.items()],
        "signed_at": log.signed_at.isoformat(),
        "freezes_at": None if log.freezes_at is None else log.freezes_at.isoformat(),
    }


def _witness_json(key: WitnessKey, last: LastCosigned | None) -> dict[str, JSON]:
    return {
        "key": key.text(),
        "size": 0 if last is None else last.size,
        "cosigned_at": None if last is None else last.at.isoformat(),
    }


def anchor_json(log: LogState, anchor: ShownAnchor) -> dict[str, JSON]:
    """Return an anchor, as in lists."""
    return {
        "log": log.origin,
        "prev_size": anchor.prev_size,
        "size": anchor.size,
        "root": base64.b64encode(anchor.root).decode(),
        "state": anchor.state.value,
        "chain_id": log.chain_id,
        "contract": log.contract,
        "transaction": format_hex(anchor.transaction_hash),
        "block_number": anchor.block_number,
        "block_hash": None if anchor.block_hash is None else format_hex(anchor.block_hash),
        "settled_at": None if anchor.settled_at is None else anchor.settled_at.isoformat(),
    }


def whole_anchor_json(log: LogState, anchor: StoredAnchor, checkpoint: StoredCheckpoint) -> dict[str, JSON]:
    """Return an anchor with its checkpoint, and its proof once it is final."""
    return {
        **anchor_json(log, anchor),
        "checkpoint": checkpoint.note,
        "proof": parse_object(anchor.evidence) if anchor.evidence else None,
    }
