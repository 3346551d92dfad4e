# SPDX-License-Identifier: EUPL-1.2
"""The evidence file of a share: everything that a third party needs to check it offline, and no claim value.

It holds the record of the share, of each take-back and of each answer, with the keys that open their commitments:
who gets this file learns what was shared with whom (by name of claim), so it is the citizen's to give. Proofs are
added as far as the ledger can show them (`ledger.placing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.client import LedgerClient
from ledger.evidence import Evidence, EvidenceRecord
from ledger.placing import place
from protocol.encoding import JSON, b64url_decode, canonical_json
from wallet.share import Share
from wallet.take_back import TakenBack


def build(share: Share, taken: Sequence[TakenBack], *, ledger: LedgerClient, checkpoint_key: str) -> bytes:
    """Return the evidence file."""
    found = [_share_record(share)]
    for each in taken:
        found.append(_take_back_record(each))
        found += [_answer_record(answer) for answer in each.answers]
    return canonical_json(Evidence(place(found, ledger=ledger, checkpoint_key=checkpoint_key)).to_json())


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
