# SPDX-License-Identifier: EUPL-1.2
"""The audit of evidence about single shares: pure functions over bytes.

- Keys, contract and chain are the trust file's. A level that needs a key the file lacks *could not tell*.
- "Not taken back" needs all leaves: offline it could not tell, unless the file itself holds the withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ledger import record as records
from ledger.audit import LogContents
from ledger.commitment import Commitment
from ledger.evidence import Evidence
from ledger.evidence_place import FilePlaces, ReadRecord
from ledger.evidence_signatures import FileSignatures
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.record import ConsentRecord, RecordType
from ledger.trust import TrustFile
from protocol import jws
from protocol.encoding import b64url_encode, get_member
from protocol.errors import Error


def audit_evidence(
    evidence: Evidence, trust: TrustFile, contents: Mapping[str, LogContents], *, now: datetime
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings about each record of an evidence file.

    `contents` holds the logs that were read whole, by origin; none for an offline check.
    """
    read = [ReadRecord.of(each) for each in evidence.records]
    places = FilePlaces(trust, contents, now)
    signed = FileSignatures(read, trust, places)
    return tuple(_RecordAudit(each, trust, contents, signed, places).run() for each in read)


class _RecordAudit:
    """The levels of one record, each with what it needs from the ones before."""

    def __init__(
        self,
        read: ReadRecord,
        trust: TrustFile,
        contents: Mapping[str, LogContents],
        signed: FileSignatures,
        places: FilePlaces,
    ) -> None:
        self._read = read
        self._item = read.item
        self._trust = trust
        self._contents = contents
        self._signatures = signed
        self._places = places

    def run(self) -> tuple[Finding, ...]:
        """Return the findings, in the order of the levels."""
        record, commitment = self._read.record, self._read.commitment
        if record is None:
            return (violated(Level.OPENS, self._read.error),)
        try:
            promised = get_member(jws.parse(self._item.promise).claims(), "commitment", str)
        except Error as exc:
            return (violated(Level.OPENS, exc.message),)
        if promised != b64url_encode(commitment):
            return (violated(Level.OPENS, "the key and the record give another commitment than was promised"),)
        findings = [
            holds(Level.OPENS, f"{record.type} of {record.time:%Y-%m-%d %H:%M} UTC"),
            self._signatures.signed(self._read, record),
        ]
        if record.type is RecordType.SHARE:
            findings.append(self._signatures.countersigned(self._read, record))
        place = self._places.find(self._read, record)
        if place is None:
            return (*findings, could_not_tell(Level.PROMISED, f"the log {record.log} is not in the trust file"))
        return (*findings, *place.findings, *self._taken_back(record, commitment))

    def _taken_back(self, record: ConsentRecord, commitment: Commitment) -> Iterable[Finding]:
        if record.type is not RecordType.SHARE:
            return
        signed = self._signatures.find_withdrawal(commitment)
        if signed is not None:
            detail = f"taken back: {signed.take_back} on {signed.time:%Y-%m-%d %H:%M} UTC, signed"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.VIOLATED, detail, counts=False)
            return
        # a share is marked in the log of the day on which it is taken back
        marker = records.withdrawal_marker(self._item.key, commitment)
        unread = [each.origin for each in self._trust.logs if each.origin not in self._contents]
        if any(marker in each.leaves for each in self._contents.values()):
            detail = "contested: marked as taken back, but no signed withdrawal is in the file"
            yield could_not_tell(Level.NOT_TAKEN_BACK, detail, counts=False)
        elif unread:
            detail = f"needs all leaves of {', '.join(unread)}"
            yield could_not_tell(Level.NOT_TAKEN_BACK, detail, counts=False)
        elif any(each.first for each in self._contents.values()):
            yield could_not_tell(Level.NOT_TAKEN_BACK, "needs all leaves, not only the newest", counts=False)
        else:
            leaves = sum(len(each.leaves) for each in self._contents.values())
            detail = f"no marker in {leaves} leaves"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.HOLDS, detail, counts=False)
