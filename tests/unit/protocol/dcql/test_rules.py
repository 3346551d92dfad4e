# SPDX-License-Identifier: EUPL-1.2
"""Each rule of a valid query, broken once; each bound at and over its limit; what is valid all the same."""

from __future__ import annotations

import pytest

from protocol.dcql import (
    MAX_AUTHORITIES,
    MAX_CLAIM_SETS,
    MAX_CLAIMS,
    MAX_CREDENTIAL_SETS,
    MAX_CREDENTIALS,
    MAX_ID_CHARS,
    MAX_INDEX,
    MAX_INTEGER,
    MAX_OPTIONS,
    MAX_PATH_STEPS,
    MAX_TEXT_CHARS,
    MAX_VALUES,
    Query,
    Rule,
    RuleError,
    lint,
)
from tests.fakes.dcql_queries import asking, credential, query

A, B = {"id": "a", "path": ["a"]}, {"id": "b", "path": ["b"]}
SETS = {"claims": [A, B], "claim_sets": [["a"], ["b"]]}


def claims(*items):
    return query(credential(claims=[*items]))


def one(**members):
    return query(credential(**members))


def sets(*items):
    return query(credential("one"), credential("two"), credential_sets=[*items])


BROKEN = {
    "query_is_nothing": (None, Rule.OBJECT, ""),
    "query_is_an_array": ([], Rule.OBJECT, ""),
    "no_credentials": ({}, Rule.CREDENTIALS, "credentials"),
    "credentials_empty": (query(), Rule.CREDENTIALS, "credentials"),
    "credentials_no_array": ({"credentials": "x"}, Rule.CREDENTIALS, "credentials"),
    "credential_no_object": ({"credentials": ["x"]}, Rule.CREDENTIALS, "credentials[0]"),
    "id_missing": (one(id=None), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_empty": (one(id=""), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_with_space": (one(id="a b"), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_with_newline": (one(id="a\n"), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_with_accent": (one(id="à"), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_no_string": (one(id=1), Rule.CREDENTIAL_ID, "credentials[0].id"),
    "id_twice": (query(credential(), credential()), Rule.CREDENTIAL_ID_TWICE, "credentials[1].id"),
    "format_missing": (one(format=None), Rule.FORMAT, "credentials[0].format"),
    "format_empty": (one(format=""), Rule.FORMAT, "credentials[0].format"),
    "format_no_string": (one(format=1), Rule.FORMAT, "credentials[0].format"),
    "meta_missing": (one(meta=None), Rule.META, "credentials[0].meta"),
    "meta_no_object": (one(meta=[]), Rule.META, "credentials[0].meta"),
    "meta_of_another_format_missing": (one(format="mso_mdoc", meta=None), Rule.META, "credentials[0].meta"),
    "vct_values_missing": (one(meta={}), Rule.VCT_VALUES, "credentials[0].meta.vct_values"),
    "vct_values_empty": (one(meta={"vct_values": []}), Rule.VCT_VALUES, "credentials[0].meta.vct_values"),
    "vct_values_no_array": (one(meta={"vct_values": "x"}), Rule.VCT_VALUES, "credentials[0].meta.vct_values"),
    "vct_value_no_string": (one(meta={"vct_values": [1]}), Rule.VCT_VALUES, "credentials[0].meta.vct_values[0]"),
    "vct_value_empty": (one(meta={"vct_values": [""]}), Rule.VCT_VALUES, "credentials[0].meta.vct_values[0]"),
    "multiple_no_boolean": (one(multiple=1), Rule.MULTIPLE, "credentials[0].multiple"),
    "holder_binding_no_boolean": (
        one(require_cryptographic_holder_binding="no"),
        Rule.HOLDER_BINDING,
        "credentials[0].require_cryptographic_holder_binding",
    ),
    "authorities_empty": (one(trusted_authorities=[]), Rule.AUTHORITIES, "credentials[0].trusted_authorities"),
    "authority_no_object": (
        one(trusted_authorities=["x"]),
        Rule.AUTHORITIES,
        "credentials[0].trusted_authorities[0]",
    ),
    "authority_without_type": (
        one(trusted_authorities=[{"values": ["x"]}]),
        Rule.AUTHORITY,
        "credentials[0].trusted_authorities[0].type",
    ),
    "authority_without_values": (
        one(trusted_authorities=[{"type": "aki"}]),
        Rule.AUTHORITY,
        "credentials[0].trusted_authorities[0].values",
    ),
    "authority_values_empty": (
        one(trusted_authorities=[{"type": "aki", "values": []}]),
        Rule.AUTHORITY,
        "credentials[0].trusted_authorities[0].values",
    ),
    "authority_value_no_string": (
        one(trusted_authorities=[{"type": "aki", "values": [1]}]),
        Rule.AUTHORITY,
        "credentials[0].trusted_authorities[0].values[0]",
    ),
    "claims_empty": (claims(), Rule.CLAIMS, "credentials[0].claims"),
    "claims_no_array": (one(claims={}), Rule.CLAIMS, "credentials[0].claims"),
    "claim_no_object": (claims("a"), Rule.CLAIMS, "credentials[0].claims[0]"),
    "claim_id_malformed": (claims({**A, "id": "a.b"}), Rule.CLAIM_ID, "credentials[0].claims[0].id"),
    "claim_id_no_string": (claims({**A, "id": None}), Rule.CLAIM_ID, "credentials[0].claims[0].id"),
    "claim_id_twice": (claims(A, {**B, "id": "a"}), Rule.CLAIM_ID_TWICE, "credentials[0].claims[1].id"),
    "claim_id_missing_with_claim_sets": (
        one(claims=[A, {"path": ["b"]}], claim_sets=[["a"]]),
        Rule.CLAIM_ID_MISSING,
        "credentials[0].claims[1]",
    ),
    "path_missing": (claims({}), Rule.PATH, "credentials[0].claims[0].path"),
    "path_empty": (asking([]), Rule.PATH, "credentials[0].claims[0].path"),
    "path_no_array": (claims({"path": "a"}), Rule.PATH, "credentials[0].claims[0].path"),
    "path_step_negative": (asking(["a", -1]), Rule.PATH, "credentials[0].claims[0].path[1]"),
    "path_step_boolean": (asking(["a", True]), Rule.PATH, "credentials[0].claims[0].path[1]"),
    "path_step_float": (asking(["a", 1.0]), Rule.PATH, "credentials[0].claims[0].path[1]"),
    "path_step_object": (asking(["a", {}]), Rule.PATH, "credentials[0].claims[0].path[1]"),
    "path_twice": (asking(["a", None], ["a", None]), Rule.PATH_TWICE, "credentials[0].claims[1].path"),
    "values_empty": (claims({**A, "values": []}), Rule.VALUES, "credentials[0].claims[0].values"),
    "values_no_array": (claims({**A, "values": "x"}), Rule.VALUES, "credentials[0].claims[0].values"),
    "value_null": (claims({**A, "values": [None]}), Rule.VALUES, "credentials[0].claims[0].values[0]"),
    "value_object": (claims({**A, "values": ["x", {}]}), Rule.VALUES, "credentials[0].claims[0].values[1]"),
    "value_float": (claims({**A, "values": [1.5]}), Rule.VALUES, "credentials[0].claims[0].values[0]"),
    "claim_sets_empty": (one(claims=[A], claim_sets=[]), Rule.CLAIM_SETS, "credentials[0].claim_sets"),
    "claim_set_no_array": (one(claims=[A], claim_sets=["a"]), Rule.CLAIM_SETS, "credentials[0].claim_sets[0]"),
    "claim_set_id_no_string": (
        one(claims=[A], claim_sets=[[1]]),
        Rule.CLAIM_SETS,
        "credentials[0].claim_sets[0][0]",
    ),
    "claim_set_unknown_id": (
        one(claims=[A], claim_sets=[["a", "c"]]),
        Rule.CLAIM_SET_ID,
        "credentials[0].claim_sets[0][1]",
    ),
    "claim_sets_without_claims": (
        one(claim_sets=[[]]),
        Rule.CLAIM_SETS_ALONE,
        "credentials[0].claim_sets",
    ),
    "credential_sets_empty": (sets(), Rule.CREDENTIAL_SETS, "credential_sets"),
    "credential_sets_no_array": (query(credential(), credential_sets={}), Rule.CREDENTIAL_SETS, "credential_sets"),
    "credential_set_no_object": (sets("one"), Rule.CREDENTIAL_SETS, "credential_sets[0]"),
    "options_missing": (sets({}), Rule.OPTIONS, "credential_sets[0].options"),
    "options_empty": (sets({"options": []}), Rule.OPTIONS, "credential_sets[0].options"),
    "option_empty": (sets({"options": [[]]}), Rule.OPTIONS, "credential_sets[0].options[0]"),
    "option_no_array": (sets({"options": ["one"]}), Rule.OPTIONS, "credential_sets[0].options[0]"),
    "option_id_no_string": (sets({"options": [[1]]}), Rule.OPTIONS, "credential_sets[0].options[0][0]"),
    "option_unknown_id": (sets({"options": [["three"]]}), Rule.OPTION_ID, "credential_sets[0].options[0][0]"),
    "required_no_boolean": (
        sets({"options": [["one"]], "required": "no"}),
        Rule.REQUIRED,
        "credential_sets[0].required",
    ),
}


@pytest.mark.case("W20")
@pytest.mark.parametrize("name", BROKEN)
def test_query_that_breaks_a_rule_is_refused_by_its_name_and_place(name):
    value, rule, where = BROKEN[name]
    with pytest.raises(RuleError) as caught:
        Query.parse(value)
    assert (caught.value.code, caught.value.rule, caught.value.where) == ("invalid_request", rule, where)
    assert rule.explanation in caught.value.message
    assert [(each.what, each.where) for each in lint(value)] == [(rule, where)]


def test_every_rule_is_broken_by_a_case():
    assert {rule for _, rule, _ in BROKEN.values()} == set(Rule) - {Rule.SIZE}
    assert len({rule.explanation for rule in Rule}) == len(Rule)


# what a published library accepts although the specification forbids it
ACCEPTED_ELSEWHERE = [
    "meta_missing",
    "claim_id_twice",
    "path_twice",
    "values_empty",
    "options_empty",
    "vct_values_empty",
    "option_empty",
    "claim_id_missing_with_claim_sets",
]


@pytest.mark.case("W20")
@pytest.mark.parametrize("name", ACCEPTED_ELSEWHERE)
def test_invalid_query_that_other_libraries_accept_is_refused(name):
    with pytest.raises(RuleError):
        Query.parse(BROKEN[name][0])


def test_message_repeats_nothing_of_the_query():
    with pytest.raises(RuleError) as caught:
        Query.parse(query(credential("se cret")))
    assert "se cret" not in str(caught.value)


def test_several_broken_rules_are_all_named_in_their_order():
    value = query(credential("a b", format=None), credential(claims=[], claim_sets=[[1]]), credential_sets=[])
    assert [each.what for each in lint(value)] == [
        Rule.CREDENTIAL_ID,
        Rule.FORMAT,
        Rule.CLAIMS,
        Rule.CLAIM_SETS,
        Rule.CREDENTIAL_SETS,
    ]


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        ({"credentials": ["x", credential(id=1)]}, [Rule.CREDENTIALS, Rule.CREDENTIAL_ID]),
        (claims("x", {}), [Rule.CLAIMS, Rule.PATH]),
        (one(trusted_authorities=["x", {}]), [Rule.AUTHORITIES, Rule.AUTHORITY, Rule.AUTHORITY]),
        (sets("x", {}), [Rule.CREDENTIAL_SETS, Rule.OPTIONS]),
        (sets("x", {"options": [["one"]]}, {}), [Rule.CREDENTIAL_SETS, Rule.OPTIONS]),
        (asking(["a", -1, True, 0], ["b"]), [Rule.PATH, Rule.PATH]),
        (claims({**A, "values": [None, 1, {}]}), [Rule.VALUES, Rule.VALUES]),
    ],
)
def test_rule_that_one_element_breaks_hides_nothing_after_it(value, rules):
    assert [each.what for each in lint(value)] == rules


def test_message_names_the_place_and_the_rule():
    for value, message in (
        ([], "dcql_query breaks a rule at its top: a query is a JSON object"),
        (query(), "dcql_query breaks a rule at credentials: credentials is a non-empty array of objects"),
    ):
        with pytest.raises(RuleError) as caught:
            Query.parse(value)
        assert caught.value.message == message


def many(count):
    return [f"n{index}" for index in range(count)]


def at_limit(count):
    """Return queries with a count of each thing that is bounded."""
    ids = [{"id": name, "path": [name]} for name in many(count)]
    return {
        "credentials": query(*[credential(name) for name in many(count)]),
        "credential sets": query(credential(), credential_sets=[{"options": [["one"]]}] * count),
        "options": query(credential(), credential_sets=[{"options": [["one"]] * count}]),
        "names in an option": query(credential(), credential_sets=[{"options": [["one"] * count]}]),
        "claims": one(claims=ids),
        "claim sets": one(claims=[A], claim_sets=[["a"]] * count),
        "names in a claim set": one(claims=[A], claim_sets=[["a"] * count]),
        "path": asking(many(count)),
        "values": claims({**A, "values": many(count)}),
        "types": one(meta={"vct_values": many(count)}),
        "authorities": one(trusted_authorities=[{"type": "aki", "values": ["x"]}] * count),
        "values of an authority": one(trusted_authorities=[{"type": "aki", "values": many(count)}]),
        "characters of an id": one(id="x" * count),
        "characters of a claim id": claims({**A, "id": "x" * count}),
        "characters of a step": asking(["x" * count]),
        "characters of a value": claims({**A, "values": ["x" * count]}),
        "characters of a type": one(meta={"vct_values": ["x" * count]}),
    }


BOUNDS: dict[str, int] = {
    "credentials": MAX_CREDENTIALS,
    "credential sets": MAX_CREDENTIAL_SETS,
    "options": MAX_OPTIONS,
    "names in an option": MAX_CREDENTIALS,
    "claims": MAX_CLAIMS,
    "claim sets": MAX_CLAIM_SETS,
    "names in a claim set": MAX_CLAIMS,
    "path": MAX_PATH_STEPS,
    "values": MAX_VALUES,
    "types": MAX_VALUES,
    "authorities": MAX_AUTHORITIES,
    "values of an authority": MAX_VALUES,
    "characters of an id": MAX_ID_CHARS,
    "characters of a claim id": MAX_ID_CHARS,
    "characters of a step": MAX_TEXT_CHARS,
    "characters of a value": MAX_TEXT_CHARS,
    "characters of a type": MAX_TEXT_CHARS,
}


@pytest.mark.parametrize("what", BOUNDS)
def test_sizes_are_taken_at_their_limit_and_refused_over_it(what):
    Query.parse(at_limit(BOUNDS[what])[what])
    with pytest.raises(RuleError) as caught:
        Query.parse(at_limit(BOUNDS[what] + 1)[what])
    assert caught.value.rule is Rule.SIZE


@pytest.mark.parametrize(
    ("make", "limit", "where"),
    [
        (lambda number: asking(["a", number]), MAX_INDEX, "path[1]"),
        (lambda number: claims({**A, "values": [number]}), MAX_INTEGER, "values[0]"),
        (lambda number: claims({**A, "values": [-number]}), MAX_INTEGER, "values[0]"),
        (lambda number: asking(["x" * number]), MAX_TEXT_CHARS, "path[0]"),
    ],
)
def test_numbers_are_taken_at_their_limit_and_refused_over_it(make, limit, where):
    Query.parse(make(limit))
    with pytest.raises(RuleError) as caught:
        Query.parse(make(limit + 1))
    assert (caught.value.rule, caught.value.where) == (Rule.SIZE, f"credentials[0].claims[0].{where}")


VALID = {
    "least": one(),
    "plain": asking(["a"], ["b"]),
    "nested": asking(["a", "b"], ["c", None], ["c", 0, "d"], [""], ["a"]),
    "same_number_and_text": asking(["a", 1], ["a", "1"]),
    "values": claims({**A, "values": ["x", 1, True, "", -1]}),
    "sets": one(**SETS),
    "empty_claim_set": one(claims=[A], claim_sets=[["a"], []]),
    "multiple": one(multiple=True),
    "bearer": one(require_cryptographic_holder_binding=False),
    "authorities": one(trusted_authorities=[{"type": "aki", "values": ["x"]}, {"type": "own", "values": ["y"]}]),
    "another_format": one(format="mso_mdoc", meta={"doctype_value": "org.iso.18013.5.1.mDL"}),
    "credential_sets": sets({"options": [["one"], ["two"]]}, {"options": [["two", "one"]], "required": False}),
    "values_of_one_claim_in_two_credentials": query(credential("a", claims=[A]), credential("b", claims=[A])),
}


@pytest.mark.parametrize("name", VALID)
def test_valid_query_round_trips(name):
    parsed = Query.parse(VALID[name])
    assert parsed.to_json() == VALID[name]
    assert Query.parse(parsed.to_json()) == parsed


def test_defaults_are_what_absence_says():
    said = query(
        credential(multiple=False, require_cryptographic_holder_binding=True),
        credential_sets=[{"options": [["one"]], "required": True}],
    )
    assert Query.parse(said) == Query.parse(query(credential(), credential_sets=[{"options": [["one"]]}]))


def test_unknown_members_are_ignored_everywhere():
    said = query(
        credential(
            claims=[{**A, "intent_to_retain": True}],
            meta={"vct_values": ["v"], "more": 1},
            trusted_authorities=[{"type": "aki", "values": ["x"], "more": 1}],
            more=1,
        ),
        credential_sets=[{"options": [["one"]], "purpose": "x"}],
        more=1,
    )
    plain = query(
        credential(claims=[A], meta={"vct_values": ["v"]}, trusted_authorities=[{"type": "aki", "values": ["x"]}]),
        credential_sets=[{"options": [["one"]]}],
    )
    assert Query.parse(said).to_json() == plain


def test_names_are_the_top_level_claims_each_once():
    asked = Query.parse(asking(["b", "x"], ["a"], ["b", None], [None])).credentials[0]
    assert asked.names == ("b", "a")
