# SPDX-License-Identifier: EUPL-1.2
"""A share with all that vouches for it, and whom a reader trusts: what evidence is made of, whole or forged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ledger import merkle, signatures
from ledger import promise as promises
from ledger import record as records
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents
from ledger.chain.evidence import read_header
from ledger.chain.interface import AnchorEvent, Mode
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.commitment import Commitment
from ledger.evidence import Evidence, EvidenceRecord, InclusionEvidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import Finding
from ledger.record import ConsentRecord, Party, TakeBack
from ledger.trust import TrustedAdministration, TrustedChain, TrustFile, log_id, since_the_start
from ledger.trusted_key import TrustedKey
from protocol import jws
from protocol.clock import from_epoch
from protocol.keys import PrivateKey
from tests.fakes.anchor_proof import prove_anchor
from tests.fakes.recorded_share import NOW, Share, make_share

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER_CONTRACT = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
SEALER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
CHAIN_ID = 1337
# a day after the block with the anchor was made
AUDITED_AT = from_epoch(1_800_000_000) + timedelta(days=1)
FILLERS = tuple(Commitment(index.to_bytes(32)) for index in range(7))
# Signs a record's bytes with a key; None is a record that nobody signed.
Sign = Callable[[bytes, PrivateKey], str]


class EvidenceWorld:
    """One share in a log of eight leaves, anchored in a block that three of four validators sealed."""

    def __init__(self, share: Share | None = None, *, now: datetime = NOW) -> None:
        self.share = share or make_share()
        self.now = now
        self.office = PrivateKey.generate()
        # with which the office issues, and signs its queries
        self.issuing = PrivateKey.generate()
        self.validators = tuple(FileSealKey.generate() for _ in range(4))
        origin = self.share.audited_log.origin
        addresses = since_the_start([key.address for key in self.validators])
        self.chain = TrustedChain(CHAIN_ID, CONTRACT, log_id(origin), SEALER, addresses)
        self.log = replace(self.share.audited_log, chain=self.chain)
        self.party = TrustedAdministration(
            self.share.record.party.identifier,
            {"ca": "Ajuntament"},
            (TrustedKey(PrivateKey.generate().public_key), TrustedKey(self.office.public_key)),
            (),
            (TrustedKey(PrivateKey.generate().public_key), TrustedKey(self.issuing.public_key)),
        )
        self.trust = TrustFile("PEM", (self.log,), (self.party,))
        self.reset()
        receipt = self.share.receipt
        self.item = self.place(
            EvidenceRecord(
                record=receipt.record,
                key=receipt.key,
                promise=receipt.promise,
                signature=receipt.signature,
                bindings=receipt.bindings,
                acceptance=self.accept(self.office),
            )
        )

    def reset(self) -> None:
        """Forget every record but the share."""
        self.leaves = [*FILLERS[:3], self.share.commitment, *FILLERS[3:]]

    # the share

    def accept(self, key: PrivateKey, commitment: Commitment | None = None) -> str:
        """Return a countersignature, under this share or another."""
        return signatures.sign_acceptance(
            key,
            commitment=commitment or self.share.commitment,
            result="accepted",
            reference="E-1",
            now=self.now,
            x5c=["MII"],
        )

    def promise(self, key: PrivateKey | None = None, commitment: Commitment | None = None) -> str:
        """Return the log's promise of the share or another entry; with another key, somebody else's."""
        return promises.make(
            key or self.share.promise_key,
            log=self.log.origin,
            commitment=commitment or self.share.commitment,
            now=self.now,
            maximum_merge_delay=timedelta(seconds=60),
        )

    def place(
        self, item: EvidenceRecord, signer: CheckpointSigner | None = None, **changes: Any
    ) -> EvidenceRecord:
        """Return the item placed in a signed and anchored tree; changes are arguments of `prove_anchor`."""
        tree = merkle.Tree(self.leaves)
        index = self.leaves.index(records.commit(item.key, item.record))
        note = (signer or self.share.checkpoint_signer).sign(Checkpoint(self.log.origin, tree.size, tree.root()))
        return replace(
            item,
            inclusion=InclusionEvidence(index, tree.size, merkle.inclusion_proof(tree.read, index, tree.size)),
            checkpoint=note,
            anchor=self.prove(tree, **changes).to_json(),
        )

    def prove(self, tree: merkle.Tree, **changes: Any) -> AnchorProof:
        """Return the proof of the anchor of a whole tree."""
        given: dict[str, Any] = {
            "contract": CONTRACT,
            "log_id": self.chain.log_id,
            "prev_size": 0,
            "size": tree.size,
            "prev_root": merkle.EMPTY_ROOT,
            "root": tree.root(),
            "chain_id": CHAIN_ID,
            "validators": self.validators,
            "seals": self.validators[:3],
            **changes,
        }
        return prove_anchor(**given)

    # what follows it

    def follow(self, record: ConsentRecord, sign: Sign | None, key: PrivateKey | None) -> EvidenceRecord:
        """Return a further record of the same file, promised and placed."""
        data, secret = records.to_bytes(record), records.new_key()
        commitment = records.commit(secret, data)
        self.leaves.append(commitment)
        signature = None if sign is None or key is None else sign(data, key)
        promise = self.promise(commitment=commitment)
        return self.place(EvidenceRecord(record=data, key=secret, promise=promise, signature=signature))

    def withdrawal(self, key: PrivateKey | None = None) -> EvidenceRecord:
        """Return the citizen's withdrawal, signed by the consent key or another."""

        def sign(data: bytes, secret: PrivateKey) -> str:
            signing = signatures.prepare_withdrawal(data)
            return jws.detach(signing.complete(secret.sign(signing.text.encode())))

        return self.follow(self._taken_back(), sign, key or self.share.consent_key)

    def received(self, key: PrivateKey | None, party: Party | None = None) -> EvidenceRecord:
        """Return the withdrawal that an office says it received in person; without a key, signed by nobody."""
        record = replace(self._taken_back(), recorded_by="verifier", party=party or self.share.record.party)
        return self.follow(record, _sign_answer, key)

    def answer(
        self, withdrawal: EvidenceRecord, key: PrivateKey | None, party: Party | None = None
    ) -> EvidenceRecord:
        """Return the office's answer to a withdrawal, or another's; without a key, signed by nobody."""
        record = records.build_answer(
            records.RecordType.ERASED,
            log=self.log.origin,
            time=self.now + timedelta(hours=2),
            transaction_identifier="t-3",
            party=party or self.share.record.party,
            previous=records.commit(withdrawal.key, withdrawal.record),
        )
        return self.follow(record, _sign_answer, key)

    def query(self, key: PrivateKey | None) -> EvidenceRecord:
        """Return the office's query at a source, signed with this key; without one, by nobody."""
        record = records.build_query(
            log=self.log.origin,
            time=self.now,
            transaction_identifier="t-4",
            party=self.share.record.party,
            procedure=self.share.record.procedure,
            terms=self.share.record.terms,
            claims_requested=self.share.record.claims_requested,
        )
        return self.follow(record, _sign_query, key)

    def recorded_by_office(self, key: PrivateKey | None = None) -> EvidenceRecord:
        """Return a share that the office recorded, as of paper: no key of the citizen's; a key signs it all the same."""
        return self.follow(replace(self.share.record, recorded_by="verifier", consent_key=None), _sign_answer, key)

    def _taken_back(self) -> ConsentRecord:
        return records.build_withdrawal(
            log=self.log.origin,
            time=self.now + timedelta(hours=1),
            transaction_identifier="t-2",
            party=self.share.record.party,
            take_back=TakeBack.WITHDRAW,
            previous=self.share.commitment,
        )

    # the log, read whole

    def marker(self) -> Commitment:
        """Return what the log holds beside a withdrawal of the share."""
        return Commitment(records.withdrawal_marker(self.item.key, self.share.commitment))

    def read(self, *leaves: Commitment, **changes: Any) -> dict[str, LogContents]:
        """Return the log as read whole, with these leaves or its own; changes are of the block that anchors them."""
        tree = merkle.Tree(leaves or self.leaves)
        proof = self.prove(tree, **changes).evidence
        event = AnchorEvent(
            contract=CONTRACT,
            log_id=self.chain.log_id,
            prev_size=0,
            size=tree.size,
            prev_root=merkle.EMPTY_ROOT,
            root=tree.root(),
            mode=Mode.CALLDATA,
            log_index=0,
            block_number=proof.block_number,
            block_hash=proof.block_hash,
            block_time=read_header(proof.header_rlp).timestamp,
            transaction_hash=proof.transaction_hash,
            commitments=leaves or tuple(self.leaves),
            header_rlp=proof.header_rlp,
        )
        return {self.log.origin: LogContents(leaves or tuple(self.leaves), (event,))}

    def audit(
        self,
        *items: EvidenceRecord,
        trust: TrustFile | None = None,
        contents: Mapping[str, LogContents] | None = None,
    ) -> tuple[tuple[Finding, ...], ...]:
        """Return the findings about these records, or about the share alone."""
        return audit_evidence(Evidence(items or (self.item,)), trust or self.trust, contents or {}, now=AUDITED_AT)


def _sign_answer(data: bytes, key: PrivateKey) -> str:
    return signatures.sign_answer(data, key, x5c=["MII"])


def _sign_query(data: bytes, key: PrivateKey) -> str:
    return signatures.sign_query(data, key, x5c=["MII"])
