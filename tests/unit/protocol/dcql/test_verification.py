# SPDX-License-Identifier: EUPL-1.2
"""The verifier's half: what arrived is what was asked, all of it and nothing more."""

from __future__ import annotations

import pytest

from protocol.dcql import Candidate, Query, check_answered, is_asked, presented_paths
from protocol.errors import RequestError
from tests.fakes.dcql_queries import OTHER_TYPE, TYPE, asking, candidate, credential, query


def is_accepted(value, answers):
    try:
        check_answered(Query.parse(value), answers)
    except RequestError:
        return False
    return True


def one(*given):
    return {"one": list(given)}


ONE, TWO = credential("one"), credential("two", meta={"vct_values": [OTHER_TYPE]})
FIRST, SECOND = candidate(), candidate("b", vct=OTHER_TYPE)
ALTERNATIVES = query(ONE, TWO, credential_sets=[{"options": [["one"], ["two"]]}])
OPTIONAL = query(ONE, TWO, credential_sets=[{"options": [["one"]]}, {"options": [["two"]], "required": False}])
VALUE = query(credential(claims=[{"path": ["year"], "values": [1978, "x"]}]))
SETS = query(
    credential(
        claims=[{"id": n, "path": [n]} for n in ("name", "year", "adult")],
        claim_sets=[["name", "year"], ["adult"]],
    )
)


@pytest.mark.case("V13", "V15", "V16")
@pytest.mark.parametrize(
    ("value", "answers", "accepted"),
    [
        (query(ONE), one(FIRST), True),
        (query(ONE), {}, False),
        (query(ONE), one(), False),
        (query(ONE), one(FIRST, FIRST), False),
        (query(ONE), one(SECOND), False),
        (query(ONE), {"two": [FIRST]}, False),
        (query(ONE), {**one(FIRST), "two": [FIRST]}, False),
        (query(credential(multiple=True)), one(FIRST, FIRST), True),
        (query(credential(multiple=True)), one(FIRST, SECOND), False),
        (query(credential(multiple=True)), one(), False),
        (query(ONE, TWO), one(FIRST), False),
        (query(ONE, TWO), {"one": [FIRST], "two": [SECOND]}, True),
        (query(ONE, TWO), {"one": [SECOND], "two": [FIRST]}, False),
        (ALTERNATIVES, one(FIRST), True),
        (ALTERNATIVES, {"two": [SECOND]}, True),
        (ALTERNATIVES, {"one": [FIRST], "two": [SECOND]}, False),
        (ALTERNATIVES, {}, False),
        (OPTIONAL, one(FIRST), True),
        (OPTIONAL, {"one": [FIRST], "two": [SECOND]}, True),
        (OPTIONAL, {"two": [SECOND]}, False),
        (OPTIONAL, {"one": [FIRST], "two": []}, False),
        (query(ONE, TWO, credential_sets=[{"options": [["one"]]}]), {"one": [FIRST], "two": [SECOND]}, False),
        (query(ONE, credential_sets=[{"options": [["one"]], "required": False}]), {}, False),
        (asking(["name"], ["year"]), one(candidate()), True),
        (asking(["name"], ["year"]), one(candidate(year=None)), False),
        (asking(["address", "locality"]), one(candidate()), True),
        (asking(["address", "locality"]), one(candidate(address={"country": "x"})), False),
        (VALUE, one(candidate()), True),
        (VALUE, one(candidate(year="x")), True),
        (VALUE, one(candidate(year="1978")), False),
        (VALUE, one(candidate(year=None)), False),
        (SETS, one(candidate()), True),
        (SETS, one(candidate(name=None)), True),
        (SETS, one(candidate(adult=None)), True),
        (SETS, one(candidate(adult=None, year=None)), False),
        (query(credential(format="mso_mdoc", meta={})), one(FIRST), False),
        (query(credential(trusted_authorities=[{"type": "aki", "values": ["x"]}])), one(FIRST), False),
    ],
)
def test_answer_must_be_whole_and_no_more_than_the_query(value, answers, accepted):
    assert is_accepted(value, answers) is accepted


@pytest.mark.case("V16")
def test_answer_to_credentials_of_which_only_some_are_chosen_by_several_sets():
    value = query(
        ONE,
        credential("two"),
        credential("three"),
        credential_sets=[{"options": [["one"], ["two", "three"]]}, {"options": [["two"]]}],
    )
    accepted = [{"one", "two"}, {"two", "three"}]
    for names in ({"one"}, {"two"}, {"one", "two"}, {"two", "three"}, {"one", "three"}, {"one", "two", "three"}):
        assert is_accepted(value, {name: [FIRST] for name in names}) is (names in accepted)


@pytest.mark.parametrize("path", [["list", 2, "a"], ["list", 2, None], ["list", 2, 0]])
def test_elements_of_another_shape_before_a_position_do_not_matter(path):
    element = {"a": 1} if path[-1] == "a" else [1]
    shown = candidate(list=["x", [] if path[-1] == "a" else {}, element])
    assert is_accepted(asking(path), one(shown))
    # without a position each element has the shape that is asked, as for the wallet
    assert not is_accepted(asking([path[0], None, path[-1]]), one(shown))


def test_position_is_found_among_the_elements_that_are_shown():
    value = asking(["nationalities", 1])
    assert is_accepted(value, one(candidate(nationalities=["Betelgeusian"])))
    assert not is_accepted(value, one(candidate(nationalities=[])))
    assert not is_accepted(value, one(candidate(nationalities="Betelgeusian")))
    first = query(credential(claims=[{"path": ["nationalities", 0], "values": ["Betelgeusian"]}]))
    assert not is_accepted(first, one(candidate()))


def disclosed(value, paths, **claims):
    asked = Query.parse(value).credentials[0]
    return is_asked(paths, asked, candidate(**claims).claims)


CASES = [
    (asking(["name"]), [], True),
    (asking(["name"]), [("name",)], True),
    (asking(["name"], ["year"]), [("year",), ("name",)], True),
    (asking(["name"]), [("name",), ("year",)], False),
    (asking(["address"]), [("address",), ("address", "locality")], True),
    (query(credential()), [], True),
    (query(credential()), [("name",)], False),
    # parents of what was asked, and what is inside of it
    (asking(["address", "locality"]), [("address",), ("address", "locality")], True),
    (asking(["address", "locality"]), [("address", "locality")], True),
    (asking(["address", "locality"]), [("address",), ("address", "postal_code")], False),
    (asking(["address", "locality"]), [("name",)], False),
    (asking(["degrees", None, "type"]), [("degrees", 0), ("degrees", 0, "type"), ("degrees", 1, "type")], True),
    (asking(["degrees", None, "type"]), [("degrees", 0, "university")], False),
    (asking(["degrees", None]), [("degrees", 1, "university")], True),
    (asking(["degrees", "type"]), [], False),
    (asking(["address"], ["degrees", 0]), [("address", "locality")], True),
    # positions
    (asking(["nationalities"], ["nationalities", 0]), [("nationalities", 1)], True),
    (asking(["nationalities", 0]), [("nationalities", 0)], True),
    (asking(["nationalities", 0]), [("nationalities", 1)], False),
    (asking(["nationalities", 1]), [("nationalities", 1)], True),
    (asking(["nationalities", 1]), [("nationalities", 0)], True),
    (asking(["nationalities", 1]), [("nationalities", 0), ("nationalities", 1)], False),
    (asking(["nationalities", 1], ["nationalities", 0]), [("nationalities", 0), ("nationalities", 1)], True),
    (asking(["nationalities", 1], ["nationalities", None]), [("nationalities", 0), ("nationalities", 1)], True),
    (asking(["degrees", 1, "type"]), [("degrees", 0, "type"), ("degrees", 1, "type")], False),
    (asking(["degrees", 1, "type"], ["name"]), [("degrees", 1), ("degrees", 1, "type"), ("name",)], True),
    # values
    (VALUE, [("year",)], True),
    (
        query(credential(claims=[{"path": ["nationalities", None], "values": ["British"]}])),
        [("nationalities", 0)],
        True,
    ),
    (
        query(credential(claims=[{"path": ["nationalities", None], "values": ["British"]}])),
        [("nationalities", 1)],
        False,
    ),
    (
        query(credential(claims=[{"path": ["degrees", None, "type"], "values": ["Master of Science"]}])),
        [("degrees", 0)],
        False,
    ),
    # one claim set, not two
    (SETS, [("name",), ("year",)], True),
    (SETS, [("adult",)], True),
    (SETS, [("name",)], True),
    (SETS, [("name",), ("adult",)], False),
]


@pytest.mark.parametrize(("value", "paths", "expected"), CASES)
def test_disclosure_is_asked_when_one_combination_asks_for_it(value, paths, expected):
    assert disclosed(value, paths) is expected


def test_disclosure_of_an_element_is_asked_wherever_it_stands_now():
    assert disclosed(asking(["nationalities", 1]), [("nationalities", 0)], nationalities=["Betelgeusian"])


def test_disclosure_of_an_incomplete_claim_set_is_not_asked():
    assert not disclosed(SETS, [("name",)], year=None, adult=None)


@pytest.mark.parametrize(
    ("value", "claims", "paths"),
    [
        (asking(["year"], ["name"]), {"name": "x", "year": 1}, [("year",), ("name",)]),
        (asking(["year"], ["name"]), {"name": "x"}, [("name",)]),
        (
            asking(["name"]),
            {"name": "x", "clear": {"a": 1, "b": [1, 2]}},
            [("name",), ("clear", "a"), ("clear", "b", None)],
        ),
        (asking(["address"]), {"address": {"a": 1}}, [("address",)]),
        (asking(["address", "a"]), {"address": {"b": 1, "a": 1}}, [("address", "a"), ("address", "b")]),
        (asking(["list", None, "a"]), {"list": [{"a": 1}, {"a": 2}]}, [("list", None, "a")]),
        (asking(["list", 1]), {"list": ["b"]}, [("list", 1)]),
        (asking(["list", 0]), {"list": ["a", "b"]}, [("list", 0), ("list", None)]),
        (asking(["list", None]), {"list": []}, [("list",)]),
        (asking(["name"]), {}, [("vct",)]),
    ],
)
def test_record_lists_what_was_shown_as_it_was_asked(value, claims, paths):
    assert presented_paths(Query.parse(value).credentials[0], claims) == paths


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "the answer does not hold exactly the credentials that were asked"),
        (one(), "a credential that was asked once is there more often, or not at all"),
        (one(SECOND), "a credential does not hold what was asked"),
    ],
)
def test_refusal_says_which_way_the_answer_is_wrong(answers, message):
    with pytest.raises(RequestError) as caught:
        check_answered(Query.parse(query(ONE)), answers)
    assert (caught.value.code, caught.value.message) == ("invalid_request", message)


def test_credential_of_which_only_the_type_is_asked_may_say_nothing_else():
    assert is_accepted(asking(["vct"]), one(Candidate({"vct": TYPE})))
