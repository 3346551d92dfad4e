# SPDX-License-Identifier: EUPL-1.2
"""Who signed the records of an evidence file: pure functions over its bytes.

- A share and its withdrawal are the citizen's, signed with the consent key of the share. One that an office
  recorded for somebody has no such signature; then the office's own word is what there is, and is needed.
- An answer, and a withdrawal that an office received, are signed by the office that the share went to. Another
  office's signature is none.
- A query at a source is the word of the office that asked, and is signed with a key with which it issues.
- A signature with a key that the trust file limits counts only from the days of that key (`ledger.trusted_key`).
- Each record is read and each signature judged once, so that a file costs no more than its records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger import signatures
from ledger.commitment import Commitment
from ledger.evidence_place import FilePlaces, ReadRecord
from ledger.findings import Finding, Level, Outcome, could_not_tell, doubted, holds, violated
from ledger.record import ConsentRecord, RecordType
from ledger.signatures import Acceptance
from ledger.trust import TrustFile
from ledger.trusted_key import TrustedKey, mildest
from protocol.errors import Error
from protocol.keys import PublicKey

_ANSWERS = frozenset({RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})
# What takes a share back or answers that, and what an office says of itself: nobody's word is enough for these.
_MUST_BE_SIGNED = _ANSWERS | {RecordType.WITHDRAWAL, RecordType.QUERY}
# From an answer over the request to the share.
_STEPS_TO_SHARE = 2
_NONE = Commitment(b"")


class FileSignatures:
    """The signatures of one file under one trust file."""

    def __init__(self, read: Sequence[ReadRecord], trust: TrustFile, places: FilePlaces) -> None:
        self._read = read
        self._trust = trust
        self._places = places
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
        keys = self._access_keys(office)
        return self._signed_by_office(
            read, record, keys, lambda key: signatures.verify_answer(signature, read.item.record, key)
        )

    def _judge_query(self, read: ReadRecord, record: ConsentRecord, signature: str) -> Finding:
        known = self._trust.find_administration(record.party.identifier)
        keys = () if known is None else known.issuer_keys
        return self._signed_by_office(
            read, record, keys, lambda key: signatures.verify_query(signature, read.item.record, key)
        )

    def _signed_by_office(
        self,
        read: ReadRecord,
        record: ConsentRecord,
        keys: Sequence[TrustedKey],
        verify: Callable[[PublicKey], None],
    ) -> Finding:
        office = record.party.identifier
        if not keys:
            return could_not_tell(Level.SIGNED, f"no key of {office} in the trust file")
        signing = _periods(keys, verify)
        if not signing:
            return violated(Level.SIGNED, f"not signed by a known key of {office}")
        detail = f"{record.type} signed by {record.party.name}"
        if not any(each.is_limited for each in signing):
            return holds(Level.SIGNED, detail)
        seen = self._places.seen(read, record)
        doubt = mildest(each.find_doubt_of_record(said_at=record.time, seen=seen) for each in signing)
        if doubt is not None:
            return doubted(Level.SIGNED, doubt)
        return holds(Level.SIGNED, f"{detail}, with the key {signing[0].key.thumbprint()} in its days")

    def _judge_acceptance(self, read: ReadRecord, record: ConsentRecord) -> Finding:
        token, office = read.item.acceptance, record.party.identifier
        if token is None:
            return could_not_tell(Level.COUNTERSIGNED, "no countersignature in the file", counts=False)
        keys = self._access_keys(office)
        if not keys:
            return could_not_tell(Level.COUNTERSIGNED, f"no key of {office} in the trust file")
        accepted: list[Acceptance] = []
        signing = _periods(
            keys,
            lambda key: accepted.append(
                signatures.verify_acceptance(token, key, expected_commitment=read.commitment)
            ),
        )
        if not signing:
            return violated(Level.COUNTERSIGNED, f"not signed by a known key of {office}")
        (found,) = accepted
        promised_at = self._places.seen(read, record).promised_at if any(e.is_limited for e in signing) else None
        doubt = mildest(
            each.find_doubt_of_word(said_at=found.accepted_at, not_before=promised_at) for each in signing
        )
        if doubt is not None:
            return doubted(Level.COUNTERSIGNED, doubt)
        detail = f"{found.result} by {record.party.name}, {found.accepted_at:%Y-%m-%d %H:%M} UTC"
        return holds(Level.COUNTERSIGNED, detail)

    def _find_share(self, record: ConsentRecord) -> ConsentRecord | None:
        """Return the share that a record is, answers, or answers the request about."""
        found: ConsentRecord | None = record
        for _ in range(_STEPS_TO_SHARE):
            if found is None or found.type is RecordType.SHARE:
                break
            found = self._by_commitment.get(found.previous or _NONE)
        return found if found is not None and found.type is RecordType.SHARE else None

    def _access_keys(self, office: str) -> tuple[TrustedKey, ...]:
        known = self._trust.find_administration(office)
        return () if known is None else known.access_keys


def _periods(keys: Sequence[TrustedKey], verify: Callable[[PublicKey], None]) -> list[TrustedKey]:
    """Return the key that a signature verifies with, as often as it has periods; none when no key fits."""
    for each in keys:
        try:
            verify(each.key)
        except Error:
            continue
        return [other for other in keys if other.key == each.key]
    return []
