# SPDX-License-Identifier: EUPL-1.2
"""Evidence about a share: whole, it holds; each tampered copy fails at exactly the level that was touched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import merkle, signatures
from ledger import promise as promises
from ledger import record as records
from ledger.anchor_evidence import AnchorProof
from ledger.audit import LogContents
from ledger.chain.evidence import verify_anchor
from ledger.chain.interface import AnchorEvent
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner, new_key_pem
from ledger.cli import verify_evidence_command
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.evidence import Evidence, EvidenceRecord, InclusionEvidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import ExitStatus, Level, Outcome, overall
from ledger.trust import TrustedAdministration, TrustedChain, TrustFile, log_id
from protocol import jws
from protocol.errors import RequestError
from protocol.keys import PrivateKey
from tests.fakes.anchor_proof import SEAL_KEYS, VALIDATORS, prove_anchor

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER_CONTRACT = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
SEALER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
FILLERS = tuple(Commitment(index.to_bytes(32)) for index in range(7))


class Case:
    """A share with everything that vouches for it, and who is trusted."""

    def __init__(self, share, now) -> None:
        self.share = share
        self.now = now
        self.office = PrivateKey.generate()
        origin = share.audited_log.origin
        self.chain = TrustedChain(1337, CONTRACT, log_id(origin), SEALER, VALIDATORS)
        self.log = replace(share.audited_log, chain=self.chain)
        party = TrustedAdministration(
            share.record.party.identifier,
            {"ca": "Ajuntament"},
            (PrivateKey.generate().public_key, self.office.public_key),
            (),
        )
        self.trust = TrustFile("PEM", (self.log,), (party,))
        self.leaves = [*FILLERS[:3], share.commitment, *FILLERS[3:]]
        self.item = self.place(self.base(share.receipt.record, share.receipt.key, share.receipt.promise))
        self.item = replace(
            self.item,
            signature=share.receipt.signature,
            bindings=share.receipt.bindings,
            acceptance=signatures.sign_acceptance(
                self.office, commitment=share.commitment, result="accepted", reference="E-1", now=now, x5c=["MII"]
            ),
        )

    def base(self, record, key, promise):
        return EvidenceRecord(record=record, key=key, promise=promise)

    def place(self, item, signer=None, **changes: object):
        """Return the item placed in a signed and anchored tree."""
        tree = merkle.Tree(self.leaves)
        index = self.leaves.index(records.commit(item.key, item.record))
        note = (signer or self.share.checkpoint_signer).sign(Checkpoint(self.log.origin, tree.size, tree.root()))
        proof = prove_anchor(
            **{
                "contract": CONTRACT,
                "log_id": self.chain.log_id,
                "prev_size": 0,
                "size": tree.size,
                "prev_root": merkle.EMPTY_ROOT,
                "root": tree.root(),
                "chain_id": 1337,
                **changes,
            }
        )
        return replace(
            item,
            inclusion=InclusionEvidence(index, tree.size, merkle.inclusion_proof(tree.read, index, tree.size)),
            checkpoint=note,
            anchor=proof.to_json(),
        )

    def on_chain(self):
        """Return the anchor of the share as a node would give it."""
        proof = AnchorProof.parse(self.item.anchor)
        found = verify_anchor(proof.evidence, expected_contract=CONTRACT, expected_log_id=self.chain.log_id)
        return AnchorEvent(
            **vars(found.anchored),
            block_number=found.block.number,
            block_hash=found.block.hash,
            block_time=found.block.timestamp,
            transaction_hash=bytes(32),
            commitments=None,
        )

    def follow(self, record, signature, typ_key):
        """Return a further record of the same file, promised and placed."""
        data, key = records.to_bytes(record), records.new_key()
        commitment = records.commit(key, data)
        promise = promises.make(
            self.share.promise_key,
            log=self.log.origin,
            commitment=commitment,
            now=self.now,
            maximum_merge_delay=timedelta(seconds=60),
        )
        self.leaves.append(commitment)
        return self.place(replace(self.base(data, key, promise), signature=signature(data, typ_key)))

    def received(self, key=None, party=None):
        """Return the withdrawal that the office received in person, signed by it; `key` False: by nobody."""
        record = replace(self._taken_back(), recorded_by="verifier", party=party or self.share.record.party)

        def sign(data, secret):
            return None if secret is False else signatures.sign_answer(data, secret, x5c=["MII"])

        return self.follow(record, sign, self.office if key is None else key)

    def _taken_back(self):
        return records.build_withdrawal(
            log=self.log.origin,
            time=self.now + timedelta(hours=1),
            transaction_identifier="t-2",
            party=self.share.record.party,
            take_back=records.TakeBack.WITHDRAW,
            previous=self.share.commitment,
        )

    def withdrawal(self, key=None):
        record = self._taken_back()

        def sign(data, secret):
            signing = signatures.prepare_withdrawal(data)
            return jws.detach(signing.complete(secret.sign(signing.text.encode())))

        return self.follow(record, sign, key or self.share.consent_key)

    def answer(self, withdrawal, key=None, party=None):
        record = records.build_answer(
            records.RecordType.ERASED,
            log=self.log.origin,
            time=self.now + timedelta(hours=2),
            transaction_identifier="t-3",
            party=party or self.share.record.party,
            previous=records.commit(withdrawal.key, withdrawal.record),
        )
        return self.follow(
            record, lambda data, secret: signatures.sign_answer(data, secret, x5c=["MII"]), key or self.office
        )

    def audit(self, *items, trust=None, contents=None):
        evidence = Evidence(items or (self.item,))
        return audit_evidence(evidence, trust or self.trust, contents or {}, now=self.now)


@pytest.fixture
def case(share, now):
    return Case(share, now)


def violated(findings):
    return {each.level for each in findings if each.outcome is Outcome.VIOLATED and each.counts}


def outcome(findings, level):
    (found,) = [each for each in findings if each.level is level]
    return found


def test_whole_evidence_holds_at_every_level_offline(case):
    (findings,) = case.audit()
    held = {each.level for each in findings if each.outcome is Outcome.HOLDS}
    assert held == {
        Level.OPENS,
        Level.SIGNED,
        Level.COUNTERSIGNED,
        Level.PROMISED,
        Level.CHECKPOINT,
        Level.IN_LOG,
        Level.ANCHORED,
        Level.FINAL,
    }
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL
    assert overall(findings) is ExitStatus.HOLDS


def test_evidence_when_its_head_is_cosigned_says_by_how_many_known_witnesses(case):
    one, other, stranger = (Cosigner(f"witness.example/{n}", Ed25519PrivateKey.generate()) for n in range(3))
    trust = replace(case.trust, witnesses=(one.key, other.key))
    (bare,) = case.audit(trust=trust)
    assert outcome(bare, Level.WITNESSED).outcome is Outcome.COULD_NOT_TELL
    assert overall(bare) is ExitStatus.HOLDS
    note = case.item.checkpoint
    lines = "".join(each.cosign(note, now=case.now) for each in (stranger, one))
    cosigned = Evidence((replace(case.item, checkpoint=note + lines),))
    (item,) = Evidence.parse(json.dumps(cosigned.to_json()).encode()).records
    (findings,) = case.audit(item, trust=trust)
    assert outcome(findings, Level.WITNESSED).outcome is Outcome.HOLDS
    assert outcome(findings, Level.WITNESSED).detail.startswith("1 of 2 known witnesses")
    assert overall(findings) is ExitStatus.HOLDS
    # whoever knows no witness reads the same as before
    assert case.audit(item) == case.audit()


def test_evidence_survives_its_json_form_and_stays_small(case):
    text = json.dumps(Evidence((case.item,)).to_json())
    assert Evidence.parse(text.encode()) == Evidence((case.item,))
    assert len(text) < 8_000


def swap(text: str, at: int = 40) -> str:
    """Change one character of base64url text and keep it canonical."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


TAMPERED = {
    "another value in the record": (
        lambda c: replace(c.item, record=c.item.record.replace(b'"P1Y"', b'"P9Y"')),
        {Level.OPENS},
    ),
    "record not canonical": (lambda c: replace(c.item, record=c.item.record + b" "), {Level.OPENS}),
    "another key": (lambda c: replace(c.item, key=bytes(32)), {Level.OPENS}),
    "a shorter key": (lambda c: replace(c.item, key=c.item.key[:16]), {Level.OPENS}),
    "promise unreadable": (lambda c: replace(c.item, promise="nonsense"), {Level.OPENS}),
    "consent signature changed": (
        lambda c: replace(c.item, signature=c.item.signature[:-10] + "AAAAAAAAAA"),
        {Level.SIGNED},
    ),
    "consent signature left out": (lambda c: replace(c.item, signature=None), {Level.SIGNED}),
    "countersigned by a stranger": (
        lambda c: replace(
            c.item,
            acceptance=signatures.sign_acceptance(
                PrivateKey.generate(),
                commitment=c.share.commitment,
                result="accepted",
                reference=None,
                now=c.now,
                x5c=[],
            ),
        ),
        {Level.COUNTERSIGNED},
    ),
    "countersignature of another share": (
        lambda c: replace(
            c.item,
            acceptance=signatures.sign_acceptance(
                c.office, commitment=Commitment(bytes(32)), result="accepted", reference=None, now=c.now, x5c=[]
            ),
        ),
        {Level.COUNTERSIGNED},
    ),
    "promise signed by a stranger": (
        lambda c: replace(
            c.item,
            promise=promises.make(
                PrivateKey.generate(),
                log=c.log.origin,
                commitment=c.share.commitment,
                now=c.now,
                maximum_merge_delay=timedelta(seconds=60),
            ),
        ),
        {Level.PROMISED},
    ),
    "head of another size": (
        lambda c: replace(c.item, checkpoint=c.item.checkpoint.replace("\n8\n", "\n9\n")),
        {Level.CHECKPOINT},
    ),
    "head signed by a stranger": (
        lambda c: c.place(c.item, CheckpointSigner.from_pem(c.log.origin, new_key_pem())),
        {Level.CHECKPOINT},
    ),
    "another leaf index": (
        lambda c: replace(c.item, inclusion=replace(c.item.inclusion, leaf_index=4)),
        {Level.IN_LOG},
    ),
    "another tree size": (
        lambda c: replace(c.item, inclusion=replace(c.item.inclusion, tree_size=9)),
        {Level.IN_LOG},
    ),
    "another hash in the proof": (
        lambda c: replace(
            c.item, inclusion=replace(c.item.inclusion, proof=(bytes(32), *c.item.inclusion.proof[1:]))
        ),
        {Level.IN_LOG},
    ),
    "anchor of another log": (lambda c: c.place(c.item, log_id=bytes(32)), {Level.ANCHORED}),
    "anchor in another contract": (lambda c: c.place(c.item, contract=OTHER_CONTRACT), {Level.ANCHORED}),
    "anchor on another chain": (lambda c: c.place(c.item, chain_id=1), {Level.ANCHORED}),
    "anchor of another root": (lambda c: c.place(c.item, root=bytes(32)), {Level.ANCHORED}),
    "anchor of another size": (lambda c: c.place(c.item, size=9), {Level.ANCHORED}),
    "header changed": (
        lambda c: replace(c.item, anchor={**c.item.anchor, "header_rlp": swap(c.item.anchor["header_rlp"])}),
        {Level.ANCHORED},
    ),
    "receipt changed": (
        lambda c: replace(
            c.item, anchor={**c.item.anchor, "receipt_rlp": swap(c.item.anchor["receipt_rlp"], 600)}
        ),
        {Level.ANCHORED},
    ),
    "block number changed": (
        lambda c: replace(c.item, anchor={**c.item.anchor, "block_number": 2}),
        {Level.ANCHORED},
    ),
    "seals of two of four validators": (lambda c: c.place(c.item, seals=SEAL_KEYS[:2]), {Level.FINAL}),
    "one validator's seal thrice": (lambda c: c.place(c.item, seals=SEAL_KEYS[:1] * 3), {Level.FINAL}),
    "a seal by a stranger": (
        lambda c: c.place(c.item, seals=(*SEAL_KEYS[:2], FileSealKey.generate())),
        {Level.FINAL},
    ),
    "block of a network of strangers": (lambda c: c.place(c.item, **strangers()), {Level.FINAL}),
    "anchor malformed": (lambda c: replace(c.item, anchor={"chain_id": "x"}), {Level.ANCHORED}),
}


def strangers():
    keys = [FileSealKey.generate() for _ in range(4)]
    return {"validators": keys, "seals": keys}


@pytest.mark.parametrize(("tamper", "levels"), TAMPERED.values(), ids=TAMPERED)
def test_tampered_evidence_fails_at_exactly_its_level(case, tamper, levels):
    (findings,) = case.audit(tamper(case))
    assert violated(findings) == levels
    assert overall(findings) is ExitStatus.VIOLATED


def test_every_byte_of_the_record_is_covered(case):
    for at in range(0, len(case.item.record), 37):
        data = bytearray(case.item.record)
        data[at] ^= 1
        (findings,) = case.audit(replace(case.item, record=bytes(data)))
        assert violated(findings) == {Level.OPENS}


@pytest.mark.parametrize("left_out", ["inclusion", "checkpoint", "anchor"])
def test_evidence_made_before_the_anchor_could_not_tell(case, left_out):
    (findings,) = case.audit(replace(case.item, **{left_out: None}))
    assert violated(findings) == set()
    assert outcome(findings, Level.ANCHORED).outcome is Outcome.COULD_NOT_TELL
    assert overall(findings) is ExitStatus.COULD_NOT_TELL


def test_evidence_of_an_unknown_log_could_not_tell(case):
    (findings,) = case.audit(trust=replace(case.trust, logs=()))
    assert outcome(findings, Level.PROMISED).outcome is Outcome.COULD_NOT_TELL
    assert overall(findings) is ExitStatus.COULD_NOT_TELL


def test_evidence_of_an_unknown_office_could_not_tell_the_countersignature(case):
    (findings,) = case.audit(trust=replace(case.trust, administrations=()))
    assert outcome(findings, Level.COUNTERSIGNED).outcome is Outcome.COULD_NOT_TELL


def test_log_trusted_without_a_chain_could_not_tell_the_anchor(case):
    trust = replace(case.trust, logs=(replace(case.log, chain=None),))
    (findings,) = case.audit(trust=trust)
    assert outcome(findings, Level.ANCHORED).outcome is Outcome.COULD_NOT_TELL


def test_block_without_known_validators_could_not_tell_unless_the_chain_was_read(case):
    trust = replace(case.trust, logs=(replace(case.log, chain=replace(case.chain, validators=())),))
    (findings,) = case.audit(trust=trust)
    assert overall(findings) is ExitStatus.COULD_NOT_TELL
    for anchors, expected in (
        (None, ExitStatus.COULD_NOT_TELL),
        ((), ExitStatus.COULD_NOT_TELL),
        ((case.on_chain(),), ExitStatus.HOLDS),
        ((replace(case.on_chain(), block_hash=bytes(32)),), ExitStatus.VIOLATED),
        ((replace(case.on_chain(), size=9),), ExitStatus.COULD_NOT_TELL),
    ):
        contents = {case.log.origin: LogContents(tuple(case.leaves), anchors)}
        (findings,) = case.audit(trust=trust, contents=contents)
        assert overall(findings) is expected


def test_block_that_is_not_among_those_read_from_the_chain_could_not_tell(case):
    contents = {case.log.origin: LogContents(tuple(case.leaves), (replace(case.on_chain(), size=9),))}
    (findings,) = case.audit(contents=contents)
    assert outcome(findings, Level.FINAL).outcome is Outcome.COULD_NOT_TELL


@pytest.mark.parametrize("timestamp", [2**40, 10**15, 2**63])
def test_block_of_a_time_that_no_calendar_has_is_refused(case, timestamp):
    (findings,) = case.audit(case.place(case.item, timestamp=timestamp))
    assert violated(findings) == {Level.ANCHORED}


def test_promise_of_a_hundred_years_is_judged_by_the_logs_own_delay(case):
    promise = promises.make(
        case.share.promise_key,
        log=case.log.origin,
        commitment=case.share.commitment,
        now=case.now,
        maximum_merge_delay=timedelta(seconds=promises.MAX_DELAY_SECONDS),
    )
    later = replace(case.on_chain(), block_time=int((case.now + timedelta(hours=1)).timestamp()))
    contents = {case.log.origin: LogContents(tuple(FILLERS), (later,))}
    item = replace(case.item, promise=promise, inclusion=None, checkpoint=None, anchor=None)
    (findings,) = case.audit(item, contents=contents)
    assert violated(findings) == {Level.PROMISED}


def test_share_without_countersignature_still_holds(case):
    (findings,) = case.audit(replace(case.item, acceptance=None))
    assert overall(findings) is ExitStatus.HOLDS


def test_withdrawal_and_answer_in_the_file_are_checked_and_said(case):
    withdrawal = case.withdrawal()
    answer = case.answer(withdrawal)
    share, second, third = case.audit(case.item, withdrawal, answer)
    taken = outcome(share, Level.NOT_TAKEN_BACK)
    assert (taken.outcome, taken.counts) == (Outcome.VIOLATED, False)
    assert "taken back: withdraw" in taken.detail
    for findings in (share, second, third):
        assert overall(findings) is ExitStatus.HOLDS


def test_withdrawal_signed_by_a_stranger_is_refused_and_takes_nothing_back(case):
    forged = case.withdrawal(PrivateKey.generate())
    share, withdrawal = case.audit(case.item, forged)
    assert violated(withdrawal) == {Level.SIGNED}
    assert outcome(share, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL


def test_withdrawal_received_by_the_office_is_believed_with_its_signature(case):
    share, withdrawal = case.audit(case.item, case.received())
    assert "taken back: withdraw" in outcome(share, Level.NOT_TAKEN_BACK).detail
    assert overall(withdrawal) is ExitStatus.HOLDS


@pytest.mark.parametrize("key", [False, PrivateKey.generate()], ids=["by nobody", "by a stranger"])
def test_withdrawal_received_by_the_office_but_not_signed_by_it_takes_nothing_back(case, key):
    share, withdrawal = case.audit(case.item, case.received(key))
    assert violated(withdrawal) == {Level.SIGNED}
    assert outcome(share, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL


def test_withdrawal_received_by_another_office_takes_nothing_back(case):
    other = PrivateKey.generate()
    party = replace(case.share.record.party, identifier="ca-0000000000")
    known = TrustedAdministration(party.identifier, {"ca": "Altres"}, (other.public_key,), ())
    trust = replace(case.trust, administrations=(*case.trust.administrations, known))
    share, _ = case.audit(case.item, case.received(other, party), trust=trust)
    assert outcome(share, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL


def test_answer_of_another_office_is_none(case):
    withdrawal, other = case.withdrawal(), PrivateKey.generate()
    party = replace(case.share.record.party, identifier="ca-0000000000")
    known = TrustedAdministration(party.identifier, {"ca": "Altres"}, (other.public_key,), ())
    trust = replace(case.trust, administrations=(*case.trust.administrations, known))
    for answered in (case.answer(withdrawal, other, party), case.answer(withdrawal, case.office, party)):
        *_, answer = case.audit(case.item, withdrawal, answered, trust=trust)
        assert violated(answer) == {Level.SIGNED}
        assert "the share went to" in outcome(answer, Level.SIGNED).detail


def test_answer_without_its_share_could_not_tell_who_had_to_give_it(case):
    withdrawal = case.withdrawal()
    for items in ([case.answer(withdrawal)], [withdrawal, case.answer(withdrawal)]):
        *_, answer = case.audit(*items)
        assert outcome(answer, Level.SIGNED).outcome is Outcome.COULD_NOT_TELL


def test_answer_without_a_signature_is_refused(case):
    withdrawal = case.withdrawal()
    *_, answer = case.audit(case.item, withdrawal, replace(case.answer(withdrawal), signature=None))
    assert violated(answer) == {Level.SIGNED}


def test_withdrawal_without_its_share_could_not_tell_who_signed(case):
    (findings,) = case.audit(case.withdrawal())
    assert outcome(findings, Level.SIGNED).outcome is Outcome.COULD_NOT_TELL


def test_answer_signed_by_a_stranger_is_refused(case):
    withdrawal = case.withdrawal()
    *_, answer = case.audit(case.item, withdrawal, case.answer(withdrawal, PrivateKey.generate()))
    assert violated(answer) == {Level.SIGNED}


def test_answer_of_an_unknown_office_could_not_tell(case):
    withdrawal = case.withdrawal()
    trust = replace(case.trust, administrations=())
    *_, answer = case.audit(case.item, withdrawal, case.answer(withdrawal), trust=trust)
    assert outcome(answer, Level.SIGNED).outcome is Outcome.COULD_NOT_TELL


def test_unreadable_record_beside_a_share_does_not_hide_it(case):
    broken = replace(case.item, record=b"{}")
    share, other = case.audit(case.item, broken)
    assert overall(share) is ExitStatus.HOLDS
    assert violated(other) == {Level.OPENS}


def test_share_recorded_by_the_office_says_no_signature_of_the_holder(case):
    record = replace(case.share.record, recorded_by="verifier", consent_key=None)
    item = case.follow(record, lambda *_: None, None)
    (findings,) = case.audit(item)
    assert outcome(findings, Level.SIGNED).detail == "no: recorded by the verifier"
    # nobody stands by it: whoever may record at the log could have made it
    assert overall(findings) is ExitStatus.COULD_NOT_TELL
    accepted = signatures.sign_acceptance(
        case.office,
        commitment=records.commit(item.key, item.record),
        result="accepted",
        reference="E-2",
        now=case.now,
        x5c=["MII"],
    )
    (findings,) = case.audit(replace(item, acceptance=accepted))
    assert outcome(findings, Level.SIGNED).outcome is Outcome.COULD_NOT_TELL
    assert overall(findings) is ExitStatus.HOLDS


def test_with_all_leaves_a_share_is_known_not_to_be_taken_back(case):
    contents = {case.log.origin: LogContents(tuple(case.leaves), None)}
    (findings,) = case.audit(contents=contents)
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.HOLDS
    assert outcome(findings, Level.PROMISED).detail == "leaf 4"


def test_marker_without_the_signed_withdrawal_is_contested(case):
    marker = records.withdrawal_marker(case.item.key, case.share.commitment)
    contents = {case.log.origin: LogContents((*case.leaves, marker), None)}
    (findings,) = case.audit(contents=contents)
    found = outcome(findings, Level.NOT_TAKEN_BACK)
    assert (found.outcome, "contested" in found.detail) == (Outcome.COULD_NOT_TELL, True)


def test_share_could_be_taken_back_in_a_log_that_was_not_read(case):
    later = replace(case.log, origin="ledger.example/2027", chain=None)
    trust = replace(case.trust, logs=(case.log, later))
    contents = {case.log.origin: LogContents(tuple(case.leaves), None)}
    (findings,) = case.audit(trust=trust, contents=contents)
    found = outcome(findings, Level.NOT_TAKEN_BACK)
    assert (found.outcome, found.detail) == (Outcome.COULD_NOT_TELL, "needs all leaves of ledger.example/2027")
    contents = {case.log.origin: LogContents(tuple(case.leaves), None, first=8)}
    (findings,) = case.audit(contents=contents)
    assert outcome(findings, Level.NOT_TAKEN_BACK).outcome is Outcome.COULD_NOT_TELL


def test_marker_in_a_later_log_than_the_shares_is_found_too(case):
    marker = records.withdrawal_marker(case.item.key, case.share.commitment)
    contents = {
        case.log.origin: LogContents(tuple(case.leaves), None),
        "ledger.example/2031": LogContents((marker,), None),
    }
    (findings,) = case.audit(contents=contents)
    assert "contested" in outcome(findings, Level.NOT_TAKEN_BACK).detail


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schema": "testimoni/evidence/2", "records": [{}]},
        {"schema": "testimoni/evidence/1", "records": []},
        {"schema": "testimoni/evidence/1", "records": [1]},
        {"schema": "testimoni/evidence/1", "records": [{}]},
        {"schema": "testimoni/evidence/1", "records": [{"record": "e30", "key": "AA", "promise": 1}]},
        {
            "schema": "testimoni/evidence/1",
            "records": [
                {
                    "record": "e30",
                    "key": "AA",
                    "promise": "x",
                    "inclusion": {"leaf_index": 1, "tree_size": 2, "proof": ["AA"]},
                }
            ],
        },
        {
            "schema": "testimoni/evidence/1",
            "records": [
                {
                    "record": "e30",
                    "key": "AA",
                    "promise": "x",
                    "inclusion": {"leaf_index": 1, "tree_size": 2, "proof": ["A" * 43] * 65},
                }
            ],
        },
    ],
)
def test_evidence_of_another_shape_is_refused(document):
    with pytest.raises(RequestError):
        Evidence.parse(json.dumps(document).encode())


@pytest.fixture
def files(case, tmp_path):
    """Evidence and trust as files."""
    evidence, trust = tmp_path / "evidence.json", tmp_path / "trust.json"
    evidence.write_text(json.dumps(Evidence((case.item,)).to_json()))
    trust.write_text(json.dumps(case.trust.to_json()))
    return evidence, trust


def test_command_with_whole_evidence_holds(files, capsys):
    evidence, trust = files
    assert verify_evidence_command([str(evidence), "--trust", str(trust)]) == 0
    out = capsys.readouterr().out
    assert out.endswith("HOLDS\n")
    assert "block final: the block sealed by at least 3 of 4 known validators" in out


def test_command_with_tampered_evidence_is_violated_and_names_the_level(files, capsys):
    evidence, trust = files
    document = json.loads(evidence.read_text())
    document["records"][0]["inclusion"]["leaf_index"] = 0
    evidence.write_text(json.dumps(document))
    assert verify_evidence_command([str(evidence), "--trust", str(trust), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["result"] == "violated"
    assert [f["level"] for f in report["records"][0] if f["outcome"] == "violated"] == ["in the log"]


def test_command_without_trust_could_not_tell_and_says_so_first(files, capsys):
    evidence, _ = files
    assert verify_evidence_command([str(evidence)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "no trust file" in lines[2]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_command_with_a_file_it_cannot_read_could_not_tell(files, tmp_path, capsys, content):
    path = tmp_path / "other.json"
    if content is not None:
        path.write_bytes(content)
    assert verify_evidence_command([str(path), "--trust", str(files[1])]) == 2
    assert "COULD NOT TELL" in capsys.readouterr().err
    assert verify_evidence_command([str(path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["result"] == "could not tell"
