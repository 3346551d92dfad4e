# SPDX-License-Identifier: EUPL-1.2
"""Invariant 12 of `ITrustRegistry`: an account that was approved and replaced meanwhile takes nothing back."""

from __future__ import annotations

from ledger.chain.registry_codec import encode_changes
from ledger.chain.sealer import FileSealerKey
from ledger.registry_events import Role
from tests.contracts.registry.conftest import change_id, key, right


def account_of(key_):
    return "0x" + key_.address[2:].lower()


def test_12_an_account_held_in_reserve_does_not_take_an_administration_from_the_next_one(joined):
    lost, present = FileSealerKey.generate(), FileSealerKey.generate()
    reserve = joined.administration(lost, details=b"never accepted")
    assert joined.approve(reserve)
    assert joined.add(joined.administration(present, details=b"the next"), present)
    stale = ("NotApproved", change_id(reserve, additions=2), 0, 2)
    assert joined.refused("accept", reserve, lost) == stale
    assert joined.account() == account_of(present)
    # not even with one approval more, and only approved as a whole anew
    assert joined.approve(reserve, joined.members[0])
    assert joined.refused("accept", reserve, lost)[0] == "NotApproved"
    assert joined.approve(reserve, joined.members[1])
    assert joined.accept(reserve, lost)
    assert joined.account() == account_of(lost)


def test_12_each_account_that_is_accepted_counts_anew(joined):
    """Going back to an account does not bring back what was approved while it was there."""
    other = FileSealerKey.generate()
    reserve = joined.administration(FileSealerKey.generate(), details=b"reserve")
    assert joined.approve(reserve)
    for number, account in enumerate((other, joined.university, other), start=2):
        assert joined.add(joined.administration(account, details=b"%d" % number), account)
        assert joined.change_id(reserve) == change_id(reserve, additions=number)
        assert joined.approvals(joined.change_id(reserve)) == 0


def test_12_the_same_words_are_an_account_again_only_when_they_are_approved_anew(joined):
    first = joined.administration()
    other = FileSealerKey.generate()
    assert joined.refused("accept", first, joined.university)[0] == "NotApproved"
    assert joined.add(joined.administration(other, details=b"another"), other)
    assert joined.refused("accept", first, joined.university)[0] == "NotApproved"
    assert joined.account() == account_of(other)
    assert joined.add(first)
    assert joined.account() == account_of(joined.university)


def test_12_another_account_touches_no_approval_of_a_right_or_key(joined):
    """What was approved is the administration's, whose account accepts it."""
    waiting = [key(), right(role=Role.VERIFIER)]
    for change in waiting:
        assert joined.approve(change)
    other = FileSealerKey.generate()
    assert joined.add(joined.administration(other, details=b"another"), other)
    for change in waiting:
        assert joined.refused("accept", change, joined.university)[0] == "NotAdministration"
        assert joined.accept(change, other)


def test_12_an_administration_still_comes_with_its_rights_in_one_list(registry):
    whole = [registry.administration(), right(), key()]
    for member in registry.members[:2]:
        assert registry.transact(member, registry.address, encode_changes("approve", *whole))
    assert registry.transact(registry.university, registry.address, encode_changes("accept", *whole))
    assert registry.account() == account_of(registry.university)
