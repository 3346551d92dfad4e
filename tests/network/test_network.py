# SPDX-License-Identifier: EUPL-1.2
"""The ledger on a real QBFT network: four validators, each a process of its own, killed and started again.

The tests of this file are one story, in order, on one network: each leaves it healthy for the next.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.chain import qbft
from ledger.chain.evidence import verify_anchor
from ledger.chain.interface import Finality
from ledger.trust import log_id
from protocol.errors import VerificationError
from tests.network.ledger_stack import ROOT, LedgerStack
from tests.network.validators import ENGINE, Network, wait_for

pytestmark = pytest.mark.network
PROMISED = "Promised, not yet anchored"
PERMANENT = "Everything is permanently recorded"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    assert ENGINE.exists(), f"no engine at {ENGINE}: `make test-network` builds it"
    made = Network(tmp_path_factory.mktemp("network"))
    try:
        made.start()
        yield made
    finally:
        made.kill_all()


@pytest.fixture(scope="module")
def stack(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerStack]:
    made = LedgerStack(tmp_path_factory.mktemp("ledger"), network)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def check_whole(stack: LedgerStack) -> None:
    """Nothing promised is missing, nothing is anchored twice, chain and log agree leaf by leaf."""
    head = checkpoints.verify(stack.client.checkpoint(), stack.key)
    leaves = stack.client.all_entries(head.size)
    assert merkle.Tree(leaves).root() == head.root
    assert len(set(leaves)) == len(leaves)
    assert set(stack.added) <= set(leaves)
    events = list(stack.chain.anchors(log_id(stack.origin)))
    assert tuple(each for event in events for each in event.commitments) == leaves
    assert len({event.size for event in events}) == len(events)
    assert sorted(size for size, state in stack.outbox() if state == "final") == [event.size for event in events]
    on_chain = stack.chain.head(log_id(stack.origin))
    assert (on_chain.size, on_chain.root) == (head.size, head.root)


def test_ledger_on_four_validators_anchors_and_its_audit_holds_at_every_level(stack, network, capsys):
    stack.add(20)
    wait_for("everything anchored", stack.is_settled)
    wait_for("the overview", lambda: PERMANENT in stack.home_page(), 30)
    check_whole(stack)
    status, report = stack.audit(capsys, validators=network.addresses)
    assert (status, report["result"]) == (0, "holds")
    (final,) = (each for each in report["findings"] if each["level"] == "block final")
    assert final["outcome"] == "holds"
    assert "of 4 known validators" in final["detail"]


def test_audit_with_another_validator_in_the_trust_file_is_violated(stack, network, capsys):
    stranger = "0x" + "11" * 20
    status, report = stack.audit(capsys, validators=[*network.addresses[:3], stranger])
    assert status == 1
    (final,) = (each for each in report["findings"] if each["level"] == "block final")
    assert final["outcome"] == "violated"


def test_evidence_of_an_anchor_verifies_offline_with_the_validators_seals(stack, network):
    newest = list(stack.chain.anchors(log_id(stack.origin)))[-1]
    evidence = stack.chain.receipt_evidence(newest.transaction_hash)
    proved = verify_anchor(evidence, expected_contract=stack.contract, expected_log_id=log_id(stack.origin))
    assert (proved.anchored.size, proved.anchored.root) == (newest.size, newest.root)
    validators = [each.identity.address for each in network.validators]
    assert len(qbft.verify_seals(evidence.header_rlp, expected_validators=validators)) >= 3
    with pytest.raises(VerificationError) as caught:
        qbft.verify_seals(evidence.header_rlp, expected_validators=[*validators[:3], bytes(20)])
    assert caught.value.code == "anchor_proof"
    assert stack.chain.finality(newest.block_number, newest.block_hash) is Finality.FINAL
    assert stack.chain.finality(newest.block_number, bytes(32)) is Finality.GONE


def test_smoke_script_passes_on_this_network_and_fails_on_another_chain_number(stack, network):
    script = ROOT / "deploy" / "besu" / "smoke.sh"
    environment = {**os.environ, "CONTRACT": stack.contract, "VALIDATORS": "4"}
    command = ["bash", str(script), network.regular.url]
    done = subprocess.run(
        [*command, "20261127"], env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smoke test passed" in done.stdout
    wrong = subprocess.run(
        [*command, "1"], env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert wrong.returncode == 1
    assert "chain number" in wrong.stdout + wrong.stderr


def test_one_validator_killed_anchoring_goes_on(stack, network):
    network.validators[3].kill()
    before = stack.final_size()
    stack.add(5)
    wait_for("an anchor without the fourth validator", lambda: stack.is_settled() and stack.final_size() > before)
    wait_for("the overview", lambda: PERMANENT in stack.home_page(), 30)
    network.validators[3].start()
    wait_for("the fourth validator", lambda: network.validators[3].height() >= network.regular.height() > 0)
    network.reconnect()
    check_whole(stack)


def test_two_validators_killed_promises_go_on_anchors_wait_and_catch_up_none_twice(stack, network, capsys):
    for validator in network.validators[2:]:
        validator.kill()
    stalled = stack.final_size()
    stack.add(5)
    wait_for("a batch without the chain", stack.is_sequenced)
    stack.add(5)
    wait_for("another batch without the chain", stack.is_sequenced)
    height = network.regular.height()
    assert stack.final_size() == stalled < stack.size()
    assert PROMISED in stack.home_page()
    # the anchor that waits was handed over, and waits
    wait_for("a waiting anchor", lambda: "pending" in {state for _, state in stack.outbox()})
    assert network.regular.height() == height
    for validator in network.validators[2:]:
        validator.start()
    wait_for("their answers", lambda: all(each.height() >= 0 for each in network.validators[2:]))
    network.reconnect()
    wait_for("everything anchored", stack.is_settled)
    wait_for("the overview", lambda: PERMANENT in stack.home_page(), 30)
    check_whole(stack)
    status, _ = stack.audit(capsys, validators=network.addresses)
    assert status == 0


def test_validator_voted_out_and_in_again_anchoring_goes_on(stack, network, capsys):
    leaving, staying = network.addresses[3], network.addresses[:3]
    # all who may vote do, him who leaves too: a vote counts when its voter's block is taken, and one of them may be slow
    for is_in, voters in ((False, network.validators), (True, network.validators[:3])):
        assert len(network.named_validators()) == len(voters)
        network.vote(voters, leaving, is_in)
        size = stack.final_size()
        stack.add(3)
        wait_for("everything anchored", stack.is_settled)
        # one trust file with the sets by block holds; what came after the vote is not final by those of before alone
        status, report = stack.audit(capsys, validators=network.sets(), from_size=size)
        assert (status, report["result"]) == (0, "holds"), report
        status, report = stack.audit(capsys, validators=staying if is_in else network.addresses, from_size=size)
        assert status == 1, report
    check_whole(stack)
    # so it does for the whole log
    sets = network.sets()
    assert [set(each.addresses) for each in sets] == [set(network.addresses), set(staying), set(network.addresses)]
    status, report = stack.audit(capsys, validators=sets)
    assert (status, report["result"]) == (0, "holds"), report
    (final,) = (each for each in report["findings"] if each["level"] == "block final")
    assert "of the known validators of its time" in final["detail"]
    # and with one of the changes left out it does not
    for left_out in (1, 2):
        kept = [each for number, each in enumerate(sets) if number != left_out]
        assert stack.audit(capsys, validators=kept)[0] == 1


def test_whole_network_killed_and_started_again_has_lost_nothing(stack, network):
    head = stack.chain.head(log_id(stack.origin))
    network.kill_all()
    stack.add(3)
    wait_for("a batch without any node", stack.is_sequenced)
    assert PROMISED in stack.home_page()
    network.start()
    assert stack.chain.head(log_id(stack.origin)).size >= head.size
    wait_for("everything anchored", stack.is_settled)
    check_whole(stack)
