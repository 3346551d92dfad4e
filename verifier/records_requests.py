# SPDX-License-Identifier: EUPL-1.2
"""Auditors ask for the office's signed records of a period or a share; a clerk hands them over.

- Only an auditor of the trust list may ask, and only who asked may fetch, each time with a fresh signature.
- Blocked cases are handed over too: data are blocked so that authorities can still ask for them (LOPDGDD, article
  32.2), and nobody else.
- A clerk signs and hands over; nothing leaves by itself. What was handed over stays the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger import records_request as messages
from ledger.evidence import EvidenceRecord
from ledger.records_request import RecordsAnswer, RecordsRequest
from protocol.clock import Clock
from protocol.encoding import find_member, parse_object
from protocol.errors import RequestError, StoreConflictError
from protocol.keys import Signer
from protocol.runtime.sealing import Sealer
from protocol.trust import TrustedAuditor, TrustList
from verifier.model import Administration, Presentation, Texts, Withdrawal
from verifier.report import KeptCase
from verifier.store import Store


@dataclass(frozen=True)
class Access:
    """One fetching of an answer."""

    at: datetime
    auditor_name: Texts


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as the office keeps it."""

    # base64url digest of the token: what the auditor finds it by
    id: str
    administration_id: str
    token: str = field(repr=False)
    auditor_code: str
    auditor_name: Texts
    asked: RecordsRequest
    received_at: datetime
    answered_at: datetime | None = None
    answered_by: str | None = field(default=None, repr=False)
    answer: bytes | None = field(default=None, repr=False)


class RecordsStore(Protocol):
    """Requests, answers and accesses of one administration at a time."""

    def add_records_request(self, request: ReceivedRequest) -> ReceivedRequest:
        """Keep a request; safe to repeat: the first with its identifier stays."""

    def records_requests(self, administration_id: str) -> list[ReceivedRequest]:
        """Return all, those without an answer first, the most urgent first."""

    def get_records_request(self, administration_id: str, request_id: str) -> ReceivedRequest:
        """Return one. Raises `RequestError` (`not_found`)."""

    def answer_records_request(
        self, administration_id: str, request_id: str, *, answer: bytes, by: str, at: datetime
    ) -> None:
        """Keep what is handed over. Raises `StoreConflictError` (`records_answered`) when something was."""

    def add_access(self, administration_id: str, request_id: str, access: Access, *, digest: str) -> None:
        """Keep that an answer was fetched, before it is. A repeat raises `StoreConflictError` (`access_used`)."""

    def accesses(self, administration_id: str, request_id: str) -> list[Access]:
        """Return who fetched the answer, oldest first."""


class RecordsRequests:
    """Takes, answers and gives out."""

    def __init__(
        self,
        *,
        store: Store,
        requests: RecordsStore,
        trust: TrustList,
        sealer: Sealer,
        blocking_sealer: Sealer,
        clock: Clock,
        open_signer: Callable[[str], Signer],
    ) -> None:
        self._store = store
        self._requests = requests
        self._trust = trust
        self._sealer = sealer
        self._blocking_sealer = blocking_sealer
        self._clock = clock
        self._open_signer = open_signer

    def receive(self, administration_id: str, token: str) -> ReceivedRequest:
        """Keep an auditor's request and return it; the same again returns the same.

        Raises `VerificationError` (`issuer`, `signature`) unless an auditor of the trust list signed it, and
        `RequestError` (`invalid_records_request`) when it is to another office, or due in the past.
        """
        administration = self._store.get_administration(administration_id)
        # (1) who asks: on the trust list, for this
        auditor = self._auditor(token)
        # (2) what is asked, as they signed it
        asked = RecordsRequest.verify(token, auditor.key)
        # (3) of us, and still to be answered
        now = self._clock.now()
        if asked.party != administration.code:
            raise RequestError(messages.CODE, "the request is to another administration")
        if asked.due_on < now.date():
            raise RequestError(messages.CODE, "the answer is due on a day that has passed")
        if asked.until is not None and asked.until > now:
            raise RequestError(messages.CODE, "the period is not over yet: its records can still change")
        return self._requests.add_records_request(
            ReceivedRequest(
                id=messages.digest_of(token).hex(),
                administration_id=administration_id,
                token=token,
                auditor_code=auditor.party_code,
                auditor_name=auditor.party_name,
                asked=asked,
                received_at=now,
            )
        )

    def count(self, request: ReceivedRequest) -> int:
        """Return how many shares the request is about."""
        here, asked = request.administration_id, request.asked
        if asked.commitment is not None:
            return 0 if self._store.find_presentation_by_commitment(here, asked.commitment) is None else 1
        since, until = _period(asked)
        return self._store.count_recorded(here, since=since, until=until)

    def hand_over(self, administration_id: str, request_id: str, *, by: str) -> None:
        """Sign what is asked for, and make it fetchable.

        Raises `StoreConflictError` (`records_answered`) when that was done before, and `RequestError`
        (`too_many_records`).
        """
        request = self._requests.get_records_request(administration_id, request_id)
        if request.answer is not None:
            raise StoreConflictError("records_answered", "the records were handed over before")
        administration = self._store.get_administration(administration_id)
        now = self._clock.now()
        found, not_kept = self._collect(self._presentations(request))
        made = RecordsAnswer(administration.code, now, tuple(found), not_kept)
        signed = self._sign(made, request, administration)
        self._requests.answer_records_request(administration_id, request_id, answer=signed, by=by, at=now)

    def fetch(self, administration_id: str, request_id: str, access: str) -> bytes | None:
        """Return what was handed over, or None while nothing was; the access is kept first.

        Raises `VerificationError` unless whoever asked signed this access just now, `StoreConflictError`
        (`access_used`) when it was used before.
        """
        request = self._requests.get_records_request(administration_id, request_id)
        auditor = self._auditor(access)
        now = self._clock.now()
        expected = messages.digest_of(request.token)
        signed = messages.verify_access(access, auditor.key, expected_request=expected, now=now)
        if auditor.party_code != request.auditor_code:
            raise RequestError("not_found", "there is no such request", status=404)
        if request.answer is None:
            return None
        self._requests.add_access(
            administration_id,
            request_id,
            Access(now, auditor.party_name),
            digest=signed.hex(),
        )
        return request.answer

    def _auditor(self, token: str) -> TrustedAuditor:
        return self._trust.get_auditor(messages.find_chain(token), now=self._clock.now())

    def _sign(self, made: RecordsAnswer, request: ReceivedRequest, administration: Administration) -> bytes:
        signer = self._open_signer(administration.signer_url)
        return made.sign(request.token, signer, x5c=administration.x5c)

    def _presentations(self, request: ReceivedRequest) -> Sequence[Presentation]:
        """Return what the request is about. Raises `RequestError` (`too_many_records`) before loading too many."""
        here, asked = request.administration_id, request.asked
        if asked.commitment is not None:
            found = self._store.find_presentation_by_commitment(here, asked.commitment)
            return [] if found is None else [found]
        # the period is over, so nothing can be added to it after it was counted
        messages.check_count(self.count(request))
        since, until = _period(asked)
        return self._store.recorded_presentations(here, since=since, until=until)

    def _collect(self, presentations: Sequence[Presentation]) -> tuple[list[EvidenceRecord], int]:
        found: list[EvidenceRecord] = []
        not_kept = 0
        for each in presentations:
            case = self._find_case(each)
            if case is None:
                not_kept += 1
            else:
                found.append(_share_record(case, each))
            for withdrawal in self._store.withdrawals_of(each.administration_id, each.id):
                found.extend(_withdrawal_records(withdrawal))
        return found, not_kept

    def _find_case(self, presentation: Presentation) -> KeptCase | None:
        sealed = self._store.find_case(presentation.administration_id, presentation.id)
        if sealed is not None:
            return KeptCase.parse(self._sealer.open(sealed, about=presentation.about))
        blocked = self._store.find_blocked(presentation.administration_id, presentation.id)
        if blocked is None:
            return None
        return KeptCase.parse(self._blocking_sealer.open(blocked.sealed, about=presentation.about))


def _period(asked: RecordsRequest) -> tuple[datetime, datetime]:
    assert asked.since is not None  # noqa: S101 - a request has a period or a commitment
    assert asked.until is not None  # noqa: S101 - the same
    return asked.since, asked.until


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
