# SPDX-License-Identifier: EUPL-1.2
"""What the linter says of a valid query, and how it counts; broken rules are in `test_rules`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from protocol.dcql import Advice, Query, Rule, Score, lint, measure
from testimoni.development.catalogue import load_administrations, load_procedures
from tests.fakes.dcql_queries import OTHER_TYPE, asking, credential, query

A, B, C = ({"id": name, "path": [name]} for name in "abc")
OTHER = {"vct_values": [OTHER_TYPE]}
PLAIN = credential(claims=[A])
SECOND = credential("two", meta=OTHER, claims=[A])


def one(**members):
    return query(credential(**{"claims": [A], **members}))


ADVISED = {
    "whole_object": (asking(["address"]), Advice.WHOLE_OBJECT, "credentials[0].claims[0].path"),
    "birth_date": (asking(["birth_date"]), Advice.BIRTH_DATE, "credentials[0].claims[0]"),
    "yes_or_no": (asking(["resident"]), Advice.YES_OR_NO, "credentials[0].claims[0]"),
    "yes_or_no_by_name": (asking(["a", "age_over_18"]), Advice.YES_OR_NO, "credentials[0].claims[0]"),
    "identifiers_together": (
        asking(["document_number"], ["given_name"]),
        Advice.IDENTIFIERS_TOGETHER,
        "credentials[0].claims",
    ),
    "no_claims": (one(claims=None), Advice.NO_CLAIMS, "credentials[0]"),
    "format_claim": (asking(["iss"]), Advice.FORMAT_CLAIM, "credentials[0].claims[0]"),
    "overlap": (asking(["a"], ["a", "b"]), Advice.OVERLAP, "credentials[0].claims[1].path"),
    "overlap_in_the_other_order": (asking(["a", 0], ["a", None]), Advice.OVERLAP, "credentials[0].claims[1].path"),
    "claim_unused": (one(claims=[A, B], claim_sets=[["a"]]), Advice.CLAIM_UNUSED, "credentials[0].claims[1]"),
    "claim_set_order": (
        one(claims=[A, B], claim_sets=[["a", "b"], ["b"]]),
        Advice.CLAIM_SET_ORDER,
        "credentials[0].claim_sets[1]",
    ),
    "credential_unused": (
        query(PLAIN, SECOND, credential_sets=[{"options": [["one"]]}]),
        Advice.CREDENTIAL_UNUSED,
        "credentials[1]",
    ),
    "optional": (
        query(PLAIN, SECOND, credential_sets=[{"options": [["one"]]}, {"options": [["two"]], "required": False}]),
        Advice.OPTIONAL,
        "credential_sets[1]",
    ),
    "same_type": (query(PLAIN, credential("two", claims=[B])), Advice.SAME_TYPE, "credentials[1]"),
    "several": (one(multiple=True), Advice.SEVERAL, "credentials[0].multiple"),
    "bearer": (
        one(require_cryptographic_holder_binding=False),
        Advice.BEARER,
        "credentials[0].require_cryptographic_holder_binding",
    ),
    "foreign_format": (one(format="mso_mdoc", meta={}), Advice.FOREIGN_FORMAT, "credentials[0].format"),
    "authority_unknown": (
        one(trusted_authorities=[{"type": "aki", "values": ["x"]}, {"type": "etsi_tl", "values": ["x"]}]),
        Advice.AUTHORITY_UNKNOWN,
        "credentials[0].trusted_authorities[1]",
    ),
    "never_matches": (asking([0, "a"]), Advice.NEVER_MATCHES, "credentials[0].claims[0].path"),
    "member_unknown": (query(PLAIN, credential_set=[]), Advice.MEMBER_UNKNOWN, ""),
    "member_unknown_in_a_credential": (one(claim_set=[["a"]]), Advice.MEMBER_UNKNOWN, "credentials[0]"),
    "member_unknown_in_a_claim": (
        one(claims=[{**A, "value": 1}]),
        Advice.MEMBER_UNKNOWN,
        "credentials[0].claims[0]",
    ),
    "member_unknown_in_a_set": (
        query(PLAIN, credential_sets=[{"options": [["one"]], "purpose": "x"}]),
        Advice.MEMBER_UNKNOWN,
        "credential_sets[0]",
    ),
}


@pytest.mark.parametrize("name", ADVISED)
def test_advice_is_given_at_its_place(name):
    value, advice, where = ADVISED[name]
    found = lint(value)
    assert [(each.what, each.where) for each in found] == [(advice, where)]
    assert not found[0].is_broken
    assert found[0].to_json() == {
        "kind": "advice",
        "code": advice.code,
        "where": where,
        "explanation": advice.explanation,
        "hint": advice.hint,
        "section": None,
    }


def test_every_advice_is_given_by_a_case():
    assert {advice for _, advice, _ in ADVISED.values()} == set(Advice) - {Advice.OPTIONAL_OVERLAP}
    assert len({advice.explanation for advice in Advice}) == len(Advice)
    assert not {rule.code for rule in Rule} & {advice.code for advice in Advice}


def test_optional_set_that_repeats_another_is_named():
    sets = [{"options": [["one"]]}, {"options": [["one"]], "required": False}]
    found = lint(query(PLAIN, credential_sets=sets))
    assert [each.what for each in found] == [Advice.OPTIONAL, Advice.OPTIONAL_OVERLAP]


@pytest.mark.parametrize(
    "value",
    [
        asking(["a"], ["b", "c"], ["d", None]),
        asking(["address", "locality"]),
        query(PLAIN, SECOND),
        query(PLAIN, credential("two", claims=[B]), credential_sets=[{"options": [["one"], ["two"]]}]),
        query(credential(claims=[A], claim_sets=[["a"], ["a"]])),
        query(credential(claims=[{"path": ["resident"], "values": [True]}])),
        query(credential(claims=[{"path": ["birthdate"], "values": ["1978-01-01"]}])),
        query(credential(claims=[A, B], claim_sets=[["a"], ["a", "b"]]))
        | {"credential_sets": [{"options": [["one"]]}]},
        query(
            credential(
                claims=[{"id": "n", "path": ["given_name"]}, {"id": "d", "path": ["nif"]}],
                claim_sets=[["n"], ["d"]],
            )
        ),
    ],
)
def test_query_that_asks_no_more_than_it_must_gets_no_advice(value):
    assert lint(value) == []


def test_broken_rule_is_reported_for_programs_too():
    (found,) = lint({"credentials": []})
    assert found.is_broken
    assert found.to_json() == {
        "kind": "broken",
        "code": "credentials",
        "where": "credentials",
        "explanation": Rule.CREDENTIALS.explanation,
        "hint": Rule.CREDENTIALS.hint,
        "section": "6",
    }


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (one(claims=None), Score(1, 0, 0)),
        (asking(["a"], ["given_name"], ["x", "nif"]), Score(1, 3, 2)),
        (query(credential(claims=[{"path": ["given_name"], "values": ["x"]}])), Score(1, 1, 0)),
        (one(claims=[A, B, C], claim_sets=[["a"], ["b", "c"]]), Score(1, 2, 0)),
        (query(PLAIN, SECOND), Score(2, 2, 0)),
        (query(PLAIN, SECOND, credential_sets=[{"options": [["one"], ["two"]]}]), Score(1, 1, 0)),
        (
            query(
                PLAIN,
                credential("two", claims=[{"path": ["email"]}]),
                credential_sets=[{"options": [["one"], ["two"]]}],
            ),
            Score(1, 1, 1),
        ),
    ],
)
def test_score_counts_the_largest_answer(value, score):
    assert measure(Query.parse(value)) == score
    assert score.to_json() == {
        "credentials": score.credentials,
        "claims": score.claims,
        "identifying": score.identifying,
    }


def registered():
    now = datetime(2026, 11, 2, tzinfo=UTC)
    return {
        each.procedure.id: each.procedure.query
        for party in load_administrations().values()
        for each in load_procedures(party, verifier_url="https://verifier.example", now=now)
    }


@pytest.mark.parametrize("name", registered())
def test_our_registered_procedures_break_no_rule_and_what_is_advised_is_known(name):
    query_ = registered()[name]
    found = lint(query_.to_json())
    assert not [each for each in found if each.is_broken]
    # they name the person as their law does, and decide on a yes as well as on a no
    assert {each.what for each in found} <= {Advice.IDENTIFIERS_TOGETHER, Advice.YES_OR_NO}
    assert measure(query_).identifying <= 5
