# SPDX-License-Identifier: EUPL-1.2
"""Cases and withdrawals in the words of the pages, in the language of the request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypedDict

from ledger.records_request import RecordsRequest
from protocol.dcql import CredentialQuery
from protocol.encoding import JSON
from protocol.runtime.dates import moment, written_date
from protocol.runtime.i18n import gettext as _
from protocol.runtime.i18n import in_language
from verifier.cases import Case, CaseState
from verifier.checklist import Checklist, CheckState
from verifier.legal import GROUND_SENTENCES
from verifier.model import AnswerKind, DocumentType, Withdrawal, WithdrawalState
from verifier.report import CHECK_SENTENCES, KeptDocument

STATE_SENTENCES: Mapping[str, str] = {
    "waiting": "Waiting",
    "trouble": "Could not be checked",
    "expired": "Nobody answered",
    "accepted": "Accepted",
    "rejected": "Not accepted",
    "declined": "Not sent",
}
KINDS: Mapping[CaseState, str] = {
    CaseState.WAITING: "waiting",
    CaseState.TROUBLE: "could-not-tell",
    CaseState.EXPIRED: "not-checked",
    CaseState.ACCEPTED: "holds",
    CaseState.REJECTED: "violated",
    CaseState.DECLINED: "not-checked",
}
_CHECK_KINDS: Mapping[CheckState, str] = {
    CheckState.PASSED: "holds",
    CheckState.FAILED: "violated",
    CheckState.COULD_NOT_TELL: "could-not-tell",
    CheckState.NOT_RUN: "not-checked",
    CheckState.NOT_APPLICABLE: "not-checked",
}
TAKE_BACK_SENTENCES: Mapping[str, str] = {
    "withdraw": "Takes back the consent or authorisation",
    "erase": "Asks us to erase the data",
    "object": "Objects to the use of the data",
}


def records_word(asked: RecordsRequest) -> str:
    """Return what an auditor asks for."""
    if asked.since is None or asked.until is None:
        return _("The records of one share")
    last = (asked.until - timedelta(seconds=1)).date()
    days = {"first": written_date(asked.since.date().isoformat()), "last": written_date(last.isoformat())}
    return _("All records from %(first)s to %(last)s") % days


class Row(TypedDict, total=False):
    """One line of a checklist."""

    name: str
    outcome: str
    word: str
    detail: str


def checklist_rows(checklist: Checklist) -> list[Row]:
    """Return the checklist as the shared part shows it: the same checks, in the same order."""
    rows: list[Row] = []
    for check, state in checklist.items():
        row = Row(name=_(CHECK_SENTENCES[check.value]), outcome=_CHECK_KINDS[state])
        if state is CheckState.NOT_APPLICABLE:
            row["word"] = _("Not needed")
            row["detail"] = _("Documents of this type expire soon instead.")
        rows.append(row)
    return rows


def state_word(case: Case) -> str:
    """Return where a case stands, in a word or two."""
    return _(STATE_SENTENCES[case.state.value])


def value_text(value: JSON) -> str:
    """Return a claim's value as people read it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, str):
        return written_date(value)
    if isinstance(value, list):
        return ", ".join(value_text(each) for each in value)
    return str(value)


def document_name(vct: str, types: Mapping[str, DocumentType]) -> str:
    """Return what a type of document is called here, or its identifier."""
    return in_language(types[vct].name) if vct in types else vct


def kept_facts(document: KeptDocument, types: Mapping[str, DocumentType]) -> list[tuple[str, str]]:
    """Return the claims that are kept of a document, by label, and who issued it."""
    labels = types[document.vct].claim_labels if document.vct in types else {}
    facts = [
        (in_language(labels[name]) if name in labels else name, value_text(value))
        for name, value in document.claims.items()
    ]
    return [*facts, (_("Issued by"), in_language(document.issuer_name))]


def asked_text(asked: CredentialQuery, types: Mapping[str, DocumentType]) -> str:
    """Return what is asked of one document: its name and its claims by label."""
    vct = asked.vct_values[0]
    labels = types[vct].claim_labels if vct in types else {}
    names = [in_language(labels[name]) if name in labels else name for name in asked.names]
    return f"{document_name(vct, types)}: {', '.join(names)}"


def case_card(case: Case, href: str) -> dict[str, object]:
    """Return a case as one card of a list."""
    reference = case.presentation.reference
    at = moment(case.presentation.answered_at or case.presentation.issued_at)
    return {
        "title": in_language(case.procedure.title),
        "href": href,
        "state": {"text": state_word(case), "kind": KINDS[case.state]},
        "small": f"{reference} · {at}" if reference else at,
    }


def withdrawal_word(withdrawal: Withdrawal) -> str:
    """Return what a withdrawal asks for."""
    return _(TAKE_BACK_SENTENCES[withdrawal.kind])


def answer_text(withdrawal: Withdrawal) -> str:
    """Return how the office answered, in one sentence."""
    answer = withdrawal.answer
    if answer is None:
        return ""
    if withdrawal.state is not WithdrawalState.ANSWERED:
        return _("Decided. The answer goes out as soon as the record book has it.")
    if answer.kind is AnswerKind.BLOCKED:
        return _("The data were blocked and the person was told.")
    ground = str(answer.legal_ground)
    return _(GROUND_SENTENCES[ground])


def days_left(withdrawal: Withdrawal, today: date) -> int:
    """Return how many days of the legal term are left; negative when it has passed."""
    return (withdrawal.due_on - today).days
