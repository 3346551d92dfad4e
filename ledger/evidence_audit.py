# SPDX-License-Identifier: EUPL-1.2
"""The audit of evidence about single shares: pure functions over bytes.

- Keys, contract and chain are the trust file's. A level that needs a key the file lacks *could not tell*.
- "Not taken back" needs all leaves: offline it could not tell, unless the file itself holds the withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from eth_utils.address import to_checksum_address

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger import promise as promises
from ledger import record as records
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents, check_promise, witnessed
from ledger.chain.evidence import VerifiedAnchor, verify_anchor
from ledger.chain.interface import Anchored
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.evidence import Evidence
from ledger.evidence_signatures import FileSignatures, ReadRecord
from ledger.finality import AnchoredBlock, check_finality
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.record import ConsentRecord, RecordType
from ledger.trust import AuditedLog, TrustedChain, TrustFile
from protocol import jws
from protocol.clock import from_epoch
from protocol.encoding import b64url_encode, get_member
from protocol.errors import Error


def audit_evidence(
    evidence: Evidence, trust: TrustFile, contents: Mapping[str, LogContents], *, now: datetime
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings about each record of an evidence file.

    `contents` holds the logs that were read whole, by origin; none for an offline check.
    """
    read = [ReadRecord.of(each) for each in evidence.records]
    signed = FileSignatures(read, trust)
    return tuple(_RecordAudit(each, trust, contents, signed, now).run() for each in read)


class _RecordAudit:
    """The levels of one record, each with what it needs from the ones before."""

    def __init__(
        self,
        read: ReadRecord,
        trust: TrustFile,
        contents: Mapping[str, LogContents],
        signed: FileSignatures,
        now: datetime,
    ) -> None:
        self._read = read
        self._item = read.item
        self._trust = trust
        self._contents = contents
        self._signatures = signed
        self._now = now

    def run(self) -> tuple[Finding, ...]:
        """Return the findings, in the order of the levels."""
        record, commitment = self._read.record, self._read.commitment
        if record is None:
            return (violated(Level.OPENS, self._read.error),)
        try:
            promised = get_member(jws.parse(self._item.promise).claims(), "commitment", str)
        except Error as exc:
            return (violated(Level.OPENS, exc.message),)
        if promised != b64url_encode(commitment):
            return (violated(Level.OPENS, "the key and the record give another commitment than was promised"),)
        findings = [
            holds(Level.OPENS, f"{record.type} of {record.time:%Y-%m-%d %H:%M} UTC"),
            self._signatures.signed(self._read, record),
        ]
        if record.type is RecordType.SHARE:
            findings.append(self._signatures.countersigned(self._read, record))
        log = self._trust.find_log(record.log)
        if log is None:
            return (*findings, could_not_tell(Level.PROMISED, f"the log {record.log} is not in the trust file"))
        return (*findings, *self._in_log(log, commitment), *self._taken_back(record, commitment))

    def _in_log(self, log: AuditedLog, commitment: Commitment) -> Iterable[Finding]:
        """Yield promise, head, place and anchor."""
        try:
            promise = promises.verify_undated(
                self._item.promise, log.promise_key, log=log.origin, commitment=commitment
            )
        except Error as exc:
            yield violated(Level.PROMISED, exc.message)
            promise = None
        place = self._place(log, commitment)
        contents = self._contents.get(log.origin)
        if promise is not None:
            is_placed = all(each.outcome is Outcome.HOLDS for each in place if each.level is Level.IN_LOG)
            # a promise of a hundred years would never be broken: the log's own word of its delay counts too
            delay = min(promise.maximum_merge_delay, log.maximum_merge_delay)
            known = replace(promise, maximum_merge_delay=delay)
            yield check_promise(known, contents, is_placed=is_placed, now=self._now)
        yield from place

    def _place(self, log: AuditedLog, commitment: Commitment) -> tuple[Finding, ...]:
        inclusion, note = self._item.inclusion, self._item.checkpoint
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
                merkle.leaf_hash(commitment),
                index=inclusion.leaf_index,
                size=head.size,
                proof=inclusion.proof,
                expected_root=head.root,
            )
        except Error as exc:
            return (*signed, violated(Level.IN_LOG, exc.message))
        placed = holds(Level.IN_LOG, f"leaf {inclusion.leaf_index + 1} of {head.size}")
        return (*signed, placed, *self._anchored(log, head))

    def _witnessed(self, note: str) -> Iterable[Finding]:
        if self._trust.witnesses:
            yield witnessed(note, self._trust.witnesses, now=self._now)

    def _anchored(self, log: AuditedLog, head: Checkpoint) -> tuple[Finding, ...]:
        if self._item.anchor is None:
            return (could_not_tell(Level.ANCHORED, "promised, not yet anchored when the file was made"),)
        if log.chain is None:
            return (could_not_tell(Level.ANCHORED, "the trust file names no chain for this log"),)
        try:
            proof = AnchorProof.parse(self._item.anchor)
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

    def _taken_back(self, record: ConsentRecord, commitment: Commitment) -> Iterable[Finding]:
        if record.type is not RecordType.SHARE:
            return
        signed = self._signatures.find_withdrawal(commitment)
        if signed is not None:
            detail = f"taken back: {signed.take_back} on {signed.time:%Y-%m-%d %H:%M} UTC, signed"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.VIOLATED, detail, counts=False)
            return
        # a share is marked in the log of the day on which it is taken back
        marker = records.withdrawal_marker(self._item.key, commitment)
        unread = [each.origin for each in self._trust.logs if each.origin not in self._contents]
        if any(marker in each.leaves for each in self._contents.values()):
            detail = "contested: marked as taken back, but no signed withdrawal is in the file"
            yield could_not_tell(Level.NOT_TAKEN_BACK, detail, counts=False)
        elif unread:
            detail = f"needs all leaves of {', '.join(unread)}"
            yield could_not_tell(Level.NOT_TAKEN_BACK, detail, counts=False)
        elif any(each.first for each in self._contents.values()):
            yield could_not_tell(Level.NOT_TAKEN_BACK, "needs all leaves, not only the newest", counts=False)
        else:
            leaves = sum(len(each.leaves) for each in self._contents.values())
            detail = f"no marker in {leaves} leaves"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.HOLDS, detail, counts=False)


def _verify_anchor(proof: AnchorProof, chain: TrustedChain) -> VerifiedAnchor:
    if proof.evidence.chain_id != chain.chain_id:
        raise Error("invalid_anchor", "the block is of another chain")
    return verify_anchor(
        proof.evidence, expected_contract=to_checksum_address(chain.contract), expected_log_id=chain.log_id
    )
