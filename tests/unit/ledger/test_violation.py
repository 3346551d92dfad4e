# SPDX-License-Identifier: EUPL-1.2
"""Proofs against a log: what convicts, what proves nothing, and what is no proof at all."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import merkle, violation
from ledger import promise as promises
from ledger.chain.sealer import FileSealKey
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.finality import ONE_OPERATOR
from ledger.findings import Outcome
from ledger.merkle import Tree
from ledger.monitor import Head, find_fork, is_own_address
from ledger.monitor_command import verify_violation_command
from ledger.trust import AuditedLog, TrustedChain, TrustFile, log_id, since_the_start
from ledger.violation import AnchorContradiction, BrokenPromise, Fork, Shown
from protocol.encoding import compact_json
from protocol.errors import Error, RequestError
from protocol.keys import PrivateKey
from tests.fakes.anchor_proof import SEAL_KEYS, VALIDATORS, prove_anchor

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ORIGIN = "log.example/2026"
CONTRACT = "0x00000000000000000000000000000000000000C0"
SIGNER = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate())
PROMISER = PrivateKey.generate()
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
CHAIN = TrustedChain(1337, CONTRACT, log_id(ORIGIN), CONTRACT, since_the_start(VALIDATORS))
LOG = AuditedLog(ORIGIN, SIGNER.key, PROMISER.public_key, timedelta(seconds=60), CHAIN)
TRUST = TrustFile("", (LOG,), (), (WITNESS.key,))
STRANGERS = tuple(FileSealKey._wrap(ec.derive_private_key(number, ec.SECP256K1())) for number in (21, 22, 23, 24))
ONE = [Commitment(bytes([number]) * 32) for number in range(20)]
OTHER = [*ONE[:5], Commitment(b"x" * 32), *ONE[6:]]


def head(leaves) -> Head:
    checkpoint = Checkpoint(ORIGIN, len(leaves), Tree(leaves).root())
    return Head(checkpoint, SIGNER.sign(checkpoint))


def fork(first=9, second=20) -> Fork:
    found = find_fork(head(ONE[:first]), head(OTHER[:second]), Tree(OTHER[:second]).read, observed_at=NOW)
    assert found is not None
    return found


def judged(proof, *, trust=TRUST, now=NOW, shown=None) -> Outcome:
    """What the file comes to after it was written and read."""
    return violation.judge(violation.parse(violation.encode(proof)), trust, now=now, shown=shown).outcome


@pytest.mark.parametrize(("first", "second"), [(9, 20), (20, 9), (9, 9), (8, 16), (6, 7), (20, 20)])
def test_two_histories_when_signed_then_their_signer_is_convicted(first, second):
    proof = find_fork(
        head(ONE[:first]),
        head(OTHER[:second]),
        Tree(ONE if first > second else OTHER[:second]).read,
        observed_at=NOW,
    )
    assert judged(proof) is Outcome.VIOLATED


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 20), (5, 20), (20, 5), (20, 20), (8, 16)])
def test_heads_of_one_history_give_no_proof(first, second):
    assert find_fork(head(ONE[:first]), head(ONE[:second]), Tree(ONE).read, observed_at=NOW) is None


def test_empty_tree_signed_with_another_root_is_convicted():
    lie = Checkpoint(ORIGIN, 0, bytes(32))
    proof = find_fork(Head(lie, SIGNER.sign(lie)), head(ONE), Tree(ONE).read, observed_at=NOW)
    assert judged(proof) is Outcome.VIOLATED


def test_tiles_that_do_not_lead_to_the_signed_root_give_no_proof():
    with pytest.raises(Error):
        find_fork(head(ONE[:9]), head(ONE), Tree(OTHER).read, observed_at=NOW)


def test_fork_made_up_by_an_accuser_proves_nothing():
    honest = Fork(ORIGIN, NOW, head(ONE[:8]).note, head(ONE).note, Tree(ONE[:8]).root(), ())
    proof = merkle.consistency_proof(Tree(ONE).read, 8, 20)
    stranger = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate())
    signed = stranger.sign(Checkpoint(ORIGIN, 8, bytes(32)))
    assert judged(replace(honest, proof=proof)) is Outcome.HOLDS
    for accusation in (
        honest,
        replace(honest, root=bytes(32), proof=proof),
        replace(honest, first=head(ONE).note, second=head(ONE[:8]).note),
        replace(fork(), proof=fork().proof[:-1]),
        replace(fork(), first=signed),
        replace(fork(), first="no note"),
    ):
        assert judged(accusation) is Outcome.COULD_NOT_TELL


def test_proof_against_a_log_that_is_not_trusted_could_not_tell():
    assert judged(fork(), trust=TrustFile("", (), ())) is Outcome.COULD_NOT_TELL


def contradiction(leaves=OTHER, **changes) -> AnchorContradiction:
    tree = Tree(ONE[:12])
    anchored = prove_anchor(
        **{
            "contract": CONTRACT,
            "log_id": CHAIN.log_id,
            "prev_size": 8,
            "size": 12,
            "prev_root": Tree(ONE[:8]).root(),
            "root": tree.root(),
            "chain_id": 1337,
            **changes,
        }
    )
    signed = Tree(leaves)
    proof = merkle.consistency_proof(signed.read, 12, len(leaves))
    text = compact_json(anchored.to_json()).decode()
    return AnchorContradiction(ORIGIN, NOW, head(leaves).note, signed.root(12), proof, text)


def test_head_that_contradicts_a_block_is_convicted():
    assert judged(contradiction()) is Outcome.VIOLATED
    assert judged(contradiction(ONE)) is Outcome.HOLDS


def trusting(**changes) -> TrustFile:
    return TrustFile("", (replace(LOG, chain=replace(CHAIN, **changes)),), ())


def test_contract_in_any_spelling_of_its_address_is_the_same():
    assert judged(contradiction(), trust=trusting(contract=CONTRACT.lower())) is Outcome.VIOLATED


@pytest.mark.parametrize(
    "changes",
    [
        {"seals": ()},
        {"seals": SEAL_KEYS[:2]},
        {"validators": STRANGERS, "seals": STRANGERS},
        {"validators": SEAL_KEYS, "seals": STRANGERS},
    ],
)
@pytest.mark.parametrize("leaves", [ONE, OTHER])
def test_block_that_the_validators_did_not_seal_proves_nothing(changes, leaves):
    # anybody can write a header over a receipt of their own
    assert judged(contradiction(leaves, **changes)) is Outcome.COULD_NOT_TELL


def test_block_proves_nothing_when_the_trust_file_names_no_validators():
    trust = trusting(validators=())
    for changes in ({}, {"validators": (), "seals": ()}, {"seals": ()}):
        assert judged(contradiction(**changes), trust=trust) is Outcome.COULD_NOT_TELL


def test_block_of_one_operator_convicts_and_says_whose_word_it_is():
    one, trust = SEAL_KEYS[:1], trusting(validators=since_the_start(VALIDATORS[:1]))
    proof = contradiction(validators=one, seals=one)
    finding = violation.judge(proof, trust, now=NOW, shown=None)
    assert (finding.outcome, ONE_OPERATOR in finding.detail) == (Outcome.VIOLATED, True)
    for changes in ({"seals": ()}, {"seals": SEAL_KEYS[1:2]}, {"validators": STRANGERS, "seals": STRANGERS}):
        forged = contradiction(**{"validators": one, **changes})
        assert judged(forged, trust=trust) is Outcome.COULD_NOT_TELL


def test_anchor_made_up_by_an_accuser_proves_nothing():
    unanchored = TrustFile("", (replace(LOG, chain=None),), ())
    assert judged(contradiction(), trust=unanchored) is Outcome.COULD_NOT_TELL
    for accusation in (
        contradiction(chain_id=1),
        contradiction(log_id=bytes(32)),
        contradiction(contract="0x" + "00" * 19 + "aA"),
        replace(contradiction(), root=bytes(32)),
        replace(contradiction(), anchor="{}"),
    ):
        assert judged(accusation) is Outcome.COULD_NOT_TELL


def broken(*, cosigned_after: int | None = None, leaves=ONE, commitment=b"p" * 32) -> BrokenPromise:
    token = promises.make(
        PROMISER,
        log=ORIGIN,
        commitment=Commitment(commitment),
        now=NOW,
        maximum_merge_delay=timedelta(seconds=60),
    )
    note = head(leaves).note
    if cosigned_after is not None:
        note += WITNESS.cosign(note, now=NOW + timedelta(seconds=cosigned_after))
    return BrokenPromise(ORIGIN, NOW, token, note, tuple(leaves))


def test_head_that_only_a_witness_dates_convicts_nobody():
    # it may be an old one, handed in again; what the witness saw is said
    later, name = NOW + timedelta(days=3650), WITNESS.key.name
    unknown = TrustFile("", (LOG,), ())
    for seconds, trust, is_named in ((121, TRUST, True), (120, TRUST, False), (121, unknown, False)):
        accusation = broken(cosigned_after=seconds)
        finding = violation.judge(accusation, trust, now=later, shown=None)
        assert (finding.outcome, name in finding.detail) == (Outcome.COULD_NOT_TELL, is_named)
    kept = Shown([*ONE, Commitment(b"p" * 32)])
    assert judged(broken(cosigned_after=121), now=later, shown=kept) is Outcome.COULD_NOT_TELL
    finding = violation.judge(broken(cosigned_after=121), TRUST, now=later, shown=Shown(ONE))
    assert (finding.outcome, name in finding.detail) == (Outcome.VIOLATED, True)


def test_broken_promise_is_convicted_by_the_log_itself_once_it_is_due():
    shown, later = Shown(ONE), NOW + timedelta(seconds=121)
    assert judged(broken(), now=later, shown=shown) is Outcome.VIOLATED
    assert judged(broken(), now=NOW + timedelta(seconds=120), shown=shown) is Outcome.COULD_NOT_TELL
    assert judged(broken(), now=later, shown=Shown([*ONE, Commitment(b"p" * 32)])) is Outcome.COULD_NOT_TELL
    assert judged(broken(), now=later) is Outcome.COULD_NOT_TELL


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("https://log.example", True),
        ("https://log.example:443/2026", True),
        ("http://LOG.example:80/", True),
        ("https://log.example:80", False),
        ("https://log.example:8443", False),
        ("https://mirror.log.example", False),
        ("https://log.example@mirror.example", False),
        ("https://mirror.example/log.example/2026", False),
    ],
)
def test_own_address_of_a_log_has_host_and_port_of_its_origin(url, is_own):
    assert is_own_address(ORIGIN, url) is is_own


def test_log_is_read_again_at_its_own_address_only(tmp_path, capsys):
    (tmp_path / "proof.json").write_bytes(violation.encode(broken()))
    (tmp_path / "trust.json").write_bytes(compact_json(TRUST.to_json()))
    files = [str(tmp_path / "proof.json"), "--trust", str(tmp_path / "trust.json")]
    # a mirror may lack the entry because it is old; nothing is asked of it
    assert verify_violation_command([*files, "--ledger", "https://mirror.example/2026"]) == 2
    assert "own address, at log.example" in capsys.readouterr().err


def test_honest_log_is_not_convicted_by_an_older_head_of_its_own():
    # the entry came in time; an accuser leaves out the leaves that hold it
    entry = Commitment(b"p" * 32)
    accusation = broken(leaves=ONE[:9])
    later = NOW + timedelta(days=1)
    assert judged(accusation, now=later, shown=Shown([*ONE, entry])) is Outcome.COULD_NOT_TELL
    assert judged(broken(leaves=[*ONE, entry]), now=later) is Outcome.HOLDS
    for altered in (
        replace(accusation, leaves=accusation.leaves[:-1]),
        replace(accusation, note=head(ONE).note),
        replace(accusation, promise=accusation.promise[:-4] + "AAAA"),
    ):
        assert judged(altered, now=later, shown=Shown(ONE)) is Outcome.COULD_NOT_TELL


def test_file_name_when_the_same_breach_is_seen_again_then_it_is_the_same():
    assert violation.file_name(fork()) == violation.file_name(replace(fork(), observed_at=NOW + timedelta(days=1)))
    assert violation.file_name(fork()) != violation.file_name(fork(8, 20))


def test_file_of_another_form_is_refused():
    members = json.loads(violation.encode(fork()))
    changes = (
        {"schema": "x"},
        {"kind": "x"},
        {"root": "AA"},
        {"proof": [1]},
        {"first": 1},
        {"observed_at": -1},
        {"proof": [members["root"]] * (violation.MAX_PROOF_HASHES + 1)},
    )
    for change in changes:
        with pytest.raises(RequestError):
            violation.parse(json.dumps(members | change).encode())
    for text in (b"", b"[]", secrets.token_bytes(100)):
        with pytest.raises(RequestError):
            violation.parse(text)
    accusation = json.loads(violation.encode(broken()))
    with pytest.raises(RequestError):
        violation.parse(json.dumps(accusation | {"leaves": "AAAA"}).encode())


def test_leaves_at_their_bound_are_read_and_over_it_refused(monkeypatch):
    monkeypatch.setattr(violation, "MAX_LEAVES", len(ONE))
    assert violation.parse(violation.encode(broken())).leaves == tuple(ONE)
    with pytest.raises(RequestError):
        violation.parse(violation.encode(broken(leaves=[*ONE, ONE[0]])))
