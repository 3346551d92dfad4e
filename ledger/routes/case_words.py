# SPDX-License-Identifier: EUPL-1.2
"""A case in legal words, and short enough for two pages whatever the file holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from ledger.case import Case, Request, Step, Timeliness, claims_withheld
from ledger.findings import Level, Outcome
from ledger.record import ClaimReference, RecordType
from ledger.routes import words
from ledger.routes.case_sentences import BASIS_SENTENCES, GROUND_SENTENCES, TIME_SENTENCES
from protocol.encoding import b64url_encode
from protocol.runtime.dates import day, moment
from protocol.runtime.i18n import N_, gettext

# What fits on two pages; the file holds the rest, and the statement says how much that is.
MAX_CLAIMS = 16
MAX_CLAIMS_TEXT = 320
# the newest in full, and these before it in a line each
MAX_EARLIER = 2
MAX_ANSWERS = 2
MAX_CONTRADICTIONS = 3
MAX_TEXT = 120
MAX_NAME = 60
MAX_CODE = 40
# a text, or names of data and how many more there are
Fact: TypeAlias = str | dict[str, str]
_LEVELS = (
    Level.OPENS,
    Level.SIGNED,
    Level.COUNTERSIGNED,
    Level.PROMISED,
    Level.IN_LOG,
    Level.ANCHORED,
    Level.FINAL,
    Level.NOT_TAKEN_BACK,
)
_TIME_KINDS: Mapping[Timeliness, str] = {
    Timeliness.IN_TIME: "holds",
    Timeliness.IN_TIME_BY_LOG: "assumed",
    Timeliness.AFTER_TERM: "violated",
    Timeliness.TERM_RUNS: "waiting",
    Timeliness.NO_ANSWER: "violated",
    Timeliness.NOT_SHOWN: "could-not-tell",
    Timeliness.NOT_A_REQUEST: "could-not-tell",
}
_TIME_WORDS: Mapping[Timeliness, str] = {
    Timeliness.IN_TIME: N_("In time"),
    Timeliness.IN_TIME_BY_LOG: N_("In time, says the record book"),
    Timeliness.AFTER_TERM: N_("After the term"),
    Timeliness.TERM_RUNS: N_("The term runs"),
    Timeliness.NO_ANSWER: N_("No answer in the file"),
    Timeliness.NOT_SHOWN: N_("Could not be checked"),
    Timeliness.NOT_A_REQUEST: N_("Could not be checked"),
}
_RECORDERS: Mapping[str, str] = {
    "wallet": N_("the person's wallet"),
    "verifier": N_("the office"),
    "issuer": N_("the office that issues"),
}


def present(case: Case) -> dict[str, object]:
    """Return what the statement shows."""
    record = case.share.record
    newest, earlier = case.requests[-1:], case.requests[:-1]
    shown = (case.share, *_steps_shown(newest))
    return {
        "digest": b64url_encode(case.digest),
        "facts": _facts(case),
        "requests": [_request(each) for each in newest],
        "earlier": [_line(each) for each in earlier[-MAX_EARLIER:]],
        "more_requests": max(0, len(earlier) - MAX_EARLIER),
        "log": _short(record.log, MAX_NAME),
        "columns": [words.type_word(each.record) for each in shown],
        "levels": [_level_row(level, shown) for level in _LEVELS],
        "contradicted": _contradicted(case),
        "asserted": _asserted(case),
        "may_be_taken_back": case.share.outcome(Level.NOT_TAKEN_BACK) is Outcome.COULD_NOT_TELL,
        "loose": case.loose,
    }


def _facts(case: Case) -> list[tuple[str, Fact]]:
    record, terms = case.share.record, case.share.record.terms
    procedure = record.procedure
    unknown = gettext("could not be checked")
    facts: list[tuple[str, Fact]] = [
        (
            gettext("Received by"),
            f"{_short(record.party.name, MAX_NAME)} ({_short(record.party.identifier, MAX_CODE)})",
        ),
        (gettext("Shared on"), f"{moment(record.time)} ({_recorder(case.share)})"),
        (
            gettext("Promised by the record book"),
            moment(case.share.promised_at) if case.share.promised_at else unknown,
        ),
    ]
    if procedure is not None:
        text = gettext("%(name)s, version %(version)s")
        facts.append(
            (
                gettext("Procedure"),
                text % {"name": _short(procedure.id, MAX_NAME), "version": _short(procedure.version, 20)},
            )
        )
    if terms is not None:
        basis = BASIS_SENTENCES.get(terms.legal_basis)
        facts += [
            (gettext("Purpose"), _short(terms.purpose, MAX_TEXT)),
            (gettext("Legal basis"), gettext(basis) if basis else _short(terms.legal_basis, MAX_NAME)),
            (gettext("Kept for"), _short(terms.retention, MAX_TEXT)),
        ]
    facts.append((gettext("Data shared, by technical name"), _claims(record.claims_presented or ())))
    withheld = claims_withheld(record)
    if withheld:
        facts.append((gettext("Asked for and not shared"), _claims(withheld)))
    facts.append((gettext("Decision of the office about the share"), _acceptance(case)))
    if terms is not None:
        authority = f"{_short(terms.dpa_name, MAX_NAME)}, {_short(terms.dpa_contact, MAX_NAME)}"
        facts.append((gettext("Where to complain"), authority))
    return facts


def _acceptance(case: Case) -> str:
    found = case.acceptance
    if found is None:
        return gettext("none is proven by this file")
    text = (
        gettext("accepted, signed on %(time)s")
        if found.result == "accepted"
        else gettext("not accepted, signed on %(time)s")
    )
    said = text % {"time": moment(found.accepted_at)}
    if found.reference is None:
        return said
    return gettext("%(decision)s, reference %(reference)s") % {
        "decision": said,
        "reference": _short(found.reference, 60),
    }


def _claims(claims: Sequence[ClaimReference]) -> dict[str, str]:
    """Return the names of data by document, as many as fit; never a value, for a record has none."""
    count = min(len(claims), MAX_CLAIMS)
    while count > 1 and len(_names(claims, count)) > MAX_CLAIMS_TEXT:
        count -= 1
    more = len(claims) - count
    return {
        "names": _names(claims, count),
        "more": gettext("and %(count)s more, in the file") % {"count": more} if more else "",
    }


def _names(claims: Sequence[ClaimReference], count: int) -> str:
    shown = groupby(sorted(claims)[:count], key=lambda each: each.credential_type)
    return "; ".join(
        f"{', '.join(_short('.'.join(each.claim), MAX_NAME) for each in group)} ({_short(kind, MAX_NAME)})"
        for kind, group in shown
    )


def _request(request: Request) -> dict[str, object]:
    step = request.step
    answers = [_answer(each) for each in request.answers[:MAX_ANSWERS]]
    if len(request.answers) > MAX_ANSWERS:
        more = gettext("and %(count)s more, in the file") % {"count": len(request.answers) - MAX_ANSWERS}
        answers.append((gettext("Further answers"), more))
    return {
        "title": words.type_word(step.record),
        "facts": [
            (gettext("Made on"), f"{moment(step.record.time)} ({_recorder(step)})"),
            (
                gettext("Promised by the record book"),
                moment(step.promised_at) if step.promised_at else gettext("could not be checked"),
            ),
            (gettext("Last day to answer, counted from there"), day(request.due_on)),
            *answers,
        ],
        "state": {"text": gettext(_TIME_WORDS[request.timeliness]), "kind": _TIME_KINDS[request.timeliness]},
        "sentence": gettext(TIME_SENTENCES[request.timeliness]),
    }


def _line(request: Request) -> dict[str, str]:
    """Return an earlier request in one line."""
    return {
        "title": f"{words.type_word(request.step.record)}, {moment(request.step.record.time)}",
        "text": gettext(_TIME_WORDS[request.timeliness]),
        "kind": _TIME_KINDS[request.timeliness],
    }


def _answer(step: Step) -> tuple[str, str]:
    said = f"{moment(step.record.time)} ({_recorder(step)})"
    if step.record.type is RecordType.REFUSAL_TO_ERASE:
        ground = str(step.record.legal_ground)
        sentence = GROUND_SENTENCES.get(ground)
        named = gettext(sentence) if sentence else _short(ground, MAX_NAME)
        said = gettext("%(time)s. Ground: %(ground)s") % {"time": said, "ground": named}
    return words.type_word(step.record), said


def _recorder(step: Step) -> str:
    return gettext("by the clock of %(whom)s") % {"whom": gettext(_RECORDERS[step.record.recorded_by])}


def _steps_shown(requests: Iterable[Request]) -> tuple[Step, ...]:
    """Return these requests and their answers: what the table of proof has room for beside the share."""
    return tuple(step for each in requests for step in (each.step, *each.answers[:MAX_ANSWERS]))


def _level_row(level: Level, steps: Sequence[Step]) -> dict[str, object]:
    cells = []
    for step in steps:
        finding = next((each for each in step.findings if each.level is level), None)
        if finding is None:
            cells.append({"text": gettext("does not apply"), "kind": "not-checked"})
        else:
            cells.append({"text": words.outcome_word(finding), "kind": words.kind(finding)})
    return {"name": gettext(words.LEVEL_NAMES[level]), "cells": cells}


def _contradicted(case: Case) -> str:
    """Return what the file itself refutes, each thing once; empty when there is nothing."""
    found = dict.fromkeys(
        f"{words.type_word(step.record)}: {gettext(words.LEVEL_NAMES[each.level])}"
        for step in case.steps
        for each in step.findings
        if each.outcome is Outcome.VIOLATED and each.level is not Level.NOT_TAKEN_BACK
    )
    return "; ".join(list(found)[:MAX_CONTRADICTIONS]) + ("…" if len(found) > MAX_CONTRADICTIONS else "")


def _asserted(case: Case) -> list[str]:
    """Return what stands on one side's word alone."""
    found = []
    if case.acceptance is None:
        found.append(
            gettext(
                "Purpose, legal basis, time to keep and the list of data are what the one who "
                "recorded the share wrote down. The office has not signed them in this file."
            )
        )
    else:
        found.append(
            gettext(
                "That the office signed the record proves that it knew purpose, legal basis and list "
                "of data; it does not prove that nothing else was sent."
            )
        )
    if case.share.record.recorded_by == "verifier":
        found.append(gettext("The office recorded this share itself. The person did not sign it."))
    found.append(
        gettext(
            "Each time of day is that of the clock of whoever recorded it. The record book signed "
            "when it promised the entry, and the block bounds it from above."
        )
    )
    if case.requests:
        found.append(
            gettext(
                "That the request arrived, and on which day, is said by the wallet. This file shows "
                "only when it was entered."
            )
        )
    return found


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
