# SPDX-License-Identifier: EUPL-1.2
"""The audit of a whole log: pure functions over bytes that somebody else fetched.

- Each level is reported apart; none hides another. Nothing here decides from a server's word.
- Finality on a chain sealed by one operator is assumed: it detects damage, not a dishonest operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger import merkle
from ledger.chain.interface import AnchorEvent
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.cosignature import WitnessKey, find_cosignatures
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.promise import Promise
from ledger.trust import TrustedChain

ONE_OPERATOR = "sealed by one operator: detects damage, not a dishonest operator"


@dataclass(frozen=True)
class LogContents:
    """A log as read: its leaves, and its anchors as read from the chain (None: the chain was not read)."""

    leaves: Sequence[Commitment]
    anchors: Sequence[AnchorEvent] | None


def finality(chain: TrustedChain | None) -> Finding:
    """Return what can be said about the finality of blocks on this chain."""
    if chain is None or len(chain.validators) > 1:
        return could_not_tell(Level.FINAL, "the validators' seals were not checked", counts=False)
    return Finding(Level.FINAL, Outcome.ASSUMED, ONE_OPERATOR, counts=False)


def witnessed(note: str, witnesses: Sequence[WitnessKey], *, now: datetime) -> Finding:
    """Return how many of the known witnesses cosigned a head; it informs, and decides nothing.

    A log that shows two people two heads of one size needs a witness that signs both.
    """
    if not witnesses:
        return could_not_tell(Level.WITNESSED, "no witness is known", counts=False)
    found = find_cosignatures(note, witnesses, now=now)
    detail = f"{len(found)} of {len(set(witnesses))} known witnesses"
    if not found:
        return could_not_tell(Level.WITNESSED, detail, counts=False)
    newest = max(each.at for each in found)
    return Finding(
        Level.WITNESSED, Outcome.HOLDS, f"{detail}, last at {newest:%Y-%m-%d %H:%M:%S} UTC", counts=False
    )


def audit_log(head: Checkpoint, contents: LogContents, *, from_size: int = 0) -> tuple[Finding, ...]:
    """Return the findings about a whole log, whose head's signature the caller has checked.

    `contents.anchors` are those that go beyond `from_size`.
    """
    tree = merkle.Tree(contents.leaves)
    if tree.size != head.size or tree.root() != head.root:
        return (violated(Level.LEAVES, f"the {tree.size} leaves do not give the root signed for {head.size}"),)
    found = holds(Level.LEAVES, f"{tree.size} leaves")
    anchors = contents.anchors
    if anchors is None:
        return (found, could_not_tell(Level.ANCHORED, "the chain was not read"))
    return (
        found,
        _append_only(tree, anchors),
        _anchored(tree, anchors, from_size),
        _calldata(contents.leaves, anchors),
    )


def _append_only(tree: merkle.Tree, anchors: Sequence[AnchorEvent]) -> Finding:
    """Recompute the root from all leaves at each anchored size."""
    for anchor in anchors:
        if anchor.size > tree.size:
            return violated(
                Level.APPEND_ONLY,
                f"the chain has {anchor.size} leaves, the log only {tree.size}: some were removed",
            )
        for size, root in ((anchor.prev_size, anchor.prev_root), (anchor.size, anchor.root)):
            if tree.root(size) != root:
                return violated(
                    Level.APPEND_ONLY,
                    f"at {size} leaves the log has another root than block {anchor.block_number}",
                )
    return holds(Level.APPEND_ONLY, f"{len(anchors)} anchored sizes")


def _anchored(tree: merkle.Tree, anchors: Sequence[AnchorEvent], from_size: int) -> Finding:
    """Check that the anchors follow one another without a gap."""
    if not anchors:
        if tree.size <= from_size:
            return holds(Level.ANCHORED, "nothing to anchor")
        return could_not_tell(Level.ANCHORED, f"no anchor beyond {from_size} leaves yet")
    expected = anchors[0].prev_size if from_size else 0
    for anchor in anchors:
        if anchor.prev_size != expected or anchor.size <= anchor.prev_size:
            return violated(
                Level.ANCHORED, f"an anchor is missing between {expected} and {anchor.prev_size} leaves"
            )
        expected = anchor.size
    waiting = tree.size - expected
    rest = f"; {waiting} leaves promised, not yet anchored" if waiting > 0 else ""
    return holds(Level.ANCHORED, f"{len(anchors)} anchors up to {expected} leaves{rest}")


def _calldata(leaves: Sequence[bytes], anchors: Sequence[AnchorEvent]) -> Finding:
    for anchor in anchors:
        if tuple(leaves[anchor.prev_size : anchor.size]) != anchor.commitments:
            return violated(
                Level.CALLDATA, f"block {anchor.block_number} carries other commitments than the log publishes"
            )
    return holds(Level.CALLDATA, f"{sum(len(anchor.commitments) for anchor in anchors)} commitments")


def check_promise(promise: Promise, contents: LogContents | None, *, is_placed: bool) -> Finding:
    """Return whether a promise was kept.

    A breach is proved by the whole log without the commitment and an anchor in a block later than the promise's
    time plus delay. An entry that is in the log but was anchored late is no breach: the promise covers the
    signed tree, and an outage of the chain delays anchors of older heads too. `is_placed` says that the evidence
    itself proves inclusion, for a check without the log.
    """
    due = f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC"
    if contents is None:
        return (
            holds(Level.PROMISED, "promised, and in the log") if is_placed else could_not_tell(Level.PROMISED, due)
        )
    if promise.commitment in contents.leaves:
        return holds(Level.PROMISED, f"leaf {contents.leaves.index(promise.commitment) + 1}")
    for anchor in contents.anchors or ():
        if datetime.fromtimestamp(anchor.block_time, UTC) > promise.due_at:
            return violated(Level.PROMISED, f"broken: {due}, and still missing in block {anchor.block_number}")
    return could_not_tell(Level.PROMISED, f"not in the log; {due}")
