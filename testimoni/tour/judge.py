# SPDX-License-Identifier: EUPL-1.2
"""Lets the auditors' own check judge an evidence file, and puts its findings into words for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import ExitStatus, Finding, Level, Outcome, overall
from ledger.trust import TrustFile
from protocol.runtime.i18n import N_, gettext

LEVEL_NAMES: Mapping[Level, str] = {
    Level.TRUST: N_("Whom the check trusts"),
    Level.OPENS: N_("The record is the one that was entered"),
    Level.SIGNED: N_("Signed by the person who shared"),
    Level.COUNTERSIGNED: N_("Signed by the office that received it"),
    Level.PROMISED: N_("Entered in time"),
    Level.CHECKPOINT: N_("The state of the record book is signed"),
    Level.WITNESSED: N_("Seen by witnesses from outside"),
    Level.LEAVES: N_("All entries give the signed state"),
    Level.IN_LOG: N_("In the record book"),
    Level.APPEND_ONLY: N_("Nothing was changed or removed"),
    Level.ANCHORED: N_("Anchored on the chain"),
    Level.CALLDATA: N_("The anchored entries are those published"),
    Level.FINAL: N_("The anchor is final"),
    Level.NOT_TAKEN_BACK: N_("Not taken back"),
}
# what a person should know beside the outcome
_DETAILS: Mapping[tuple[Level, Outcome], str] = {
    (Level.OPENS, Outcome.VIOLATED): N_("This is not the record that was entered."),
    (Level.IN_LOG, Outcome.VIOLATED): N_("The entry is not at this place of the record book."),
    (Level.FINAL, Outcome.ASSUMED): N_("One operator seals this chain: it shows damage, not dishonesty."),
    (Level.NOT_TAKEN_BACK, Outcome.COULD_NOT_TELL): N_("That needs the whole record book; the audit reads it."),
}
_KINDS = {
    Outcome.HOLDS: "holds",
    Outcome.VIOLATED: "violated",
    Outcome.COULD_NOT_TELL: "could-not-tell",
    Outcome.ASSUMED: "assumed",
}
_VERDICTS = {
    ExitStatus.HOLDS: "holds",
    ExitStatus.VIOLATED: "violated",
    ExitStatus.COULD_NOT_TELL: "could-not-tell",
}


@dataclass(frozen=True)
class Judged:
    """The verdict on one file, and the line of each level."""

    outcome: str
    rows: tuple[Mapping[str, str], ...]


def judge(evidence: bytes, trust: TrustFile, *, now: datetime) -> Judged:
    """Return what the offline check says of the first share in a file. Raises `RequestError` when it is none."""
    findings = audit_evidence(Evidence.parse(evidence), trust, {}, now=now)[0]
    return Judged(_VERDICTS[overall(findings)], tuple(_row(each) for each in findings))


def complete(judged: Judged, like: Judged) -> Judged:
    """Return the same verdict with a line, "not checked", for each level that only the other one came to."""
    names = {row["name"] for row in judged.rows}
    missing = [{"name": row["name"], "outcome": "not-checked"} for row in like.rows if row["name"] not in names]
    return Judged(judged.outcome, (*judged.rows, *missing))


def _row(finding: Finding) -> Mapping[str, str]:
    row = {"name": gettext(LEVEL_NAMES[finding.level]), "outcome": _KINDS[finding.outcome]}
    detail = _DETAILS.get((finding.level, finding.outcome))
    return row if detail is None else row | {"detail": gettext(detail)}
