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


def test_4_a_root_only_fork_and_rewrite_are_refused(bench, tree, grown, commitments, by_root):
    """Another history with a proof that holds for it: its old root is not the stored one."""
    fork = tree(commitments(5, seed=99))
    after = fork.grown(commitments(4))
    assert bench.refusal(bench.sealer, "anchorRoot", *by_root(bench.log_id, fork, after)) == (
        "NotConsistent",
        grown.root,
        after.root,
    )
    shorter = tree(grown.commitments[:3])
    rewritten = shorter.grown(commitments(6, seed=7))
    refusal = bench.refusal(bench.sealer, "anchorRoot", *by_root(bench.log_id, shorter, rewritten))
    assert refusal == ("NotCurrentSize", bench.log_id, 5, 3)
    lying = (bench.log_id, 5, rewritten.size, rewritten.root, rewritten.proof_from(5))
    assert bench.refusal(bench.sealer, "anchorRoot", *lying)[0] == "NotConsistent"


def test_4_random_histories_of_both_modes_give_the_tree_head_of_all_commitments(bench, tree, commitments):
    source = random.Random(44)  # noqa: S311 - test data
    now, modes = tree(), []
    for step in range(14):
        after = now.grown(commitments(source.choice([1, 2, 3, 7, 8, 9, 31]), seed=step))
        mode = source.randrange(2)
        receipt = (bench.anchor, bench.anchor_root)[mode](now, after)
        assert receipt.state_root == b"\x01"
        (event,) = bench.events(receipt)
        assert (event.prev_size, event.prev_root, event.mode) == (now.size, now.root, mode)
        modes.append(mode)
        now = after
        assert bench.head() == (bench.sealer.address, now.size, now.root)
    assert set(modes) == {0, 1}


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


@pytest.mark.parametrize("is_frozen", [False, True])
def test_5_a_root_only_repeat_changes_and_emits_nothing_in_either_state(bench, grown, commitments, is_frozen):
    """Whatever mode anchored the head, and however wrong the rest of the call is."""
    if is_frozen:
        bench.send(bench.sealer, "freezeLog", bench.log_id)
    for prev_size, proof in ((0, []), (grown.size, []), (123, commitments(70))):
        receipt = bench.send(bench.sealer, "anchorRoot", bench.log_id, prev_size, grown.size, grown.root, proof)
        assert (receipt.state_root, receipt.logs) == (b"\x01", ())
    receipt = bench.send(bench.sealer, "anchor", bench.log_id, 0, grown.size, grown.root, [], grown.commitments)
    assert (receipt.state_root, receipt.logs) == (b"\x01", ())
    assert bench.head() == (bench.sealer.address, grown.size, grown.root)


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


def test_6_a_refused_root_only_anchor_leaves_the_head_and_the_next_is_taken(bench, grown, commitments, by_root):
    after = grown.grown(commitments(2))
    wrong = (bench.log_id, grown.size, after.size, bytes(32), after.proof_from(grown.size))
    assert bench.refusal(bench.sealer, "anchorRoot", *wrong) == ("NotConsistent", grown.root, bytes(32))
    assert bench.anchor_root(grown, after).state_root == b"\x01"
    assert bench.head()[1:] == (after.size, after.root)


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


def test_7_events_of_both_modes_form_one_chain(bench, tree, commitments):
    now, events = tree(), []
    for step, anchor in enumerate((bench.anchor_root, bench.anchor, bench.anchor_root, bench.anchor_root)):
        after = now.grown(commitments(3 + step, seed=step))
        events += bench.events(anchor(now, after))
        now = after
    assert (events[0].prev_size, events[0].prev_root) == (0, EMPTY_ROOT)
    for earlier, later in pairwise(events):
        assert (later.prev_size, later.prev_root) == (earlier.size, earlier.root)
    assert [event.mode for event in events] == [1, 0, 1, 1]


@pytest.mark.parametrize("count", [0, 1001])
def test_8_an_anchor_without_or_with_too_many_commitments_is_refused(bench, tree, commitments, count):
    added = commitments(count)
    refusal = bench.refusal(bench.sealer, "anchor", bench.log_id, 0, count, bytes(32), [], added)
    assert refusal == ("BatchSize", count, 1000)


def test_8_a_full_anchor_is_taken(bench, tree, commitments):
    full = tree(commitments(1000))
    assert bench.anchor(tree(), full).state_root == b"\x01"
    assert bench.head()[1:] == (1000, full.root)


def test_8_a_root_only_anchor_spans_more_than_a_full_batch(bench, tree, grown, commitments):
    after = grown.grown(commitments(2500))
    assert bench.anchor_root(grown, after).state_root == b"\x01"
    assert bench.head()[1:] == (2505, after.root)


def test_8_a_root_only_anchor_that_does_not_grow_the_log_is_refused(bench, grown):
    for size, root in ((5, bytes(32)), (4, bytes(32)), (0, EMPTY_ROOT)):
        refusal = bench.refusal(bench.sealer, "anchorRoot", bench.log_id, 5, size, root, [])
        assert refusal == ("NotLarger", 5, size)


def test_8_a_proof_longer_than_any_can_be_is_refused(bench, grown, commitments):
    refusal = bench.refusal(bench.sealer, "anchorRoot", bench.log_id, 5, 6, bytes(32), commitments(66))
    assert refusal == ("ProofLength", 66, 65)


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
    assert bench.refusal(bench.owner, "anchorRoot", bench.log_id, 5, 6, bytes(32), [])[0] == "NotSealer"


@pytest.mark.parametrize("name", ["sealer", "owner"])
def test_11_a_frozen_log_never_moves_again(bench, grown, commitments, arguments, by_root, name):
    receipt = bench.send(getattr(bench, name), "freezeLog", bench.log_id)
    assert receipt.state_root == b"\x01"
    (entry,) = receipt.logs
    by = getattr(bench, name).address.lower()
    assert entry.topics[1:] == (int.from_bytes(bench.log_id), int(by, 16))
    assert entry.data == grown.size.to_bytes(32) + grown.root
    assert bench.is_frozen()
    after = grown.grown(commitments(1))
    frozen = ("LogIsFrozen", bench.log_id)
    for _ in range(2):
        assert bench.refusal(bench.sealer, "anchor", *arguments(bench.log_id, grown, after)) == frozen
        assert bench.refusal(bench.sealer, "anchorRoot", *by_root(bench.log_id, grown, after)) == frozen
        for again in (bench.sealer, bench.owner):  # no way back, no second event, no revert
            repeat = bench.send(again, "freezeLog", bench.log_id)
            assert (repeat.state_root, repeat.logs) == (b"\x01", ())
    assert bench.is_frozen()
    assert bench.head() == (bench.sealer.address, grown.size, grown.root)
    refusal = bench.refusal(bench.owner, "registerLog", bench.log_id, bench.stranger.address)
    assert refusal[0] == "LogAlreadyRegistered"


def test_11_nobody_else_freezes_a_log(bench, grown, commitments):
    """Neither a stranger, nor the sealer of another log, nor who owned the contract before."""
    other = type(bench.sealer).generate()
    assert bench.send(bench.owner, "registerLog", OTHER_LOG, other.address).state_root == b"\x01"
    bench.send(bench.owner, "transferOwnership", bench.stranger.address)
    refused = lambda by: bench.refusal(by, "freezeLog", bench.log_id)  # noqa: E731 - one line, used thrice
    assert refused(bench.stranger) == ("NotSealerOrOwner", bench.log_id, bench.stranger.address.lower())
    assert refused(other) == ("NotSealerOrOwner", bench.log_id, other.address.lower())
    bench.send(bench.stranger, "acceptOwnership")
    assert refused(bench.owner) == ("NotSealerOrOwner", bench.log_id, bench.owner.address.lower())
    assert not bench.is_frozen()
    assert bench.anchor(grown, grown.grown(commitments(1))).state_root == b"\x01"


def test_11_a_log_without_entries_can_be_frozen(bench, tree, commitments, arguments):
    bench.send(bench.owner, "freezeLog", bench.log_id)
    refusal = bench.refusal(bench.sealer, "anchor", *arguments(bench.log_id, tree(), tree(commitments(1))))
    assert refusal == ("LogIsFrozen", bench.log_id)


def test_9_freezing_one_log_does_not_touch_another(bench, tree, grown, commitments):
    assert bench.send(bench.owner, "registerLog", OTHER_LOG, bench.stranger.address).state_root == b"\x01"
    bench.send(bench.owner, "freezeLog", OTHER_LOG)
    assert (bench.is_frozen(OTHER_LOG), bench.is_frozen()) == (True, False)
    assert bench.anchor(grown, grown.grown(commitments(1))).state_root == b"\x01"


def test_12_the_mode_is_the_one_whose_check_was_passed(bench, tree, grown, commitments):
    """The arguments of one mode are no call of the other."""
    after = grown.grown(commitments(1))
    proof_as_frontier = (bench.log_id, 5, 6, after.root, after.proof_from(5), after.commitments[5:])
    assert bench.refusal(bench.sealer, "anchor", *proof_as_frontier)[0] in {"FrontierLength", "FrontierMismatch"}
    assert bench.refusal(bench.sealer, "anchorRoot", bench.log_id, 5, 6, after.root, grown.frontier)[0] == (
        "NotConsistent"
    )
    (event,) = bench.events(bench.anchor_root(grown, after))
    assert event.mode == 1


def test_3_a_root_only_anchor_is_the_sealers_and_direct_too(bench, tree, commitments, by_root, delegate):
    wanted = by_root(bench.log_id, tree(), tree(commitments(3)))
    assert bench.refusal(bench.stranger, "anchorRoot", *wanted)[0] == "NotSealer"
    delegate(bench.sealer)
    assert bench.refusal(bench.sealer, "anchorRoot", *wanted)[0] == "NotCalledDirectly"


def test_3_a_root_only_call_through_another_contract_is_refused(bench, tree, commitments, by_root, relay):
    log_id = hashlib.sha256(b"relayed\n").digest()
    assert bench.send(bench.owner, "registerLog", log_id, relay.future_address).state_root == b"\x01"
    data = bench.calldata("anchorRoot", *by_root(log_id, tree(), tree(commitments(2))))
    expected = ("NotCalledDirectly", relay.future_address.lower(), bench.stranger.address.lower())
    assert relay.refusal_at_birth(data) == expected
    relay.deploy()
    assert relay.refusal(data) == expected
