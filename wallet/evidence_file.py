# SPDX-License-Identifier: EUPL-1.2
"""The evidence file of a share: everything that a third party needs to check it offline, and no claim value.

It holds the record of the share, of each take-back and of each answer, with the keys that open their commitments:
who gets this file learns what was shared with whom (by name of claim), so it is the citizen's to give. Proofs lead
to the newest anchored head that holds the entry, or to the newest head while none is anchored; a ledger that does
not answer leaves them out, and the levels that need them then read "could not tell".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ledger import record as records
from ledger.checkpoint import CheckpointKey
from ledger.client import Inclusion, LedgerClient
from ledger.evidence import Evidence, EvidenceRecord, InclusionEvidence
from protocol.encoding import JSON, b64url_decode, canonical_json
from protocol.errors import Error
from wallet.share import Share
from wallet.take_back import TakenBack


def build(share: Share, taken: Sequence[TakenBack], *, ledger: LedgerClient, checkpoint_key: str) -> bytes:
    """Return the evidence file."""
    found = [_share_record(share)]
    for each in taken:
        found.append(_take_back_record(each))
        found += [_answer_record(answer) for answer in each.answers]
    anchored = _find_anchored(ledger)
    placed = tuple(_place(each, anchored, ledger, checkpoint_key) for each in found)
    return canonical_json(Evidence(placed).to_json())


def _share_record(share: Share) -> EvidenceRecord:
    return EvidenceRecord(
        record=share.record,
        key=share.key,
        promise=share.promise,
        signature=share.signature,
        acceptance=share.acceptance or None,
        bindings=share.bindings,
    )


def _take_back_record(taken: TakenBack) -> EvidenceRecord:
    return EvidenceRecord(record=taken.record, key=taken.key, promise=taken.promise, signature=taken.signature)


def _answer_record(answer: Mapping[str, JSON]) -> EvidenceRecord:
    return EvidenceRecord(
        record=b64url_decode(str(answer["record"])),
        key=b64url_decode(str(answer["key"])),
        promise=str(answer["promise"]),
        signature=str(answer["signature"]),
    )


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
