# SPDX-License-Identifier: EUPL-1.2
"""The audit of a whole log: pure functions over bytes that somebody else fetched.

- Each level is reported apart; none hides another, and one that was not looked at says so.
- Nothing here decides from a server's word.
- Whether the anchored blocks are final is for `ledger.finality` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import merkle
from ledger.chain.evidence import BlockFacts, read_header
from ledger.chain.interface import AnchorEvent
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.cosignature import WitnessKey, find_cosignatures
from ledger.findings import Finding, Level, Outcome, complete, could_not_tell, holds, violated
from ledger.promise import CLOCK_SKEW, Promise
from protocol.clock import epoch_seconds
from protocol.errors import VerificationError

# What the leaves, and the anchors over them, are judged by.
TREE_LEVELS = (Level.LEAVES, Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA)
# Copies that root-only anchors need, beside the log's own.
MIN_MIRRORS = 2


@dataclass(frozen=True)
class LogContents:
    """A log as read: its leaves, and its anchors as read from the chain (None: the chain was not read).

    `first` is the index of the first of these leaves: not 0 when an audit continues an earlier one.
    """

    leaves: Sequence[Commitment]
    anchors: Sequence[AnchorEvent] | None
    first: int = 0
    mirrors: Sequence[str] = ()
    """Where the trust file says that copies of the log's tiles are."""
    anchored: int = 0
    """How many leaves an earlier audit, which this one continues, found anchored."""


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
    return audit_tree(head, merkle.Tree(contents.leaves), contents, from_size=from_size)


def audit_tree(
    head: Checkpoint, tree: merkle.Tree, contents: LogContents, *, from_size: int
) -> tuple[Finding, ...]:
    """Return the same about a log whose tree over these very leaves the caller has computed.

    There is one finding for each of `TREE_LEVELS`, in their order, whatever was not looked at.
    """
    if tree.size != head.size or tree.root() != head.root:
        wrong = violated(Level.LEAVES, f"the {tree.size} leaves do not give the root signed for {head.size}")
        return complete([wrong], TREE_LEVELS)
    found = holds(Level.LEAVES, f"{tree.size} leaves")
    anchors = contents.anchors
    if anchors is None:
        unread = could_not_tell(Level.ANCHORED, "not looked at, because the chain was not read")
        return complete([found, unread], TREE_LEVELS)
    return (
        found,
        _append_only(tree, contents.first, anchors),
        _anchored(tree, anchors, from_size, contents.anchored),
        _calldata(contents, anchors),
    )


def _append_only(tree: merkle.Tree, first: int, anchors: Sequence[AnchorEvent]) -> Finding:
    """Compute the root at each anchored size, from the one tree over all leaves: its peaks give each."""
    roots: dict[int, bytes] = {}
    for anchor in anchors:
        if anchor.size > tree.size:
            return violated(
                Level.APPEND_ONLY,
                f"the chain has {anchor.size} leaves, the log only {tree.size}: some were removed",
            )
        for size, root in ((anchor.prev_size, anchor.prev_root), (anchor.size, anchor.root)):
            # an anchor from before what this audit looks at does not follow the one before it
            if size < first:
                continue
            if size not in roots:
                roots[size] = tree.root(size)
            if roots[size] != root:
                return violated(
                    Level.APPEND_ONLY,
                    f"at {size} leaves the log has another root than block {anchor.block_number}",
                )
    return holds(Level.APPEND_ONLY, f"{len(anchors)} anchored sizes")


def _anchored(tree: merkle.Tree, anchors: Sequence[AnchorEvent], from_size: int, before: int) -> Finding:
    """Check that the anchors follow one another without a gap."""
    if tree.size < from_size:
        return could_not_tell(Level.ANCHORED, f"the log has only {tree.size} leaves, not yet {from_size}")
    if not anchors:
        if tree.size == from_size:
            return holds(Level.ANCHORED, "nothing to anchor")
        if before:
            return holds(Level.ANCHORED, f"no new anchor since {before} leaves{_waiting(tree.size - before)}")
        return could_not_tell(Level.ANCHORED, f"no anchor beyond {from_size} leaves yet")
    # the first beyond `from_size` begins at it, or before it
    expected = min(anchors[0].prev_size, from_size)
    for anchor in anchors:
        if anchor.prev_size != expected or anchor.size <= anchor.prev_size:
            return violated(
                Level.ANCHORED, f"an anchor is missing between {expected} and {anchor.prev_size} leaves"
            )
        expected = anchor.size
    return holds(Level.ANCHORED, f"{len(anchors)} anchors up to {expected} leaves{_waiting(tree.size - expected)}")


def _waiting(leaves: int) -> str:
    return f"; {leaves} leaves promised, not yet anchored" if leaves > 0 else ""


def _calldata(contents: LogContents, anchors: Sequence[AnchorEvent]) -> Finding:
    """Compare the commitments on the chain with the leaves. A root-only anchor has none to compare, rightly so."""
    carried = unseen = 0
    first = contents.first
    for anchor in anchors:
        start = max(0, anchor.prev_size - first)
        if anchor.commitments is None:
            unseen += anchor.size - anchor.prev_size
        elif contents.leaves[start : max(start, anchor.size - first)] != anchor.commitments:
            return violated(
                Level.CALLDATA, f"block {anchor.block_number} carries other commitments than the log publishes"
            )
        else:
            carried += len(anchor.commitments)
    if not unseen:
        return holds(Level.CALLDATA, f"{carried} commitments")
    mirrors = ", ".join(contents.mirrors) or "none is named"
    detail = f"the chain carries {carried} commitments and only the roots over {unseen} more; mirrors: {mirrors}"
    # roots alone keep no log: without copies elsewhere it is the operator's to lose
    return could_not_tell(Level.CALLDATA, detail, counts=len(contents.mirrors) < MIN_MIRRORS)


def check_promise(promise: Promise, contents: LogContents | None, *, is_placed: bool, now: datetime) -> Finding:
    """Return whether a promise was kept.

    A breach is proved by the whole log without the commitment and an anchor in a block later than the promise's
    time plus delay, by the time in the block's own header, once that has passed here too: a node's word alone
    accuses nobody, nor does a block dated in the future. An entry that is in
    the log but was anchored late is no breach: the promise covers the signed tree, and an outage of the chain
    delays anchors of older heads too. `is_placed` says that the evidence itself proves inclusion, for a check
    without the log.
    """
    said = f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC"
    if contents is None and is_placed:
        return holds(Level.PROMISED, "promised, and in the log")
    if contents is None:
        return could_not_tell(Level.PROMISED, said)
    if promise.commitment in contents.leaves:
        return holds(Level.PROMISED, f"leaf {contents.leaves.index(promise.commitment) + 1}")
    # clocks of a chain and of a log differ by seconds
    due = epoch_seconds(promise.due_at) + CLOCK_SKEW.total_seconds()
    for anchor in contents.anchors or ():
        block = _read_block(anchor)
        if block is not None and due < min(epoch_seconds(now), block.timestamp):
            return violated(Level.PROMISED, f"broken: {said}, and still missing in block {anchor.block_number}")
    return could_not_tell(Level.PROMISED, f"not in the log; {said}")


def _read_block(anchor: AnchorEvent) -> BlockFacts | None:
    """Return what the header of an anchor's block says; None when it is missing, malformed or another block's."""
    try:
        block = None if anchor.header_rlp is None else read_header(anchor.header_rlp)
    except VerificationError:
        return None
    return block if block is not None and block.hash == anchor.block_hash else None
