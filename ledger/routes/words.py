# SPDX-License-Identifier: EUPL-1.2
"""What the auditors' pages say about levels, outcomes, anchors and commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from babel.numbers import format_decimal

from ledger import record as records
from ledger.evidence import EvidenceRecord
from ledger.findings import ExitStatus, Finding, KeyDoubt, KeyReason, Level, Outcome
from ledger.record import ConsentRecord, RecordType, TakeBack
from ledger.services import services
from ledger.values import AnchorState
from protocol.errors import Error
from protocol.runtime.dates import moment
from protocol.runtime.i18n import N_, gettext, language
from protocol.runtime.settings import LOOPBACK_HOSTS

_TENTHS_BELOW = 10
EVIDENCE_COMMAND = ".venv/bin/testimoni verify-evidence evidence.json --trust trust.json"
# Who asks, and how they are known, is the same in both.
_AS_AUDITOR = "--key auditor.key --certificate auditor.pem"
ASK_COMMAND = (
    ".venv/bin/testimoni records ask --office https://verifier.example/ajuntament --party L01990015"
    " --since 2026-01-01 --until 2026-04-01 --reason 'GDPR, article 58.1.e' --due 2026-05-01"
    f" {_AS_AUDITOR} --output request.json"
)
ASK_ISSUER_COMMAND = ASK_COMMAND.replace(
    "--office https://verifier.example/ajuntament", "--office https://issuer.example/ajuntament --role issuer"
)
FETCH_COMMAND = (
    f".venv/bin/testimoni records fetch request.json --trust trust.json {_AS_AUDITOR} --output records.json"
)
# Outcome kinds of the base page's macros: a state is icon, word and colour together.
ANCHOR_KINDS: Mapping[AnchorState, str] = {
    AnchorState.PENDING: "waiting",
    AnchorState.INCLUDED: "waiting",
    AnchorState.FINAL: "holds",
}
STATUS_KINDS: Mapping[ExitStatus, str] = {
    ExitStatus.HOLDS: "holds",
    ExitStatus.VIOLATED: "violated",
    ExitStatus.COULD_NOT_TELL: "could-not-tell",
}
KINDS: Mapping[Outcome, str] = {
    Outcome.HOLDS: "holds",
    Outcome.VIOLATED: "violated",
    Outcome.COULD_NOT_TELL: "could-not-tell",
    Outcome.ASSUMED: "assumed",
}
LEVEL_NAMES: Mapping[Level, str] = {
    Level.TRUST: N_("Whom this check relies on"),
    Level.OPENS: N_("The record is the one that was entered"),
    Level.SIGNED: N_("Signed by whoever it says made it"),
    Level.COUNTERSIGNED: N_("Countersigned by the office"),
    Level.PROMISED: N_("Promised by the record book, and entered"),
    Level.CHECKPOINT: N_("The head is signed by the record book"),
    Level.WITNESSED: N_("The head was seen by witnesses"),
    Level.LEAVES: N_("All leaves give the signed head"),
    Level.IN_LOG: N_("The entry is in the record book"),
    Level.APPEND_ONLY: N_("Nothing was changed or removed between anchors"),
    Level.ANCHORED: N_("Anchored on the chain"),
    Level.CALLDATA: N_("The entries on the chain are the leaves"),
    Level.FINAL: N_("The block is final"),
    Level.NOT_TAKEN_BACK: N_("Not taken back"),
}
LEVEL_MEANINGS: Mapping[Level, str] = {
    Level.TRUST: N_("Every check needs keys to start from. Whoever gives them decides what the rest is worth."),
    Level.OPENS: N_("Key and record together give the very entry that was promised: not one letter was changed."),
    Level.SIGNED: N_(
        "A share and its withdrawal carry the signature of one key made for this share alone; an "
        "answer, or a query at a source, carries the office's."
    ),
    Level.COUNTERSIGNED: N_(
        "The office that received the share confirmed the same record with its own signature."
    ),
    Level.PROMISED: N_("The record book signed that it would take this entry in, and by when."),
    Level.CHECKPOINT: N_("The state of the whole record book at one moment, signed with its own key."),
    Level.WITNESSED: N_("Others who watch the record book signed this very state. It cannot show them another."),
    Level.LEAVES: N_("Every entry was read, and together they give exactly the signed state."),
    Level.IN_LOG: N_("The proof leads from this entry to the signed state, step by step."),
    Level.APPEND_ONLY: N_("At each anchor, the record book of that day was the beginning of today's."),
    Level.ANCHORED: N_(
        "The signed state stands in a block of the chain, so that it cannot be dated back or replaced."
    ),
    Level.CALLDATA: N_("What each transaction carries is what the record book publishes."),
    Level.FINAL: N_("Enough operators of the chain sealed the block that nobody can replace it."),
    Level.NOT_TAKEN_BACK: N_(
        "No withdrawal of this share is in the file, or in the record book when that was read."
    ),
}
# what a person should know beside the outcome
_BECAUSE: Mapping[tuple[Level, Outcome], str] = {
    (Level.TRUST, Outcome.ASSUMED): N_("Assumed: the record book speaks about itself here."),
    (Level.SIGNED, Outcome.COULD_NOT_TELL): N_("No signature of the person, or no key to check it with."),
    (Level.COUNTERSIGNED, Outcome.COULD_NOT_TELL): N_(
        "No countersignature in the file, or no known key of the office."
    ),
    (Level.PROMISED, Outcome.COULD_NOT_TELL): N_(
        "The record book is not known here, or the file does not show the place of the entry."
    ),
    (Level.WITNESSED, Outcome.COULD_NOT_TELL): N_("No witness is known here, or none of them signed this state."),
    (Level.IN_LOG, Outcome.COULD_NOT_TELL): N_("The file was made before the entry had its place."),
    (Level.ANCHORED, Outcome.COULD_NOT_TELL): N_("There was no anchor yet, or no chain that could be asked."),
    (Level.FINAL, Outcome.ASSUMED): N_(
        "One operator seals this chain: that shows damage, not a dishonest operator."
    ),
    (Level.FINAL, Outcome.COULD_NOT_TELL): N_("The seals of the operators were not checked."),
    (Level.LEAVES, Outcome.COULD_NOT_TELL): N_(
        "The record book is too long to be read while you wait. Use the command."
    ),
    (Level.NOT_TAKEN_BACK, Outcome.COULD_NOT_TELL): N_("That needs all entries: the audit command reads them."),
}
# what is against the key of a right signature, and whether the signature is known to be from the wrong time
_AGAINST_KEY: Mapping[tuple[KeyReason, bool], str] = {
    (KeyReason.COMPROMISED, True): N_(
        "The office's key %(key)s is reported as no longer safe since %(day)s, and this signature is from that "
        "time or later."
    ),
    (KeyReason.COMPROMISED, False): N_(
        "The office's key %(key)s is reported as no longer safe since %(day)s, and nothing shows that this "
        "signature is older."
    ),
    (KeyReason.ENDED, True): N_(
        "The office's key %(key)s counted until %(day)s, and this signature is from that time or later."
    ),
    (KeyReason.ENDED, False): N_(
        "The office's key %(key)s counted until %(day)s, and nothing shows that this signature is older."
    ),
    (KeyReason.NOT_YET, True): N_(
        "The office's key %(key)s counts from %(day)s on, and this signature is from before that."
    ),
    (KeyReason.NOT_YET, False): N_(
        "The office's key %(key)s counts from %(day)s on, and nothing shows that this signature is not older."
    ),
}
# enough to tell an office's keys apart; the whole thumbprint stands in the program's own words
_KEY_CHARS = 8
_OUTCOME_WORDS: Mapping[Outcome, str] = {
    Outcome.HOLDS: N_("Correct"),
    Outcome.VIOLATED: N_("Not correct"),
    Outcome.COULD_NOT_TELL: N_("Could not be checked"),
    Outcome.ASSUMED: N_("Assumed"),
}
_TYPES: Mapping[RecordType, str] = {
    RecordType.QUERY: N_("Query at a source"),
    RecordType.SHARE: N_("Share"),
    RecordType.WITHDRAWAL: N_("Withdrawal"),
    RecordType.BLOCKED: N_("Answer: the data were blocked"),
    RecordType.ERASED: N_("Answer: the data were erased"),
    RecordType.REFUSAL_TO_ERASE: N_("Answer: the office keeps the data"),
}
_TAKE_BACKS: Mapping[TakeBack, str] = {
    TakeBack.WITHDRAW: N_("Withdrawal"),
    TakeBack.ERASE: N_("Request to erase"),
    TakeBack.OBJECT: N_("Objection"),
}


def audit_command() -> str:
    """Return the command that audits this ledger from elsewhere.

    Which node this service asks is nobody's business, and its URL may hold a key: only a practice node is named.
    """
    settings = services().settings
    parts = urlsplit(settings.chain_url or "")
    is_practice = parts.hostname in LOOPBACK_HOSTS and parts.username is None
    chain = settings.chain_url if is_practice else "https://…"
    return f".venv/bin/testimoni audit --ledger {settings.public_url} --chain {chain} --trust trust.json"


def row(finding: Finding) -> dict[str, str]:
    """Return a finding as a line of a checklist: its name, what came out, what it means, and why."""
    because = _because(finding)
    meaning = gettext(LEVEL_MEANINGS[finding.level])
    if finding.outcome is not Outcome.HOLDS:
        meaning = gettext("This level means: %(meaning)s") % {"meaning": meaning}
    return {
        "name": gettext(LEVEL_NAMES[finding.level]),
        "outcome": kind(finding),
        "word": outcome_word(finding),
        "detail": meaning if because is None else f"{because} {meaning}",
    }


def _against_key(doubt: KeyDoubt) -> str:
    return gettext(_AGAINST_KEY[doubt.reason, doubt.is_certain]) % {
        "key": f"{doubt.thumbprint[:_KEY_CHARS]}…",
        "day": moment(doubt.day),
    }


def _because(finding: Finding) -> str | None:
    if finding.doubt is not None:
        return _against_key(finding.doubt)
    if finding.stopped_by is not None:
        before = gettext(LEVEL_NAMES[finding.stopped_by])
        return gettext("Not looked at: “%(level)s” has to be settled first.") % {"level": before}
    because = _BECAUSE.get((finding.level, finding.outcome))
    return None if because is None else gettext(because)


def kind(finding: Finding) -> str:
    """Return the kind of a finding: a share that was taken back is no fault of the evidence."""
    return "not-checked" if _is_taken_back(finding) else KINDS[finding.outcome]


def outcome_word(finding: Finding) -> str:
    """Return the word for what a level came to."""
    return gettext("Taken back") if _is_taken_back(finding) else gettext(_OUTCOME_WORDS[finding.outcome])


def _is_taken_back(finding: Finding) -> bool:
    return (finding.level, finding.outcome) == (Level.NOT_TAKEN_BACK, Outcome.VIOLATED)


def record_title(item: EvidenceRecord) -> str:
    """Return what a record is and of when, as it says itself."""
    try:
        record = records.parse(item.record)
    except Error:
        return gettext("A record that cannot be read")
    return f"{type_word(record)}, {moment(record.time)}"


def type_word(record: ConsentRecord) -> str:
    """Return what a record says happened."""
    return gettext(_TYPES[record.type] if record.take_back is None else _TAKE_BACKS[record.take_back])


def seconds(delay: timedelta) -> str:
    """Return a delay in seconds, with tenths below ten, in the way of the language."""
    exact = delay.total_seconds()
    number = format_decimal(round(exact, 1 if exact < _TENTHS_BELOW else 0), locale=language())
    return gettext("%(number)s s") % {"number": number}
