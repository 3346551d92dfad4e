# SPDX-License-Identifier: EUPL-1.2
"""What a case looks like to the office: verdict, checklist, what is kept. Reads, and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from protocol import jws
from protocol.clock import Clock
from protocol.encoding import parse_object
from protocol.errors import Check
from protocol.registration import Procedure
from protocol.runtime.sealing import Sealer
from verifier.checklist import Checklist, CheckState
from verifier.model import (
    BlockedCase,
    DocumentType,
    Presentation,
    PresentationState,
    ProcedureEntry,
    Withdrawal,
)
from verifier.report import CLERK_SENTENCES, VERDICT_SENTENCES, KeptCase, Outcome
from verifier.store import Store


class CaseState(StrEnum):
    """Where a case stands now."""

    WAITING = "waiting"
    TROUBLE = "trouble"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DECLINED = "declined"


@dataclass(frozen=True)
class Case:
    """One presentation request with all that the office may see of it."""

    presentation: Presentation
    procedure: Procedure
    entry: ProcedureEntry
    state: CaseState
    # an English source sentence: the verdict
    verdict: str
    checklist: Checklist | None
    outcome: Outcome | None
    kept: KeptCase | None = field(repr=False)
    blocked: BlockedCase | None
    withdrawals: tuple[Withdrawal, ...]
    document_types: Mapping[str, DocumentType]

    @property
    def keep_until(self) -> datetime | None:
        """The day until which the procedure keeps what it keeps."""
        answered_at = self.presentation.answered_at
        return None if answered_at is None else answered_at + timedelta(days=self.procedure.retention_days)


class Cases:
    """Reads cases for one administration."""

    def __init__(self, *, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    def get(self, administration_id: str, presentation_id: str) -> Case:
        """Return one case. Raises `RequestError` (`not_found`)."""
        return self._case(self._store.get_presentation(administration_id, presentation_id))

    def recent(self, administration_id: str, *, limit: int) -> list[Case]:
        """Return the newest cases, newest first."""
        return [self._case(each) for each in self._store.recent_presentations(administration_id, limit=limit)]

    def _case(self, presentation: Presentation) -> Case:
        administration_id = presentation.administration_id
        entry = self._store.get_procedure(
            administration_id, presentation.procedure_id, version=presentation.procedure_version
        )
        outcome = _outcome(presentation)
        state = _state(presentation, self._clock.now())
        sealed = self._store.find_case(administration_id, presentation.id)
        return Case(
            presentation=presentation,
            procedure=Procedure.parse(jws.parse(entry.statement).claims()),
            entry=entry,
            state=state,
            verdict=_verdict(state, outcome, presentation),
            checklist=_trouble(presentation.trouble) if state is CaseState.TROUBLE else _checks(outcome),
            outcome=outcome,
            kept=None if sealed is None else KeptCase.parse(self._sealer.open(sealed, about=presentation.about)),
            blocked=self._store.find_blocked(administration_id, presentation.id),
            withdrawals=tuple(self._store.withdrawals_of(administration_id, presentation.id)),
            document_types=self._store.document_types(administration_id),
        )


def _state(presentation: Presentation, now: datetime) -> CaseState:
    if presentation.has_expired(now):
        return CaseState.EXPIRED
    if presentation.state is PresentationState.WAITING and presentation.trouble is not None:
        return CaseState.TROUBLE
    return CaseState(presentation.state.value)


def _outcome(presentation: Presentation) -> Outcome | None:
    """Return the outcome as the wallet was told it."""
    if presentation.answer is None or presentation.state is PresentationState.DECLINED:
        return None
    return Outcome.parse(parse_object(presentation.answer).get("outcome"))


def _checks(outcome: Outcome | None) -> Checklist | None:
    return None if outcome is None else outcome.checklist


def _trouble(check: Check | None) -> Checklist | None:
    """Return the checklist of a run that stopped because a check could not be made."""
    if check is None:
        return None
    order = list(Check)
    place = order.index(check)
    return {
        each: CheckState.PASSED
        if at < place
        else (CheckState.COULD_NOT_TELL if at == place else CheckState.NOT_RUN)
        for at, each in enumerate(order)
    }


def _verdict(state: CaseState, outcome: Outcome | None, presentation: Presentation) -> str:
    if state is not CaseState.REJECTED or outcome is None or outcome.failed_check is None:
        return VERDICT_SENTENCES[state.value]
    code = parse_object(presentation.answer or b"{}").get("error")
    special = VERDICT_SENTENCES.get(str(code).replace("_", "-"))
    return special or CLERK_SENTENCES[outcome.failed_check.value]
