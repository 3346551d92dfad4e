# SPDX-License-Identifier: EUPL-1.2
"""The case in an evidence file: one share, what was asked afterwards, how it was answered, and what is proven.

- Nothing here is believed because the file says so: what a level of `ledger.evidence_audit` did not find to hold
  is one side's word or could not be checked, and is kept apart.
- The term for an answer begins when the request arrives. The file cannot show that; it shows when the log promised
  the request, which is before it was sent. The term counted from there is the earliest one, so "in time" is
  certain and "late" may not be, once a block of that time shows the answer; without one it is the log's word.
- That a file holds no answer does not prove that none was given.

A complaint is the same file with a request and no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger import promise as promises
from ledger import record as records
from ledger import signatures
from ledger.commitment import Commitment
from ledger.evidence import Evidence, EvidenceRecord
from ledger.evidence_audit import audit_evidence
from ledger.evidence_place import anchored_at
from ledger.findings import Finding, Level, Outcome
from ledger.record import ClaimReference, ConsentRecord, RecordType
from ledger.signatures import Acceptance
from ledger.trust import TrustFile
from protocol.deadlines import is_by, legal_due
from protocol.encoding import sha256
from protocol.errors import Error, RequestError

CODE = "invalid_case"
_ANSWERS = frozenset({RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})


class Timeliness(StrEnum):
    """How an answer stands to the legal term, as far as the file shows."""

    IN_TIME = "in-time"
    """Signed by the office and anchored on the chain within the earliest term."""
    IN_TIME_BY_LOG = "in-time-by-log"
    """Promised by the log within the earliest term; no block of that time shows it, only the log's own clock."""
    AFTER_TERM = "after-term"
    """Only later: late, unless the request arrived correspondingly later."""
    TERM_RUNS = "term-runs"
    """No answer in the file, and the earliest term has not ended."""
    NO_ANSWER = "no-answer"
    """No answer in the file, and the earliest term has ended."""
    NOT_SHOWN = "not-shown"
    """An answer is in the file, but who signed it or when could not be checked."""
    NOT_A_REQUEST = "not-a-request"
    """The request itself is not shown to be the person's, so no term follows from it."""


@dataclass(frozen=True)
class Step:
    """One record of the case with what the audit found about it."""

    record: ConsentRecord
    findings: tuple[Finding, ...]
    promised_at: datetime | None
    """When the log promised it; None unless the promise holds."""
    anchored_at: datetime | None = None
    """When the block was made that shows it; None unless the block is vouched for."""

    def outcome(self, level: Level) -> Outcome | None:
        """Return what a level came to; None when the audit did not come to it."""
        return next((each.outcome for each in self.findings if each.level is level), None)

    @property
    def is_shown(self) -> bool:
        """Whether the record is the one that was entered, and signed by whom it has to be."""
        opens, signed = self.outcome(Level.OPENS), self.outcome(Level.SIGNED)
        return opens is Outcome.HOLDS and signed is Outcome.HOLDS


@dataclass(frozen=True)
class Request:
    """A withdrawal, an objection or a request to erase, with the answers to it."""

    step: Step
    answers: tuple[Step, ...]
    due_on: date
    """The last day of the earliest term."""
    timeliness: Timeliness


@dataclass(frozen=True)
class Case:
    """Everything that a statement says."""

    digest: bytes
    """SHA-256 of the file, so that a statement names the very file."""
    share: Step
    acceptance: Acceptance | None
    """The office's countersignature; None unless it holds."""
    requests: tuple[Request, ...]
    loose: int
    """Records in the file that cannot be read or do not belong to the share."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All records of the case, in their order."""
        return (
            self.share,
            *(step for each in self.requests for step in (each.step, *each.answers)),
        )


def open_case(data: bytes, trust: TrustFile, *, now: datetime) -> Case:
    """Return the case in a file's bytes.

    Raises `RequestError` (`invalid_evidence`) when it is no evidence file, and (`invalid_case`) unless it holds
    exactly one share that can be read.
    """
    evidence = Evidence.parse(data)
    found = audit_evidence(evidence, trust, {}, now=now)
    steps = [_step(item, findings, trust) for item, findings in zip(evidence.records, found, strict=True)]
    read = [(step, commitment, item) for (step, commitment), item in zip(steps, evidence.records, strict=True)]
    shares = [each for each in read if each[0] is not None and each[0].record.type is RecordType.SHARE]
    if len(shares) != 1:
        raise RequestError(CODE, f"expected one share in the file, got {len(shares)}")
    ((share, commitment, item),) = shares
    assert share is not None  # noqa: S101 - filtered above
    followers = [(step, own) for step, own, _ in read if step is not None]
    requests = tuple(
        _request(step, own, followers, now)
        for step, own in followers
        if step.record.type is RecordType.WITHDRAWAL and step.record.previous == commitment
    )
    used = 1 + sum(1 + len(each.answers) for each in requests)
    return Case(
        digest=sha256(data),
        share=share,
        acceptance=_acceptance(share, commitment, item, trust),
        requests=requests,
        loose=len(evidence.records) - used,
    )


def _step(item: EvidenceRecord, findings: tuple[Finding, ...], trust: TrustFile) -> tuple[Step | None, Commitment]:
    try:
        record = records.parse(item.record)
        commitment = records.commit(item.key, item.record)
    except Error:
        return None, Commitment(b"")
    promised_at = _promised_at(item, record, commitment, trust)
    return Step(record, findings, promised_at, anchored_at(item, findings)), commitment


def _promised_at(
    item: EvidenceRecord, record: ConsentRecord, commitment: Commitment, trust: TrustFile
) -> datetime | None:
    log = trust.find_log(record.log)
    if log is None:
        return None
    try:
        return promises.verify_undated(
            item.promise, log.promise_key, log=log.origin, commitment=commitment
        ).promised_at
    except Error:
        return None


def _acceptance(share: Step, commitment: Commitment, item: EvidenceRecord, trust: TrustFile) -> Acceptance | None:
    party = trust.find_administration(share.record.party.identifier)
    # a key can be right and its time wrong: what the audit says counts
    if party is None or share.outcome(Level.COUNTERSIGNED) is not Outcome.HOLDS:
        return None
    for each in party.access_keys:
        try:
            return signatures.verify_acceptance(item.acceptance or "", each.key, expected_commitment=commitment)
        except Error:
            continue
    return None


def _request(
    step: Step, commitment: Commitment, others: Sequence[tuple[Step, Commitment]], now: datetime
) -> Request:
    answers = tuple(
        each for each, _ in others if each.record.type in _ANSWERS and each.record.previous == commitment
    )
    due_on = legal_due(step.promised_at or step.record.time)
    return Request(step, answers, due_on, _timeliness(step, answers, due_on, now))


def _timeliness(step: Step, answers: Sequence[Step], due_on: date, now: datetime) -> Timeliness:
    if not step.is_shown or step.promised_at is None:
        return Timeliness.NOT_A_REQUEST
    # an answer that somebody else signed is none; one whose signer is unknown may be
    possible = [each for each in answers if each.outcome(Level.SIGNED) is not Outcome.VIOLATED]
    shown = [each for each in possible if each.is_shown and each.promised_at is not None]
    if any(each.anchored_at is not None and is_by(each.anchored_at, due_on) for each in shown):
        return Timeliness.IN_TIME
    if any(each.promised_at is not None and is_by(each.promised_at, due_on) for each in shown):
        return Timeliness.IN_TIME_BY_LOG
    if shown:
        return Timeliness.AFTER_TERM
    if possible:
        return Timeliness.NOT_SHOWN
    return Timeliness.TERM_RUNS if now.date() <= due_on else Timeliness.NO_ANSWER


def claims_withheld(record: ConsentRecord) -> tuple[ClaimReference, ...]:
    """Return the claims that were asked for and not presented."""
    presented = set(record.claims_presented or ())
    return tuple(each for each in record.claims_requested or () if each not in presented)
