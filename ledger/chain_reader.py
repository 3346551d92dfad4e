# SPDX-License-Identifier: EUPL-1.2
"""Reads a log's anchors from one node of the chain, and says when that node cannot be right.

- Another chain, another sealer, a contract that does not know the log: one node's bare word, *could not tell*.
- An event that contradicts the contract's head: *wrong*.
- The newest anchor is believed only with the proof that its block holds it: what a node invents is in no receipt.
  Its root covers all earlier anchors. A proof of something else is *wrong*, a node without one *could not tell*.
- A node that knows less than an earlier audit saw, or than the ledger says, or that leaves out events: *could not
  tell*; another may know.
- A block that was final at an earlier audit and has another one in its place: *wrong*.
- A newest anchor older than `STALE_AFTER` on a log that still grows: *could not tell*, since a node and a ledger
  that were set back together fit each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ledger import merkle
from ledger.audit_state import AuditState, CheckedAnchor
from ledger.chain.evidence import verify_anchor
from ledger.chain.interface import Anchored, AnchorEvent, Chain, Finality, Head
from ledger.client import LedgerClient
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds
from ledger.promise import CLOCK_SKEW
from ledger.trust import TrustedChain
from protocol.clock import from_epoch
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError

# a log signs and anchors a head at least daily; one day may be missed
STALE_AFTER = timedelta(days=2)


class ReorganisedError(VerificationError):
    """A block that was final is not on the chain any more."""


class ChainReader:
    """One reading of one log's anchors beyond `from_size`."""

    def __init__(
        self, open_chain: Callable[..., Chain], url: str, from_size: int, state: AuditState | None
    ) -> None:
        self._open_chain = open_chain
        self._url = url
        self._from_size = from_size
        self._state = state
        self._chain: Chain | None = None
        self._trusted: TrustedChain | None = None
        self._newest_at: datetime | None = None
        self._is_frozen = False

    def read(self, trusted: TrustedChain) -> tuple[AnchorEvent, ...]:
        """Return the anchors, in order. Raises as the module says; `UnavailableError` when the node is silent."""
        chain = self._open_chain(self._url, contract=trusted.contract)
        head = read_head(chain, trusted)
        last = None if self._state is None else self._state.anchor
        if last is not None:
            self._check_last(chain, head.size, last)
        events = chain.anchors(
            trusted.log_id, from_size=self._from_size, from_block=0 if last is None else last.block_number
        )
        # the chain may grow while it is read
        anchors = tuple(event for event in events if event.size <= head.size)
        self._check_gaps(anchors, head)
        if anchors and anchors[-1].root != head.root:
            raise VerificationError(Check.RECEIPT, "the contract's head is not that of its newest event")
        if anchors and self._state is not None and last is not None:
            self._check_follows(anchors[0], self._state)
        newest = anchors[-1] if anchors else _find_newest(chain, trusted, head, last)
        if newest is not None:
            self._newest_at = _prove(chain, trusted, newest)
        self._chain, self._trusted, self._is_frozen = chain, trusted, head.is_frozen
        return anchors

    def _check_gaps(self, anchors: Sequence[AnchorEvent], head: Head) -> None:
        """Raise `UnavailableError` when the node leaves out events, which does not prove that the chain does."""
        reached = self._from_size
        for anchor in anchors:
            if anchor.prev_size > reached:
                raise UnavailableError(
                    "chain_inconsistent", f"the node shows no anchor from {reached} to {anchor.prev_size} leaves"
                )
            reached = anchor.size
        if reached < head.size:
            raise UnavailableError(
                "chain_inconsistent",
                f"the contract knows {head.size} leaves, the node shows no event beyond {reached}",
            )

    def check_fresh(self, now: datetime) -> tuple[Finding, ...]:
        """Return how old the newest anchor is; nothing when none was read."""
        at = self._newest_at
        if at is None:
            return ()
        detail = f"the newest anchor is in a block of {at:%Y-%m-%d %H:%M:%S} UTC"
        if at - now > CLOCK_SKEW:
            early = f"{detail}, here it is {now:%Y-%m-%d %H:%M:%S} UTC: this clock or the chain's is wrong"
            return (could_not_tell(Level.ANCHORED, early),)
        if now - at <= STALE_AFTER:
            return (holds(Level.ANCHORED, detail),)
        if self._is_frozen:
            ended = f"{detail}, and the node says that the log was frozen then"
            return (Finding(Level.ANCHORED, Outcome.ASSUMED, ended, counts=False),)
        stale = f"stale: {detail}, more than {STALE_AFTER.days} days ago; is the node behind? Ask another"
        return (could_not_tell(Level.ANCHORED, stale),)

    def _check_last(self, chain: Chain, size: int, last: CheckedAnchor) -> None:
        if size < self._from_size:
            raise UnavailableError(
                "chain_behind", f"the node knows {size} anchored leaves, the last audit saw {self._from_size}"
            )
        if chain.finality(last.block_number, last.block_hash) is not Finality.GONE:
            return
        message = f"block {last.block_number}, which anchored {self._from_size} leaves at the last audit, is gone"
        if last.is_final:
            raise ReorganisedError(Check.RECEIPT, f"{message} although it was final")
        raise UnavailableError(
            "chain_inconsistent", f"{message}: it was not final yet; audit again from the beginning"
        )

    def _check_follows(self, first: AnchorEvent, state: AuditState) -> None:
        if (first.prev_size, first.prev_root) != (state.size, state.root):
            raise VerificationError(
                Check.RECEIPT, f"the anchor in block {first.block_number} does not follow the last one audited"
            )

    def compare_with_claims(self, client: LedgerClient, anchors: Sequence[AnchorEvent]) -> tuple[Finding, ...]:
        """Return a finding when the ledger says that more is final on the chain than this node knows."""
        if self._chain is None or self._trusted is None:
            return ()
        known = anchors[-1].size if anchors else self._from_size
        try:
            claimed = client.find_final_size() or 0
            if claimed <= known or claimed <= self._chain.head(self._trusted.log_id).size:
                return ()
        except Error:
            # the ledger's own word decides nothing, so that it is not to be had decides nothing either
            return ()
        detail = (
            f"the ledger says that {claimed} leaves are anchored for good, this node knows {known}: ask another"
        )
        return (could_not_tell(Level.ANCHORED, detail),)

    def end(self, note: str, tree: merkle.Tree, anchors: Sequence[AnchorEvent] | None) -> AuditState:
        """Return where the next audit can begin: at the newest anchor, or at the head where there is no chain."""
        if anchors is None or self._chain is None:
            return AuditState(note, tree.size, tree.frontier(), None)
        if not anchors:
            if self._state is None:
                return AuditState(note, 0, (), None)
            return AuditState(note, self._state.size, self._state.frontier, self._state.anchor)
        last = anchors[-1]
        finality = self._chain.finality(last.block_number, last.block_hash)
        anchor = CheckedAnchor(
            chain_id=self._chain.chain_id(),
            contract=last.contract,
            block_number=last.block_number,
            block_hash=last.block_hash,
            is_final=finality is Finality.FINAL,
        )
        return AuditState(note, last.size, tree.frontier(last.size), anchor)


def read_head(chain: Chain, trusted: TrustedChain) -> Head:
    """Return the contract's head of a log. Raises `UnavailableError`: one node's word convicts nobody."""
    if chain.chain_id() != trusted.chain_id:
        raise UnavailableError("wrong_chain", f"expected chain {trusted.chain_id}, the node is on another")
    try:
        head = chain.head(trusted.log_id)
    except RequestError as exc:
        # a node that has not come as far yet does not know the log
        raise UnavailableError("chain_behind", f"the node does not know the log: {exc.message}") from exc
    if head.sealer.lower() != trusted.sealer.lower():
        raise UnavailableError(
            "wrong_sealer", "the node says that another key anchors this log than the trusted one: ask another"
        )
    return head


def _find_newest(
    chain: Chain, trusted: TrustedChain, head: Head, last: CheckedAnchor | None
) -> AnchorEvent | None:
    """Return the anchor that was audited before, when nothing came after it; None when there never was one."""
    if head.size == 0:
        return None
    block = 0 if last is None else last.block_number
    found = next(iter(chain.anchors(trusted.log_id, from_size=head.size - 1, from_block=block)), None)
    if found is None or (found.size, found.root) != (head.size, head.root):
        raise UnavailableError("chain_inconsistent", f"the node does not show the anchor of {head.size} leaves")
    return found


def _prove(chain: Chain, trusted: TrustedChain, newest: AnchorEvent) -> datetime:
    """Return the time of an anchor's block, once its receipt proves that the anchor is in it.

    Raises `UnavailableError` when the node has no receipt, `VerificationError` when it proves something else.
    """
    try:
        evidence = chain.receipt_evidence(newest.transaction_hash)
    except RequestError as exc:
        raise UnavailableError("chain_inconsistent", "the node has no receipt of the newest anchor") from exc
    proved = verify_anchor(evidence, expected_contract=trusted.contract, expected_log_id=trusted.log_id)
    block = proved.block
    if _claims(proved.anchored) != _claims(newest) or (block.number, block.hash, block.timestamp) != (
        newest.block_number,
        newest.block_hash,
        newest.block_time,
    ):
        raise VerificationError(
            Check.RECEIPT,
            f"the newest anchor, of {newest.size} leaves, is not the one that its receipt proves",
            code="anchor_proof",
        )
    return from_epoch(block.timestamp)


def _claims(event: Anchored) -> tuple[object, ...]:
    """Return all of an event but its index, which counts differently in a proof."""
    return (event.contract, event.log_id, event.prev_size, event.size, event.prev_root, event.root, event.mode)
