# SPDX-License-Identifier: EUPL-1.2
"""Which of the witnesses that this service asks have signed what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.cosignature import find_cosignatures
from ledger.services import services
from ledger.values import LogState


@dataclass(frozen=True)
class Witnessed:
    """How many witnesses cosigned the newest head of a log, of how many that are asked."""

    count: int
    asked: int


def witnessed(log: LogState) -> Witnessed:
    """Return who cosigned the newest head of a log."""
    known = services()
    keys = [each.verifier for each in known.settings.witnesses]
    if not keys:
        return Witnessed(0, 0)
    note = known.publication.get_checkpoint(log=log.name).note
    return Witnessed(len(find_cosignatures(note, keys, now=known.clock.now())), len(keys))
