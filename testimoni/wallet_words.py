# SPDX-License-Identifier: EUPL-1.2
"""What `testimoni wallet` prints about documents, requests, shares and take-backs, line by line.

Our words are English; the office's own come in the citizen's language. Whatever others wrote is printed without
control characters, so that no text can move the cursor and rewrite what stands above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ledger.record import RecordType, TakeBack
from protocol.encoding import JSON
from protocol.registration import LegalBasis
from wallet.consent import text_in
from wallet.file_wallet import Decision
from wallet.matching import Held, Match
from wallet.receive import OpenOffer
from wallet.share import Share, ShareState
from wallet.take_back import TakeBackState, TakenBack

Texts = Mapping[str, str]
# what the person does, by legal basis: consent only where consent is the basis
YES: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: "I consent",
    LegalBasis.AUTHORISATION: "I authorise it",
    LegalBasis.LAW: "I send this",
}
_LATER: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: "You can withdraw your consent at any time.",
    LegalBasis.AUTHORISATION: "You can withdraw your authorisation at any time.",
    LegalBasis.LAW: "You can object or ask for erasure at any time.",
}
_STATE: Mapping[ShareState, str] = {
    ShareState.PREPARED: "not sent",
    ShareState.PROMISED: "being sent",
    ShareState.DELIVERED: "received",
    ShareState.ACCEPTED: "accepted",
    ShareState.REJECTED: "not accepted",
    ShareState.UNKNOWN: "not known whether it arrived",
    ShareState.REFUSED: "you said no",
}
_KIND: Mapping[TakeBack, str] = {
    TakeBack.WITHDRAW: "you took it back",
    TakeBack.OBJECT: "you objected",
    TakeBack.ERASE: "you asked for erasure",
}
_ANSWER: Mapping[RecordType, str] = {
    RecordType.BLOCKED: "the office blocked it: nobody may use it any more",
    RecordType.ERASED: "the office erased it",
    RecordType.REFUSAL_TO_ERASE: "the office keeps it",
}


def plain(text: str) -> str:
    """Return a text of somebody else without control, direction and line characters."""
    return "".join(each if each.isprintable() else " " for each in text)


def offer_lines(opened: OpenOffer, language: str) -> Iterator[str]:
    """Say what is offered and by whom."""
    yield f"{_in(opened.metadata.names, language)} offers: {_in(opened.configuration.names, language)}"


def document_lines(held: Held, now: datetime, language: str, *, with_values: bool) -> Iterator[str]:
    """Say what a document is; what it says only if asked."""
    document = held.document
    until = "expired on" if document.expires_at <= now else "valid until"
    copies = f"{held.copies_left} unused {'copy' if held.copies_left == 1 else 'copies'}"
    yield f"{held.id}  {_name(held, language)}, {until} {_day(document.expires_at)}, {copies}"
    if with_values:
        yield from _facts(document.values, document.labels, language)


def decision_lines(decision: Decision, language: str) -> Iterator[str]:
    """Say who asks, for what, under which law, and exactly what they would see."""
    procedure = decision.verified.requester.procedure
    yield f"{_in(procedure.party_name, language)} asks: {_in(procedure.title, language)}"
    yield _in(procedure.purpose, language)
    yield ""
    yield "They will see exactly this, and nothing more:"
    for match in decision.matches:
        yield from _match_lines(match, decision.shown().get(match.query.id, {}), language)
    yield ""
    yield f"Why they may ask:      {_in(procedure.legal_reference, language)}"
    yield f"How long they keep it: {_in(procedure.retention, language)}"
    yield f"If you say no:         {_in(procedure.if_refused, language)}"
    yield f"Later:                 {_LATER[procedure.legal_basis]}"
    yield f"How they treat data:   {plain(procedure.privacy_policy)}"
    yield (
        f"You can complain to:   {plain(procedure.supervisory_authority_name)}, "
        f"{plain(procedure.supervisory_authority_uri)}"
    )


def share_line(identifier: str, share: Share, taken: list[TakenBack], language: str) -> str:
    """Return a share as one line of the list."""
    state = _taken_state(taken[-1]) if taken else _STATE[share.state]
    office, title = _in(share.party_name, language), _in(share.title, language)
    return f"{identifier}  {_day(share.decided_at)}  {office}: {title}. {_sentence(state)}"


def outcome_lines(share: Share, language: str) -> Iterator[str]:
    """Say what became of a share, in the office's own words where it has some."""
    yield f"State: {_STATE[share.state]}" + (f" ({plain(share.error)})" if share.error else "")
    outcome = share.outcome
    if outcome is None:
        return
    if outcome.reference:
        yield f"Reference: {plain(outcome.reference)}"
    if outcome.next_step:
        yield f"What happens next: {_in(outcome.next_step, language)}"
    if outcome.due:
        yield f"You will know by: {plain(outcome.due)}"
    if outcome.failed_check:
        yield f"The check that failed: {plain(outcome.failed_check)}"
    if outcome.remedy:
        yield f"What you can do: {_in(outcome.remedy, language)}"


def take_back_lines(taken: TakenBack) -> Iterator[str]:
    """Say what became of a take-back."""
    yield f"{_day(taken.requested_at)}  {_sentence(_KIND[taken.kind])}"
    answer = taken.last_answer
    if answer is not None:
        yield f"{_day(answer.time)}  {_sentence(_ANSWER[answer.type])} Signed and in the record book."
        if answer.legal_ground:
            yield f"It says why: {plain(answer.legal_ground)}"
    elif taken.state is TakeBackState.PROMISED:
        yield "It is in the record book, and not known to have arrived. `follow` sends it again."
    elif taken.due:
        yield f"The office must answer by {plain(taken.due)}."
    if taken.error:
        yield f"Not followed to the end now: {plain(taken.error)}"


def _match_lines(match: Match, shown: Mapping[str, JSON], language: str) -> Iterator[str]:
    if not match.candidates:
        names = ", ".join(plain(name) for name in match.query.names)
        kind = next(iter(match.query.vct_values), match.query.format)
        yield f"  You have no document for this: {plain(kind)} ({names})"
        return
    chosen, *others = match.candidates
    yield f"  {_name(chosen, language)}"
    yield from _facts(shown, chosen.document.labels, language)
    if others:
        listed = ", ".join(f"{each.id} ({_name(each, language)})" for each in others)
        yield f"    Others that would do, with --document: {listed}"


def _name(held: Held, language: str) -> str:
    return f"{_in(held.document.names, language)} by {_in(held.document.issuer_name, language)}"


def _facts(values: Mapping[str, JSON], labels: Mapping[str, Texts], language: str) -> Iterator[str]:
    for name, value in values.items():
        label = _in(labels.get(name, {}), language) or plain(name.replace("_", " "))
        yield f"    {label}: {plain(_value(value))}"


def _value(value: JSON) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(_value(each) for each in value.values())
        case list():
            return ", ".join(_value(each) for each in value)
    return str(value)


def _taken_state(taken: TakenBack) -> str:
    answer = taken.last_answer
    return _KIND[taken.kind] if answer is None else _ANSWER[answer.type]


def _in(texts: Texts, language: str) -> str:
    return plain(text_in(texts, language))


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
