# SPDX-License-Identifier: EUPL-1.2
"""Invariant 11 of `ITrustRegistry`: what was taken away does not come back by an approval from before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.chain.registry_codec import encode_changes, encode_withdraw
from ledger.chain.sealer import FileSealerKey
from ledger.registry import NOTHING, Standing
from ledger.registry_events import NO_END, Action, Kind, Role
from protocol.encoding import sha256
from tests.contracts.registry.conftest import DEGREE, KEY, UNIVERSITY, change_id, key, right

HOUR = timedelta(hours=1)
BUNDLE = {"kind": Kind.PAGE_BUNDLE, "role": Role.NONE, "what": sha256(b"a bundle")}


def ended(registry, **changes):
    given = {"action": Action.END, "what": NOTHING, "end": 0, "details": b"out"}
    return registry.administration(**(given | changes))


@pytest.mark.parametrize("first", [right(), key(), right(**BUNDLE)], ids=["right", "key", "page bundle"])
@pytest.mark.parametrize("later", [0, 7200], ids=["ended now", "ended in two hours"])
def test_11_a_renewal_held_in_reserve_does_not_undo_an_end(joined, first, later):
    assert joined.add(first)
    renewal = replace(first, details=b"renewal")
    assert joined.approve(renewal)
    assert joined.refused("accept", renewal, joined.university)[0] == "EntryExists"
    end = joined.now + later
    assert joined.approve(replace(first, action=Action.END, end=end))
    joined.later(3 * HOUR)
    stale = ("NotApproved", change_id(renewal, ends=1), 0, 2)
    assert joined.refused("accept", renewal, joined.university) == stale
    assert joined.entry(first)[1] < joined.engine.head().timestamp - 1800
    assert joined.approve(renewal, joined.members[0])
    assert joined.refused("accept", renewal, joined.university)[0] == "NotApproved"
    assert joined.approve(renewal, joined.members[1])
    assert joined.accept(renewal)
    assert joined.entry(first)[1] == NO_END


def test_11_an_approval_from_before_does_not_make_up_for_one_that_is_missing(joined):
    assert joined.add(right())
    renewal = right(details=b"renewal")
    assert joined.approve(renewal, joined.members[0])
    assert joined.approve(right(action=Action.END, end=0))
    assert joined.approve(renewal, joined.members[1])
    stale = ("NotApproved", change_id(renewal, ends=1), 1, 2)
    assert joined.refused("accept", renewal, joined.university) == stale


def test_11_each_end_counts_anew(joined):
    """Not only the first one: else a second reserve would do what the first cannot."""
    assert joined.add(right())
    for number in range(1, 4):
        assert joined.approve(right(details=b"reserve %d" % number))
        assert joined.approve(right(action=Action.END, end=0, details=b"%d" % number))
        for reserve in range(1, number + 1):
            change = right(details=b"reserve %d" % reserve)
            assert joined.refused("accept", change, joined.university)[0] == "NotApproved"
            assert joined.change_id(change) == change_id(change, ends=number)
        assert joined.add(right(details=b"fresh %d" % number))


def test_11_a_change_of_account_held_in_reserve_does_not_bring_an_ended_administration_back(joined):
    account = FileSealerKey.generate()
    rotation = joined.administration(account, details=b"another account")
    assert joined.approve(rotation)
    assert joined.approve(ended(joined))
    stale = ("NotApproved", change_id(rotation, ends=1, additions=1), 0, 2)
    assert joined.refused("accept", rotation, account) == stale
    assert joined.account() == "0x" + "00" * 20


def test_11_an_administration_added_anew_finds_nothing_in_reserve(joined):
    assert joined.add(right())
    assert joined.add(key())
    reserve = [right(what=sha256(b"other")), key(what=sha256(b"other")), right(details=b"renewal")]
    for change in reserve:
        assert joined.approve(change)
    for entry in (right(), key()):
        assert joined.approve(replace(entry, action=Action.END, end=0))
    assert joined.approve(ended(joined))
    assert joined.add(joined.administration())
    for change, ends in zip(reserve, (0, 0, 1), strict=True):
        stale = ("NotApproved", change_id(change, ends=ends, party_ends=1), 0, 2)
        assert joined.refused("accept", change, joined.university) == stale
    joined.later(HOUR)
    answer = joined.history().trusted(KEY, Role.ISSUER, DEGREE, on=joined.moment)
    assert answer.standing is Standing.NOT_TRUSTED
    assert joined.add(reserve[0])


def test_11_an_end_touches_no_approval_of_another_entry_or_administration(joined):
    town = FileSealerKey.generate()
    other = joined.administration(town, administration=sha256(b"L01990015"))
    waiting = [key(), right(role=Role.VERIFIER), right(what=sha256(b"other"))]
    assert joined.add(right())
    for change in (other, *waiting):
        assert joined.approve(change)
    assert joined.approve(right(action=Action.END, end=0))
    for change in waiting:
        assert joined.accept(change)
    assert joined.approve(ended(joined))
    assert joined.accept(other, by=town)


def test_11_an_approval_from_before_may_still_be_taken_back_and_gives_nothing(joined):
    assert joined.add(right())
    renewal, one = right(details=b"renewal"), joined.members[0]
    assert joined.approve(renewal)
    assert joined.approve(right(action=Action.END, end=0))
    assert joined.transact(one, joined.address, encode_withdraw(change_id(renewal)))
    assert joined.approvals(joined.change_id(renewal)) == 0


def test_11_an_addition_after_an_end_in_one_list_waits_for_who_approved_before_the_end(joined):
    """The list's end takes effect with the last approval, so the others approved the addition before it."""
    assert joined.add(right())
    end, again = right(action=Action.END, end=0), right(details=b"again")
    for member in joined.members[:2]:
        assert joined.transact(member, joined.address, encode_changes("approve", end, again))
    stale = ("NotApproved", change_id(again, ends=1), 1, 2)
    assert joined.refused("accept", again, joined.university) == stale
    assert joined.approve(again, joined.members[0])
    assert joined.accept(again)


def test_11_one_list_takes_away_everything_whatever_its_order(joined):
    """What follows an end or a report in a list is not one approval short."""
    assert joined.add(right())
    assert joined.add(key())
    head = joined.engine.head().timestamp
    report = key(action=Action.COMPROMISE, start=head)
    whole = [ended(joined), report, key(action=Action.END, end=0), right(action=Action.END, end=0)]
    for member in joined.members[:2]:
        assert joined.transact(member, joined.address, encode_changes("approve", *whole))
    now = joined.engine.head().timestamp
    assert joined.entry(right())[1:] == (now, 0)
    assert joined.entry(key())[1:] == (now, head)
    assert joined.account(UNIVERSITY) == "0x" + "00" * 20


def test_11_the_same_words_end_an_entry_once(joined):
    assert joined.add(right())
    end = right(action=Action.END, end=0)
    assert joined.approve(end)
    for member in joined.members:
        assert joined.refused("approve", end, member) == ("AlreadyInEffect", change_id(end))
    assert joined.change_id(end) == change_id(end)
    assert joined.add(right())
    assert joined.approve(replace(end, details=b"once more"))
    assert joined.entry(right())[1] == joined.engine.head().timestamp
