# SPDX-License-Identifier: EUPL-1.2
"""What a monitor reads from its node about one log: the anchors beyond the last final one, and which will stay.

- A node that knows less than was final before, or contradicts itself, tells nothing about the log.
- A block that was final and is gone: *wrong*. What was not final may go and is not remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain.interface import AnchorEvent, Chain, Finality
from ledger.chain_reader import read_head
from ledger.monitor_state import Watched
from ledger.trust import TrustedChain
from protocol.errors import Check, UnavailableError, VerificationError

CODE = "chain_inconsistent"


@dataclass(frozen=True)
class Anchors:
    """What the chain said: its connection, and the anchors that were not compared before, or not final then."""

    chain: Chain
    events: tuple[AnchorEvent, ...]
    final_size: int
    """How many leaves are anchored in blocks that stay."""

    def newest_final(self, *, up_to: int) -> AnchorEvent | None:
        """Return the newest of these anchors that stays, among those up to this size."""
        lasting = min(up_to, self.final_size)
        return next((event for event in reversed(self.events) if event.size <= lasting), None)


def read_anchors(chain: Chain, trusted: TrustedChain, seen: Watched | None) -> Anchors:
    """Return the anchors behind those that were seen final. Raises as the module says."""
    size, number, digest = (
        (0, 0, b"") if seen is None else (seen.anchored_size, seen.anchored_block, seen.anchored_hash)
    )
    head = read_head(chain, trusted)
    if head.size < size:
        detail = f"the node knows {head.size} anchored leaves, {size} were final before: ask another"
        raise UnavailableError("chain_behind", detail)
    if size and chain.finality(number, digest) is Finality.GONE:
        detail = f"block {number}, which anchored {size} leaves, is gone although it was final"
        raise VerificationError(Check.RECEIPT, detail, code=CODE)
    # the chain may grow while it is read, or be reorganised
    found = chain.anchors(trusted.log_id, from_size=size, from_block=number)
    events = tuple(event for event in found if event.size <= head.size)
    if (events[-1].size if events else size) != head.size or (events and events[-1].root != head.root):
        raise UnavailableError(CODE, "the contract's head is not that of its newest event: ask another node")
    final = (event.size for event in reversed(events) if _is_final(chain, event))
    return Anchors(chain, events, next(final, size))


def _is_final(chain: Chain, event: AnchorEvent) -> bool:
    return chain.finality(event.block_number, event.block_hash) is Finality.FINAL
