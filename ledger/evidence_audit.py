# SPDX-License-Identifier: EUPL-1.2
"""The audit of evidence about single shares: pure functions over bytes.

- Keys, contract and chain are the trust file's. A level that needs a key the file lacks *could not tell*.
- "Not taken back" needs all leaves: offline it could not tell, unless the file itself holds the withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from eth_utils.address import to_checksum_address

from ledger import checkpoint as checkpoints
from ledger import merkle, signatures
from ledger import promise as promises
from ledger import record as records
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents, check_promise
from ledger.chain.evidence import VerifiedAnchor, verify_anchor
from ledger.chain.interface import Anchored
from ledger.checkpoint import Checkpoint
from ledger.commitment import Commitment
from ledger.evidence import Evidence, EvidenceRecord
from ledger.finality import AnchoredBlock, check_finality
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.record import ConsentRecord, RecordType
from ledger.trust import AuditedLog, TrustedChain, TrustFile
from protocol import jws
from protocol.encoding import b64url_encode, get_member
from protocol.errors import Error
from protocol.keys import PublicKey

_ANSWERS = frozenset({RecordType.BLOCKED, RecordType.ERASED, RecordType.REFUSAL_TO_ERASE})
# What takes a share back or answers that: nobody's word is enough for these.
_MUST_BE_SIGNED = _ANSWERS | {RecordType.WITHDRAWAL}


def audit_evidence(
    evidence: Evidence, trust: TrustFile, contents: Mapping[str, LogContents]
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings about each record of an evidence file.

    `contents` holds the logs that were read whole, by origin; none for an offline check.
    """
    read = [_Read.of(each) for each in evidence.records]
    return tuple(_RecordAudit(each, trust, contents, read).run() for each in read)


@dataclass(frozen=True)
class _Read:
    """One record of the file, read once: canonical JSON costs as much as a signature."""

    item: EvidenceRecord
    record: ConsentRecord | None = None
    commitment: Commitment | None = None
    error: str = ""

    @classmethod
    def of(cls, item: EvidenceRecord) -> _Read:
        try:
            return cls(item, records.parse(item.record), records.commit(item.key, item.record))
        except Error as exc:
            return cls(item, error=exc.message)


class _RecordAudit:
    """The levels of one record, each with what it needs from the ones before."""

    def __init__(
        self,
        read: _Read,
        trust: TrustFile,
        contents: Mapping[str, LogContents],
        others: Sequence[_Read],
    ) -> None:
        self._read = read
        self._item = read.item
        self._trust = trust
        self._contents = contents
        self._others = others

    def run(self) -> tuple[Finding, ...]:
        """Return the findings, in the order of the levels."""
        record, commitment = self._read.record, self._read.commitment
        if record is None or commitment is None:
            return (violated(Level.OPENS, self._read.error),)
        try:
            promised = get_member(jws.parse(self._item.promise).claims(), "commitment", str)
        except Error as exc:
            return (violated(Level.OPENS, exc.message),)
        if promised != b64url_encode(commitment):
            return (violated(Level.OPENS, "the key and the record give another commitment than was promised"),)
        findings = [
            holds(Level.OPENS, f"{record.type} of {record.time:%Y-%m-%d %H:%M} UTC"),
            self._signed(record),
            *self._countersigned(record, commitment),
        ]
        log = self._trust.find_log(record.log)
        if log is None:
            return (*findings, could_not_tell(Level.PROMISED, f"the log {record.log} is not in the trust file"))
        return (*findings, *self._in_log(log, commitment), *self._taken_back(record, commitment))

    def _signed(self, record: ConsentRecord) -> Finding:
        signature = self._item.signature
        if signature is None:
            if record.recorded_by == "wallet" or record.type in _MUST_BE_SIGNED:
                return violated(Level.SIGNED, "no signature in the file")
            return could_not_tell(Level.SIGNED, f"no: recorded by the {record.recorded_by}", counts=False)
        if record.type in _MUST_BE_SIGNED and record.recorded_by != "wallet":
            return self._signed_by_office(record, signature)
        share = record if record.type is RecordType.SHARE else self._find_share(record.previous)
        if share is None or share.consent_key is None:
            return could_not_tell(Level.SIGNED, "the share with the consent key is not in the file")
        verify = signatures.verify_record if record.type is RecordType.SHARE else signatures.verify_withdrawal
        try:
            verify(signature, self._item.record, share.consent_key)
        except Error as exc:
            return violated(Level.SIGNED, exc.message)
        return holds(Level.SIGNED, f"by the consent key of {share.transaction_identifier}")

    def _find_share(self, commitment: Commitment | None) -> ConsentRecord | None:
        for each in self._others:
            if each.record is not None and (each.record.type, each.commitment) == (RecordType.SHARE, commitment):
                return each.record
        return None

    def _signed_by_office(self, record: ConsentRecord, signature: str) -> Finding:
        keys = self._access_keys(record)
        if not keys:
            return could_not_tell(Level.SIGNED, f"no key of {record.party.identifier} in the trust file")
        if _any(keys, lambda key: signatures.verify_answer(signature, self._item.record, key)):
            return holds(Level.SIGNED, f"{record.type} signed by {record.party.name}")
        return violated(Level.SIGNED, f"not signed by a known key of {record.party.identifier}")

    def _countersigned(self, record: ConsentRecord, commitment: Commitment) -> Iterable[Finding]:
        if record.type is not RecordType.SHARE:
            return
        token = self._item.acceptance
        keys = self._access_keys(record)
        if token is None:
            yield could_not_tell(Level.COUNTERSIGNED, "no countersignature in the file", counts=False)
        elif not keys:
            yield could_not_tell(Level.COUNTERSIGNED, f"no key of {record.party.identifier} in the trust file")
        else:
            for key in keys:
                try:
                    accepted = signatures.verify_acceptance(token, key, expected_commitment=commitment)
                except Error:
                    continue
                yield holds(
                    Level.COUNTERSIGNED,
                    f"{accepted.result} by {record.party.name}, {accepted.accepted_at:%Y-%m-%d %H:%M} UTC",
                )
                return
            yield violated(Level.COUNTERSIGNED, f"not signed by a known key of {record.party.identifier}")

    def _access_keys(self, record: ConsentRecord) -> tuple[PublicKey, ...]:
        known = self._trust.find_administration(record.party.identifier)
        return () if known is None else known.access_keys

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
            yield check_promise(promise, contents, is_placed=is_placed)
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
        signed = holds(Level.CHECKPOINT, f"{head.size} leaves of {head.origin}")
        if inclusion.tree_size != head.size:
            return (signed, violated(Level.IN_LOG, "the proof is for another size than the signed head"))
        try:
            merkle.verify_inclusion(
                merkle.leaf_hash(commitment),
                index=inclusion.leaf_index,
                size=head.size,
                proof=inclusion.proof,
                expected_root=head.root,
            )
        except Error as exc:
            return (signed, violated(Level.IN_LOG, exc.message))
        placed = holds(Level.IN_LOG, f"leaf {inclusion.leaf_index + 1} of {head.size}")
        return (signed, placed, *self._anchored(log, head))

    def _anchored(self, log: AuditedLog, head: Checkpoint) -> tuple[Finding, ...]:
        if self._item.anchor is None:
            return (could_not_tell(Level.ANCHORED, "promised, not yet anchored when the file was made"),)
        if log.chain is None:
            return (could_not_tell(Level.ANCHORED, "the trust file names no chain for this log"),)
        try:
            proof = AnchorProof.parse(self._item.anchor)
            verified = _verify_anchor(proof, log.chain)
        except Error as exc:
            return (violated(Level.ANCHORED, exc.message),)
        event = verified.anchored
        if (event.size, event.root) != (head.size, head.root):
            return (violated(Level.ANCHORED, "the block anchors another head than the signed one"),)
        at = datetime.fromtimestamp(verified.block.timestamp, UTC)
        detail = f"block {verified.block.number} of {at:%Y-%m-%d %H:%M} UTC"
        block = AnchoredBlock(verified.block.number, verified.block.hash, proof.evidence.header_rlp)
        return (holds(Level.ANCHORED, detail), self._final(log, event, block))

    def _final(self, log: AuditedLog, event: Anchored, block: AnchoredBlock) -> Finding:
        """Check the seals in the file, and compare the block with the chain when it was read."""
        contents = self._contents.get(log.origin)
        anchors = contents.anchors if contents is not None else None
        same = [each for each in anchors or () if each.size == event.size]
        if same and all(each.block_hash != block.hash for each in same):
            return violated(Level.FINAL, f"the chain has another block {block.number}")
        return check_finality(log.chain, [block])

    def _taken_back(self, record: ConsentRecord, commitment: Commitment) -> Iterable[Finding]:
        if record.type is not RecordType.SHARE:
            return
        signed = self._find_withdrawal(record, commitment)
        if signed is not None:
            detail = f"taken back: {signed.take_back} on {signed.time:%Y-%m-%d %H:%M} UTC, signed"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.VIOLATED, detail, counts=False)
            return
        contents = self._contents.get(record.log)
        # a share of a log that was frozen since is marked in a later one
        marker = records.withdrawal_marker(self._item.key, commitment)
        if contents is None:
            yield could_not_tell(Level.NOT_TAKEN_BACK, "needs all leaves of the log", counts=False)
        elif any(marker in each.leaves for each in self._contents.values()):
            detail = "contested: marked as taken back, but no signed withdrawal is in the file"
            yield could_not_tell(Level.NOT_TAKEN_BACK, detail, counts=False)
        else:
            detail = f"no marker in {len(contents.leaves)} leaves"
            yield Finding(Level.NOT_TAKEN_BACK, Outcome.HOLDS, detail, counts=False)

    def _find_withdrawal(self, share: ConsentRecord, commitment: Commitment) -> ConsentRecord | None:
        """Return the withdrawal of this share: signed by the citizen, or by the office that received it."""
        for each in self._others:
            record, signature, data = each.record, each.item.signature, each.item.record
            if record is None or signature is None:
                continue
            if (record.type, record.previous) != (RecordType.WITHDRAWAL, commitment):
                continue
            if record.recorded_by != "wallet":
                keys, verify = self._access_keys(share), signatures.verify_answer
            else:
                keys, verify = tuple(filter(None, [share.consent_key])), signatures.verify_withdrawal
            if _any(keys, partial(verify, signature, data)):
                return record
        return None


def _verify_anchor(proof: AnchorProof, chain: TrustedChain) -> VerifiedAnchor:
    if proof.evidence.chain_id != chain.chain_id:
        raise Error("invalid_anchor", "the block is of another chain")
    return verify_anchor(
        proof.evidence, expected_contract=to_checksum_address(chain.contract), expected_log_id=chain.log_id
    )


def _any(keys: Iterable[PublicKey], verify: Callable[[PublicKey], None]) -> bool:
    for key in keys:
        try:
            verify(key)
        except Error:
            continue
        return True
    return False
