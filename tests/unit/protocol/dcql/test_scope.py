# SPDX-License-Identifier: EUPL-1.2
"""What a registered procedure allows to ask, over the whole language."""

from __future__ import annotations

import pytest

from protocol.dcql import Query
from tests.fakes.dcql_queries import OTHER_TYPE, TYPE, asking, credential, query

A, B, C = ({"id": name, "path": [name]} for name in "abc")
BOTH_TYPES = {"vct_values": [TYPE, OTHER_TYPE]}
AKI = {"type": "aki", "values": ["x", "y"]}


def one(*claims, **members):
    return query(credential(claims=[*claims] or None, **members))


def valued(*values):
    return one({"path": ["a"], "values": [*values]})


ONE, TWO, THREE = (credential(name, claims=[A]) for name in ("one", "two", "three"))
EITHER = query(ONE, TWO, credential_sets=[{"options": [["one"], ["two"]]}])
MDOC = query(credential(format="mso_mdoc", meta={"doctype_value": "x"}))
OPTIONAL = query(ONE, TWO, credential_sets=[{"options": [["one"]]}, {"options": [["two"]], "required": False}])

CASES = {
    "the_same": (one(A, B), one(A, B), True),
    "fewer_claims": (one(A), one(A, B), True),
    "more_claims": (one(A, B), one(A), False),
    "no_claims": (one(), one(A), True),
    "claims_where_none_is_allowed": (one(A), one(), False),
    "fewer_types": (one(A), one(A, meta=BOTH_TYPES), True),
    "more_types": (one(A, meta=BOTH_TYPES), one(A), False),
    "other_names_of_queries": (query(credential("x", claims=[A])), one(A), True),
    # paths
    "member_of_an_allowed_object": (asking(["a", "b"]), asking(["a"]), True),
    "object_of_an_allowed_member": (asking(["a"]), asking(["a", "b"]), False),
    "one_element_where_all_are_allowed": (asking(["a", 1, "b"]), asking(["a", None, "b"]), True),
    "all_elements_where_all_are_allowed": (asking(["a", None, "b"]), asking(["a", None]), True),
    "all_elements_where_one_is_allowed": (asking(["a", None]), asking(["a", 0]), False),
    "another_element": (asking(["a", 1]), asking(["a", 0]), False),
    "name_where_elements_are_allowed": (asking(["a", "b"]), asking(["a", None]), False),
    # values
    "fewer_values": (valued(1), valued(1, 2), True),
    "more_values": (valued(1, 3), valued(1, 2), False),
    "value_of_another_type": (valued(True), valued(1), False),
    "any_value_where_some_are_allowed": (one(A), valued(1), False),
    "some_values_where_any_is_allowed": (valued(1), one(A), True),
    "part_of_what_must_have_a_value": (
        query(credential(claims=[{"path": ["a", "b"], "values": [1]}])),
        valued(1),
        False,
    ),
    "without_the_value_that_decides_who_shows_the_rest": (
        one(B),
        one({"id": "a", "path": ["a"], "values": [1]}, B),
        False,
    ),
    "with_part_of_the_values_that_decide_who_shows_the_rest": (
        one({"id": "a", "path": ["a"], "values": [1]}, B),
        one({"id": "a", "path": ["a"], "values": [1, 2]}, B),
        True,
    ),
    "value_of_one_element_where_any_element_may_have_it": (
        one({"path": ["a", 0], "values": [1]}, B),
        one({"path": ["a", None], "values": [1]}, B),
        True,
    ),
    "without_the_value_of_another_combination": (
        one(B),
        one({"id": "a", "path": ["a"], "values": [1]}, B, claim_sets=[["a"], ["b"]]),
        True,
    ),
    # claim sets
    "one_combination": (one(A), one(A, B, claim_sets=[["a"], ["b"]]), True),
    "two_combinations_at_once": (one(A, B), one(A, B, claim_sets=[["a"], ["b"]]), False),
    "alternatives_of_what_is_allowed_together": (one(A, B, claim_sets=[["a"], ["b"]]), one(A, B), True),
    "one_alternative_too_many": (
        one(A, B, C, claim_sets=[["a"], ["b", "c"]]),
        one(A, B, C, claim_sets=[["a", "b"], ["c"]]),
        False,
    ),
    "claims_used_by_no_set": (one(A, B, claim_sets=[["a"]]), one(A), True),
    # trusted authorities
    "named_authorities": (one(A, trusted_authorities=[AKI]), one(A), True),
    "any_authority_where_some_are_named": (one(A), one(A, trusted_authorities=[AKI]), False),
    "fewer_authorities": (
        one(A, trusted_authorities=[{"type": "aki", "values": ["x"]}]),
        one(A, trusted_authorities=[AKI]),
        True,
    ),
    "authority_of_another_type": (
        one(A, trusted_authorities=[{"type": "etsi_tl", "values": ["x"]}]),
        one(A, trusted_authorities=[AKI]),
        False,
    ),
    # how many, and whose
    "several_where_one_is_allowed": (one(A, multiple=True), one(A), False),
    "one_where_several_are_allowed": (one(A), one(A, multiple=True), True),
    "bearer_where_holders_are_allowed": (one(A, require_cryptographic_holder_binding=False), one(A), False),
    "holders_where_bearers_are_allowed": (one(A), one(A, require_cryptographic_holder_binding=False), True),
    "two_credentials_where_one_is_allowed": (query(ONE, TWO), query(ONE), False),
    "two_credentials_where_two_are_allowed": (query(ONE, TWO), query(TWO, ONE), True),
    "pair_that_fits_in_one_order_only": (
        query(ONE, credential("two", claims=[B])),
        query(credential("x", claims=[A, B]), credential("y", claims=[A])),
        True,
    ),
    "pair_of_which_one_fits_nowhere": (
        query(ONE, credential("two", claims=[C])),
        query(credential("x", claims=[A, B]), credential("y", claims=[A])),
        False,
    ),
    "three_that_must_move_over": (
        query(ONE, credential("two", claims=[A, B]), credential("three", claims=[A, C])),
        query(credential("x", claims=[A, B]), credential("y", claims=[A, C]), credential("z", claims=[A])),
        True,
    ),
    # formats
    "another_format": (MDOC, one(), False),
    "the_same_other_format": (MDOC, MDOC, True),
    "other_format_of_another_kind": (MDOC, query(credential(format="mso_mdoc", meta={})), False),
    # credential sets
    "either": (EITHER, query(ONE), True),
    "both_where_either_is_allowed": (query(ONE, TWO), EITHER, False),
    "one_where_either_is_allowed": (query(ONE), EITHER, True),
    "optional_where_it_is_allowed": (OPTIONAL, OPTIONAL, True),
    "optional_where_it_is_required": (OPTIONAL, query(ONE, TWO), True),
    "optional_where_it_is_not_allowed": (OPTIONAL, query(ONE), False),
    "required_where_it_is_optional": (query(ONE, TWO), OPTIONAL, True),
    "credential_that_no_set_asks": (
        query(ONE, credential("two", claims=[C]), credential_sets=[{"options": [["one"]]}]),
        query(ONE),
        True,
    ),
    "credential_that_no_set_allows": (
        query(credential("two", claims=[C])),
        query(ONE, credential("two", claims=[C]), credential_sets=[{"options": [["one"]]}]),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_request_within_its_registration(name):
    asked, allowed, expected = CASES[name]
    assert Query.parse(asked).asks_within(Query.parse(allowed)) is expected


@pytest.mark.parametrize("name", CASES)
def test_every_query_is_within_itself(name):
    for value in CASES[name][:2]:
        assert Query.parse(value).asks_within(Query.parse(value))


def test_largest_query_is_compared_at_once():
    names = [f"n{index}" for index in range(8)]
    sets = [{"options": [[name] for name in names], "required": False}] * 8
    large = Query.parse(query(*[credential(name, claims=[A]) for name in names], credential_sets=sets))
    assert len(large.possible_answers) == 2**8 - 1
    assert large.asks_within(large)
