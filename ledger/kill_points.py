# SPDX-License-Identifier: EUPL-1.2
"""Where the worker may die: a number for each side of each durable write, for tests that kill it there.

A point *before* a write lies inside its transaction, when everything is written and nothing committed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class KillPoint(IntEnum):
    """The numbered places; `docs/protocol.md` and the tests use the same numbers."""

    BEFORE_OPEN = 1
    """A new log and its empty checkpoint were made."""
    AFTER_OPEN = 2
    BEFORE_BATCH = 3
    """A batch, its tree nodes and its signed checkpoint were made."""
    AFTER_BATCH = 4
    BEFORE_COMPARE = 5
    """The chain's view of the log was noted."""
    AFTER_COMPARE = 6
    BEFORE_STORE = 7
    """A signed anchor transaction went into the outbox."""
    AFTER_STORE = 8
    """It is durable and was never sent."""
    AFTER_SEND = 9
    """The node took it, or did not; nothing was noted."""
    BEFORE_SETTLE = 10
    """The anchor was found in a block."""
    AFTER_SETTLE = 11
    BEFORE_ABANDON = 12
    """A transaction was proven absent, or failed."""
    AFTER_ABANDON = 13
    BEFORE_REOPEN = 14
    """A reorganisation took anchors off the chain."""
    AFTER_REOPEN = 15
    BEFORE_ADOPT = 16
    """An anchor was found on the chain that the outbox does not know."""
    AFTER_ADOPT = 17
    BEFORE_FREEZE = 18
    """Log and chain contradict each other."""
    AFTER_FREEZE = 19
    BEFORE_CONDITION = 20
    """The log is to be restored, takes entries again, or came to its end."""
    AFTER_CONDITION = 21
    BEFORE_REBUILD = 22
    """Leaves of one anchor were rebuilt, with their nodes and a checkpoint."""
    AFTER_REBUILD = 23
    BEFORE_ATTEND = 24
    """The worker noted that it knows its copy to be the newest, or the end of the log."""
    AFTER_ATTEND = 25


class KillPoints(Protocol):
    """Is told when the worker reaches one of the places."""

    def reach(self, point: KillPoint) -> None:
        """Return, or end this process at once."""


class NoKillPoints:
    """What production uses: always returns."""

    def reach(self, point: KillPoint) -> None:
        """Return."""
