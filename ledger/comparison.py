# SPDX-License-Identifier: EUPL-1.2
"""What a log and the contract's head of it say about each other (pure).

A head that is smaller than the log says nothing against it: anchors come later than leaves, and a node may lag.
"""

from __future__ import annotations

import hmac
from enum import Enum

from ledger import merkle
from ledger.chain.interface import Head
from ledger.merkle import ReadNode


class Comparison(Enum):
    """How a log stands to its head on the chain."""

    AGREES = "agrees"
    """The chain's head is a head of this very log."""
    BEHIND = "behind"
    """The chain has more leaves than this copy of the log."""
    CONTRADICTS = "contradicts"
    """The chain has another root for a size that the log has."""


def compare(read: ReadNode, size: int, head: Head) -> Comparison:
    """Return how a log of this size stands to the chain's head."""
    if head.size > size:
        return Comparison.BEHIND
    if not hmac.compare_digest(merkle.root(read, head.size), head.root):
        return Comparison.CONTRADICTS
    return Comparison.AGREES
