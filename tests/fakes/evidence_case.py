# SPDX-License-Identifier: EUPL-1.2
"""What a case of evidence is: how it is made, and what must come of each of its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.audit import LogContents
from ledger.evidence import EvidenceRecord
from ledger.findings import Level
from ledger.trust import TrustFile
from tests.fakes.evidence_world import EvidenceWorld
from tests.fakes.expectations import Expected

HOLDS = Expected()


@dataclass(frozen=True)
class Given:
    """What a reader has: a file's records, whom they trust (None: the usual), and logs that were read whole."""

    records: tuple[EvidenceRecord, ...]
    trust: TrustFile | None = None
    logs: Mapping[str, LogContents] = field(default_factory=dict)


@dataclass(frozen=True)
class EvidenceCase:
    """One case: how it is made, and what must come of each record."""

    name: str
    make: Callable[[EvidenceWorld], Given]
    expected: tuple[Expected, ...]


# what stands on a level that is violated, and so could not be told
NEEDS = {Level.CHECKPOINT: frozenset({Level.IN_LOG, Level.PROMISED}), Level.IN_LOG: frozenset({Level.PROMISED})}


def fails(level: Level, name: str, change: Callable[[EvidenceWorld], EvidenceRecord]) -> EvidenceCase:
    """Return the case of one tampered record that fails this level and no other."""
    expected = Expected(frozenset({level}), NEEDS.get(level, frozenset()))
    return EvidenceCase(name, lambda world: Given((change(world),)), (expected,))


def untold(*levels: Level) -> Expected:
    """Return what comes of a record when these levels, and no others, could not be told."""
    return Expected(untold=frozenset(levels))
