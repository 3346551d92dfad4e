# SPDX-License-Identifier: EUPL-1.2
"""The root that the contract computes, against RFC 9162's definition, for every size and many splits."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SIZES = 70


def test_every_size_reached_one_by_one_has_the_root_of_the_definition(bench, tree, commitments):
    everything = commitments(SIZES)
    for size in range(SIZES):
        before, after = tree(everything[:size]), tree(everything[: size + 1])
        assert bench.anchor(before, after).state_root == b"\x01"
        assert bench.head()[1:] == (after.size, after.root)


@pytest.fixture
def heads(bench, tree, commitments):
    """Call an anchor from any size to any other, without a block: a log whose head is set by one anchor each."""
    everything = commitments(2 * SIZES, seed=11)

    def split(first, second):
        before, after = tree(everything[:first]), tree(everything[:second])
        bench.log_id = secrets.token_bytes(32)
        sealer = type(bench.sealer).generate()
        assert bench.send(bench.owner, "registerLog", bench.log_id, sealer.address).state_root == b"\x01"
        if first:
            assert bench.anchor(tree(), before, by=sealer).state_root == b"\x01"
        assert bench.anchor(before, after, by=sealer).state_root == b"\x01"
        return bench.head()[1:], (after.size, after.root)

    return split


@given(first=st.integers(0, SIZES), more=st.integers(1, SIZES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_split_gives_the_root_of_the_definition(heads, first, more):
    found, expected = heads(first, first + more)
    assert found == expected


@pytest.mark.parametrize("first", [1, 2, 3, 4, 7, 8, 31, 32, 33, 63, 64])
def test_splits_at_powers_of_two_give_the_root_of_the_definition(heads, first):
    for more in (1, 2, 31, 32, 33):
        found, expected = heads(first, first + more)
        assert found == expected
