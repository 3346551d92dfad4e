# SPDX-License-Identifier: EUPL-1.2
"""The order in which entries are given out: each once, and none to be guessed from the others."""

from __future__ import annotations

from itertools import pairwise

import pytest

from issuer import status
from issuer.status_order import LIST_SIZE, capacity, entry_at
from protocol.status_entries import StatusList

KEY, OTHER = bytes(32), bytes([1]) * 32


@pytest.mark.case("I44")
@pytest.mark.parametrize("size", [1, 4, 16, 64, 1024, 4096])
def test_every_entry_is_given_out_exactly_once(size):
    assert sorted(entry_at(place, key=KEY, size=size) for place in range(size)) == list(range(size))


@pytest.mark.case("I44")
def test_entries_of_a_whole_list_do_not_repeat():
    entries = [entry_at(place, key=KEY, size=LIST_SIZE) for place in range(20_000)]
    assert len(set(entries)) == len(entries)
    assert 0 <= min(entries) <= max(entries) < LIST_SIZE


def test_entries_given_out_one_after_the_other_are_neither_in_order_nor_in_steps():
    entries = [entry_at(place, key=KEY, size=LIST_SIZE) for place in range(2000)]
    steps = [after - before for before, after in pairwise(entries)]
    # a random order never repeats a step within so few, and goes up as often as down
    assert len(set(steps)) > 1990
    assert 900 < sum(step > 0 for step in steps) < 1100
    assert sum(abs(step) < LIST_SIZE // 100 for step in steps) < 80


def test_entries_are_spread_evenly_over_the_list():
    counts = [0] * 16
    for place in range(8000):
        counts[entry_at(place, key=KEY, size=LIST_SIZE) * 16 // LIST_SIZE] += 1
    # 500 each; beyond 120 away would happen once in ten million
    assert all(380 < count < 620 for count in counts)


def test_order_when_the_key_is_another_then_another():
    mine = [entry_at(place, key=KEY, size=LIST_SIZE) for place in range(100)]
    theirs = [entry_at(place, key=OTHER, size=LIST_SIZE) for place in range(100)]
    assert not set(mine) & set(theirs)


@pytest.mark.parametrize(("place", "size"), [(-1, 16), (16, 16), (0, 8), (0, 32), (0, 12), (0, 2)])
def test_place_or_size_that_could_share_an_entry_is_refused(place, size):
    with pytest.raises(ValueError, match="power of four"):
        entry_at(place, key=KEY, size=size)


def test_new_list_has_decoys_where_nothing_is_ever_given_out():
    made = status.new_list()
    statuses = StatusList(status.BITS, made.packed)
    revoked = {index for index in range(statuses.size) if statuses.get(index)}
    assert statuses.size == made.size == LIST_SIZE
    assert LIST_SIZE // 2048 <= len(revoked) <= LIST_SIZE // 1024
    reserved = range(capacity(made.size), made.size)
    assert revoked <= {entry_at(place, key=made.order_key, size=made.size) for place in reserved[:1024]}
    other = status.new_list()
    assert (other.id, other.order_key) != (made.id, made.order_key)
