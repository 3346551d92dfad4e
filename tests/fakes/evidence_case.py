# SPDX-License-Identifier: EUPL-1.2
"""What one case of evidence is: how it is made, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.audit import LogContents
from ledger.evidence import EvidenceRecord
from ledger.trust import TrustFile
from tests.fakes.evidence_world import EvidenceWorld
from tests.fakes.expectations import Expected


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
