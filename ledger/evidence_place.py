# SPDX-License-Identifier: EUPL-1.2
"""Where the records of an evidence file stand: promise, signed head, place, anchor; pure functions over its bytes.

- Contract, chain and the log's keys are the trust file's.
- When a record is known to have been there follows from its promise and its block, never from its own time: the
  promise is the log's word. The block's time is the chain's, and a block that nobody vouches for has none.
- Each record is looked for once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from eth_utils.address import to_checksum_address

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger import promise as promises
from ledger import record as records
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents, check_promise, witnessed
from ledger.chain.evidence import VerifiedAnchor, read_header, verify_anchor
from ledger.chain.interface import Anchored
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.evidence import EvidenceRecord
from ledger.finality import AnchoredBlock, check_finality
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.record import ConsentRecord
from ledger.trust import AuditedLog, TrustedChain, TrustFile
from ledger.trusted_key import Witnessed
from protocol.clock import from_epoch
from protocol.errors import Error

_NONE = Commitment(b"")


@dataclass(frozen=True, eq=False)
class ReadRecord:
    """One record of a file, read once: canonical JSON costs as much as a signature.

    `error` says why it cannot be read; then there is no record, and the commitment is empty.
    """

    item: EvidenceRecord
    record: ConsentRecord | None = None
    commitment: Commitment = _NONE
    error: str = ""

    @classmethod
    def of(cls, item: EvidenceRecord) -> ReadRecord:
        """Return the record as far as it can be read."""
        try:
            return cls(item, records.parse(item.record), records.commit(item.key, item.record))
        except Error as exc:
            return cls(item, error=exc.message)


@dataclass(frozen=True)
class Place:
    """What came out about a record's place, and who saw the record when."""

    findings: tuple[Finding, ...]
    seen: Witnessed


class FilePlaces:
    """The places of one file's records under one trust file."""

    def __init__(self, trust: TrustFile, contents: Mapping[str, LogContents], now: datetime) -> None:
        self._trust = trust
        self._contents = contents
        self._now = now
        self._found: dict[ReadRecord, Place] = {}

    def find(self, read: ReadRecord, record: ConsentRecord) -> Place | None:
        """Return the place of a record of the file; None when its log is not in the trust file."""
        log = self._trust.find_log(record.log)
        if log is None:
            return None
        if read not in self._found:
            self._found[read] = self._look(log, read)
        return self._found[read]

    def seen(self, read: ReadRecord, record: ConsentRecord) -> Witnessed:
        """Return who saw a record of the file, and when."""
        place = self.find(read, record)
        return Witnessed() if place is None else place.seen

    def _look(self, log: AuditedLog, read: ReadRecord) -> Place:
        place = self._place(log, read)
        shown_at = anchored_at(read.item, place)
        try:
            promise = promises.verify_undated(
                read.item.promise, log.promise_key, log=log.origin, commitment=read.commitment
            )
        except Error as exc:
            return Place((violated(Level.PROMISED, exc.message), *place), Witnessed(None, shown_at))
        is_placed = all(each.outcome is Outcome.HOLDS for each in place if each.level is Level.IN_LOG)
        # a promise of a hundred years would never be broken: the log's own word of its delay counts too
        delay = min(promise.maximum_merge_delay, log.maximum_merge_delay)
        known = replace(promise, maximum_merge_delay=delay)
        kept = check_promise(known, self._contents.get(log.origin), is_placed=is_placed, now=self._now)
        return Place((kept, *place), Witnessed(promise.promised_at, shown_at))

    def _place(self, log: AuditedLog, read: ReadRecord) -> tuple[Finding, ...]:
        inclusion, note = read.item.inclusion, read.item.checkpoint
        if inclusion is None or note is None:
            missing = "promised, not yet anchored when the file was made"
            return (could_not_tell(Level.IN_LOG, missing), could_not_tell(Level.ANCHORED, missing))
        try:
            head = checkpoints.verify(note, log.checkpoint_key)
        except Error as exc:
            return (violated(Level.CHECKPOINT, exc.message), could_not_tell(Level.IN_LOG, "without a signed head"))
        signed = (holds(Level.CHECKPOINT, f"{head.size} leaves of {head.origin}"), *self._witnessed(note))
        if inclusion.tree_size != head.size:
            return (*signed, violated(Level.IN_LOG, "the proof is for another size than the signed head"))
        try:
            merkle.verify_inclusion(
                merkle.leaf_hash(read.commitment),
                index=inclusion.leaf_index,
                size=head.size,
                proof=inclusion.proof,
                expected_root=head.root,
            )
        except Error as exc:
            return (*signed, violated(Level.IN_LOG, exc.message))
        placed = holds(Level.IN_LOG, f"leaf {inclusion.leaf_index + 1} of {head.size}")
        return (*signed, placed, *self._anchored(log, head, read.item))

    def _witnessed(self, note: str) -> Iterable[Finding]:
        if self._trust.witnesses:
            yield witnessed(note, self._trust.witnesses, now=self._now)

    def _anchored(self, log: AuditedLog, head: Checkpoint, item: EvidenceRecord) -> tuple[Finding, ...]:
        if item.anchor is None:
            return (could_not_tell(Level.ANCHORED, "promised, not yet anchored when the file was made"),)
        if log.chain is None:
            return (could_not_tell(Level.ANCHORED, "the trust file names no chain for this log"),)
        try:
            proof = AnchorProof.parse(item.anchor)
            verified = _verify_anchor(proof, log.chain)
            at = from_epoch(verified.block.timestamp)
        except Error as exc:
            return (violated(Level.ANCHORED, exc.message),)
        event = verified.anchored
        if (event.size, event.root) != (head.size, head.root):
            return (violated(Level.ANCHORED, "the block anchors another head than the signed one"),)
        detail = f"block {verified.block.number} of {at:%Y-%m-%d %H:%M} UTC"
        block = AnchoredBlock(verified.block.number, verified.block.hash, proof.evidence.header_rlp)
        return (holds(Level.ANCHORED, detail), self._final(log, event, block))

    def _final(self, log: AuditedLog, event: Anchored, block: AnchoredBlock) -> Finding:
        """Check the seals in the file, and compare the block with the chain when it was read."""
        contents = self._contents.get(log.origin)
        anchors = () if contents is None or contents.anchors is None else contents.anchors
        same = [each for each in anchors if each.size == event.size]
        if same and all(each.block_hash != block.hash for each in same):
            return violated(Level.FINAL, f"the chain has another block {block.number}")
        if anchors and not same and anchors[0].prev_size < event.size:
            return could_not_tell(Level.FINAL, f"the chain, as it was read, has no anchor of {event.size} leaves")
        found = check_finality(log.chain, [block])
        # anybody can make up a block: without seals to check, only the chain itself can vouch for it
        return replace(found, counts=True) if found.outcome is Outcome.COULD_NOT_TELL and not same else found


def anchored_at(item: EvidenceRecord, findings: Iterable[Finding]) -> datetime | None:
    """Return when the block was made that shows a record; None unless the block is vouched for."""
    found = {each.level: each for each in findings}
    anchored, final = found.get(Level.ANCHORED), found.get(Level.FINAL)
    if anchored is None or final is None or anchored.outcome is not Outcome.HOLDS:
        return None
    # what could not be told and counts is a block that anybody could have made up
    if final.outcome is Outcome.VIOLATED or (final.outcome is Outcome.COULD_NOT_TELL and final.counts):
        return None
    return from_epoch(read_header(AnchorProof.parse(item.anchor).evidence.header_rlp).timestamp)


def _verify_anchor(proof: AnchorProof, chain: TrustedChain) -> VerifiedAnchor:
    if proof.evidence.chain_id != chain.chain_id:
        raise Error("invalid_anchor", "the block is of another chain")
    return verify_anchor(
        proof.evidence, expected_contract=to_checksum_address(chain.contract), expected_log_id=chain.log_id
    )
