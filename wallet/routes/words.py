# SPDX-License-Identifier: EUPL-1.2
"""What pages say about documents, requests, shares and take-backs: words and facts for templates and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import url_for

from ledger.record import RecordType, TakeBack
from protocol.encoding import JSON, b64url_encode
from protocol.registration import LegalBasis
from protocol.runtime.dates import written_date
from protocol.runtime.i18n import N_, gettext, in_language, language
from protocol.runtime.web import sentence
from wallet.consent import LEGAL_TERMS
from wallet.matching import Held
from wallet.reconciliation import ComparedShare, Standing
from wallet.share import Share, ShareState
from wallet.sharing import Asked, Decision
from wallet.take_back import TakeBackState, TakenBack
from wallet.vault import Actor

# what the person does, by legal basis: consent only where consent is the basis
_YES: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("I consent"),
    LegalBasis.AUTHORISATION: N_("I authorise it"),
    LegalBasis.LAW: N_("I send this"),
}
_NO: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("I do not consent"),
    LegalBasis.AUTHORISATION: N_("I do not authorise it"),
    LegalBasis.LAW: N_("I do not send it"),
}
_LATER: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("You can withdraw your consent here at any time."),
    LegalBasis.AUTHORISATION: N_("You can withdraw your authorisation here at any time."),
    LegalBasis.LAW: N_("You can object or ask for erasure here at any time."),
}
_TAKE_BACK: Mapping[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("Withdraw my consent"),
    LegalBasis.AUTHORISATION: N_("Withdraw my authorisation"),
    LegalBasis.LAW: N_("Object or ask for erasure"),
}
_KIND: Mapping[TakeBack, str] = {
    TakeBack.WITHDRAW: N_("You took it back"),
    TakeBack.OBJECT: N_("You objected"),
    TakeBack.ERASE: N_("You asked for erasure"),
}
_STATE: Mapping[ShareState, tuple[str, str]] = {
    ShareState.PROMISED: (N_("Being sent"), "waiting"),
    ShareState.DELIVERED: (N_("Received"), "holds"),
    ShareState.ACCEPTED: (N_("Accepted"), "holds"),
    ShareState.REJECTED: (N_("Not accepted"), "violated"),
    ShareState.UNKNOWN: (N_("Not known whether it arrived"), "could-not-tell"),
    ShareState.REFUSED: (N_("You said no"), "not-checked"),
}
_ANSWER: Mapping[RecordType, tuple[str, str]] = {
    RecordType.BLOCKED: (N_("Blocked: nobody may use it any more"), "holds"),
    RecordType.ERASED: (N_("Erased"), "holds"),
    RecordType.REFUSAL_TO_ERASE: (N_("The office keeps it, and says why"), "violated"),
}
_STANDING: Mapping[Standing, tuple[str, str]] = {
    Standing.MISSING: (N_("Promised, and not in the record book"), "violated"),
    Standing.UNANSWERED: (N_("The office has not answered in time"), "violated"),
    Standing.COULD_NOT_TELL: (N_("Could not be checked"), "could-not-tell"),
    Standing.WAITING: (N_("Not in the record book yet"), "waiting"),
    Standing.RECORDED: (N_("Permanently recorded"), "holds"),
}
# the one line of the office's checks that failed, as the person needs it
_FAILED: Mapping[str, str] = {
    "format": N_("The office could not read what was sent."),
    "issuer": N_("The office does not know who gave the document."),
    "signature": N_("The document was altered."),
    "disclosures": N_("The document was altered."),
    "key-binding": N_("It could not be shown that the document is yours."),
    "validity": N_("The document has expired."),
    "status": N_("The document was withdrawn, or this could not be checked."),
    "query": N_("The document does not say what was asked."),
    "policy": N_("The document does not meet the conditions of the procedure."),
    "receipt": N_("The entry in the record book does not fit."),
}


def value_text(value: JSON) -> str:
    """Return a claim value as people read it."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, str):
        return written_date(value)
    if isinstance(value, dict):
        return ", ".join(value_text(each) for each in value.values())
    if isinstance(value, list):
        return ", ".join(value_text(each) for each in value)
    return "" if value is None else str(value)


def facts(values: Mapping[str, JSON], labels: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return what a document says, by label."""
    return [
        (in_language(labels.get(name, {})) or name.replace("_", " "), value_text(value))
        for name, value in values.items()
    ]


def present_document(held: Held, now: datetime) -> dict[str, object]:
    """Return what the pages show of a document."""
    document = held.document
    shown = facts(document.values, document.labels)
    headline = [text for _, text in shown[:4]]
    return {
        "id": held.id,
        "href": url_for("pages.document", document_id=held.id),
        "name": in_language(document.names),
        "issuer": in_language(document.issuer_name),
        "headline": headline,
        "facts": shown,
        "received_at": document.received_at,
        "expires_at": document.expires_at,
        "has_expired": document.expires_at <= now,
        "copies_left": held.copies_left,
    }


def present_decision(decision: Decision) -> dict[str, object]:
    """Return what the decision screen shows."""
    procedure, basis = decision.verified.requester.procedure, decision.verified.requester.procedure.legal_basis
    return {
        "id": decision.id,
        "party": in_language(procedure.party_name),
        "title": in_language(procedure.title),
        "purpose": in_language(procedure.purpose),
        "law": in_language(procedure.legal_reference),
        "retention": in_language(procedure.retention),
        "if_refused": in_language(procedure.if_refused),
        "privacy_policy": procedure.privacy_policy,
        "support_uri": procedure.support_uri,
        "authority_name": procedure.supervisory_authority_name,
        "authority_uri": procedure.supervisory_authority_uri,
        "expires_at": decision.verified.request.expires_at,
        "basis": basis.value,
        "yes": gettext(_YES[basis]),
        "no": gettext(_NO[basis]),
        "later": gettext(_LATER[basis]),
        "asked": [_present_asked(each) for each in decision.asked],
    }


def _present_asked(asked: Asked) -> dict[str, object]:
    return {
        "query_id": asked.match.query.id,
        "candidates": [
            {
                "id": each.held.id,
                "name": in_language(each.held.document.names),
                "issuer": in_language(each.held.document.issuer_name),
                "facts": facts(each.shown.values, each.held.document.labels),
                "summary": ", ".join(value_text(value) for value in list(each.shown.values.values())[3:6]),
                "is_last_copy_shown": each.held.copies_left == 0,
            }
            for each in asked.candidates
        ],
    }


def decision_data(decision: Decision, actor: Actor, log_origin: str) -> dict[str, JSON]:
    """Return what the page displays, for the script that checks what is to be signed against it."""
    procedure, request = decision.verified.requester.procedure, decision.verified.request
    return {
        "account": actor.account_id,
        "owner": actor.owner,
        "prepare": url_for("present.prepare", request_id=decision.id),
        "log": log_origin,
        "clientId": request.client_id,
        "nonce": request.nonce,
        "partyCode": procedure.party_code,
        "partyName": in_language(procedure.party_name),
        "procedure": {"id": procedure.id, "version": str(procedure.version)},
        "purpose": in_language(procedure.purpose),
        "legalBasis": LEGAL_TERMS[procedure.legal_basis],
        "retention": in_language(procedure.retention),
        "asked": [
            {
                "queryId": each.match.query.id,
                "candidates": [
                    {
                        "documentId": candidate.held.id,
                        "vct": candidate.held.document.vct,
                        "values": dict(candidate.shown.values),
                        "claims": [list(each.claim) for each in candidate.shown.claims],
                    }
                    for candidate in each.candidates
                ],
            }
            for each in decision.asked
        ],
    }


def present_share(key: str, share: Share, taken: list[TakenBack], now: datetime) -> dict[str, object]:
    """Return what the pages show of a share."""
    word, kind = _STATE[share.state]
    if taken:
        word, kind = _taken_state(taken[-1])
    outcome = share.outcome
    return {
        "id": key,
        "href": url_for("shares.share", share_id=key),
        "state": {"text": gettext(word), "kind": kind},
        "state_name": share.state.name.lower(),
        "party": in_language(share.party_name),
        "title": in_language(share.title),
        "purpose": in_language(share.purpose),
        "law": in_language(share.legal_reference),
        "retention": in_language(share.retention),
        "decided_at": share.decided_at,
        "documents": [
            {
                "name": in_language(each.names),
                "issuer": in_language(each.issuer_name),
                "facts": facts(each.values, each.labels),
            }
            for each in share.documents
        ],
        "reference": outcome.reference if outcome else "",
        "next_step": in_language(outcome.next_step) if outcome else "",
        "due": written_date(outcome.due) if outcome and outcome.due else "",
        "failed": _failed(share),
        "remedy": in_language(outcome.remedy) if outcome else "",
        "is_countersigned": bool(share.acceptance),
        "can_retry": share.state in {ShareState.UNKNOWN, ShareState.PROMISED} and now < share.retry_until,
        "take_back": gettext(_TAKE_BACK[share.legal_basis]),
        "support_uri": share.support_uri,
        "privacy_policy": share.privacy_policy,
        "authority_name": share.authority_name,
        "authority_uri": share.authority_uri,
        "has_withdrawal": share.withdrawal_uri is not None,
    }


def present_compared(compared: ComparedShare) -> dict[str, object]:
    """Return what the page of all checks shows of a share."""
    word, kind = _STANDING[compared.standing]
    return {
        "title": in_language(compared.share.party_name),
        "href": url_for("shares.share", share_id=compared.id),
        "text": in_language(compared.share.title),
        "state": {"text": gettext(word), "kind": kind},
        "small": written_date(compared.share.decided_at.date().isoformat()),
    }


def _failed(share: Share) -> str:
    if share.state is not ShareState.REJECTED:
        return ""
    if share.outcome and share.outcome.failed_check:
        return gettext(_FAILED.get(share.outcome.failed_check, N_("One of the office's checks failed.")))
    return sentence(share.error) if share.error else gettext(N_("One of the office's checks failed."))


def _taken_state(taken: TakenBack) -> tuple[str, str]:
    answer = taken.last_answer
    if answer is not None:
        return _ANSWER[answer.type]
    return _KIND[taken.kind], "waiting"


def present_take_back(taken: TakenBack) -> dict[str, object]:
    """Return what the pages show of a take-back."""
    answer = taken.last_answer
    word, kind = _ANSWER[answer.type] if answer else (N_("Waiting for the office's answer"), "waiting")
    if taken.state is TakeBackState.PROMISED:
        word, kind = N_("Recorded, and not yet known to have arrived"), "could-not-tell"
    return {
        "title": gettext(_KIND[taken.kind]),
        "requested_at": taken.requested_at,
        "due": written_date(taken.due) if taken.due else "",
        "state": {"text": gettext(word), "kind": kind},
        "kind": taken.kind.value,
        "answered_at": answer.time if answer else None,
        "legal_ground": answer.legal_ground or "" if answer else "",
        "is_open": answer is None or answer.type is RecordType.BLOCKED,
        "problem": sentence(taken.error) if taken.error else "",
    }


def take_back_data(key: str, share: Share, actor: Actor) -> dict[str, JSON]:
    """Return what the page displays, for the script that checks what is to be signed against it."""
    return {
        "account": actor.account_id,
        "owner": actor.owner,
        "prepare": url_for("shares.prepare_take_back", share_id=key),
        "commitment": b64url_encode(share.commitment),
        "partyCode": share.party_code,
        "language": language(),
    }
