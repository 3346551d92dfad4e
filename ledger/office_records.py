# SPDX-License-Identifier: EUPL-1.2
"""Auditors ask an office for its signed records of a period or of one entry; somebody there hands them over.

- Only an auditor of the trust list may ask, and only who asked may fetch, each time with a fresh signature.
- An office is asked in one role: for what was shared with it, or for what it asked of sources. What was signed for
  one is refused in the other.
- Nothing leaves by itself. What was handed over stays the same bytes. Each access is kept before it is answered.
- An answer does not outlive its records: when one of them is destroyed, so is the answer. The auditor asks anew.

Services that keep records use this with an `Archive` of their own. It holds whatever the office still has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger import records_request as messages
from ledger.evidence import EvidenceRecord
from ledger.reconciliation import Role
from ledger.records_request import RecordsAnswer, RecordsRequest
from protocol.clock import Clock
from protocol.errors import RequestError, StoreConflictError
from protocol.keys import Signer
from protocol.trust import TrustedAuditor, TrustList


@dataclass(frozen=True)
class Access:
    """One fetching of an answer."""

    at: datetime
    # language → name
    auditor_name: Mapping[str, str]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as the office keeps it."""

    # digest of the token, in hexadecimal digits: what the auditor finds it by
    id: str
    administration_id: str
    token: str = field(repr=False)
    auditor_code: str
    auditor_name: Mapping[str, str]
    asked: RecordsRequest
    received_at: datetime
    answered_at: datetime | None = None
    answered_by: str | None = field(default=None, repr=False)
    # whether what was handed over is still there: until one of its records is destroyed
    is_kept: bool = False


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

    def find_answer(self, administration_id: str, request_id: str) -> bytes | None:
        """Return what was handed over, or None when nothing was, or it was destroyed."""

    def destroy_answer(self, administration_id: str, request_id: str) -> None:
        """Forget what was handed over, and that only; who fetched it stays known."""

    def add_access(self, administration_id: str, request_id: str, access: Access, *, digest: str) -> None:
        """Keep that an answer was fetched, before it is. A repeat raises `StoreConflictError` (`access_used`)."""

    def accesses(self, administration_id: str, request_id: str) -> list[Access]:
        """Return who fetched the answer, oldest first."""


@dataclass(frozen=True)
class Office:
    """Who is asked, and with what it signs what it hands over."""

    code: str
    signer_url: str = field(repr=False)
    x5c: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Found:
    """What an archive has of what is asked for, and of how many it has no record, or none that it can show yet."""

    records: tuple[EvidenceRecord, ...]
    not_kept: int
    unpromised: int = 0


class Archive(Protocol):
    """What one service keeps for its offices, each in the same role."""

    @property
    def role(self) -> Role:
        """In which role its offices are asked."""

    def get_office(self, administration_id: str) -> Office:
        """Return the office. Raises `RequestError` (`not_found`)."""

    def count(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return how many entries a request is about, without opening one."""

    def count_not_kept(self, administration_id: str, asked: RecordsRequest) -> int:
        """Return how many entries of a request have no record any more. It never becomes less."""

    def collect(self, administration_id: str, asked: RecordsRequest) -> Found:
        """Return what is there. Only after `count` was found to be no more than one answer holds."""


class RecordsRequests:
    """Takes, answers and gives out."""

    def __init__(
        self,
        *,
        archive: Archive,
        requests: RecordsStore,
        trust: TrustList,
        clock: Clock,
        open_signer: Callable[[str], Signer],
    ) -> None:
        self._archive = archive
        self._requests = requests
        self._trust = trust
        self._clock = clock
        self._open_signer = open_signer

    def receive(self, administration_id: str, token: str) -> ReceivedRequest:
        """Keep an auditor's request and return it; the same again returns the same.

        Raises `VerificationError` (`issuer`, `signature`) unless an auditor of the trust list signed it, and
        `RequestError` (`invalid_records_request`) when it is to another office, or due in the past.
        """
        office = self._archive.get_office(administration_id)
        # (1) who asks: on the trust list, for this
        auditor = self._auditor(token)
        # (2) what is asked, as they signed it
        asked = RecordsRequest.verify(token, auditor.key)
        # (3) of us, and still to be answered
        now = self._clock.now()
        if asked.party != office.code:
            raise RequestError(messages.CODE, "the request is to another administration")
        if asked.role is not self._archive.role:
            raise RequestError(messages.CODE, f"expected a request to the {self._archive.role}, got {asked.role}")
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
        """Return how many entries the request is about."""
        return self._archive.count(request.administration_id, request.asked)

    def hand_over(self, administration_id: str, request_id: str, *, by: str) -> None:
        """Sign what is asked for, and make it fetchable.

        Raises `StoreConflictError` (`records_answered`) when that was done before, and `RequestError`
        (`too_many_records`).
        """
        request = self._requests.get_records_request(administration_id, request_id)
        if request.answered_at is not None:
            raise StoreConflictError("records_answered", "the records were handed over before")
        office = self._archive.get_office(administration_id)
        now = self._clock.now()
        # the period is over, so nothing can be added to it after it was counted
        messages.check_count(self.count(request))
        found = self._archive.collect(administration_id, request.asked)
        made = RecordsAnswer(office.code, now, found.records, found.not_kept, found.unpromised)
        signed = made.sign(request.token, self._open_signer(office.signer_url), x5c=office.x5c)
        self._requests.answer_records_request(administration_id, request_id, answer=signed, by=by, at=now)

    def fetch(self, administration_id: str, request_id: str, access: str) -> bytes | None:
        """Return what was handed over, or None while nothing was; the access is kept first.

        Raises `VerificationError` unless whoever asked signed this access just now, `StoreConflictError`
        (`access_used`) when it was used before, `RequestError` (`records_destroyed`) when the answer is gone.
        """
        request = self._requests.get_records_request(administration_id, request_id)
        auditor = self._auditor(access)
        now = self._clock.now()
        expected = messages.digest_of(request.token)
        signed = messages.verify_access(access, auditor.key, expected_request=expected, now=now)
        if auditor.party_code != request.auditor_code:
            raise RequestError("not_found", "there is no such request", status=404)
        if request.answered_at is None:
            return None
        answer = self._requests.find_answer(administration_id, request_id)
        if answer is None:
            raise RequestError("records_destroyed", "a record of this answer was destroyed; ask anew", status=410)
        self._requests.add_access(
            administration_id,
            request_id,
            Access(now, auditor.party_name),
            digest=signed.hex(),
        )
        return answer

    def destroy_answers(self, administration_id: str) -> int:
        """Destroy each answer that holds a record which the office no longer keeps, and return how many.

        To be called after records were destroyed; whatever a crash left is found the next time.
        """
        destroyed = 0
        for each in self._requests.records_requests(administration_id):
            answer = self._requests.find_answer(administration_id, each.id) if each.is_kept else None
            if answer is None:
                continue
            if self._archive.count_not_kept(administration_id, each.asked) > messages.not_kept_of(answer):
                self._requests.destroy_answer(administration_id, each.id)
                destroyed += 1
        return destroyed

    def _auditor(self, token: str) -> TrustedAuditor:
        return self._trust.get_auditor(messages.find_chain(token), now=self._clock.now())
