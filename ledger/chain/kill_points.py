# SPDX-License-Identifier: EUPL-1.2
"""Where the node may die: a number for each side of each durable write, for tests that kill it there."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class NodeKillPoint(IntEnum):
    """The numbered places; `docs/protocol.md` and the tests use the same numbers."""

    BEFORE_GENESIS = 1
    """The file exists and has its tables, but no block."""
    AFTER_GENESIS = 2
    """Block 0 is durable."""
    BEFORE_BLOCK = 3
    """The transaction was executed; nothing of it is on disk."""
    INSIDE_BLOCK = 4
    """All rows of the block were written and not committed."""
    AFTER_BLOCK = 5
    """The block is durable; nobody was told."""


class NodeKillPoints(Protocol):
    """Is told when the node reaches one of the places."""

    def reach(self, point: NodeKillPoint) -> None:
        """Return, or end this process at once."""


class NoKillPoints:
    """What production uses: always returns."""

    def reach(self, point: NodeKillPoint) -> None:
        """Return."""
