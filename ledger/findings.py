# SPDX-License-Identifier: EUPL-1.2
"""What an audit says: levels reported apart, each with one outcome.

An audit as a whole is *violated* when a level that counts is, *could not tell* when one that counts could not be
checked, and *holds* otherwise. What was assumed is said, never hidden in the result.

An audit of a log has a line for each of `LOG_LEVELS`. One that was not looked at *could not tell*, and its line
names why: a list that is only shorter would look like one in which nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from protocol.clock import epoch_seconds
from protocol.encoding import JSON
from protocol.errors import ConfigurationError, Error, UnavailableError

_NOT_FOUND = 404


class Level(StrEnum):
    """The levels of an audit, in their order (docs/architecture.md)."""

    TRUST = "trust"
    OPENS = "record opens the commitment"
    SIGNED = "signed by the consent key"
    COUNTERSIGNED = "countersigned"
    PROMISED = "promise kept"
    CHECKPOINT = "head signed by the log"
    WITNESSED = "head seen by witnesses"
    LEAVES = "leaves give the signed root"
    IN_LOG = "in the log"
    APPEND_ONLY = "log append-only between anchors"
    ANCHORED = "anchored"
    CALLDATA = "anchored commitments are the leaves"
    FINAL = "block final"
    NOT_TAKEN_BACK = "not taken back"


# of a log and of its chain; the others are about a record
LOG_LEVELS = (
    Level.TRUST,
    Level.CHECKPOINT,
    Level.WITNESSED,
    Level.LEAVES,
    Level.APPEND_ONLY,
    Level.ANCHORED,
    Level.CALLDATA,
    Level.FINAL,
)
_ORDER = {level: place for place, level in enumerate(Level)}
# what is missing of these informs and does not decide, whatever it is missing for
_INFORMING = frozenset({Level.WITNESSED, Level.FINAL})


class Outcome(StrEnum):
    """What a level came to."""

    HOLDS = "holds"
    VIOLATED = "violated"
    COULD_NOT_TELL = "could not tell"
    ASSUMED = "assumed"


class ExitStatus(IntEnum):
    """What the commands end with."""

    HOLDS = 0
    VIOLATED = 1
    COULD_NOT_TELL = 2


class KeyReason(StrEnum):
    """Why a right signature does not count: which of its key's days is against it."""

    COMPROMISED = "compromised"
    NOT_YET = "not yet valid"
    ENDED = "ended"


@dataclass(frozen=True)
class KeyDoubt:
    """A day of its key that is against a right signature, and whether it surely is on the wrong side of it."""

    thumbprint: str
    reason: KeyReason
    day: datetime
    is_certain: bool

    def describe(self) -> str:
        """Return it in words."""
        day = f"{self.day:%Y-%m-%d %H:%M:%S} UTC"
        words = {
            KeyReason.COMPROMISED: f"is reported as compromised since {day}",
            KeyReason.NOT_YET: f"counts only from {day} on",
            KeyReason.ENDED: f"counted only until {day}",
        }
        side = "before that" if self.reason is KeyReason.NOT_YET else "that time or later"
        known = f"the signature is from {side}" if self.is_certain else "nothing shows on which side it was made"
        return f"the key {self.thumbprint} {words[self.reason]}, and {known}"


@dataclass(frozen=True)
class Finding:
    """One level's outcome. `counts` is False for what informs without deciding, as a missing countersignature."""

    level: Level
    outcome: Outcome
    detail: str
    counts: bool = True
    stopped_by: Level | None = None
    """The level for whose sake this one was not looked at; None for one that was."""
    doubt: KeyDoubt | None = None
    """What is against the key of a signature that is right by itself."""

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON object."""
        members: dict[str, JSON] = {
            "level": self.level.value,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "counts": self.counts,
        }
        if self.doubt is not None:
            members["key"] = {
                "thumbprint": self.doubt.thumbprint,
                "reason": self.doubt.reason.value,
                "day": epoch_seconds(self.doubt.day),
            }
        return members


def holds(level: Level, detail: str) -> Finding:
    """Return a finding that holds."""
    return Finding(level, Outcome.HOLDS, detail)


def violated(level: Level, detail: str) -> Finding:
    """Return a finding that is violated."""
    return Finding(level, Outcome.VIOLATED, detail)


def could_not_tell(level: Level, detail: str, *, counts: bool = True) -> Finding:
    """Return a finding that could not be made."""
    return Finding(level, Outcome.COULD_NOT_TELL, detail, counts)


def doubted(level: Level, doubt: KeyDoubt) -> Finding:
    """Return a finding that its key's days are against: violated when that is known, else it could not be told."""
    outcome = Outcome.VIOLATED if doubt.is_certain else Outcome.COULD_NOT_TELL
    return Finding(level, outcome, doubt.describe(), doubt=doubt)


def failed(level: Level, error: Error) -> Finding:
    """Return what an error says about a level: no answer or nothing there *could not tell*, all else is wrong."""
    is_missing = isinstance(error, UnavailableError | ConfigurationError) or error.status == _NOT_FOUND
    return (could_not_tell if is_missing else violated)(level, error.message)


def overall(findings: Iterable[Finding]) -> ExitStatus:
    """Return what all findings together come to; none at all could not tell anything."""
    counted = [finding.outcome for finding in findings if finding.counts]
    if Outcome.VIOLATED in counted:
        return ExitStatus.VIOLATED
    if Outcome.COULD_NOT_TELL in counted or Outcome.HOLDS not in counted:
        return ExitStatus.COULD_NOT_TELL
    return ExitStatus.HOLDS


def complete(findings: Iterable[Finding], levels: Sequence[Level] = LOG_LEVELS) -> tuple[Finding, ...]:
    """Return the findings in the order of the levels, with a line for each of these levels that has none.

    What has none was not looked at, because a level that decides could not be told or is violated.
    """
    found = list(findings)
    missing = [level for level in levels if all(each.level is not level for each in found)]
    lines = [*found, *(_not_looked_at(level, _find_stop(level, found)) for level in missing)]
    return tuple(sorted(lines, key=lambda each: _ORDER[each.level]))


def _find_stop(level: Level, findings: Sequence[Finding]) -> Finding | None:
    """Return what an audit stopped at: the last that went wrong before this level, else the first after it."""
    wrong = [
        each for each in findings if each.counts and each.outcome in (Outcome.VIOLATED, Outcome.COULD_NOT_TELL)
    ]
    before = [each for each in wrong if _ORDER[each.level] < _ORDER[level]]
    if before:
        return max(before, key=lambda each: _ORDER[each.level])
    return min(wrong, key=lambda each: _ORDER[each.level], default=None)


def _not_looked_at(level: Level, stop: Finding | None) -> Finding:
    stopped_by = None if stop is None else stop.level
    if stop is None:
        why = ""
    elif stop.level is Level.ANCHORED and stop.outcome is Outcome.COULD_NOT_TELL:
        why = ", because the chain was not read"
    else:
        came_to = "is violated" if stop.outcome is Outcome.VIOLATED else "could not be told"
        why = f", because '{stop.level}' {came_to}"
    detail = f"not looked at{why}"
    return Finding(level, Outcome.COULD_NOT_TELL, detail, level not in _INFORMING, stopped_by)
