# SPDX-License-Identifier: EUPL-1.2
"""What an office that receives can hand over to auditors: records of shares, of withdrawals and of its answers.

Blocked cases are handed over too: data are blocked so that authorities can still ask for them (LOPDGDD, article
32.2), and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.evidence import EvidenceRecord
from ledger.office_records import Found, Office
from ledger.reconciliation import Role
from ledger.records_request import RecordsRequest
from protocol.encoding import find_member, parse_object
from protocol.runtime.sealing import Sealer
from verifier.model import Presentation, Withdrawal
from verifier.report import KeptCase
from verifier.store import Store


class ShareArchive:
    """The `Archive` of a verifier's offices."""

    role = Role.VERIFIER

    def __init__(self, store: Store, *, sealer: Sealer, blocking_sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._blocking_sealer = blocking_sealer

    def get_office(self, administration_id: str) -> Office:
        """Return the office. Raises `RequestError` (`not_found`)."""
        found = self._store.get_administration(administration_id)
        return Office(found.code, found.signer_url, found.x5c)

    def count(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return how many shares a request is about."""
        if asked.commitment is not None:
            found = self._store.find_presentation_by_commitment(administration_id, asked.commitment)
            return 0 if found is None else 1
        since, until = asked.period
        return self._store.count_recorded(administration_id, since=since, until=until)

    def count_not_kept(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return how many of these shares have no record any more."""
        if asked.commitment is not None:
            found = self._presentations(administration_id, asked)
            return sum(self._find_case(each) is None for each in found)
        since, until = asked.period
        return self._store.count_not_kept(administration_id, since=since, until=until)

    def collect(self, administration_id: str, asked: RecordsRequest) -> Found:
        """Return the records of these shares, and what became of each."""
        records: list[EvidenceRecord] = []
        not_kept = 0
        for each in self._presentations(administration_id, asked):
            case = self._find_case(each)
            if case is None:
                not_kept += 1
            else:
                records.append(_share_record(case, each))
            for withdrawal in self._store.withdrawals_of(each.administration_id, each.id):
                records.extend(_withdrawal_records(withdrawal))
        return Found(tuple(records), not_kept)

    def _presentations(self, administration_id: str, asked: RecordsRequest) -> Sequence[Presentation]:
        if asked.commitment is not None:
            found = self._store.find_presentation_by_commitment(administration_id, asked.commitment)
            return [] if found is None else [found]
        since, until = asked.period
        return self._store.recorded_presentations(administration_id, since=since, until=until)

    def _find_case(self, presentation: Presentation) -> KeptCase | None:
        sealed = self._store.find_case(presentation.administration_id, presentation.id)
        if sealed is not None:
            return KeptCase.parse(self._sealer.open(sealed, about=presentation.about))
        blocked = self._store.find_blocked(presentation.administration_id, presentation.id)
        if blocked is None:
            return None
        return KeptCase.parse(self._blocking_sealer.open(blocked.sealed, about=presentation.about))


def _share_record(case: KeptCase, presentation: Presentation) -> EvidenceRecord:
    acceptance = None
    if presentation.answer is not None:
        acceptance = find_member(parse_object(presentation.answer), "consent_acceptance", str)
    receipt = case.receipt
    return EvidenceRecord(receipt.record, receipt.key, receipt.promise, receipt.signature, acceptance)


def _withdrawal_records(withdrawal: Withdrawal) -> Iterator[EvidenceRecord]:
    yield EvidenceRecord(withdrawal.record, withdrawal.key, withdrawal.promise, withdrawal.signature)
    answer = withdrawal.answer
    if answer is not None and answer.promise is not None:
        yield EvidenceRecord(answer.record, answer.key, answer.promise, answer.signature)
