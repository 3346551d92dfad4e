# SPDX-License-Identifier: EUPL-1.2
"""The numbered invariants of `IConsentLedger`, each under its number, against the embedded engine."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

import pytest

OTHER_LOG = hashlib.sha256(b"another\n").digest()
EMPTY_ROOT = hashlib.sha256(b"").digest()


@pytest.fixture
def grown(bench, tree, commitments):
    """The log after one anchor of five commitments."""
    first = tree(commitments(5))
    assert bench.anchor(tree(), first).state_root == b"\x01"
    return first


def test_1_only_the_owner_registers_and_a_sealer_never_changes(bench):
    for sender in (bench.sealer, bench.stranger):
        refusal = bench.refusal(sender, "registerLog", OTHER_LOG, bench.stranger.address)
        assert refusal == ("OwnableUnauthorizedAccount", sender.address.lower())
    refusal = bench.refusal(bench.owner, "registerLog", bench.log_id, bench.stranger.address)
    assert refusal == ("LogAlreadyRegistered", bench.log_id, bench.sealer.address.lower())
    assert bench.head() == (bench.sealer.address, 0, EMPTY_ROOT)


def test_1_ownership_passes_in_two_steps_and_takes_the_sealers_nowhere(bench):
    bench.send(bench.owner, "transferOwnership", bench.stranger.address)
    assert bench.refusal(bench.stranger, "registerLog", OTHER_LOG, bench.owner.address)[0] == (
        "OwnableUnauthorizedAccount"
    )
    bench.send(bench.stranger, "acceptOwnership")
    assert bench.send(bench.stranger, "registerLog", OTHER_LOG, bench.owner.address).state_root == b"\x01"
    assert bench.refusal(bench.owner, "registerLog", bytes(32), bench.stranger.address)[0] == (
        "OwnableUnauthorizedAccount"
    )
    assert bench.head()[0] == bench.sealer.address


def test_2_a_key_seals_one_log_only(bench):
    refusal = bench.refusal(bench.owner, "registerLog", OTHER_LOG, bench.sealer.address)
    assert refusal == ("SealerInUse", bench.sealer.address.lower(), bench.log_id)


def test_2_a_key_that_seals_log_zero_seals_no_other(bench):
    assert bench.send(bench.owner, "registerLog", bytes(32), bench.stranger.address).state_root == b"\x01"
    refusal = bench.refusal(bench.owner, "registerLog", OTHER_LOG, bench.stranger.address)
    assert refusal == ("SealerInUse", bench.stranger.address.lower(), bytes(32))


def test_3_only_the_sealer_moves_a_head(bench, tree, commitments, arguments):
    wanted = arguments(bench.log_id, tree(), tree(commitments(3)))
    refusal = bench.refusal(bench.stranger, "anchor", *wanted)
    assert refusal == ("NotSealer", bench.log_id, bench.sealer.address.lower(), bench.stranger.address.lower())


def test_3_a_call_through_another_contract_is_refused(bench, tree, commitments, arguments, relay):
    """A contract whose address was registered while it had no code is the sealer, and still refused."""
    log_id = hashlib.sha256(b"relayed\n").digest()
    assert bench.send(bench.owner, "registerLog", log_id, relay.future_address).state_root == b"\x01"
    data = bench.calldata("anchor", *arguments(log_id, tree(), tree(commitments(2))))
    expected = ("NotCalledDirectly", relay.future_address.lower(), bench.stranger.address.lower())
    assert relay.refusal_at_birth(data) == expected
    relay.deploy()
    assert relay.refusal(data) == expected
    assert bench.head(log_id)[1] == 0


def test_3_a_sealer_that_delegated_to_code_is_refused(bench, tree, commitments, arguments, delegate):
    """EIP-7702: the sealer sends to itself, its code calls the contract; the calldata would not be the anchor's."""
    delegate(bench.sealer)
    wanted = arguments(bench.log_id, tree(), tree(commitments(2)))
    assert bench.refusal(bench.sealer, "anchor", *wanted) == (
        "NotCalledDirectly",
        bench.sealer.address.lower(),
        bench.sealer.address.lower(),
    )


def test_4_random_histories_give_the_tree_head_of_all_commitments(bench, tree, commitments):
    source = random.Random(4)  # noqa: S311 - test data
    now = tree()
    for step in range(12):
        after = now.grown(commitments(source.choice([1, 2, 3, 7, 8, 9, 31]), seed=step))
        assert bench.anchor(now, after).state_root == b"\x01"
        now = after
        assert bench.head() == (bench.sealer.address, now.size, now.root)


def test_4_a_fork_is_refused(bench, tree, grown, commitments, arguments):
    """Another history of the same size cannot be continued: its peaks do not fold to the stored root."""
    fork = tree(commitments(5, seed=99))
    refusal = bench.refusal(bench.sealer, "anchor", *arguments(bench.log_id, fork, fork.grown(commitments(1))))
    assert refusal == ("FrontierMismatch", grown.root, fork.root)


def test_4_a_rewrite_and_a_way_back_are_refused(bench, tree, grown, commitments, arguments):
    shorter = tree(grown.commitments[:3])
    for after in (shorter.grown(commitments(4, seed=7)), grown):
        refusal = bench.refusal(
            bench.sealer, "anchor", *arguments(bench.log_id, shorter, after.grown(commitments(1)))
        )
        assert refusal == ("NotCurrentSize", bench.log_id, 5, 3)


def test_4_leaves_and_nodes_cannot_be_taken_for_each_other(bench, tree, commitments):
    """A commitment that equals an inner node gives another root than the node would."""
    inner = tree(commitments(2)).root
    assert bench.anchor(tree(), tree([inner])).state_root == b"\x01"
    assert bench.head()[2] != inner


def test_5_a_repeat_of_the_head_changes_and_emits_nothing_and_does_not_revert(bench, tree, grown, commitments):
    before = bench.engine.head().state_root
    anything = ([], commitments(2)), (commitments(70), []), (grown.frontier, grown.commitments)
    for frontier, added in anything:
        receipt = bench.send(bench.sealer, "anchor", bench.log_id, 123, grown.size, grown.root, frontier, added)
        assert (receipt.state_root, receipt.logs) == (b"\x01", ())
        assert bench.head() == (bench.sealer.address, grown.size, grown.root)
    assert bench.engine.head().state_root != before  # only the sender's nonce


def test_5_a_repeat_before_the_first_anchor_is_one_too(bench):
    receipt = bench.send(bench.sealer, "anchor", bench.log_id, 0, 0, EMPTY_ROOT, [], [])
    assert (receipt.state_root, receipt.logs) == (b"\x01", ())


def test_5_a_repeat_by_a_stranger_is_refused(bench, grown):
    refusal = bench.refusal(bench.stranger, "anchor", bench.log_id, 0, grown.size, grown.root, [], [])
    assert refusal[0] == "NotSealer"


def test_6_every_refused_anchor_leaves_the_head_and_the_next_anchor_is_taken(bench, tree, grown, commitments):
    after = grown.grown(commitments(2))
    wrong = (bench.log_id, grown.size, after.size, bytes(32), grown.frontier, after.commitments[5:])
    assert bench.refusal(bench.sealer, "anchor", *wrong) == ("RootMismatch", after.root, bytes(32))
    assert bench.anchor(grown, after).state_root == b"\x01"
    assert bench.head()[1] == after.size


def test_6_an_anchor_that_runs_out_of_gas_changes_nothing(bench, tree, grown, commitments, arguments):
    after = grown.grown(commitments(50))
    data = bench.calldata("anchor", *arguments(bench.log_id, grown, after))
    spent = bench.engine.receipts(bench.engine.head())[0].gas_used
    for gas in range(spent + 30_000, spent + 60_000, 1_500):
        bench.engine.submit(bench.sign(bench.sealer, bench.address, data, gas=gas))
        if bench.head()[1] == after.size:
            break
        assert bench.head() == (bench.sealer.address, grown.size, grown.root)
    assert bench.head()[1:] in ((grown.size, grown.root), (after.size, after.root))


def test_7_events_form_a_chain_without_gaps(bench, tree, commitments):
    now, events = tree(), []
    for step, count in enumerate((1, 4, 16, 3)):
        after = now.grown(commitments(count, seed=step))
        events += bench.events(bench.anchor(now, after))
        bench.anchor(now, after)  # a repeat
        now = after
    assert (events[0].prev_size, events[0].prev_root) == (0, EMPTY_ROOT)
    for earlier, later in pairwise(events):
        assert (later.prev_size, later.prev_root) == (earlier.size, earlier.root)
    assert (len(events), events[-1].size, events[-1].root, events[-1].mode) == (4, now.size, now.root, 0)


@pytest.mark.parametrize("count", [0, 1001])
def test_8_an_anchor_without_or_with_too_many_commitments_is_refused(bench, tree, commitments, count):
    added = commitments(count)
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, count, bytes(32), [], added)
    assert refusal == ("BatchSize", count, 1000)


def test_8_a_full_anchor_is_taken(bench, tree, commitments):
    full = tree(commitments(1000))
    assert bench.anchor(tree(), full).state_root == b"\x01"
    assert bench.head()[1:] == (1000, full.root)


def test_9_logs_do_not_touch_each_other(bench, tree, grown, commitments):
    assert bench.send(bench.owner, "registerLog", OTHER_LOG, bench.stranger.address).state_root == b"\x01"
    other = tree(commitments(3, seed=1))
    assert bench.anchor(tree(), other, log_id=OTHER_LOG, by=bench.stranger).state_root == b"\x01"
    assert bench.head(OTHER_LOG) == (bench.stranger.address, 3, other.root)
    assert bench.head() == (bench.sealer.address, grown.size, grown.root)
    assert bench.refusal(bench.sealer, "anchor", OTHER_LOG, 3, 4, bytes(32), [], commitments(1))[0] == "NotSealer"


def test_10_the_owner_cannot_move_a_head(bench, grown, commitments, arguments):
    wanted = arguments(bench.log_id, grown, grown.grown(commitments(1)))
    assert bench.refusal(bench.owner, "anchor", *wanted)[0] == "NotSealer"
