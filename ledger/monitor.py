# SPDX-License-Identifier: EUPL-1.2
"""What a monitor concludes from what a log showed it: pure functions over bytes that somebody else fetched.

- Two heads that one log signed fit together when the larger tree has, at the smaller size, the smaller one's root.
  If it has another there, the two signatures and a consistency proof convict the log before anybody.
- Tiles are believed only as far as they lead to a signed root. Tiles that do not are wrong, and prove nothing.
- *Violated* is what the log showed; *could not tell* is what it did not show, as a server that is down.
- What is missing convicts the log only at its own address. A copy may be old, and its keeper is somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from ledger import merkle
from ledger.chain.interface import AnchorEvent
from ledger.checkpoint import Checkpoint
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.merkle import ReadNode
from ledger.promise import CLOCK_SKEW, Promise
from ledger.violation import AnchorContradiction, Fork
from protocol.errors import Check, ConfigurationError, Error, UnavailableError, VerificationError

_NOT_FOUND = 404
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True)
class Head:
    """A tree head whose signature was verified, with the note that carries it."""

    checkpoint: Checkpoint
    note: str

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.checkpoint.size


def finding_of(level: Level, error: Error) -> Finding:
    """Return what an error means: what did not come, or could not come, is no violation."""
    is_missing = isinstance(error, UnavailableError | ConfigurationError) or error.status == _NOT_FOUND
    return (could_not_tell if is_missing else violated)(level, error.message)


def is_own_address(origin: str, url: str) -> bool:
    """Whether the log answers for itself at this address: host and port are those of its origin."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))
    return host == origin.partition("/")[0].lower()


def check_tiles(head: Checkpoint, read: ReadNode) -> None:
    """Check that the published tiles give the signed root. Raises `VerificationError` (`invalid_tile`)."""
    if merkle.root(read, head.size) != head.root:
        raise VerificationError(
            Check.RECEIPT, f"the tiles do not give the root signed for {head.size} leaves", code="invalid_tile"
        )


def find_fork(one: Head, other: Head, read: ReadNode, *, observed_at: datetime) -> Fork | None:
    """Return the proof that two signed heads of a log contradict each other; None when they fit.

    `read` reads the larger tree, whose tiles the caller has checked.
    """
    first, second = sorted((one, other), key=lambda head: head.size)
    root = merkle.root(read, first.size) if first.size < second.size else second.checkpoint.root
    proof = merkle.consistency_proof(read, first.size, second.size)
    # what is kept as proof has to convince others: it is checked as they will check it
    merkle.verify_consistency(
        first=first.size, second=second.size, first_root=root, expected_root=second.checkpoint.root, proof=proof
    )
    if root == first.checkpoint.root:
        return None
    return Fork(first.checkpoint.origin, observed_at, first.note, second.note, root, proof)


@dataclass(frozen=True)
class AnchorCheck:
    """What became of comparing anchors with a tree: how far they fit, and which one contradicts it, if any."""

    finding: Finding
    reached: int
    contradicted: AnchorEvent | None = None


def check_anchors(
    head: Head, anchors: Sequence[AnchorEvent], read: ReadNode, *, after: int, is_own: bool
) -> AnchorCheck:
    """Compare the anchors beyond `after` leaves with the tree that the log, or a copy of it, shows now."""
    reached = after
    for anchor in anchors:
        if anchor.size > head.size:
            detail = f"the chain has {anchor.size} leaves, only {head.size} are shown"
            return AnchorCheck(less_shown(Level.ANCHORED, detail, is_own=is_own), reached)
        if anchor.prev_size != reached or anchor.size <= anchor.prev_size:
            detail = f"an anchor is missing between {reached} and {anchor.prev_size} leaves"
            return AnchorCheck(violated(Level.ANCHORED, detail), reached)
        if anchor.root != merkle.root(read, anchor.size):
            detail = f"at {anchor.size} leaves the log has another root than block {anchor.block_number}"
            return AnchorCheck(violated(Level.ANCHORED, detail), reached, anchor)
        reached = anchor.size
    waiting = head.size - reached
    rest = f"; {waiting} leaves not yet anchored" if waiting else ""
    return AnchorCheck(holds(Level.ANCHORED, f"anchored up to {reached} leaves{rest}"), reached)


def contradiction(
    head: Head, anchor: AnchorEvent, proof_of_block: str, read: ReadNode, *, observed_at: datetime
) -> AnchorContradiction:
    """Return the proof that a signed head contradicts an anchor."""
    return AnchorContradiction(
        log=head.checkpoint.origin,
        observed_at=observed_at,
        note=head.note,
        root=merkle.root(read, anchor.size),
        proof=merkle.consistency_proof(read, anchor.size, head.size),
        anchor=proof_of_block,
    )


def is_overdue(promise: Promise, *, now: datetime) -> bool:
    """Whether every tree that the log shows now must hold the promised entry, whichever of two clocks is right."""
    return now > promise.due_at + CLOCK_SKEW


def not_due(promise: Promise) -> Finding:
    """Return the finding about a promise that has time left; it decides nothing."""
    return could_not_tell(Level.PROMISED, f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC", counts=False)


def less_shown(level: Level, detail: str, *, is_own: bool) -> Finding:
    """Return the finding about an address that shows less than there is."""
    if is_own:
        return violated(level, f"{detail}: some were removed")
    return could_not_tell(level, f"{detail}: an old copy, or some were removed; ask the log's own address")


def missing_from_copy(promise: Promise, head: Checkpoint, *, counts: bool) -> Finding:
    """Return the finding about an overdue promise whose entry is missing where the log does not answer itself."""
    due = f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC"
    detail = f"{due}, and missing from the {head.size} leaves of this copy; ask the log's own address"
    return could_not_tell(Level.PROMISED, detail, counts=counts)


def broken(promise: Promise, head: Checkpoint) -> Finding:
    """Return the finding about a promise whose entry is missing from the whole tree after it was due."""
    due = f"due {promise.due_at:%Y-%m-%d %H:%M:%S} UTC"
    return violated(Level.PROMISED, f"broken: {due}, and missing from all {head.size} leaves shown after that")


def may_cosign(findings: Iterable[Finding]) -> bool:
    """Whether a witness may sign: nothing that it saw was wrong, and head, tiles and growth were checked."""
    found = tuple(findings)
    held = {each.level for each in found if each.outcome is Outcome.HOLDS}
    is_wrong = any(each.outcome is Outcome.VIOLATED for each in found)
    return not is_wrong and {Level.CHECKPOINT, Level.LEAVES, Level.APPEND_ONLY} <= held
