# SPDX-License-Identifier: EUPL-1.2
import pytest

from protocol.dcql import MAX_CLAIMS, MAX_CREDENTIALS, Query, check_answered
from protocol.errors import RequestError

GOOD = {
    "credentials": [
        {
            "id": "degree",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": ["v"]},
            "claims": [{"path": ["title"]}, {"path": ["year"], "values": [2020, 2021]}],
        }
    ]
}


def query(**change):
    return {"credentials": [{**GOOD["credentials"][0], **change}]}


def test_query_round_trips():
    assert Query.parse(GOOD).to_json() == GOOD


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"credentials": []},
        {"credentials": "x"},
        {"credentials": GOOD["credentials"] * 2},
        {"credentials": GOOD["credentials"] * (MAX_CREDENTIALS + 1)},
        {**GOOD, "credential_sets": []},
        query(id="a b"),
        query(id=""),
        query(format="mso_mdoc"),
        query(format="jwt_vc_json"),
        query(meta={}),
        query(meta={"vct_values": []}),
        query(meta={"vct_values": [1]}),
        query(claims=[]),
        query(claims=[{"path": []}]),
        query(claims=[{"path": [None]}]),
        query(claims=[{"path": ["a"]}, {"path": ["a"]}]),
        query(claims=[{"path": ["a"], "values": []}]),
        query(claims=[{"path": ["a"], "values": [{}]}]),
        query(claims=[{"path": ["a"], "other": 1}]),
        query(claims=[{"path": [f"c{i}"]} for i in range(MAX_CLAIMS + 1)]),
        query(claim_sets=[["a"]]),
        query(multiple=True),
        query(trusted_authorities=[{}]),
        query(require_cryptographic_holder_binding=False),
    ],
)
def test_invalid_or_unsupported_query_is_refused(value):
    with pytest.raises(RequestError):
        Query.parse(value)


@pytest.mark.parametrize(
    ("claims", "matches"),
    [
        ({"vct": "v", "title": "x", "year": 2020}, True),
        ({"vct": "v", "title": "x", "year": "2020"}, False),
        ({"vct": "v", "title": "x", "year": True}, False),
        ({"vct": "w", "title": "x", "year": 2020}, False),
        ({"vct": "v", "year": 2020}, False),
    ],
)
def test_credential_matches_only_by_type_claims_and_strict_values(claims, matches):
    assert Query.parse(GOOD).credentials[0].matches(claims) is matches


def test_answer_must_hold_exactly_what_was_asked():
    asked = Query.parse(GOOD)
    right = {"vct": "v", "title": "x", "year": 2020}
    check_answered(asked, {"degree": [right]})
    for answers in ({}, {"degree": []}, {"degree": [right, right]}, {"degree": [right], "more": [right]}):
        with pytest.raises(RequestError):
            check_answered(asked, answers)


def test_asking_more_types_or_claims_than_registered_is_noticed():
    allowed = Query.parse(GOOD)
    assert Query.parse(query(claims=[{"path": ["title"]}])).asks_within(allowed)
    assert not Query.parse(query(claims=[{"path": ["title"]}, {"path": ["birth_date"]}])).asks_within(allowed)
    assert not Query.parse(query(meta={"vct_values": ["v", "w"]})).asks_within(allowed)
