# SPDX-License-Identifier: EUPL-1.2
"""What must come of an audit: the levels that are violated, those that could not be told, what is only said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.findings import ExitStatus, Finding, Level, Outcome


@dataclass(frozen=True)
class Expected:
    """The levels that decide, whole; of those that inform, what each must come to. Every other level holds."""

    violated: frozenset[Level] = frozenset()
    untold: frozenset[Level] = frozenset()
    said: Mapping[Level, Outcome] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Expected:
        """Return what a vector expects."""
        return cls(
            frozenset(map(Level, value["violated"])),
            frozenset(map(Level, value["could not tell"])),
            {Level(level): Outcome(outcome) for level, outcome in value["said"].items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Return the members that a vector has."""
        return {
            "violated": sorted(self.violated),
            "could not tell": sorted(self.untold),
            "said": dict(self.said),
        }

    def check(self, findings: Sequence[Finding]) -> None:
        """Assert that the findings are these and no others."""
        counted = [each for each in findings if each.counts]
        assert {each.level for each in counted if each.outcome is Outcome.VIOLATED} == self.violated, findings
        assert {each.level for each in counted if each.outcome is Outcome.COULD_NOT_TELL} == self.untold, findings
        informing = {each.level: each.outcome for each in findings if not each.counts}
        assert {level: informing.get(level) for level in self.said} == self.said, findings


def result(expected: Iterable[Expected]) -> ExitStatus:
    """Return what all of it together comes to."""
    parts = list(expected)
    if any(each.violated for each in parts):
        return ExitStatus.VIOLATED
    return ExitStatus.COULD_NOT_TELL if any(each.untold for each in parts) else ExitStatus.HOLDS


WORDS = {
    ExitStatus.HOLDS: "holds",
    ExitStatus.VIOLATED: "violated",
    ExitStatus.COULD_NOT_TELL: "could not tell",
}
