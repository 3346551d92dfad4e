# SPDX-License-Identifier: EUPL-1.2
"""The numbered invariants of `ITrustRegistry`, each under its number, against the embedded engine."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.chain.registry_codec import encode_changes, encode_members, encode_withdraw, members_id
from ledger.chain.sealer import FileSealerKey
from ledger.registry import NOTHING, Standing, administration_id
from ledger.registry_events import NO_END, Action, Kind, MembersChanged, Recorded, Role, first_hash, next_hash
from protocol.encoding import sha256
from tests.contracts.conftest import CHAIN_ID
from tests.contracts.registry.conftest import DEGREE, KEY, UNIVERSITY, change_id, key, right

TOWN = administration_id("L01990015")
HOUR = timedelta(hours=1)


def lower(account):
    return account.address.lower()


def test_1_nothing_takes_effect_below_the_threshold(joined):
    change, one = right(), joined.members[0]
    assert joined.approve(change, one)
    assert joined.refused("accept", change, joined.university) == ("NotApproved", change_id(change), 1, 2)
    assert joined.entry(change) == (0, 0, 0)
    assert joined.approve(change, joined.members[1])
    assert joined.accept(change)
    assert joined.entry(change)[1] == NO_END


def test_1_an_end_takes_effect_with_the_last_approval_and_not_before(joined):
    assert joined.add(right())
    end = right(action=Action.END, end=0)
    assert joined.approve(end, joined.members[0])
    assert joined.entry(right())[1] == NO_END
    assert joined.approve(end, joined.members[2])
    assert joined.entry(right())[1] == joined.engine.head().timestamp


def test_1_neither_a_stranger_nor_the_administration_approves(joined):
    for account in (joined.stranger, joined.university):
        assert joined.refused("approve", right(), account) == ("NotMember", lower(account))
    assert joined.approvals(change_id(right())) == 0


def test_2_a_member_counts_once_and_may_take_an_approval_back(joined):
    change, one = right(), joined.members[0]
    assert joined.approve(change, one)
    assert joined.refused("approve", change, one) == ("AlreadyApproved", change_id(change), lower(one))
    taken_back = encode_withdraw(change_id(change))
    assert joined.transact(one, joined.address, taken_back)
    assert joined.approvals(change_id(change)) == 0
    assert joined.refusal(one, taken_back) == ("NoApproval", change_id(change), lower(one))
    assert joined.approve(change, joined.members[1])
    assert joined.refused("accept", change, joined.university)[0] == "NotApproved"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": Role.VERIFIER},
        {"what": sha256(b"another")},
        {"end": NO_END - 1},
        {"start": 1},
        {"details": b"another"},
    ],
)
def test_2_an_approval_is_for_one_change_word_for_word(joined, changes):
    assert joined.approve(right())
    other = right(**changes)
    assert joined.refused("accept", other, joined.university) == ("NotApproved", change_id(other), 0, 2)


def test_2_approvals_end_with_the_term_of_who_gave_them(joined):
    """A member who leaves takes their approvals along, and none comes back with them."""
    change, before = right(), joined.addresses
    assert joined.approve(change)
    change_members(joined, [joined.addresses[0], joined.addresses[2]])
    assert joined.refused("accept", change, joined.university) == ("NotApproved", change_id(change), 0, 2)
    change_members(joined, before, by=[joined.members[0], joined.members[2]])
    assert joined.refused("accept", change, joined.university) == ("NotApproved", change_id(change), 0, 2)


def test_3_a_change_takes_effect_once(joined):
    assert joined.add(right())
    assert joined.refused("accept", right(), joined.university) == ("AlreadyInEffect", change_id(right()))
    for member in joined.members:
        assert joined.refused("approve", right(), member) == ("AlreadyInEffect", change_id(right()))
    end = right(action=Action.END, end=0)
    assert joined.approve(end)
    again = ("NotApproved", change_id(right(), ends=1), 0, 2)
    assert joined.refused("accept", right(), joined.university) == again
    assert joined.add(right())
    assert joined.refused("approve", end, joined.members[0]) == ("AlreadyInEffect", change_id(end))
    report = key(action=Action.COMPROMISE, start=joined.now - 60)
    assert joined.add(key())
    assert joined.approve(report)
    assert joined.refused("approve", report, joined.members[0]) == ("AlreadyInEffect", change_id(report))


def test_3_an_approval_cannot_be_taken_back_once_it_had_an_effect(joined):
    assert joined.add(right())
    one = joined.members[0]
    assert joined.refusal(one, encode_withdraw(change_id(right()))) == (
        "NoApproval",
        change_id(right()),
        lower(one),
    )


def test_4_only_the_administrations_account_accepts(joined):
    assert joined.approve(right())
    for account in (joined.stranger, *joined.members):
        refusal = joined.refused("accept", right(), account)
        assert refusal == ("NotAdministration", UNIVERSITY, lower(joined.university), lower(account))
    assert joined.entry(right()) == (0, 0, 0)


def test_4_an_administration_joins_only_from_the_account_that_the_members_approved(registry):
    change = registry.administration()
    assert registry.approve(change)
    assert registry.refused("accept", change, registry.stranger)[0] == "NotAdministration"
    assert registry.account() == "0x" + "00" * 20
    assert registry.accept(change)
    assert registry.account() == lower(registry.university)


def test_4_nothing_is_given_to_an_administration_that_does_not_take_part(registry):
    assert registry.approve(right())
    assert registry.refused("accept", right(), registry.university) == ("UnknownAdministration", UNIVERSITY)


def test_4_an_account_is_replaced_by_one_that_accepts_and_the_old_one_accepts_nothing_more(joined):
    change = joined.administration(joined.stranger)
    assert joined.approve(change)
    assert joined.refused("accept", change, joined.university)[0] == "NotAdministration"
    assert joined.accept(change, by=joined.stranger)
    assert joined.approve(right())
    assert joined.refused("accept", right(), joined.university)[0] == "NotAdministration"
    assert joined.accept(right(), by=joined.stranger)


def test_4_an_administration_that_has_ended_accepts_nothing_and_its_rights_rest(joined):
    assert joined.add(right())
    assert joined.add(key())
    assert joined.approve(replace(joined.administration(), action=Action.END, what=NOTHING, end=0))
    other = right(what=sha256(b"another"))
    assert joined.approve(other)
    assert joined.refused("accept", other, joined.university) == ("UnknownAdministration", UNIVERSITY)
    answer = joined.history().trusted(KEY, Role.ISSUER, DEGREE, on=joined.moment)
    assert answer.standing is Standing.NOT_TRUSTED
    assert joined.add(joined.administration(details=b"back"))
    joined.later(HOUR)
    assert joined.accept(other)
    assert joined.history().trusted(KEY, Role.ISSUER, DEGREE, on=joined.moment).standing is Standing.TRUSTED


def change_members(registry, members, threshold=2, by=None):
    keys = {each.address: each for each in [*registry.members, registry.stranger]}
    for member in by or registry.members[:2]:
        assert registry.transact(member, registry.address, encode_members("approveMembers", members, threshold))
    for address in members[:threshold]:
        call = encode_members("acceptMembers", members, threshold)
        assert registry.transact(keys[address], registry.address, call)
    assert registry.seats() == ([each.lower() for each in members], threshold)


def test_5_new_members_take_over_when_enough_of_them_accepted(registry):
    """A typing error in an account cannot lock the registry."""
    known = [registry.members[0], registry.stranger]
    members = sorted([*(each.address for each in known), "0x" + "ab" * 20], key=lambda each: int(each, 16))
    call = encode_members("acceptMembers", members, 2)
    assert registry.refusal(known[0], call) == ("NotApproved", members_id(members, 2), 0, 2)
    for member in registry.members[:2]:
        assert registry.transact(member, registry.address, encode_members("approveMembers", members, 2))
    assert registry.transact(known[0], registry.address, call)
    assert registry.seats()[0] == [each.lower() for each in registry.addresses]
    assert registry.refusal(known[0], call) == ("AlreadyApproved", members_id(members, 2), lower(known[0]))
    assert registry.refusal(registry.members[1], call) == ("NotMember", lower(registry.members[1]))
    assert registry.transact(known[1], registry.address, call)
    assert registry.seats() == ([each.lower() for each in members], 2)
    assert registry.refused("approve", right(), registry.members[1]) == ("NotMember", lower(registry.members[1]))
    assert registry.approve(right(), *known)


def test_5_a_present_member_cannot_take_back_the_acceptance_of_a_new_one(registry):
    """Approvals and acceptances are counted apart, whatever identifier is named."""
    members = sorted([registry.members[1].address, registry.stranger.address], key=lambda each: int(each, 16))
    for member in registry.members[:2]:
        assert registry.transact(member, registry.address, encode_members("approveMembers", members, 2))
    call = encode_members("acceptMembers", members, 2)
    assert registry.transact(registry.stranger, registry.address, call)
    identifier = members_id(members, 2)
    for given in (bytes(byte ^ 0xFF for byte in identifier), bytes(32)):
        for member in registry.members:
            assert registry.refusal(member, encode_withdraw(given)) == ("NoApproval", given, lower(member))
    assert registry.transact(registry.members[1], registry.address, call)
    assert registry.seats()[0] == [each.lower() for each in members]


@pytest.mark.parametrize(("count", "threshold"), [(0, 0), (1, 0), (1, 2), (2, 1), (4, 2), (3, 4), (101, 51)])
def test_5_unusable_members_are_refused(registry, count, threshold):
    members = [f"0x{number:040x}" for number in range(1, count + 1)]
    for name in ("approveMembers", "acceptMembers"):
        refusal = registry.refused_members(name, members, threshold, registry.members[0])
        assert refusal == ("UnusableMembers", count, threshold, 100)
    assert not registry.deploy(members, threshold)


def test_5_members_twice_in_disorder_or_zero_are_refused(registry):
    a, b = registry.addresses[:2]
    for members in ([a, a], [b, a], ["0x" + "00" * 20, a]):
        refusal = registry.refused_members("approveMembers", members, 2, registry.members[0])
        assert refusal == ("UnusableMembers", 2, 2, 100)
        assert not registry.deploy(members, 2)


def test_5_a_hundred_members_are_taken(registry):
    members = [f"0x{number:040x}" for number in range(1, 101)]
    assert registry.deploy(members, 51)
    assert registry.seats() == (members, 51)


def test_6_sequence_and_running_hash_cover_every_event_and_begin_with_chain_and_contract(joined):
    assert joined.add(right())
    change_members(joined, [joined.addresses[0], joined.addresses[2]])
    before = first_hash(CHAIN_ID, joined.address)
    for number, event in enumerate(joined.events, start=1):
        assert event.sequence == number
        before = next_hash(before, event)
        assert event.running_hash == before
    assert joined.newest() == (len(joined.events), before)
    assert [type(event) for event in joined.events] == [MembersChanged, Recorded, Recorded, MembersChanged]


def test_6_an_approval_is_no_part_of_the_history(joined):
    before = joined.newest()
    assert joined.approve(right())
    assert joined.newest() == before


def test_6_two_registries_with_the_same_events_have_other_hashes(registry):
    first = registry.events[-1]
    assert registry.deploy()
    second = replace(registry.events[-1], recorded_at=first.recorded_at)
    assert (second.members, second.sequence) == (first.members, first.sequence)
    assert second.running_hash != first.running_hash


def test_7_no_right_begins_in_the_past(joined):
    joined.later(HOUR)
    past = joined.now - 3000
    assert joined.add(right(start=past))
    head = joined.engine.head().timestamp
    assert joined.entry(right()) == (head, NO_END, 0)
    assert (joined.events[-1].start, joined.events[-1].recorded_at) == (head, head)


def test_7_no_right_ends_in_the_past(joined):
    assert joined.add(right())
    joined.later(HOUR)
    assert joined.approve(right(action=Action.END, end=joined.now - 3000))
    head = joined.engine.head().timestamp
    assert (joined.entry(right())[1], joined.events[-1].end) == (head, head)


def test_7_a_right_whose_time_has_passed_before_it_was_accepted_is_refused(joined):
    change = right(end=joined.now + 600)
    assert joined.approve(change)
    joined.later(HOUR)
    assert joined.refused("accept", change, joined.university)[::2] == ("EmptyInterval", change.end)


def test_7_a_right_can_begin_and_end_in_the_future(joined):
    start, end = joined.now + 3600, joined.now + 7200
    assert joined.add(right(start=start, end=end))
    assert joined.entry(right()) == (start, end, 0)
    assert joined.approve(right(action=Action.END, end=end - 60))
    assert joined.entry(right()) == (start, end - 60, 0)


def test_8_an_end_moves_to_an_earlier_time_only(joined):
    end = joined.now + 7200
    assert joined.add(right(end=end))
    for later in (end, end + 1, NO_END):
        change = right(action=Action.END, end=later)
        assert joined.approve(change, joined.members[0])
        refusal = joined.refused("approve", change, joined.members[1])
        assert (refusal[0], refusal[2], refusal[3]) == ("NotEarlier", end, later)
    assert joined.approve(right(action=Action.END, end=end - 1))
    assert joined.entry(right())[1] == end - 1


def test_8_what_has_ended_or_never_was_cannot_be_ended(joined):
    change = right(action=Action.END, end=0)
    assert joined.approve(change, joined.members[0])
    assert joined.refused("approve", change, joined.members[1])[::2] == ("NoEntry", 0)
    assert joined.add(right(end=joined.now + 60))
    joined.later(HOUR)
    assert joined.refused("approve", change, joined.members[1])[0] == "NoEntry"


def test_8_a_compromise_moves_to_an_earlier_time_only_and_never_into_the_future(joined):
    assert joined.add(key())
    joined.later(HOUR)
    future = key(action=Action.COMPROMISE, start=joined.now + 600)
    assert joined.approve(future, joined.members[0])
    assert joined.refused("approve", future, joined.members[1])[0] == "NotEarlier"
    since = joined.now - 1800
    assert joined.approve(key(action=Action.COMPROMISE, start=since))
    assert joined.entry(key())[2] == since
    later = key(action=Action.COMPROMISE, start=since + 60)
    assert joined.approve(later, joined.members[0])
    refusal = joined.refused("approve", later, joined.members[1])
    assert (refusal[0], refusal[2:]) == ("NotEarlier", (since, since + 60))
    assert joined.approve(key(action=Action.COMPROMISE, start=since - 60))
    assert joined.entry(key())[2] == since - 60


def test_8_a_key_that_has_ended_may_be_reported_and_one_that_never_was_not(joined):
    report = key(action=Action.COMPROMISE, start=joined.now)
    assert joined.approve(report, joined.members[0])
    assert joined.refused("approve", report, joined.members[1])[::2] == ("NoEntry", 0)
    assert joined.add(key())
    assert joined.approve(key(action=Action.END, end=0))
    joined.later(HOUR)
    assert joined.approve(report, joined.members[1])
    assert joined.entry(key())[2] == report.start


def test_9_a_key_belongs_to_one_administration_in_one_role_for_good(joined):
    town = FileSealerKey.generate()
    assert joined.add(joined.administration(town, administration=TOWN), by=town)
    assert joined.add(key())
    assert joined.approve(key(action=Action.END, end=0))
    for other, account in ((key(administration=TOWN), town), (key(role=Role.VERIFIER), joined.university)):
        assert joined.approve(other)
        assert joined.refused("accept", other, account)[:2] == ("KeyInUse", KEY)
    assert joined.add(key(details=b"again"))


def test_9_a_compromised_key_is_never_added_again(joined):
    assert joined.add(key())
    since = joined.engine.head().timestamp
    assert joined.approve(key(action=Action.COMPROMISE, start=since))
    assert joined.approve(key(action=Action.END, end=0))
    again = key(details=b"again")
    assert joined.approve(again)
    assert joined.refused("accept", again, joined.university) == ("KeyCompromised", KEY, since)


def test_9_what_is_there_is_not_added_twice(joined):
    assert joined.add(right())
    again = right(details=b"again")
    assert joined.approve(again)
    refusal = joined.refused("accept", again, joined.university)
    assert (refusal[0], refusal[2]) == ("EntryExists", NO_END)


def test_10_a_refused_change_leaves_its_approvals_and_takes_effect_later(joined):
    assert joined.add(right(end=joined.now + 60))
    again = right(details=b"again")
    assert joined.approve(again)
    assert joined.refused("accept", again, joined.university)[0] == "EntryExists"
    assert joined.approvals(change_id(again)) == 2
    joined.later(HOUR)
    assert joined.accept(again)


def test_10_a_list_is_approved_and_accepted_whole_or_not_at_all(registry):
    """An administration comes with what it may do and its key in three transactions."""
    whole = [registry.administration(), right(), key()]
    wrong = right(role=Role.NONE)
    refusal = registry.refusal(registry.members[0], encode_changes("approve", *whole, wrong))
    assert refusal[0] == "UnusableChange"
    assert [registry.approvals(change_id(each)) for each in whole] == [0, 0, 0]
    for member in registry.members[:2]:
        assert registry.transact(member, registry.address, encode_changes("approve", *whole))
    assert [registry.approvals(change_id(each)) for each in whole] == [2, 2, 2]
    missing = right(what=sha256(b"nobody approved this"))
    refusal = registry.refusal(registry.university, encode_changes("accept", *whole, missing))
    assert refusal == ("NotApproved", change_id(missing), 0, 2)
    assert registry.account() == "0x" + "00" * 20
    assert registry.transact(registry.university, registry.address, encode_changes("accept", *whole))
    assert [each.sequence for each in registry.events] == [1, 2, 3, 4]
    assert registry.history().trusted(KEY, Role.ISSUER, DEGREE, on=registry.moment).standing is Standing.TRUSTED


def test_3_one_list_cannot_do_a_change_twice(joined):
    change = right()
    assert joined.approve(change)
    twice = encode_changes("accept", change, change)
    assert joined.refusal(joined.university, twice) == ("AlreadyInEffect", change_id(change))
    again = right(details=b"twice")
    refusal = joined.refusal(joined.members[0], encode_changes("approve", again, again))
    assert refusal == ("AlreadyApproved", change_id(again), lower(joined.members[0]))


def test_4_who_approves_a_list_approves_no_other_and_no_list(joined):
    """One of its changes may be accepted without the others, and in another order."""
    first, second = right(), key()
    for member in joined.members[:2]:
        assert joined.transact(member, joined.address, encode_changes("approve", first, second))
    assert joined.accept(second)
    assert joined.entry(first) == (0, 0, 0)
    assert joined.accept(first)


def test_10_an_empty_list_changes_nothing(joined):
    before = joined.newest(), len(joined.events)
    for name in ("approve", "accept"):
        assert joined.transact(joined.stranger, joined.address, encode_changes(name))
    assert (joined.newest(), len(joined.events)) == before


def test_10_a_call_that_runs_out_of_gas_changes_nothing(joined):
    assert joined.approve(right())
    before, events = joined.newest(), len(joined.events)
    data, state = encode_changes("accept", right()), set()
    for gas in range(40_000, 160_000, 8_000):
        nonce = joined._nonces.get(joined.university.address, 0)
        joined._nonces[joined.university.address] = nonce + 1
        signed = joined.university.sign_transaction(
            {
                "chainId": CHAIN_ID,
                "nonce": nonce,
                "data": data,
                "to": joined.address,
                "type": 2,
                "maxFeePerGas": 0,
                "maxPriorityFeePerGas": 0,
                "value": 0,
                "gas": gas,
            }
        )
        joined.engine.submit(signed.raw)
        entry, newest = joined.entry(right()), joined.newest()
        assert (entry == (0, 0, 0)) == (newest == before)
        state.add(newest)
    assert len(state) == 2
    assert len(joined.events) == events


def test_random_changes_give_the_state_that_the_history_says(joined):
    """The contract's own state and the history folded from its events agree after every change."""
    source = random.Random(8)  # noqa: S311 - test data
    abouts = [sha256(bytes([number])) for number in range(3)]
    for step in range(40):
        joined.clock.advance(timedelta(minutes=source.choice([0, 1, 90])))
        kind = source.choice([Kind.RIGHT, Kind.KEY, Kind.PAGE_BUNDLE])
        role = Role.NONE if kind is Kind.PAGE_BUNDLE else source.choice([Role.ISSUER, Role.VERIFIER])
        action = source.choice([Action.ADD, Action.ADD, Action.END, Action.COMPROMISE])
        start = source.choice([joined.now, joined.now + 3600, joined.now - 3600])
        end = source.choice([0, joined.now + 1800, joined.now + 7200, NO_END])
        change = right(
            action=action,
            kind=kind,
            role=role,
            what=source.choice(abouts),
            start=start,
            end=end,
            details=str(step).encode(),
        )
        if joined.approve(change) and action is Action.ADD:
            joined.accept(change)
    history = joined.history()
    assert len(joined.events) > 10
    moment = joined.moment
    for what in abouts:
        for role in (Role.ISSUER, Role.VERIFIER):
            held_right = joined.entry(right(role=role, what=what))
            held_key = joined.entry(key(role=role, what=what))
            start, end = max(held_right[0], held_key[0]), min(held_right[1], held_key[1])
            if held_key[2]:
                end = min(end, held_key[2])
            expected = start <= int(moment.timestamp()) < end
            answer = history.trusted(what, role, what, on=moment)
            assert (answer.standing is Standing.TRUSTED) == expected
