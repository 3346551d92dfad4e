# SPDX-License-Identifier: EUPL-1.2
"""What a service remembers of its trust list: the highest sequence number seen, and the list if it was fetched.

Services keep it in their database (`sql_trust_shelf`), so that no restart, no second worker and no restored file
or server brings back an older list; a command that runs once remembers it for as long as it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocol.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list as it came; whoever uses its token verifies it again."""

    sequence: int
    token: str = field(repr=False)
    fetched_at: datetime


class TrustListShelf(Protocol):
    """Keeps the newest list of each source for all processes of a service."""

    def find(self, source: str) -> KeptList | None:
        """Return the newest list of this source, or None."""

    def put(self, source: str, kept: KeptList) -> None:
        """Keep a list in place of the one before.

        Raises `UnavailableError` (`trust_list_older`) when a higher sequence number was seen, and changes nothing.
        """


class ProcessShelf:
    """Remembers for one process: for commands that run once, and tests."""

    def __init__(self) -> None:
        self._kept: dict[str, KeptList] = {}

    def find(self, source: str) -> KeptList | None:
        """Return the newest list of this source, or None."""
        return self._kept.get(source)

    def put(self, source: str, kept: KeptList) -> None:
        """Keep a list in place of the one before."""
        before = self._kept.get(source)
        if before is not None:
            check_not_older(kept, before.sequence)
        self._kept[source] = kept


def check_not_older(kept: KeptList, seen: int) -> None:
    """Raise `UnavailableError` (`trust_list_older`) when a higher sequence number was seen."""
    if kept.sequence < seen:
        raise UnavailableError("trust_list_older", "the trust list is older than the one seen before")
