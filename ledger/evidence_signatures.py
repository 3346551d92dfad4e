# SPDX-License-Identifier: EUPL-1.2
"""Who signed the records of an evidence file: pure functions over its bytes.

- A share and its withdrawal are the citizen's, signed with the consent key of the share. One that an office
  recorded for somebody has no such signature; then the office's own word is what there is, and is needed.
- An answer, and a withdrawal that an office received, are signed by the office that the share went to. Another
  office's signature is none.
- A query at a source is the word of the office that asked, and is signed with a key with which it issues.
- Each record is read and each signature judged once, so that a file costs no more than its records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ledger import record as records
from ledger import signatures
from ledger.commitment import Commitment
from ledger.evidence import EvidenceRecord
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.record import ConsentRecord, RecordType
from ledger.trust import TrustFile
from protocol.errors import Error
from protocol.keys import PublicKey

_ANSWERS = frozenset({RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})
# What takes a share back or answers that, and what an office says of itself: nobody's word is enough for these.
_MUST_BE_SIGNED = _ANSWERS | {RecordType.WITHDRAWAL, RecordType.QUERY}
# From an answer over the request to the share.
_STEPS_TO_SHARE = 2
_NONE = Commitment(b"")


@dataclass(frozen=True, eq=False)
class ReadRecord:
    """One record of a file, read once: canonical JSON costs as much as a signature.

    `error` says why it cannot be read; then there is no record, and the commitment is empty.
    """

    item: EvidenceRecord
    record: ConsentRecord | None = None
    commitment: Commitment = _NONE
    error: str = ""

    @classmethod
    def of(cls, item: EvidenceRecord) -> ReadRecord:
        """Return the record as far as it can be read."""
        try:
            return cls(item, records.parse(item.record), records.commit(item.key, item.record))
        except Error as exc:
            return cls(item, error=exc.message)


class FileSignatures:
    """The signatures of one file under one trust file."""

    def __init__(self, read: Sequence[ReadRecord], trust: TrustFile) -> None:
        self._read = read
        self._trust = trust
        self._by_commitment = {each.commitment: each.record for each in read if each.record is not None}
        self._signed: dict[ReadRecord, Finding] = {}
        self._countersigned: dict[ReadRecord, Finding] = {}

    def signed(self, read: ReadRecord, record: ConsentRecord) -> Finding:
        """Return whether a record of the file is signed by whom it has to be."""
        if read not in self._signed:
            self._signed[read] = self._judge(read, record)
        return self._signed[read]

    def countersigned(self, read: ReadRecord, record: ConsentRecord) -> Finding:
        """Return whether the office that a share went to countersigned it."""
        if read not in self._countersigned:
            self._countersigned[read] = self._judge_acceptance(read, record)
        return self._countersigned[read]

    def find_withdrawal(self, share: Commitment) -> ConsentRecord | None:
        """Return the withdrawal of this share in the file that is signed by whom it has to be."""
        for each in self._read:
            record = each.record
            if record is None or (record.type, record.previous) != (RecordType.WITHDRAWAL, share):
                continue
            if self.signed(each, record).outcome is Outcome.HOLDS:
                return record
        return None

    def _judge(self, read: ReadRecord, record: ConsentRecord) -> Finding:
        signature, is_wallets = read.item.signature, record.recorded_by == "wallet"
        if signature is None:
            if is_wallets or record.type in _MUST_BE_SIGNED:
                return violated(Level.SIGNED, "no signature in the file")
            # the office's countersignature is a word that somebody stands by; without one nobody does
            is_office_word = (
                record.type is RecordType.SHARE and self.countersigned(read, record).outcome is Outcome.HOLDS
            )
            return could_not_tell(
                Level.SIGNED, f"no: recorded by the {record.recorded_by}", counts=not is_office_word
            )
        share = self._find_share(record)
        if record.type in _MUST_BE_SIGNED and not is_wallets:
            return self._judge_office(read, record, share, signature)
        if share is None or share.consent_key is None:
            return could_not_tell(Level.SIGNED, "the share with the consent key is not in the file")
        verify = signatures.verify_record if record.type is RecordType.SHARE else signatures.verify_withdrawal
        try:
            verify(signature, read.item.record, share.consent_key)
        except Error as exc:
            return violated(Level.SIGNED, exc.message)
        return holds(Level.SIGNED, f"by the consent key of {share.transaction_identifier}")

    def _judge_office(
        self, read: ReadRecord, record: ConsentRecord, share: ConsentRecord | None, signature: str
    ) -> Finding:
        if record.type is RecordType.QUERY:
            return self._judge_query(read, record, signature)
        if share is None:
            return could_not_tell(Level.SIGNED, "the share that it is about is not in the file")
        office = share.party.identifier
        if record.party.identifier != office:
            return violated(Level.SIGNED, f"by {record.party.identifier}, but the share went to {office}")
        return _signed_by_office(
            record,
            self._access_keys(office),
            lambda key: signatures.verify_answer(signature, read.item.record, key),
        )

    def _judge_query(self, read: ReadRecord, record: ConsentRecord, signature: str) -> Finding:
        known = self._trust.find_administration(record.party.identifier)
        return _signed_by_office(
            record,
            () if known is None else known.issuer_keys,
            lambda key: signatures.verify_query(signature, read.item.record, key),
        )

    def _judge_acceptance(self, read: ReadRecord, record: ConsentRecord) -> Finding:
        token, office = read.item.acceptance, record.party.identifier
        if token is None:
            return could_not_tell(Level.COUNTERSIGNED, "no countersignature in the file", counts=False)
        keys = self._access_keys(office)
        if not keys:
            return could_not_tell(Level.COUNTERSIGNED, f"no key of {office} in the trust file")
        for key in keys:
            try:
                accepted = signatures.verify_acceptance(token, key, expected_commitment=read.commitment)
            except Error:
                continue
            detail = f"{accepted.result} by {record.party.name}, {accepted.accepted_at:%Y-%m-%d %H:%M} UTC"
            return holds(Level.COUNTERSIGNED, detail)
        return violated(Level.COUNTERSIGNED, f"not signed by a known key of {office}")

    def _find_share(self, record: ConsentRecord) -> ConsentRecord | None:
        """Return the share that a record is, answers, or answers the request about."""
        found: ConsentRecord | None = record
        for _ in range(_STEPS_TO_SHARE):
            if found is None or found.type is RecordType.SHARE:
                break
            found = self._by_commitment.get(found.previous or _NONE)
        return found if found is not None and found.type is RecordType.SHARE else None

    def _access_keys(self, office: str) -> tuple[PublicKey, ...]:
        known = self._trust.find_administration(office)
        return () if known is None else known.access_keys


def _signed_by_office(
    record: ConsentRecord, keys: Sequence[PublicKey], verify: Callable[[PublicKey], None]
) -> Finding:
    office = record.party.identifier
    if not keys:
        return could_not_tell(Level.SIGNED, f"no key of {office} in the trust file")
    if _any(keys, verify):
        return holds(Level.SIGNED, f"{record.type} signed by {record.party.name}")
    return violated(Level.SIGNED, f"not signed by a known key of {office}")


def _any(keys: Iterable[PublicKey], verify: Callable[[PublicKey], None]) -> bool:
    for key in keys:
        try:
            verify(key)
        except Error:
            continue
        return True
    return False
