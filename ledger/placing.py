# SPDX-License-Identifier: EUPL-1.2
"""Evidence with its place in the log: whoever hands out an evidence file adds what the ledger shows now.

Proofs lead to the newest anchored head that holds the entry, or to the newest head while none is anchored; a
ledger that does not answer leaves them out, and the levels that need them then read "could not tell". Whole tiles
are read, so that the ledger does not learn which entry somebody cares about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger import record as records
from ledger.checkpoint import CheckpointKey
from ledger.client import Inclusion, LedgerClient
from ledger.evidence import EvidenceRecord, InclusionEvidence
from protocol.errors import Error


def place(
    found: Sequence[EvidenceRecord], *, ledger: LedgerClient, checkpoint_key: str
) -> tuple[EvidenceRecord, ...]:
    """Return the records, each with its place as far as the ledger can show it."""
    anchored = _find_anchored(ledger)
    return tuple(_place(each, anchored, ledger, checkpoint_key) for each in found)


def _find_anchored(ledger: LedgerClient) -> int | None:
    """Return the newest size that the chain holds for good; None when there is none, or no answer."""
    try:
        return ledger.find_final_size()
    except Error:
        return None


def _place(
    record: EvidenceRecord, anchored: int | None, ledger: LedgerClient, checkpoint_key: str
) -> EvidenceRecord:
    """Return the record with its place in the log, as far as the ledger can show it now."""
    try:
        key = CheckpointKey.parse(checkpoint_key)
        commitment = records.commit(record.key, record.record)
        if anchored is not None:
            anchor = ledger.anchor(anchored)
            note, proof = anchor.get("checkpoint"), anchor.get("proof")
            found = ledger.prove(commitment, key, note=note) if isinstance(note, str) else None
            if found is not None and isinstance(proof, dict):
                return replace(_with_inclusion(record, found), anchor=proof)
        found = ledger.prove(commitment, key)
    except Error:
        return record
    return record if found is None else _with_inclusion(record, found)


def _with_inclusion(record: EvidenceRecord, found: Inclusion) -> EvidenceRecord:
    place = InclusionEvidence(found.leaf_index, found.checkpoint.size, found.proof)
    return replace(record, inclusion=place, checkpoint=found.note)
